"""Runs and trials of one and the same best value, and what tells the better of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gridfold.records.numbers import number
from gridfold.records.objective import Objective
from gridfold.runs.record import Record
from gridfold.trainers.metrics.names import higher_is_better


@dataclass(frozen=True)
class Tie:
    """Several have the best value.

    Attributes:
        count: how many.
        metrics: the other metrics by which the first of them is the best, in the order in which they were asked; empty
            if none tells it from the others.
        values: what it has of them.
    """

    count: int
    metrics: tuple[str, ...] = ()
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, objective: Objective, metrics: Sequence[Mapping[str, float]]) -> Tie | None:
        """The tie of some that have the same value, by all their metrics, the best first; None of less than two."""
        if len(metrics) < 2:
            return None
        keys = [objective.beside(each) for each in metrics]
        return cls.told(len(metrics), objective, metrics[0], keys[1], keys[-1])

    @classmethod
    def told(
        cls,
        count: int,
        objective: Objective,
        first: Mapping[str, float],
        second: tuple[float, ...],
        last: tuple[float, ...],
    ) -> Tie:
        """By which metrics the first is better than the second; those that are equal in all say nothing."""
        names, own = objective.others(first), objective.beside(first)
        if own >= second:
            return cls(count)
        begin, end = (_first_unlike(own, other) for other in (last, second))
        shown = tuple(names[begin : end + 1])
        return cls(count, shown, tuple(first[name] for name in shown))

    def at(self, measured: str, name: str, what: str = "trials") -> str:
        """How many have the best value: ``4 trials tie at val_f1 0.9805``; and what tells the first of them apart."""
        return f"{self.count:,} {what} tie at {measured}; {self.settled(name)}"

    def settled(self, name: str) -> str:
        """What tells the first of them from the others: ``of these p 0.3 has the lowest val_loss (0.0907)``."""
        if not self.metrics:
            return f"no other metric tells them apart; the first is {name}"
        if len(self.metrics) == 1:
            best = "highest" if higher_is_better(self.metrics[0]) else "lowest"
            return f"of these {name} has the {best} {self.metrics[0]} ({number(self.values[0])})"
        return f"of these {name} is the best by {', then '.join(self.metrics)}"


@dataclass
class Leaders:
    """The runs that have the best value so far, whose metrics are those of their best epochs.

    Attributes:
        objective: what they are compared by.
        count: how many they are.
    """

    objective: Objective
    count: int = 0
    _value: tuple[bool, float] = (True, 0.0)
    _first: Mapping[str, float] = field(default_factory=dict)
    _keys: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, record: Record | None) -> None:
        """Hear of a run."""
        missing, value, key, _ = self.objective.rank(record, 0)
        if missing or record is None or (self.count and (missing, value) > self._value):
            return
        if not self.count or (missing, value) < self._value:
            self._value, self.count, self._keys = (missing, value), 0, []
        self.count += 1
        if not self._keys or key < self._keys[0]:
            self._first = record.metrics
        self._keys = sorted([*self._keys, key])
        del self._keys[2:-1]  # the first two and the last are enough

    @property
    def tie(self) -> Tie | None:
        """That they are several; None if there is but one."""
        if self.count < 2:
            return None
        return Tie.told(self.count, self.objective, self._first, self._keys[1], self._keys[-1])


def _first_unlike(one: tuple[float, ...], other: tuple[float, ...]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (value, rival) in pairs if value != rival), min(len(one), len(other)))
