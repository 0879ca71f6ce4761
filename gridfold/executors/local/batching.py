"""Which runs begin together, in one process that splits: see ``gridfold.sharing.fork``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridfold.runs.record import Record
from gridfold.runs.run import Attempt
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.placeholders import constants_in
from gridfold.trainers.warm.script import why_cold

MOST_RUNS = 1000  # in one batch, so that memory does not grow with the search


@dataclass
class Batch:
    """Runs that begin together, in a process that splits, while some have none of their own yet.

    Attributes:
        key: what its first process is known by; its runs have the numbers after it.
        name: no other batch has it.
        waiting: the attempts that have no process of their own yet.
        since: when it was started, or a run of it was last seen to begin or end.
    """

    key: int
    waiting: dict[int, Attempt]
    name: str = field(default_factory=lambda: os.urandom(4).hex())
    since: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, attempts: Sequence[Attempt], key: int) -> Batch:
        """A batch of some attempts."""
        return cls(key, dict(enumerate(attempts, key + 1)))

    def begin(self, key: int) -> Attempt | None:
        """A run has a process of its own now."""
        self.move()
        return self.waiting.pop(key, None)

    def move(self) -> None:
        """It goes on: whatever of it works now has begun to at the latest."""
        self.since = time.monotonic()

    def leave(self, keys: Sequence[int]) -> list[Attempt]:
        """Some runs are no longer of this batch."""
        return [self.waiting.pop(key) for key in keys if key in self.waiting]

    def end(self, reason: str) -> list[Attempt]:
        """The runs that have not begun; if the batch could not either, why."""
        left = self.leave(list(self.waiting))
        if reason and left:
            _note(left[0], {"left": self.name, "runs": len(left), "reason": reason})
        return left


@dataclass
class Batching:
    """Chooses the runs of a batch.

    Attributes:
        groups: whether each run is given several GPUs.
    """

    groups: bool
    _kept: list[tuple[list[Attempt], bool]] = field(default_factory=list)  # batches that are to follow
    _said: set[str] = field(default_factory=set)

    def next_batch(self, waiting: Iterator[Attempt | None]) -> tuple[list[Attempt], bool]:
        """Attempts that can be had now and belong together, and whether that makes a batch."""
        if not self._kept:
            taken, why = self._take(waiting)
            if why:
                return taken, False
            self._kept = _alike(taken)
        return self._kept.pop(0) if self._kept else ([], False)

    def put_back(self, attempts: list[Attempt]) -> None:
        """Take a batch back that cannot begin now: it is the next again."""
        self._kept.insert(0, (attempts, True))

    def _take(self, waiting: Iterator[Attempt | None]) -> tuple[list[Attempt], str]:
        """All attempts that can be had now, or the first, and why it is run alone."""
        taken: list[Attempt] = []
        while len(taken) < MOST_RUNS and isinstance(attempt := next(waiting, False), Attempt):
            taken.append(attempt)
            if why := self._why_alone(attempt.record):
                self._say(attempt, why)
                return taken, why
        return taken, ""

    def _why_alone(self, record: Record) -> str:
        """Why a run cannot begin together with others; "" if it can."""
        if not isinstance(record.trainer, str) and (why := why_cold(record.trainer)):
            return f"the command starts a process of its own: {why}"
        if not isinstance(record.trainer, str) and record.cwd:
            return "the command works in a folder of its own (--cwd run)"
        if not isinstance(record.trainer, str) and constants_in(record.trainer):
            return "the script of the command has other constants in each run (--set)"
        if self.groups:
            return "every run is given several GPUs"
        if record.threads > 1:
            return f"every run computes with {record.threads} threads: a process that has done so cannot be forked"
        return ""

    def _say(self, attempt: Attempt, why: str) -> None:
        if why not in self._said:
            self._said.add(why)
            _note(attempt, {"alone": why})


def _alike(attempts: Sequence[Attempt]) -> list[tuple[list[Attempt], bool]]:
    """The attempts, those together that can begin in one process; in the end those that can with no other."""
    found: dict[tuple[object, ...], list[Attempt]] = {}
    for attempt in attempts:
        record = attempt.record
        trainer = record.trainer if isinstance(record.trainer, str) else tuple(record.trainer)
        found.setdefault((trainer, record.seed), []).append(attempt)
    batches = [(batch, True) for batch in found.values() if len(batch) > 1]
    single = [batch[0] for batch in found.values() if len(batch) == 1]
    return batches + ([(single, False)] if single else [])


def _note(attempt: Attempt, event: Mapping[str, Any]) -> None:
    if attempt.record.search:
        SearchDirectory(attempt.run.dir.parent / attempt.record.search).note_sharing(event)
