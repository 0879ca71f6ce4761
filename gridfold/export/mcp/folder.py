"""The folder that a server shows, and nothing else: no name, no path and no link leads out of it."""

from __future__ import annotations

import os
from pathlib import Path

from gridfold.core.errors import ConfigError
from gridfold.runs.entries import RunEntry
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store

_OUT = "leads out of the folder that this server shows"


class Folder:
    """A folder with the searches in its ``runs``, and the configs beside it.

    Args:
        runs_dir: the folder of the searches; what is in the folder around it can be planned.
    """

    def __init__(self, runs_dir: Path) -> None:
        self.store = Store(runs_dir.resolve())
        self.path = self.store.root.parent

    def searches(self, count: int) -> list[SearchDirectory]:
        """The searches, the latest last, but those of the last ``count`` that lead elsewhere.

        Raises:
            ConfigError: there is none.
        """
        found: list[SearchDirectory] = []
        for search in reversed(self.store.searches()):  # of old ones, which are only counted, nothing is read
            if len(found) >= count or self._is_within(search):
                found.append(search)
        return found[::-1] or [self.store.find("last")]  # which says what to do

    def search(self, name: str) -> SearchDirectory:
        """A search by its name, or as ``last``.

        Raises:
            ConfigError: there is none, or it leads out of the folder.
        """
        _check_name(name)
        if name == "last":
            return self.searches(1)[-1]
        found = self.store.find(name)
        if found.dir.parent != self.store.root:  # a path that begins elsewhere
            raise ConfigError(_OUT, where=f"{name:.200}")
        self._check(found)
        return found

    def run(self, name: str) -> Run:
        """A run as ``SEARCH:NUMBER``; where its result was taken from another run, that one.

        Raises:
            ConfigError: there is none, or it leads out of the folder.
        """
        search, colon, index = name.rpartition(":")
        if not colon or not index.isdecimal():
            raise ConfigError(f"expected SEARCH:NUMBER, found {name!r:.200}", hint="such as last:0")
        found = self.search(search)
        run = found.run(_entry(found, index))
        record = run.read()
        return self.store.run(record.reused) if record and record.reused else run

    def file(self, name: str) -> Path:
        """A file of the folder.

        Raises:
            ConfigError: it leads out of the folder, or is not there.
        """
        path = self._within(self.path / name, self.path)
        if not path.is_file():
            raise ConfigError("no such file", where=f"{name:.200}")
        return path

    def _is_within(self, search: SearchDirectory) -> bool:
        try:
            self._check(search)
        except (ConfigError, OSError):
            return False
        return True

    def _check(self, search: SearchDirectory) -> None:
        """Raise ``ConfigError`` if something of a search leads out of the folder."""
        for folder, _, _ in os.walk(search.dir):
            self._check_folder(Path(folder))
        for entry in search.entries():
            run = search.run(entry)
            self._check_folder(run.dir)
            record = run.read()
            if record and record.reused:
                _check_name(record.reused)
                self._check_folder(self.store.root / record.reused)

    def _check_folder(self, folder: Path) -> None:
        self._within(folder, self.store.root)
        try:
            with os.scandir(folder) as entries:
                links = [entry.path for entry in entries if entry.is_symlink()]
        except FileNotFoundError:
            return
        for link in links:
            self._within(Path(link), self.store.root)

    def _within(self, path: Path, root: Path) -> Path:
        try:
            found = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f"cannot be read: {error}", where=f"{path.name:.200}") from None
        if not found.is_relative_to(root):
            raise ConfigError(_OUT, where=f"{path.name:.200}")
        return found


def _entry(search: SearchDirectory, index: str) -> RunEntry:
    last = -1
    for entry in search.entries():
        if str(entry.index) == index:
            return entry
        last = entry.index
    raise ConfigError(f"no run {index:.20} in {search.name}", hint=f"it has runs 0 to {last}")


def _check_name(name: str) -> None:
    """Raise ``ConfigError`` if something is no name but a path."""
    if set(name) & {"/", "\\", "\0"} or name in ("", ".", ".."):
        raise ConfigError(f"expected a name, found {name!r:.200}", hint="list_searches tells the names")
