"""The files that a run has written: in its directory, where they are its own, and elsewhere, where others write too."""

from __future__ import annotations

import os
import time
import zlib  # not hashlib, which takes each run long to import
from collections.abc import Iterable
from pathlib import Path

from gridfold.identity import reads
from gridfold.identity.writes import Written, written
from gridfold.runs.run import Run
from gridfold.runs.search import WRITTEN, append

_MOST = 200  # files that a search is told of
_EDGE = 64 << 10  # bytes at both ends of a file that tell its content: weights end with their checksums


def written_elsewhere(run: Run, named: Iterable[str] = ()) -> list[Written]:
    """The files outside its directory that a run has written, now that it is over, for the process that executed it.

    They are looked for once.

    Args:
        run: the run.
        named: files and folders that were named to it, such as arguments of a command.
    """
    if run.written is None:
        run.written = written(reads.start(), os.path.dirname(run.dir), named)  # noqa: PTH120 - a Path costs as much again
    return run.written


def written_files(run: Run, named: Iterable[str] = ()) -> list[Written]:
    """All files that a run has written, now that it is over, those in its directory first; see `written_elsewhere`.

    Those in its directory count as heard: no other run writes there. What is not ``heard`` may be of another run that
    was under way.
    """
    own = (run.dir.absolute() / name for name in run.results())
    return [Written.at(str(path), path.stat(), heard=True) for path in own] + written_elsewhere(run, named)


def note_written(run: Run, search: str | None) -> None:
    """Let the run's search know what it has written outside its directory, now that it is over.

    Args:
        run: the run.
        search: the name of its search; None if it is of none.
    """
    if not search or (run.written is None and not reads.start().may_have_written):
        return
    if found := written_elsewhere(run):
        files = [[each.path, each.changed, each.size, _content(each), _how(each)] for each in found[:_MOST]]
        span = reads.start().own_since, time.time_ns()
        said = {"run": run.index, "span": span, "files": files}
        append(f"{os.path.dirname(run.dir)}/{search}/{WRITTEN}", said)  # noqa: PTH120 - as above


def _how(found: Written) -> str:
    return "seen" if not found.heard else "appended" if found.appended else "heard"


def _content(found: Written) -> str:
    """What tells the content of a file from others, nearly always; "" if it was only added to, or cannot be read."""
    if found.appended:
        return ""
    try:
        with Path(found.path).open("rb") as file:
            edges = file.read(_EDGE)
            file.seek(max(found.size - _EDGE, 0), os.SEEK_SET)
            edges += file.read(_EDGE)
    except OSError:
        return ""
    return f"{found.size:x}-{zlib.crc32(edges):08x}"
