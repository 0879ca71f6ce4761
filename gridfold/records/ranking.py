"""Which of two runs is the better one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from gridfold.run import Record

_LOWER_IS_BETTER = frozenset(["loss", "error", "err", "perplexity", "ppl", "nll", "mae", "mse", "rmse", "wer", "cer"])


@dataclass(frozen=True)
class Objective:
    """What runs are compared by.

    Attributes:
        metric: its name; None for the first metric that a run has, those of the test set left out.
        maximize: whether more of it is better; None to tell by the metric's name.
    """

    metric: str | None = None
    maximize: bool | None = None

    @classmethod
    def said(cls, facts: Mapping[str, Any]) -> Objective:
        """What ``search.json`` says of it."""
        metric, maximize = facts.get("metric"), facts.get("maximize")
        return cls(metric if isinstance(metric, str) else None, maximize if isinstance(maximize, bool) else None)

    def of(self, metrics: Mapping[str, float]) -> Objective:
        """The same with nothing left open, for runs with such metrics."""
        metric = self.metric or first_metric(metrics)
        maximize = not lower_is_better(metric) if self.maximize is None else self.maximize
        return Objective(metric, maximize)

    def sign(self, metric: str) -> int:
        """1 where more of a metric is better, else -1."""
        return 1 if Objective(metric, self.maximize).of({}).maximize else -1

    def value(self, metrics: Mapping[str, float]) -> tuple[str, float | None]:
        """The metric's name and its value in some metrics."""
        metric = self.metric or first_metric(metrics)
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
        metric = self.metric or first_metric(record.metrics)
        best = self.best_epoch([*reports, record.metrics], metric) if metric else None
        found = {name: value for name, value in (best or {}).items() if is_finite(value) or isinstance(value, float)}
        return replace(record, metrics={**record.metrics, **found})

    def best_epoch(self, epochs: Sequence[Mapping[str, Any]], metric: str) -> Mapping[str, Any] | None:
        """The report of a run in which the metric is best, the first of equals; None if no report has it."""
        sign = self.sign(metric)
        measured = [epoch for epoch in epochs if is_finite(epoch.get(metric))]
        return max(measured, key=lambda epoch: sign * epoch[metric], default=None)


def lower_is_better(metric: str) -> bool:
    """Whether a metric of this name gets better by getting smaller."""
    return not _LOWER_IS_BETTER.isdisjoint(re.split(r"[^a-z]+", metric.lower()))


def first_metric(metrics: Iterable[str]) -> str:
    """The metric to compare by where none is said; "" if there is none."""
    return next((name for name in metrics if not is_of_test(name)), "")


def is_of_test(metric: str) -> bool:
    """Whether a metric is one of the test set, which is looked at for the run that was chosen, and not to choose."""
    return metric.startswith("test")


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether it is a finite number."""
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max
