"""What is on disk: the directories of searches and of their runs, and what their files say."""
