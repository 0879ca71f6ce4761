"""What a run has written outside its own directory.

A Python program is heard when it opens a file for writing (see ``reads``). What is written past that, as C++ does in
``torch.save``, or by a program of another language, is seen by its time: a file that changed while the run ran.
Another run, or anybody else, may have changed it as well, so to be seen is no proof.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from gridfold.identity.reads import Reads

_MOST_NAMES = 1_000  # that are looked at for what has changed
_MOST_OF_FOLDER = 300
_MOST_SECONDS = 0.05  # for a disk behind a network
_LAG = 10_000_000  # nanoseconds that the time of a file may be behind the clock
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
_OF_PYTHON = ("__pycache__", "site-packages", "node_modules")
_ASIDE = ("~", ".py", ".pyc", ".swp", ".lock", ".tmp", ".part")  # .py: what Python compiles is heard by that name
# What changed and was not heard, and is by its name rather what somebody edits while runs go on.
_EDITED = (".py", ".ipynb", ".md", ".rst", ".sh", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".tex", ".c", ".cpp", ".rs")
_OWN = ("config.yaml", "search.json")  # of which one is in each folder that gridfold makes among the runs


@dataclass(frozen=True)
class Written:
    """A file that is there at the end of a run, and changed while it ran.

    Attributes:
        path: from the root.
        changed: when it changed last, in nanoseconds, by the clock of its disk.
        size: in bytes.
        heard: whether a Python program of this run opened it for writing. If not, only its time says so, and another
            run may have written it.
        appended: whether it was only added to, as a log is; known if it was heard.
    """

    path: str
    changed: int
    size: int
    heard: bool = False
    appended: bool = False

    @classmethod
    def at(cls, path: str, status: os.stat_result, *, heard: bool = False, appended: bool = False) -> Written:
        """A file as it is now."""
        return cls(path, status.st_ctime_ns, status.st_size, heard, appended)


def written(reads: Reads, runs: str, named: Iterable[str] = ()) -> list[Written]:
    """The files that the run of this process has written, those that were heard first.

    Caches, temporary and hidden files, and what gridfold itself makes do not count. Of large folders, only a part is
    looked at.

    Args:
        reads: what the run's process has heard.
        runs: the folder of the runs, in which other programs may write, too.
        named: files and folders to look at beside the working directory.
    """
    here, heard = os.path.join(reads.here, ""), reads.of_kind("written")
    temporary, runs = (f"{os.path.abspath(folder)}{os.sep}" for folder in (_temporary(), runs))
    look = _Look(reads.own_since, here, runs, temporary, reads.spared)
    found = {path: each for path, appended in heard.items() if (each := look.at_heard(path, appended=bool(appended)))}
    if not reads.may_be_past:
        return list(found.values())
    folders = [*reads.of_kind("folder"), *filter(os.path.isdir, heard), *map(os.path.abspath, named), reads.here]
    for each in look.through(dict.fromkeys(folders)):
        found.setdefault(each.path, each)
    return list(found.values())


def _temporary() -> str:
    """Where programs put what is temporary, as ``tempfile`` says, which takes each run longer to import."""
    found = (os.environ[name] for name in _TEMPORARY if name in os.environ)  # sooner than `get` where it is not there
    return next(filter(None, found), "/tmp")


@dataclass
class _Look:
    """A look at files, for those that have changed since a moment."""

    since: int
    here: str
    runs: str
    temporary: str
    spared: tuple[str, ...]

    def at_heard(self, path: str, *, appended: bool) -> Written | None:
        """A file that was opened for writing, if it is there, counts, and was changed."""
        names = path.removeprefix(self.here).split(os.sep)
        if any(map(_is_aside, names)) or self._is_spared(path) or self._is_of_gridfold(path):
            return None
        with suppress(OSError):
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode) and status.st_ctime_ns >= self.since - _LAG:
                return Written.at(path, status, heard=True, appended=appended)
        return None

    def through(self, folders: Iterable[str]) -> Iterator[Written]:
        """The files in folders, and in theirs, that have changed."""
        deadline = time.monotonic() + _MOST_SECONDS
        waiting, left = deque(folder for folder in folders if not self._is_spared(folder)), _MOST_NAMES
        while waiting and left > 0 and time.monotonic() < deadline:
            with suppress(OSError):
                entries = self._entries(waiting.popleft(), min(left, _MOST_OF_FOLDER))
                left -= len(entries) + 1
                waiting.extend(entry.path for entry in entries if self._is_to_enter(entry))
                yield from filter(None, map(self._seen, entries))

    def _entries(self, folder: str, most: int) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return [entry for entry in islice(entries, most) if not _is_aside(entry.name)]
        except NotADirectoryError:  # a file that was named
            return []

    def _is_to_enter(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_dir(follow_symlinks=False) or self._is_spared(entry.path):
            return False
        if f"{entry.path}{os.sep}".startswith(self.runs):  # with thousands of runs, perhaps, and nothing else
            changed = entry.stat(follow_symlinks=False).st_mtime_ns
            return changed > self.since and not self._is_of_gridfold(entry.path)
        return not os.path.exists(f"{entry.path}/pyvenv.cfg")

    def _seen(self, entry: os.DirEntry[str]) -> Written | None:
        if not entry.is_file(follow_symlinks=False) or entry.name.endswith(_EDITED):
            return None
        status = entry.stat(follow_symlinks=False)
        if status.st_ctime_ns <= self.since or self._is_spared(entry.path):
            return None
        return Written.at(entry.path, status)

    def _is_spared(self, path: str) -> bool:
        path = f"{path}{os.sep}"
        return path.startswith(self.spared) or (
            path.startswith(self.temporary) and not path.startswith((self.here, self.runs))
        )

    def _is_of_gridfold(self, path: str) -> bool:
        """Whether something is in the directory of a run or a search, or in a folder that gridfold hides."""
        if not path.startswith(self.runs):
            return False
        name = path.removeprefix(self.runs).partition(os.sep)[0]
        return name.startswith(".") or any(os.path.exists(f"{self.runs}{name}/{own}") for own in _OWN)


def _is_aside(name: str) -> bool:
    """Whether something is hidden, temporary, or of Python itself, by its name."""
    return name.startswith(".") or name in _OF_PYTHON or name.endswith(_ASIDE)
