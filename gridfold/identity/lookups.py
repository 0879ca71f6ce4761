"""Tells which variables of the environment the user's code looks up.

This module needs nothing of gridfold, and takes Python 3.8, as ``reads`` does.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

ALL = "*"  # stands for the name where code takes all variables, of which it may look some up later
_HERE = os.path.dirname(os.path.abspath(__file__))
# Between code and the environment: modules of Python, and what watches variables.
_BETWEEN = (os.__file__, "_collections_abc.py", os.path.join("core", "process", "variables.py"))
# Code that is not the user's, but for that which looks up what the user's names.
_PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_INSTALLED = tuple(os.path.join(folder, "") for folder in (os.path.dirname(os.__file__), os.path.dirname(_HERE)))
_FOR_USERS = tuple(os.path.join(*parts) for parts in (("omegaconf", "resolvers"), ("click", "core.py")))
# Code that reads the environment to hand it to a program that it starts.
_STARTS = (os.path.join(os.path.dirname(os.__file__), "subprocess.py"), os.path.join("loky", "backend", "fork_exec.py"))


def watch(tell: Callable[..., object], besides: Callable[[], dict[bytes, bytes]]) -> None:
    """From now on, tell of each variable that the user's code looks up.

    Args:
        tell: gets the name, the value, and as ``is_alone`` whether the code looks up this variable, and not all of
            them, for which ``ALL`` stands.
        besides: gives the variables that programs get besides.
    """
    variables: Any = os.environ
    variables._data = _Variables(variables._data, tell, besides)
    in_bytes: Any = os.environb
    in_bytes._data = variables._data


class _Variables(dict):  # type: ignore[type-arg]
    """What `os.environ` keeps its variables in."""

    def __init__(
        self, variables: dict[Any, Any], tell: Callable[..., object], besides: Callable[[], dict[bytes, bytes]]
    ) -> None:
        super().__init__(variables)
        self._tell, self._besides = tell, besides
        self._walks: set[tuple[object, int]] = set()  # where all of them are looked up

    def __getitem__(self, key: Any) -> Any:
        frame, value = _caller(sys._getframe(1)), self.get(key)
        if _starts(frame):
            return self._besides().get(key) or super().__getitem__(key)
        if frame and _is_users(frame.f_code.co_filename):
            place, told = (frame.f_code, frame.f_lasti), value if value is None else os.fsdecode(value)
            self._tell(os.fsdecode(key), told, is_alone=place not in self._walks)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        frame = _caller(sys._getframe(1))
        if _starts(frame):
            return iter(self._for_programs())
        if frame and _is_users(frame.f_code.co_filename):
            self._walks.add((frame.f_code, frame.f_lasti))
            self._tell(ALL, None, is_alone=True)
        return super().__iter__()

    def __len__(self) -> int:
        return len(self._for_programs()) if _starts(_caller(sys._getframe(1))) else super().__len__()

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self._put()

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self._put()

    def _put(self) -> None:
        """Let the programs that inherit the environment have the others as well, whatever was set or removed."""
        for name, value in self._besides().items():
            os.putenv(name, value)

    def _for_programs(self) -> dict[Any, Any]:
        return {**dict(self.items()), **self._besides()}


def _caller(frame: Any) -> Any:
    """The code that looks up a variable, by way of ``os``."""
    while frame and (frame.f_code.co_filename.startswith("<frozen ") or frame.f_code.co_filename.endswith(_BETWEEN)):
        frame = frame.f_back
    return frame


def _is_users(file: str) -> bool:
    is_installed = file.startswith(_INSTALLED) or any(map(file.__contains__, _PACKAGES))
    return not is_installed or any(map(file.__contains__, _FOR_USERS))


def _starts(frame: Any) -> bool:
    """Whether code hands the environment to a program."""
    return bool(frame and frame.f_code.co_filename.endswith(_STARTS))
