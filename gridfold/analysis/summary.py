"""All numbers of a search's answer and report, computed once, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridfold.analysis.advice import Advice, advice
from gridfold.analysis.answer import answer
from gridfold.analysis.effects import (
    Effect,
    FailureRegion,
    Heatmap,
    Interaction,
    Level,
    Model,
    effects,
    heatmaps,
    interactions,
    judged,
    regions,
)
from gridfold.analysis.significance import Confirmation, Contender, Estimate, confirmation, contenders
from gridfold.core.errors import ConfigError
from gridfold.records.objective import is_finite
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.failure import grouped

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

_MOST_TRIALS = 50
_MOST_POINTS = 500


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
        effects: of each parameter, the largest share first.
        interactions: of each pair of parameters, the largest first.
        heatmaps: of each pair of parameters.
        curves: of the runs of the best 50 trials.
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

    @classmethod
    def compute(cls, results: Results) -> Tables:
        """Compute all of them.

        Raises:
            ConfigError: a package of the extra ``report`` is not installed.
        """
        _check_installed()
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):  # a run that all but diverged has a number like 1e300
            return cls._computed(results)

    @classmethod
    def _computed(cls, results: Results) -> Tables:
        compared, model = contenders(results), Model.of(results)
        main, together = judged(effects(model), interactions(model))
        confirmed = confirmation(results)
        next_steps = advice(results, compared, main, together)
        return cls(
            results,
            tuple(each.estimate for each in compared),
            compared,
            main,
            together,
            heatmaps(model, maximize=bool(results.objective.maximize)),
            curves(results),
            failures(results),
            regions(results),
            next_steps,
            confirmed,
            answer(results, compared, main, together, next_steps, confirmed),
        )


def curves(results: Results) -> tuple[Curve, ...]:
    """The metric in each report of the runs of the best trials, at most 500 points of a run."""
    found = [
        _curve(run, results.objective.metric or "") for trial in results.ranked[:_MOST_TRIALS] for run in trial.runs
    ]
    return tuple(curve for curve in found if curve.points)


def failures(results: Results) -> tuple[tuple[RunResult, ...], ...]:
    """The runs that failed, those of one cause together, the largest group first."""
    failed = {id(run.record): run for trial in results.trials for run in _all_runs(trial) if run.record}
    groups = grouped(run.record for run in failed.values() if run.record)
    return tuple(tuple(failed[id(record)] for record in group) for group in groups)


def _all_runs(trial: TrialResult) -> tuple[RunResult, ...]:
    return trial.runs + trial.confirming


def _curve(run: RunResult, metric: str) -> Curve:
    reports = run.reports()
    points = [
        (_number(report, "epoch", float(place)), float(report[metric]))
        for place, report in enumerate(reports, 1)
        if is_finite(report.get(metric))
    ]
    return Curve(run, tuple(_thinned(points)))


def _number(report: Mapping[str, float], name: str, otherwise: float) -> float:
    value = report.get(name)
    return float(value) if is_finite(value) else otherwise


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most so many points, evenly, the first and the last among them."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    step = (len(points) - 1) / (_MOST_POINTS - 1)
    return [points[round(place * step)] for place in range(_MOST_POINTS)]


def _check_installed() -> None:
    try:
        import numpy  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        hint = 'pip install "gridfold[report]"'
        raise ConfigError(f"{error.name} is not installed, and the numbers of a report need it", hint=hint) from None
