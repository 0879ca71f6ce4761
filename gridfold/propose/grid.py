"""A grid: every trial of a space, as often as it is repeated."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gridfold.propose.protocol import Answer, Proposal, runs_of
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.repeats import Repetition
from gridfold.space.space import Space


@dataclass
class Grid:
    """Every run of every trial, a repeat of all trials before the next; each is made when it is asked for.

    Attributes:
        space: the trials.
        trials: how many of them.
        repetitions: the runs of each of them.
    """

    space: Space
    trials: int
    repetitions: Sequence[Repetition]
    is_lazy = False
    _listed: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """How many runs there are; ``len()`` works up to ``sys.maxsize``."""
        return self.trials * len(self.repetitions)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> Proposal:
        repetition, trial = divmod(place, self.trials)
        return Proposal(self.space[trial], self.repetitions[repetition])

    def __iter__(self) -> Iterator[Proposal]:
        for repetition in self.repetitions:
            yield from runs_of(islice(self.space, min(self.trials, sys.maxsize)), [repetition])

    def ask(self, room: int) -> Sequence[Proposal] | Answer:
        """The next runs to list; see ``Proposer``."""
        places = range(self._listed, min(self._listed + room, self.size))
        return [self[place] for place in places] or "done"

    def tell(self, entry: RunEntry, record: Record | None) -> None:  # noqa: ARG002
        """Hear that a run is listed: a grid is listed in order."""
        self._listed = max(self._listed, entry.index + 1)
