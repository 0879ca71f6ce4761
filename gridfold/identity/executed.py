"""What a run has read, listed and started, as its record says it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

from gridfold.identity import packages
from gridfold.identity.data import (
    LISTED,
    NOT_THERE,
    called,
    fitting,
    hash_of,
    is_listed,
    named_in,
    value_of,
    variables,
)
from gridfold.identity.literals import files_in, variables_in
from gridfold.identity.looks import looked_at
from gridfold.identity.lookups import ALL
from gridfold.identity.reads import Reads, stamp_of
from gridfold.identity.sources import Sources

_Noted = Mapping[str, Mapping[Any, Any]]  # by kind and name, see `Reads`
_MOST = 100  # files in a record; of a folder with many of them, the folder
_MANY = 20
_MOST_FOLDERS = 2000  # in one that the config names, that are looked at for what the run has made


def sources_of_run(reads: Reads, named: Mapping[str, str | None], apart: Sequence[str] = ()) -> Sources:
    """What a run depends on, now that it is over.

    What has changed since it began is its own: a checkpoint, a table that it adds to.

    Args:
        reads: what its process has heard.
        named: the files that its config names, and what was in them when it began.
        apart: folders in which nothing counts: its own.
    """
    noted = reads.by_kind()
    in_code, asks_more = _in_code(reads, noted) if apart else ([], False)  # of a run, which may make them itself
    named = {path: NOT_THERE if known == "" else known for path, known in named.items() if known != "" or asks_more}
    if not (named or in_code or any(map(noted.get, ("file", "package", "program", "variable")))):
        return Sources()
    with _in(reads.here):  # wherever the run has gone
        return _sources_of_run(reads, noted, named, in_code, apart)


@contextmanager
def _in(folder: str) -> Iterator[None]:
    if _is_here(folder):
        yield
        return
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.chdir(before)
        os.close(before)


def _is_here(folder: str) -> bool:
    with suppress(OSError):  # it was removed
        return os.getcwd() == folder
    return False


def _sources_of_run(
    reads: Reads, noted: _Noted, named: Mapping[str, str | None], in_code: Sequence[str], apart: Sequence[str]
) -> Sources:
    own = _Own(reads, noted["written"], tuple(f"{os.path.abspath(folder)}{os.sep}" for folder in apart))
    files = {path: known for path, known in named.items() if not own.is_made(os.path.abspath(path))}
    files |= {called(path): known for path, known in _files(noted, own)}
    files |= _variables(reads, noted)
    files = {called(path): hash_of(path) for path in in_code if not own.is_made(path)} | files
    programs = _programs(noted)
    files |= {path: known for path, known in programs.files.items() if not own.is_made(os.path.abspath(path))}
    return _short(files, {**programs.packages, **_packages(noted)}, programs.untold)


def _programs(noted: _Noted) -> Sources:
    found = Sources()
    for words, folder, is_asked in noted["program"]:
        from gridfold.identity.programs import data_of, sources_of  # few runs start programs

        named = named_in(words, folder) | data_of(words, folder)
        found += sources_of(list(words), folder, is_asked=is_asked) + Sources(named)
    return found


class _Own:
    """What a run has made itself."""

    def __init__(self, reads: Reads, written: Collection[str], apart: tuple[str, ...]) -> None:
        self._written, self._since, self._apart = written, reads.since, apart
        self._own_since, self._may_be_past, self._now = reads.own_since, reads.may_be_past, time.time_ns()

    def is_apart(self, path: str) -> bool:
        """Whether something is where nothing counts."""
        return f"{path}{os.sep}".startswith(self._apart)

    def is_made(self, path: str) -> bool:
        """Whether something is the run's own; a folder is, if something in it is, or if it has the runs in it."""
        if self.is_apart(path):
            return True
        if os.path.isdir(path):
            inside = os.path.join(path, "")
            holds = any(each.startswith(inside) for each in (*self._written, *self._apart))
            folders = islice(os.walk(path), _MOST_FOLDERS)
            return holds or any(self._is_new(parent) for parent, _, _ in folders)
        stamp = stamp_of(path)
        has_made = path in self._written or (stamp is not None and self.has_made(path, stamp[0]))
        return has_made or any(map(self.is_made, fitting(path)[:-1]))

    def has_made(self, path: str, moment: int) -> bool:
        """Whether a file that was changed at a moment was changed by it; not where it is heard, and others did it."""
        return self._own_since <= moment <= self._now and (path in self._written or self._may_be_past)

    def has_added(self, folder: str) -> bool:
        """Whether the names in a folder are not what they were when the run began."""
        return self.is_apart(folder) or self._is_new(folder)

    def _is_new(self, path: str) -> bool:
        try:
            return os.stat(path).st_mtime_ns >= self._since
        except OSError:
            return False


def _files(noted: _Noted, own: _Own) -> Iterator[tuple[str, str | None]]:
    """The files that were read, and what was in them then; None if that has changed meanwhile."""
    for path, stamp in noted["file"].items():
        if is_listed(path):
            if not own.has_added(path.removesuffix(LISTED)):
                yield path, hash_of(path)
        elif stamp is None:
            if not own.is_made(path):
                yield path, None if os.path.exists(path) else hash_of(path)
        elif not own.is_apart(path) and not own.has_made(path, stamp[0]):
            yield path, hash_of(path) if stamp_of(path) == tuple(stamp) else None


def _code(reads: Reads, noted: _Noted) -> set[str]:
    """The sources of Python that it has read, or the process that it was forked from."""
    return {path for path in (*reads.earlier, *noted["file"]) if path.endswith(".py")}


def _in_code(reads: Reads, noted: _Noted) -> tuple[list[str], bool]:
    """The files that its code names or looks at, and whether it asks about others."""
    code = _code(reads, noted)
    looks, asks_more = looked_at(code, reads.here)
    return [path for path in (*files_in(code, reads.here), *looks) if reads.matter(path)], asks_more


def _variables(reads: Reads, noted: _Noted) -> dict[str, str | None]:
    """The variables that the user's code has looked up, maybe in a copy, but for those that were set meanwhile."""
    looked_up, before = dict(noted["variable"]), reads.variables
    if ALL in looked_up:
        looked_up |= {name: value_of(name, before) for name in variables_in(_code(reads, noted), before)}
    return variables({name: value for name, value in looked_up.items() if value == value_of(name, before)})


def _packages(noted: _Noted) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path in noted["package"]:
        folder, module = os.path.split(path)
        if known := packages.version_of(module, folder):
            found[known[0]] = known[1]
    return dict(sorted(found.items()))


def look_up(reads: Reads) -> None:
    """Find out what was read, for this process and those that are forked from it: versions, and what is in files."""
    noted = reads.by_kind()
    _packages(noted)
    for path, stamp in noted["file"].items():
        if stamp is not None:
            hash_of(path)
    _in_code(reads, noted)


def _short(files: Mapping[str, str | None], versions: Mapping[str, str | None], untold: str) -> Sources:
    """The same, with a folder for many files in it."""
    if (count := len(files)) > _MOST:
        folders = Counter(map(os.path.dirname, files))
        many = {folder for folder, each in folders.items() if folder and each > _MANY}
        few = {path: known for path, known in files.items() if os.path.dirname(path) not in many}
        files = few | {folder: hash_of(folder) for folder in many}
    if len(files) > _MOST:
        return Sources({}, versions, untold or f"{count:,} files that it reads: more than are kept track of")
    return Sources(dict(sorted(files.items())), versions, untold)
