"""New folders, named by the time. ``mkdir`` decides between two processes that want the same."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path


def new_folder(paths: Iterable[Path]) -> Path:
    """Create the first of some folders that is not there."""
    return next(path for path in paths if make(path))


def make(directory: Path) -> bool:
    """Create the directory; False if it is there. ``mkdir`` decides between two that ask at once."""
    try:
        directory.mkdir()
    except FileExistsError:
        return False
    return True


def stamps(form: str) -> Iterator[str]:
    """The time now, then each later second of one day."""
    now = datetime.fromtimestamp(time.time())
    return ((now + timedelta(seconds=seconds)).strftime(form) for seconds in range(24 * 60 * 60))
