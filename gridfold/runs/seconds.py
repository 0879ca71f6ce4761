"""One run in each second, for programs that name what they write by the second.

Two that begin in one second would write into one folder, or one of them would fail.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from gridfold.core.files import write_new

_APART = ".seconds"  # there if runs are to begin in different ones
_SUPPOSED = ".seconds-supposed"  # there while they are to, because nobody knows better
_TOKEN = ".second-"  # and the second in which one has begun
_LOOK_SECONDS = 0.05


class Seconds:
    """Lets one run of a search begin in each second, whichever process executes it.

    Args:
        folder: of the search.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def are_apart(self) -> bool:
        """Whether runs are to begin in different seconds."""
        return any(os.path.exists(f"{self._folder}/{name}") for name in (_APART, _SUPPOSED))  # noqa: PTH110 - asked often

    def set_apart(self) -> None:
        """From now on, let runs begin in different seconds, and in none that is over: the first run began in one."""
        self._make(int(time.time()))
        (self._folder / _APART).touch()

    def suppose(self) -> None:
        """Let runs begin in different seconds until it is known whether they have to."""
        (self._folder / _SUPPOSED).touch()

    def suppose_no_longer(self) -> None:
        """It is known."""
        with suppress(OSError):  # not there, or on a disk that is read-only by now
            (self._folder / _SUPPOSED).unlink()

    def clear(self) -> None:
        """Remove what this has made in the folder."""
        for path in self._folder.glob(".second*"):
            path.unlink(missing_ok=True)

    def wait(self, ends: Callable[[], bool]) -> None:
        """Wait for a second in which no other run begins, or until runs need not begin in different ones.

        Args:
            ends: whether to wait no longer.
        """
        while self.are_apart and not ends() and not self.take():
            time.sleep(_LOOK_SECONDS)

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


def apart(folder: Path) -> Iterator[Path]:
    """The searches in a folder of which the runs begin in different seconds."""
    return (marker.parent for marker in folder.glob(f"*/{_APART}"))
