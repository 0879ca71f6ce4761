"""A script of Python starts warm: as a fork of a process that has imported what the script imports."""
