"""Tells who reads the environment variables of this process, while some of them are not what a run will have."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WHOLE = "os.environ"  # what is told if all of them are read

Tell = Callable[[str], object]
_tell: Tell = str  # a process has one


class _Watched(os._Environ):  # type: ignore[type-arg]
    """The class of ``os.environ`` meanwhile."""

    def __getitem__(self, key: Any) -> Any:
        if sys._getframe(1).f_code.co_name != "__iter__":  # of all of them, which is told
            _tell(os.fsdecode(key) if isinstance(key, (str, bytes)) else WHOLE)
        return os._Environ.__getitem__(self, key)  # not super(): by now it may be watched no longer

    def __iter__(self) -> Iterator[Any]:
        _tell(WHOLE)
        return os._Environ.__iter__(self)

    def __len__(self) -> int:
        _tell(WHOLE)
        return os._Environ.__len__(self)

    def __repr__(self) -> str:
        _tell(WHOLE)
        return os._Environ.__repr__(self)


def watch(tell: Tell) -> None:
    """From now on, tell the name of each variable before it is read, and `WHOLE` before all are."""
    global _tell  # noqa: PLW0603 - there is one environment
    _tell = tell
    for variables in (os.environ, os.environb):
        variables.__class__ = _Watched


def leave_alone() -> None:
    """Watch no longer."""
    for variables in (os.environ, os.environb):
        variables.__class__ = os._Environ


@contextmanager
def watching(tell: Tell) -> Iterator[None]:
    """Watch meanwhile."""
    watch(tell)
    try:
        yield
    finally:
        leave_alone()
