"""How a person opens what a tracker has written."""

from __future__ import annotations

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """A line for a shell; what is below the working directory is named from there."""
    return shlex.join(str(_from_here(word)) if isinstance(word, Path) else word for word in words)


def _from_here(path: Path) -> Path:
    try:
        return path.absolute().relative_to(Path.cwd())
    except (ValueError, OSError):
        return path.absolute()
