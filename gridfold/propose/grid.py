"""A grid: every trial of a space, as often as it is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gridfold.propose.protocol import Answer, Proposal
from gridfold.runs.run import Record
from gridfold.runs.store import RunEntry
from gridfold.space.repeats import Repetition
from gridfold.space.space import Space


@dataclass
class Grid:
    """Every run of every trial, a repeat of all trials before the next; each is made when it is asked for.

    Attributes:
        space: the trials.
        repetitions: the runs of each of them.
    """

    space: Space
    repetitions: Sequence[Repetition]
    _listed: int = field(default=0, init=False)

    @property
    def size(self) -> int:
        """How many runs there are."""
        return self.space.size * len(self.repetitions)

    def ask(self, room: int) -> Sequence[Proposal] | Answer:
        """The next runs to list; see ``Proposer``."""
        places = range(self._listed, min(self._listed + room, self.size))
        return [self._at(place) for place in places] or "done"

    def tell(self, entry: RunEntry, record: Record | None) -> None:  # noqa: ARG002
        """Hear that a run is listed: a grid is listed in order."""
        self._listed = max(self._listed, entry.index + 1)

    def _at(self, place: int) -> Proposal:
        repetition, trial = divmod(place, self.space.size)
        return Proposal(self.space[trial], self.repetitions[repetition])
