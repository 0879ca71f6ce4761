"""The fold: code that reads a config is asked to split where trials differ, and does the rest once."""
