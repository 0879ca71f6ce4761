"""Runs on this machine, in processes forked from one that has imported the trainer."""
