"""Which runs keep the files that hold their weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gridfold.records.objective import Objective, Rank
from gridfold.runs.record import Record
from gridfold.runs.run import WORK, Run
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.protocol import BUILT_IN, CHECKPOINTS
from gridfold.trainers.resolve import resolve


@dataclass
class KeepBest:
    """Deletes the checkpoints of runs that are done and not among the best. A run that is not done keeps its own.

    A run that is not among the best of some runs is not among the best of more, so what is deleted along the way is
    never missed, and several processes may work on one search.

    Attributes:
        search: the search.
        count: how many runs keep theirs.
    """

    search: SearchDirectory
    count: int
    _best: list[tuple[Rank, str]] = field(default_factory=list)
    _trainer: str | Sequence[str] = field(init=False)
    _objective: Objective = field(init=False)
    _works_apart: bool = field(init=False)
    _confirming: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        facts = self.search.facts()
        self._trainer, self._objective = facts["trainer"], Objective.said(facts)
        self._works_apart = bool(facts.get("cwd"))
        self._confirming = frozenset(entry.run for entry in self.search.entries() if entry.confirms)
        for entry, record in self.search.records():
            self.ended(self.search.run(entry), record)

    def ended(self, run: Run, record: Record | None) -> None:
        """Hear of a run that has ended, and delete what is not among the best any more."""
        if record is None or not record.is_done or record.reused:
            return
        if run.dir.name in self._confirming:  # it is not compared
            self._delete(run)
            return
        place = (self._objective.rank(self._objective.at_best(record, run.reports()), record.index), run.dir.name)
        if place in self._best:
            return
        self._best.append(place)
        for worse in sorted(self._best)[self.count :]:
            self._best.remove(worse)
            self._delete(Run(self.search.dir.parent / worse[1]))

    def _delete(self, run: Run) -> None:
        for path in checkpoints(run, self._trainer, works_apart=self._works_apart):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def checkpoints(run: Run, trainer: str | Sequence[str], *, works_apart: bool = False) -> Iterator[Path]:
    """The files and folders in a run directory that hold the weights of a trainer's run.

    Args:
        run: the run.
        trainer: whose run it is.
        works_apart: whether it worked in a folder of its own, in which they may be anywhere.
    """
    patterns = CHECKPOINTS
    if trainer == BUILT_IN:  # another one would have to be imported to be asked
        patterns = getattr(resolve(BUILT_IN), "checkpoints", CHECKPOINTS)
    inside = [f"{WORK}*/**/{pattern}" for pattern in patterns] if works_apart else []
    return (path for pattern in (*patterns, *inside) for path in run.dir.glob(pattern))
