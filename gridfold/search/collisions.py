"""Which files two runs of a search have both written, so that one has lost what it wrote.

A run notes in the end what it has written outside its directory (see ``gridfold.runs.written``). What two runs were
heard to write is a collision. What was only seen to change is one if no single run can have changed it each time: of
runs side by side, any may have. Logs that are added to, and files that are the same afterwards, are none.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from gridfold.runs.search import SearchDirectory

_LAG = 10_000_000  # nanoseconds that the time of a file may be behind the clock
_MOST_VERSIONS = 50  # of a file, that are looked at
_MOST_LOOKS = 20  # at all runs of a search, for what nobody was heard to write
_MOST_NAMED = 3  # files in a message
_ADDED_TO = (".log", ".txt", ".out", ".err", ".csv", ".tsv", ".jsonl")  # if they grow, and nobody was heard
_WEIGHTS = (".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".h5", ".keras", ".npz", ".pkl", ".joblib", ".onnx")
_SHARED = (".db", ".sqlite", ".sqlite3", "-wal", "-shm", "-journal")  # meant for many

Span = tuple[int, int]
"""When a run began and ended, in nanoseconds."""


@dataclass
class _Version:
    """A file as some runs have found it when they ended.

    Attributes:
        changed: when it changed last.
        size: in bytes.
        content: tells it from others.
        seen: when the first of them ended.
        heard: those that were heard to write it, other than to its end.
        appended: whether they were only heard to write to its end.
    """

    changed: int
    size: int
    content: str
    seen: int
    heard: set[int] = field(default_factory=set)
    appended: bool = True


@dataclass(frozen=True)
class Collision:
    """A file that two runs have written.

    Attributes:
        path: from the root.
        runs: their numbers; empty if it is not known which.
    """

    path: str
    runs: tuple[int, ...]


@dataclass
class Collisions:
    """Hears what runs have written, and finds what two of them did.

    Attributes:
        search: the search.
    """

    search: SearchDirectory
    _files: dict[str, dict[int, _Version]] = field(default_factory=dict)
    _spans: dict[int, Span] = field(default_factory=dict)
    _looks: int = 0

    def hear(self, lines: Iterable[Mapping[str, Any]]) -> list[Collision]:
        """The collisions that are known when some more runs have said what they wrote."""
        touched: dict[str, None] = {}
        for line in lines:
            with suppress(KeyError, TypeError, ValueError):  # the file may be anybody's
                touched |= dict.fromkeys(self._take(line))
        return [found for path in touched if (found := self._collision(path))]

    def unsettled(self) -> list[Collision]:
        """The files that runs side by side were heard to write, all before one of them ended: maybe the same."""
        found = ((path, _heard(versions.values())) for path, versions in self._files.items() if len(versions) == 1)
        return [Collision(path, tuple(heard[:2])) for path, heard in found if len(heard) > 1]

    def _take(self, line: Mapping[str, Any]) -> Iterator[str]:
        """Note what a run wrote; the files that another one has noted, too."""
        run, (began, ended) = line["run"], line["span"]
        self._spans[run] = began, ended
        for path, changed, size, content, how in line["files"]:
            versions = self._files.setdefault(path, {})
            if versions:
                yield path
            if changed in versions or len(versions) < _MOST_VERSIONS:
                version = versions.setdefault(changed, _Version(changed, size, content, ended))
                version.seen = min(version.seen, ended)
                version.heard |= {run} if how == "heard" else set()
                version.appended &= how == "appended"

    def _collision(self, path: str) -> Collision | None:
        versions = sorted(self._files[path].values(), key=lambda version: version.changed)
        if all(version.appended for version in versions[1:] or versions):
            return None
        # An empty file may be one that another run has opened and is about to write again, maybe to the same.
        heard, contents = _heard(versions), {version.content for version in versions if version.size}
        if len(heard) > 1 and (len(contents) > 1 or path.endswith(_WEIGHTS)):
            return Collision(path, tuple(heard[:2]))
        if len(contents) < 2 or _is_meant(path, versions, heard) or self._looks == _MOST_LOOKS:
            return None
        return self._of_unheard(path, versions)

    def _of_unheard(self, path: str, versions: Sequence[_Version]) -> Collision | None:
        """The collision, if no run can have written all versions."""
        self._looks += 1
        spans = self._all_spans()
        writers = [version.heard or _possible(version, spans) for version in versions]
        if not all(writers) or set.intersection(*map(set, writers)):
            return None
        known = sorted(run for runs in writers if len(runs) == 1 for run in runs)
        return Collision(path, (known[0], known[-1]) if known and known[0] != known[-1] else ())

    def _all_spans(self) -> dict[int, Span]:
        """When each run of the search ran, by whatever process; without an end if it still does."""
        found = {}
        for entry, record in self.search.records():
            if record and record.started and not record.reused:
                ended = _nanoseconds(record.ended) if record.ended else 2**63
                found[entry.index] = _nanoseconds(record.started), ended
        return found | self._spans


def told(found: Sequence[Collision], trainer: str | Sequence[str], *, works_apart: bool) -> str:
    """The collisions in words, and what to do about them.

    Args:
        found: the collisions.
        trainer: of the search.
        works_apart: whether each run works in a folder of its own.
    """
    runs = next((each.runs for each in found if each.runs), ())
    paths = [each.path for each in found if not runs or each.runs in (runs, ())]
    who = f"runs {runs[0]} and {runs[1]}" if runs else "two of the runs"
    own = "run.dir" if isinstance(trainer, str) else "{run_dir}"
    remedy = f"use {own} in the path" + ("" if works_apart else ", or --cwd run")
    return f"{who} both wrote {_listed(paths)}, so what the first one wrote is gone: {remedy}"


def _listed(paths: Sequence[str]) -> str:
    here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - names, for people
    names = [path.removeprefix(here) for path in paths]
    if len(names) > _MOST_NAMED + 1:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED:,} more files"
    return ", ".join(names)


def _heard(versions: Iterable[_Version]) -> list[int]:
    """The runs that were heard to write a file."""
    return sorted({run for version in versions for run in version.heard})


def _is_meant(path: str, versions: Sequence[_Version], heard: Collection[int]) -> bool:
    """Whether a file is probably meant for many: a database, or a log that grows."""
    sizes = [version.size for version in versions]
    grows = all(one < other for one, other in pairwise(sizes))
    return path.endswith(_SHARED) or (not heard and ((grows and path.endswith(_ADDED_TO)) or _is_output(path)))


def _is_output(path: str) -> bool:
    """Whether this process prints into a file."""
    with suppress(OSError):
        there = os.stat(path)  # noqa: PTH116
        return any(os.path.samestat(there, os.fstat(output)) for output in (1, 2))
    return False


def _possible(version: _Version, spans: Mapping[int, Span]) -> set[int]:
    """The runs that may have written a version."""
    latest = min(version.changed + _LAG, version.seen)
    return {run for run, (began, ended) in spans.items() if began <= latest and ended >= version.changed}


def _nanoseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1e9)
