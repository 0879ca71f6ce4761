"""Programs that name what they write by the second: their runs are to start in different ones.

Two that start in one second would write into one folder, or one of them would fail.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gridfold.core.files import write_new

_TIME = re.compile(r"(?<!\d)(?=([01]\d|2[0-3])[-_.:h]?([0-5]\d)[-_.:m]?([0-5]\d)(?!\d))")
_DATE_AND_TIME = re.compile(r"(?<!\d)\d{8}([01]\d|2[0-3])([0-5]\d)([0-5]\d)(?!\d)")
_EPOCH = re.compile(r"(?<!\d)1\d{9}(?!\d)")
_UNIQUE = "events.out.tfevents."  # TensorBoard's, which name machine and process, too
_SECONDS = 60  # after its start that a program names what it writes
_TOKEN = ".second-"


def stamp_in(path: str, began: int) -> str:
    """The name in a path that tells the second in which a run began, or one soon after; "" if none does.

    Args:
        path: the path.
        began: when the run began, in nanoseconds.
    """
    names = (name for name in Path(path).parts if not name.startswith(_UNIQUE))
    return next((name for name in names if any(map(_is_soon_after(began), _told(name, began)))), "")


def _is_soon_after(began: int) -> Callable[[int], bool]:
    return lambda second: 0 <= second - began // 10**9 <= _SECONDS


def _told(name: str, began: int) -> Iterator[int]:
    """The seconds that a name may tell, since 1970."""
    yield from map(int, _EPOCH.findall(name))
    for hour, minute, second in (*_TIME.findall(name), *_DATE_AND_TIME.findall(name)):
        for zone in (None, UTC):
            day = datetime.fromtimestamp(began / 1e9, zone)
            yield int(day.replace(hour=int(hour), minute=int(minute), second=int(second)).timestamp())


class Seconds:
    """Lets one run of a search start in each second, whichever process starts it.

    Args:
        folder: of the search.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self) -> bool:
        """Whether a run may start now."""
        now = time.time()
        if self._age(int(now) - 1, now) < 1 or not self._make(int(now)):
            return False
        for other in self._folder.glob(f"{_TOKEN}*"):
            if other.name < f"{_TOKEN}{int(now) - 1}":
                other.unlink(missing_ok=True)
        return True

    def _make(self, second: int) -> bool:
        with suppress(FileExistsError):
            write_new(self._token(second), "")
            return True
        return False

    def _age(self, second: int, now: float) -> float:
        """How long ago a run started in a second, by the clock of the disk."""
        with suppress(OSError):
            return now - os.stat(self._token(second)).st_mtime  # noqa: PTH116
        return float("inf")

    def _token(self, second: int) -> str:
        return f"{self._folder}/{_TOKEN}{second}"
