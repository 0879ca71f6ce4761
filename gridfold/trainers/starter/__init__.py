"""A config to start from: what a program or a function takes, read in its source and never run."""
