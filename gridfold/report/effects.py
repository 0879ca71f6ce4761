"""Which parameters mattered, alone and together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """One value of a parameter.

    Attributes:
        value: the value.
        mean: the least-squares mean of the metric, as if every other value occurred equally often.
        low: where its 95 % interval begins; None where the noise is unknown.
        high: where it ends.
        n: how many trials have the value.
    """

    value: Any
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Effect:
    """The main effect of a parameter.

    Attributes:
        path: the parameter.
        levels: its values, in the order of its list.
        p: of the F-test that none of them makes a difference; None where the noise is unknown.
        importance: its share of what moves the metric, 0 to 1; None where that cannot be computed.
    """

    path: str
    levels: tuple[Level, ...]
    p: float | None
    importance: float | None


@dataclass(frozen=True)
class Interaction:
    """What two parameters do together beyond what each does alone.

    Attributes:
        paths: the parameters.
        p: of the F-test that they do nothing together; None where the noise is unknown.
        share: of the variance of the trials' means.
    """

    paths: tuple[str, str]
    p: float | None
    share: float


@dataclass(frozen=True)
class Heatmap:
    """A pair of parameters, and the metric at each pair of values; None where no trial has it.

    Attributes:
        paths: the parameters.
        rows: the values of the first.
        columns: the values of the second.
        mean: the mean over the other parameters.
        best: the best over the other parameters.
    """

    paths: tuple[str, str]
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    mean: tuple[tuple[float | None, ...], ...]
    best: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class FailureRegion:
    """Where runs failed or gave no finite number.

    Attributes:
        path: a parameter.
        value: a value of it.
        failed: how many of its runs failed.
        of: how many of its runs have ended.
    """

    path: str
    value: Any
    failed: int
    of: int
