"""Repeats: the runs that a trial has, which differ only in their seed or in the data that are held out (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gridfold.core.limits import MOST_REPEATS


@dataclass(frozen=True)
class DataFold:
    """Which part of the training data is held out, to validate on.

    Attributes:
        index: the part, from 0.
        count: how many parts there are.
    """

    index: int
    count: int


@dataclass(frozen=True)
class Repetition:
    """One of the runs of a trial.

    Attributes:
        repeat: which repeat it is, from 0; each has a seed of its own.
        fold: what is held out; None if the data are not split into parts.
    """

    repeat: int = 0
    fold: DataFold | None = None

    @property
    def confirms(self) -> bool:
        """Whether its seed is kept for what confirms a comparison."""
        return self.repeat >= MOST_REPEATS


@dataclass(frozen=True)
class Seeds:
    """The seeds of the repeats.

    Attributes:
        path: where the seed stands in a config; None if it is ``run.seed``.
        given: those of the first repeats, at least one; each later one is one more than the largest before it.
    """

    path: str | None
    given: tuple[int, ...]

    def __getitem__(self, repeat: int) -> int:
        beyond = repeat - len(self.given) + 1
        return self.given[repeat] if beyond <= 0 else max(self.given) + beyond

    @property
    def are_listed(self) -> bool:
        """Whether the user has listed them, so that there are as many repeats."""
        return len(self.given) > 1


def repetitions(repeats: range, folds: int | None) -> Iterator[Repetition]:
    """Every repeat on every part of the data: all that there is of a repeat before the next."""
    parts = [DataFold(index, folds) for index in range(folds)] if folds else [None]
    return (Repetition(repeat, fold) for repeat in repeats for fold in parts)
