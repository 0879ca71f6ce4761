"""Which of two runs is the better one."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

from gridfold.run import Record
from gridfold.trainers.metric_names import bare, candidates, first_metric, higher_is_better, is_unclear

_MOST_NAMED = 3


@dataclass(frozen=True)
class Objective:
    """What runs are compared by.

    Attributes:
        metric: its name; None for the first metric that a run has and that is a result (see ``first_metric``).
        maximize: whether more of it is better; None to tell by the metric's name.
        guessed: whether nobody said so, and its name does not either.
        parameters: the names of the parameters, which are no results.
    """

    metric: str | None = None
    maximize: bool | None = None
    guessed: bool = False
    parameters: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def said(cls, facts: Mapping[str, Any]) -> Objective:
        """What ``search.json`` says of it."""
        metric, maximize = facts.get("metric"), facts.get("maximize")
        return cls(
            metric if isinstance(metric, str) else None,
            maximize if isinstance(maximize, bool) else None,
            parameters=_names_of(facts.get("parameters")),
        )

    def of(self, metrics: Mapping[str, float]) -> Objective:
        """The same with nothing left open, for runs with such metrics."""
        metric = self.metric or first_metric(metrics, self.parameters)
        if self.maximize is not None:
            return Objective(metric, self.maximize)
        known = higher_is_better(metric)
        return Objective(metric, known is not False, guessed=bool(metric) and known is None)

    def choices(self, metrics: Iterable[str]) -> Sequence[str]:
        """The metrics of a run between which somebody has to choose; none if it is clear which one counts."""
        names = tuple(metrics)
        is_open = self.metric is None and self.maximize is None and is_unclear(names, self.parameters)
        return candidates(names, self.parameters) if is_open else ()

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
        metric = self.metric or first_metric(metrics, self.parameters)
        return metric, metrics.get(metric)

    def rank(self, record: Record | None, index: int) -> tuple[bool, float, int]:
        """A key that sorts runs best first, by the metrics of their records (see ``at_best``); no metric comes last."""
        metric, value = self.value(record.metrics if record and record.state == "completed" else {})
        if not is_finite(value):
            return True, 0.0, index
        return False, -self.sign(metric) * value, index

    def at_best(self, record: Record, reports: Sequence[Mapping[str, object]]) -> Record:
        """A run's record with the metrics of its best epoch, beside final ones that it does not report.

        That is what runs are compared by, and what they keep their weights by. The final metrics count as one more
        epoch, after all others.

        Args:
            record: with the final metrics.
            reports: what the run reported; may hold anything if a command wrote it.
        """
        metric = self.metric or first_metric(record.metrics, self.parameters)
        best = self.best_epoch([*reports, record.metrics], metric) if metric else None
        found = {name: value for name, value in (best or {}).items() if is_finite(value) or isinstance(value, float)}
        return replace(record, metrics={**record.metrics, **found})

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


def mean_of(values: Sequence[float]) -> float:
    """The mean of some numbers, at least one; exact to the last bit, unless their sum is too large for a number."""
    try:
        return math.fsum(values) / len(values)
    except (OverflowError, ValueError):  # the sum is too large; or there are infinities of both signs
        return sum(value / len(values) for value in values)


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
