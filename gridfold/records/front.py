"""Several metrics at once: the trials that no other is as good as in all of them, and better in one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridfold.records.objective import is_finite
from gridfold.records.trials import Results, TrialResult


def front(results: Results) -> list[TrialResult]:
    """The trials on the Pareto front, best first by the metric to compare by; none if there is one metric only."""
    if not (wanted := dict(results.objective.goals)):
        return []
    found: list[tuple[tuple[float, ...], TrialResult]] = []
    costs = ((_cost(trial.metrics, wanted), place) for place, trial in enumerate(results.ranked))
    for cost, place in sorted((cost, place) for cost, place in costs if cost is not None):
        # What beats a trial comes before it, and is on the front or is beaten itself by what is.
        if not any(_beats(other, cost) for other, _ in found):
            found.append((cost, results.ranked[place]))
    return [trial for _, trial in found]


def said(results: Results) -> str:
    """How many trials are on the front, in a sentence; "" if there is one metric only."""
    if not (wanted := dict(results.objective.goals)):
        return ""
    names = [f"{name} ({'higher' if more else 'lower'} is better)" for name, more in wanted.items()]
    first, listed = next(iter(wanted)), " and ".join([", ".join(names[:-1]), names[-1]])
    ranked = f", ranked by {results.objective.metric}" if results.objective.metric == first else ""
    return f"{len(front(results)):,} of {len(results.trials):,} trials are on the Pareto front of {listed}{ranked}."


def _cost(metrics: Mapping[str, Any], wanted: Mapping[str, bool]) -> tuple[float, ...] | None:
    values = [(metrics.get(name), more) for name, more in wanted.items()]
    found = tuple(-value if more else value for value, more in values if is_finite(value))
    return found if len(found) == len(wanted) else None


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine <= its for mine, its in zip(one, other, strict=True))
