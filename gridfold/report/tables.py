"""The numbers of a search's answer and report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gridfold.results import Results, RunResult, TrialResult


@dataclass(frozen=True)
class Estimate:
    """The metric of one trial: mean, sample standard deviation and 95 % interval over its repeats."""

    trial: TrialResult
    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    seconds: float | None


@dataclass(frozen=True)
class Contender:
    """A trial against the best; a positive difference means that the best is better."""

    estimate: Estimate
    difference: float | None
    p: float | None
    distinguishable: bool


@dataclass(frozen=True)
class Level:
    """One value of a parameter: the marginal mean of the metric."""

    value: Any
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Effect:
    """The main effect of a parameter."""

    path: str
    levels: tuple[Level, ...]
    p: float | None
    importance: float | None


@dataclass(frozen=True)
class Interaction:
    """Whether two parameters act together."""

    paths: tuple[str, str]
    p: float | None
    share: float


@dataclass(frozen=True)
class Heatmap:
    """The metric for a pair of parameters, over the others."""

    paths: tuple[str, str]
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    mean: tuple[tuple[float | None, ...], ...]
    best: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Curve:
    """The learning curve of a run."""

    run: RunResult
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class FailureRegion:
    """A value with which runs failed or gave no finite number."""

    path: str
    value: Any
    failed: int
    of: int


@dataclass(frozen=True)
class Advice:
    """What to run next, and why."""

    kind: str
    path: str | None
    sentence: str
    command: str
    runs: int
    seconds: float | None


@dataclass(frozen=True)
class Confirmation:
    """Winner and runner-up on fresh seeds."""

    estimates: tuple[Estimate, ...]
    selected: tuple[float, ...]
    p: float | None


@dataclass(frozen=True)
class Tables:
    """All of it."""

    results: Results
    estimates: tuple[Estimate, ...]
    contenders: tuple[Contender, ...]
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    heatmaps: tuple[Heatmap, ...]
    curves: tuple[Curve, ...]
    failures: tuple[tuple[RunResult, ...], ...]
    regions: tuple[FailureRegion, ...]
    advice: tuple[Advice, ...]
    confirmation: Confirmation | None
    answer: tuple[str, ...]

    @classmethod
    def compute(cls, results: Results) -> Tables:
        """Of the results of a search."""
        raise NotImplementedError
