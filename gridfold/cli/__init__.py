"""The commands a person types: their options, what they call, what they print, and their exit codes."""

from gridfold.cli.entry import main, search, train

__all__ = ["main", "search", "train"]
