"""Which of two runs is the better one."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from gridfold.runs.record import Record
from gridfold.trainers.metrics.names import (
    bare,
    candidates,
    first_metric,
    higher_is_better,
    is_of_test,
    is_result,
    is_unclear,
    spelled,
)

_MOST_NAMED = 3

Rank = tuple[bool, float, tuple[float, ...], int]
"""Whether there is no value; the value, the other metrics, the index: the lower the better."""


@dataclass(frozen=True)
class Objective:
    """What runs are compared by.

    Attributes:
        metric: its name; None for the first metric that a run has and that is a result (see ``first_metric``).
        maximize: whether more of it is better; None to tell by the metric's name.
        guessed: whether nobody said so, and its name does not either.
        parameters: the names of the parameters, which are no results.
        goals: metrics that a strategy looks at together, and whether more of each is better; none if it looks at one.
    """

    metric: str | None = None
    maximize: bool | None = None
    guessed: bool = False
    parameters: frozenset[str] = field(default=frozenset(), compare=False)
    goals: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def said(cls, facts: Mapping[str, Any]) -> Objective:
        """What ``search.json`` says of it; of several metrics that a strategy looks at, the first."""
        metric, maximize = facts.get("metric"), facts.get("maximize")
        goals = _goals_of(facts)
        if metric is None and goals:
            metric, maximize = goals[0]
        return cls(
            metric if isinstance(metric, str) else None,
            maximize if isinstance(maximize, bool) else None,
            parameters=_names_of(facts.get("parameters")),
            goals=goals,
        )

    def of(self, metrics: Mapping[str, float]) -> Objective:
        """The same with nothing left open, for runs with such metrics."""
        metric = self._name(metrics)
        if self.maximize is not None:
            return Objective(metric, self.maximize, goals=self.goals)
        known = higher_is_better(metric)
        return Objective(metric, known is not False, guessed=bool(metric) and known is None, goals=self.goals)

    def _name(self, metrics: Iterable[str]) -> str:
        """The metric as these metrics spell it; "" if nobody said one, and none of them is a result."""
        if self.metric is None:
            return first_metric(metrics, self.parameters)
        return spelled(self.metric, metrics) or self.metric

    def choices(self, metrics: Iterable[str]) -> Sequence[str]:
        """The metrics of a run between which somebody has to choose; none if it is clear which one counts."""
        names = tuple(metrics)
        is_open = self.metric is None and self.maximize is None and is_unclear(names, self.parameters)
        return candidates(names, self.parameters) if is_open else ()

    def misses(self, metrics: Collection[str]) -> bool:
        """Whether a run with such metrics, final or reported, has nothing to be compared by."""
        return spelled(self.metric, metrics) is None if self.metric else not metrics

    def caveat(self, metrics: Iterable[str]) -> str:
        """What is to know of a comparison of runs with such metrics, in a sentence; "" where nothing is left open.

        It is asked of an objective that ``of`` has given.
        """
        if self.guessed:
            return f"The highest {self.metric} counts as the best: if lower is better, say so by --minimize."
        names = list(dict.fromkeys(metrics))
        if self.metric or not names:
            return ""
        return (
            f"The runs have only metrics of the test set ({listed(names)}), and are not compared by those unless you "
            f"say so: --metric {names[0]}."
        )

    def sign(self, metric: str) -> int:
        """1 where more of a metric is better, else -1."""
        return 1 if Objective(metric, self.maximize).of({}).maximize else -1

    def value(self, metrics: Mapping[str, float]) -> tuple[str, float | None]:
        """The metric's name and its value in some metrics."""
        metric = self._name(metrics)
        return metric, metrics.get(metric)

    def rank(self, record: Record | None, index: int) -> Rank:
        """A key that sorts runs best first, by the metrics of their records (see ``at_best``); no metric comes last."""
        metrics = record.metrics if record and record.is_done else {}
        metric, value = self.value(metrics)
        if not is_finite(value):
            return True, 0.0, (), index
        return False, -self.sign(metric) * value, self.beside(metrics), index

    def beside(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """A key that sorts those of equal value: their other metrics in order, the better the lower the key."""
        signs = ((metrics[name], -1 if higher_is_better(name) else 1) for name in self.others(metrics))
        return tuple(sign * value if is_finite(value) else math.inf for value, sign in signs)

    def others(self, metrics: Iterable[str]) -> list[str]:
        """The other metrics by which a run can be better: their names say which way; none is of the test set."""
        chosen = self._name(metrics)
        results = (name for name in metrics if name != chosen and is_result(name) and not is_of_test(name))
        return [name for name in results if higher_is_better(name) is not None]

    def at_best(self, record: Record, reports: Sequence[Mapping[str, object]]) -> Record:
        """A run's record with the metrics of its best epoch, beside final ones that no epoch reports.

        That is the value of a run, wherever one is shown, compared or kept. The final metrics count as one more epoch,
        after all others. Several reports of one epoch, such as one of training and one of validation, are one.

        Args:
            record: with the final metrics.
            reports: what the run reported; may hold anything if a command wrote it.
        """
        metric = self._name(record.metrics)
        if self.metric and metric not in record.metrics:
            metric = self._name(name for report in reports for name in report)
        best = self.best_epoch([*reports, record.metrics], metric) if metric else None
        if best is None or best is record.metrics:
            return record
        found = _numbers(best)
        if "epoch" in best:
            for report in reports:
                if report is not best and report.get("epoch") == best["epoch"]:
                    found = _numbers(report) | found
        final = [name for name in record.metrics if name in found or not any(name in report for report in reports)]
        return replace(record, metrics={name: record.metrics[name] for name in final} | found)

    def best_epoch(self, epochs: Sequence[Mapping[str, Any]], metric: str) -> Mapping[str, Any] | None:
        """The report of a run in which the metric is best, the first of equals; None if no report has it."""
        sign = self.sign(metric)
        measured = [epoch for epoch in epochs if is_finite(epoch.get(metric))]
        return max(measured, key=lambda epoch: sign * epoch[metric], default=None)


def listed(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names if len(names) <= _MOST_NAMED + 1 else [*names[:_MOST_NAMED], "…"])


def _names_of(parameters: Any) -> frozenset[str]:
    """The names that metrics may have that only say what a run was given."""
    paths = parameters if isinstance(parameters, Mapping) else ()
    return frozenset(name for path in paths for name in (bare(path), bare(path.rpartition(".")[2])))


def _goals_of(facts: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """The metrics that the strategy of a search looks at together, and whether more of each is better."""
    strategy = facts.get("strategy")
    said = strategy.get("metrics") if isinstance(strategy, Mapping) else None
    return tuple((name, direction == "max") for name, direction in said.items()) if isinstance(said, Mapping) else ()


def mean_of(values: Sequence[float]) -> float:
    """The mean of some numbers, at least one; exact to the last bit, unless their sum is too large for a number."""
    try:
        return math.fsum(values) / len(values)
    except (OverflowError, ValueError):  # the sum is too large; or there are infinities of both signs
        return sum(value / len(values) for value in values)


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a report, which may be nan or infinite; no integer beyond all floats, and nothing else."""
    return {name: value for name, value in report.items() if is_finite(value) or isinstance(value, float)}


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
