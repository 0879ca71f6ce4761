"""The versions of what is imported and installed, found without loading ``importlib.metadata``'s whole index."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

_FOLDERS = ("site-packages", "dist-packages")  # as pip and Debian call them
_DASHES = re.compile(r"[-_.]+")
_OWN = f"{Path(__file__).parents[1]}{os.sep}"
_STANDARD = f"{Path(os.__file__).parent}{os.sep}"


def is_installed(path: str) -> bool:
    """Whether a file is a package manager's, Python's own, or gridfold's: its version tells what it is."""
    return path.startswith((_STANDARD, _OWN)) or not set(_FOLDERS).isdisjoint(path.split(os.sep))


def version_of(module: str, folder: str) -> tuple[str, str] | None:
    """The distribution that has put a top-level module into a folder, and its version; None if none has.

    A distribution is called by its name, and by the folder as well if this process would not import from there.
    """
    try:
        known = _distributions(folder, os.stat(folder).st_mtime_ns)  # asked for often
    except OSError:
        return None
    name = _normal(module)
    name = name if name in known else next((other for other in known if _has(known[other], module)), "")
    version = _version(known[name]) if name else None
    if version is None:
        return None
    return (name if folder in sys.path else f"{folder}{os.sep}{name}"), version


def basic() -> dict[str, str | None]:
    """The versions that every result of this process depends on: Python's and gridfold's."""
    return now(("python", "gridfold"))


def now(distributions: Iterable[str]) -> dict[str, str | None]:
    """The versions of distributions as `version_of` calls them; None for one that is not there any more."""
    return {name: _version_now(name) for name in distributions}


def _version_now(name: str) -> str | None:
    if name == "python":
        return ".".join(map(str, sys.version_info[:3]))
    folder, _, own = name.rpartition(os.sep)
    for place in [folder] if folder else sys.path:
        try:
            known = _distributions(place, os.stat(place).st_mtime_ns)
        except (OSError, ValueError):
            continue
        if own in known:
            return _version(known[own])
    return None


@cache
def _distributions(folder: str, _changed: int) -> Mapping[str, str]:
    """What says of itself what it is in a folder of packages, by normal name."""
    found = {}
    for entry in os.listdir(folder):  # names are all that is needed
        stem, dot, kind = entry.rpartition(".")
        if dot and kind in ("dist-info", "egg-info"):
            found[_normal(stem.partition("-")[0])] = f"{folder}{os.sep}{entry}"
    return found


def _version(described: str) -> str | None:
    for path in (f"{described}/METADATA", f"{described}/PKG-INFO", described):
        with suppress(OSError):
            return _version_in(path, os.stat(path).st_mtime_ns)
    return None


@cache
def _version_in(path: str, _changed: int) -> str | None:
    for line in Path(path).read_bytes().splitlines():
        if line.startswith(b"Version:"):
            return line.partition(b":")[2].strip().decode(errors="replace")
    return None


@cache
def _has(described: str, module: str) -> bool:
    """Whether a distribution has a top-level module of another name than its own, as Pillow has PIL."""
    files = rf"{re.escape(module)}(/__init__\.py|\.py|\.[^/,]*\.so)?(,.*)?$".encode()
    return any(re.match(files, line) for line in _lines(described, "top_level.txt", "RECORD", "SOURCES.txt"))


def _lines(described: str, *names: str) -> Iterator[bytes]:
    """The lines of the first of these files that is there."""
    for name in names:
        try:
            yield from Path(described, name).read_bytes().splitlines()
        except OSError:
            continue
        return


def _normal(name: str) -> str:
    return _DASHES.sub("-", name).lower()
