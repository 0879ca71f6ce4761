"""The config language: a base config is read, its lists are found, and a config is written for each run."""
