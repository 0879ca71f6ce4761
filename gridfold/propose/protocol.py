"""The role of a proposer: ask it for runs, tell it what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.repeats import Repetition
from gridfold.space.trial import Trial

Answer = Literal["later", "done"]
"""Why a proposer names no run: that depends on runs under way, or there is none left to name."""

OVER = ("completed", "stopped", "failed")
"""The states of a run after which nothing more comes of it, unless somebody has it tried again."""


@dataclass(frozen=True)
class Proposal:
    """A run to make: of which trial, and which of its repeats."""

    trial: Trial
    repetition: Repetition


def runs_of(trials: Iterable[Trial], repetitions: Iterable[Repetition]) -> Iterator[Proposal]:
    """Some runs of some trials, which are iterated over once for each: one of all trials before the next."""
    return (Proposal(trial, repetition) for repetition in repetitions for trial in trials)


class Proposer(Protocol):
    """Says which runs a search makes next.

    What it says follows from the runs that are listed and their records, and from nothing else: neither from the order
    in which runs end, nor from ``room``, nor from what it was asked before. So it has no file of its own: a new one
    that is told all runs of a search goes on where the old one was killed, and several searchers on one search list
    the same runs.

    One that learns names a run by all that is known in this moment, so with several places, and with several searchers,
    it matters which runs are over. With one place, it does not: the same runs are listed however often it is killed.

    Attributes:
        is_lazy: whether it is asked only when there is a place for a run, so that it knows as much as can be.
    """

    @property
    def is_lazy(self) -> bool:
        """See above."""
        ...

    def ask(self, room: int) -> Sequence[Proposal] | Answer:
        """The next runs to list.

        Args:
            room: how many there may be, at least one.

        Returns:
            At least one run, in the order in which they are to be listed; ``later``, if that depends on a run that is
            listed and not over; ``done``, if there is none. The same again, until it is told that they are listed.
        """

    def tell(self, entry: RunEntry, record: Record | None) -> None:
        """Hear that a run is listed, and what came of it; in any order, and as often as something changes.

        Args:
            entry: the run.
            record: what it says; None while it is not over, or is to be tried again.
        """


class Nothing:
    """Proposes no run: what is listed is all there is."""

    is_lazy = False

    def ask(self, room: int) -> Answer:  # noqa: ARG002
        """There is none."""
        return "done"

    def tell(self, entry: RunEntry, record: Record | None) -> None:
        """Nothing depends on it."""
