"""The files that a run has written: in its directory, where they are its own, and elsewhere, where others write too."""

from __future__ import annotations

from collections.abc import Iterable

from gridfold.identity import reads
from gridfold.identity.writes import Written, written
from gridfold.runs.run import Run


def written_elsewhere(run: Run, named: Iterable[str] = ()) -> list[Written]:
    """The files outside its directory that a run has written, now that it is over, for the process that executed it.

    They are looked for once.

    Args:
        run: the run.
        named: files and folders that were named to it, such as arguments of a command.
    """
    if run.written is None:
        run.written = written(reads.start(), str(run.dir.parent), [str(run.dir)], named)
    return run.written


def written_files(run: Run, named: Iterable[str] = ()) -> list[Written]:
    """All files that a run has written, now that it is over, those in its directory first; see `written_elsewhere`.

    Those in its directory count as heard: no other run writes there. What is not ``heard`` may be of another run that
    was under way.
    """
    own = (run.dir.absolute() / name for name in run.results())
    return [Written.at(str(path), path.stat(), heard=True) for path in own] + written_elsewhere(run, named)
