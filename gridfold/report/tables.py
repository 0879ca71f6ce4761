"""All numbers of a search's answer and report, computed once, pure."""

from __future__ import annotations

from dataclasses import dataclass

from gridfold.report.advice import Advice
from gridfold.report.effects import Effect, FailureRegion, Heatmap, Interaction, Level
from gridfold.report.significance import Confirmation, Contender, Estimate
from gridfold.results import Results, RunResult

__all__ = [
    "Advice",
    "Confirmation",
    "Contender",
    "Curve",
    "Effect",
    "Estimate",
    "FailureRegion",
    "Heatmap",
    "Interaction",
    "Level",
    "Tables",
]


@dataclass(frozen=True)
class Curve:
    """The learning curve of a run.

    Attributes:
        run: the run.
        points: epoch, or the position of the report where it names none, and metric.
    """

    run: RunResult
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tables:
    """The numbers.

    Attributes:
        results: what they are computed from.
        estimates: every trial that has a value, best first.
        contenders: the best, with difference 0, then the others in order.
        effects: of each parameter, the most important first.
        interactions: of each pair of parameters, the largest first.
        heatmaps: of each pair of parameters.
        curves: of the runs of the best trials.
        failures: the runs that failed, those of one cause together, the largest group first.
        regions: the values with which runs fail, the worst first.
        advice: what to run next, the most useful first.
        confirmation: the winner and the runner-up on fresh seeds; None if that was not done.
        answer: the answer in words.
    """

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
