"""A ``runs/`` folder: create searches and runs in it, and find them."""

from __future__ import annotations

import os
from pathlib import Path

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.files import is_file
from gridfold.runs.folders import make, new_folder, stamps
from gridfold.runs.run import Run, write_config
from gridfold.runs.search import SEARCH, SearchDirectory

_MAX_HINT = 1000
_MOST_DIGITS = 20  # of a number of a run


class Store:
    """A folder of searches and runs, ``runs/``."""

    def __init__(self, root: str | os.PathLike[str] = "runs") -> None:
        self.root = Path(root)

    def create_search(self, prefix: str) -> tuple[SearchDirectory, str]:
        """A new search directory ``<prefix>_<HHMMSS>``, and its stamp.

        A stamp that is taken, by a search or by a run directory that an older search left, is passed over for the next
        second's.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._make_root()
        for stamp in stamps("%H%M%S"):
            directory = self.root / f"{prefix}_{stamp}"
            if not make(directory):
                continue
            if self._has_prefix(f"{directory.name}_"):
                directory.rmdir()
                continue
            return SearchDirectory(directory), stamp
        raise ConfigError(f"every second of the day is taken by a search named '{prefix}'", where=str(self.root))

    def searches(self) -> list[SearchDirectory]:
        """The searches, the latest last. What cannot be read is passed over."""
        found = [SearchDirectory(path.parent) for path in self.root.glob(f"*/{SEARCH}")]
        return sorted(found, key=lambda search: (search.created, search.name))

    def find(self, name: str) -> SearchDirectory:
        """A search by its name, by the path of its directory, or as ``last``.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        for directory in (self.root / name, Path(name)):
            if is_file(directory / SEARCH):
                return SearchDirectory(directory if directory.name not in ("", "..") else directory.resolve())
        searches = self.searches()
        if name == "last" and searches:
            return searches[-1]
        problem = "no search" if name == "last" else f"no search {name!r:.200}"
        begin = "begin one: gridfold search --config FILE; or go to the folder that has runs/"
        hint = nearest(name[:_MAX_HINT], (search.name for search in searches)) if searches else begin
        raise ConfigError(problem, where=str(self.root), hint=hint[:_MAX_HINT])

    def run(self, name: str) -> Run:
        """The run of a directory name."""
        return Run(self.root / name)

    def find_run(self, name: str) -> Run:
        """A run by the name or path of its directory, by its number in the last search, or as ``SEARCH:NUMBER``.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        for directory in (self.root / name, Path(name)):
            if is_file(Run(directory).config_path):
                return Run(directory)
        search, _, index = name.rpartition(":")
        if index.isdecimal() and len(index) <= _MOST_DIGITS:
            found = self.find(search or "last")
            last = -1
            for entry in found.entries():
                if entry.index == int(index):
                    return found.run(entry)
                last = entry.index
            raise ConfigError(f"no run {index:.20} in {found.name}", hint=f"it has runs 0 to {last}")
        hint = nearest(name[:_MAX_HINT], (path.name for path in self.root.glob("*") if is_file(Run(path).config_path)))
        if not hint.startswith("did you mean"):
            hint = "name a run by its directory, or by its number: 3 in the last search, SEARCH:3 in another"
        raise ConfigError(f"no run {name!r:.200}", where=str(self.root), hint=hint[:_MAX_HINT])

    def create_run(self, config: str) -> Run:
        """A new run directory ``YYYY-MM-DD_HHMMSS`` for a single run, with its config."""
        self._make_root()
        directory = new_folder(self.root / stamp for stamp in stamps("%Y-%m-%d_%H%M%S"))
        write_config(str(directory), config)
        return Run(directory)

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be created: {error.strerror}", where=str(self.root)) from None
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise ConfigError("cannot be written to", where=str(self.root))

    def _has_prefix(self, prefix: str) -> bool:
        start = prefix.casefold()
        with os.scandir(self.root) as entries:
            return any(entry.name.casefold().startswith(start) for entry in entries)
