"""Where the metric is how good, and where runs fail: by values of a parameter, or by pairs of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridfold.analysis.effects import Model
from gridfold.analysis.factors import Factor, binned, distinct, scale_of
from gridfold.core.values import canonical
from gridfold.records.trials import Results, RunResult


@dataclass(frozen=True)
class Heatmap:
    """A pair of parameters, and the metric at each pair of values; None where no trial has it.

    Attributes:
        paths: the parameters.
        rows: the values of the first; of numbers that hardly repeat, parts of their range, each as ``[from, to]``.
        columns: likewise of the second.
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
        value: a value of it; or a part of its range, as ``[from, to]``.
        failed: how many of its runs failed.
        of: how many of its runs have ended.
    """

    path: str
    value: Any
    failed: int
    of: int


def heatmaps(model: Model, *, maximize: bool) -> tuple[Heatmap, ...]:
    """The metric at each pair of values of two parameters, over the others: the mean, and the best."""
    import numpy as np

    best = np.max if maximize else np.min
    together = (pair for pair in itertools.combinations(model.factors, 2) if _are_crossed(*pair))
    return tuple(_heatmap(model, *pair, best) for pair in together)


def _are_crossed(one: Factor, other: Factor) -> bool:
    """Whether values of both come together in several ways; not so for a branch and what is only in it."""
    both = one.has & other.has
    return min(len(set(factor.codes[both].tolist())) for factor in (one, other)) > 1


def regions(results: Results) -> tuple[FailureRegion, ...]:
    """The values with which runs fail, or give no finite number; those first that exceed the others the most."""
    ended = [run for trial in results.trials for run in trial.runs if run.is_done or run.state == "failed"]
    if not ended:
        return ()
    usual = sum(map(_failed, ended)) / len(ended)
    found = [each for path in results.paths for each in _regions(path, ended) if each.failed]
    return tuple(sorted(found, key=lambda each: usual - each.failed / each.of))


def _regions(path: str, ended: Sequence[RunResult]) -> list[FailureRegion]:
    """What came of the runs with each value of a parameter; nothing if they have one in common."""
    runs = [run for run in ended if path in run.entry.params]
    values = distinct(run.entry.params[path] for run in runs)
    if len(values) < 2:
        return []
    scale = scale_of(values, len(runs))
    shown, places = binned(values, scale) if scale else (values, range(len(values)))
    place_of = dict(zip(map(canonical, values), places, strict=True))
    failed: dict[int, list[bool]] = {}
    for run in runs:
        failed.setdefault(place_of[canonical(run.entry.params[path])], []).append(_failed(run))
    return [FailureRegion(path, shown[place], sum(found), len(found)) for place, found in failed.items()]


def _failed(run: RunResult) -> bool:
    return run.value is None


def _places(values: Sequence[Any], taken: Sequence[Any]) -> list[int]:
    known = {canonical(value): place for place, value in enumerate(values)}
    return [known[canonical(value)] for value in taken]


def _heatmap(model: Model, one: Factor, other: Factor, best: Any) -> Heatmap:
    (rows, row_of), (columns, column_of) = one.cells, other.cells
    cells = [
        [model.means[(row_of == row) & (column_of == column)] for column in range(len(columns))]
        for row in range(len(rows))
    ]
    mean, top = (
        tuple(tuple(float(over(cell)) if len(cell) else None for cell in row) for row in cells)
        for over in (lambda cell: cell.mean(), best)
    )
    return Heatmap((one.paths[0], other.paths[0]), rows, columns, mean, top)
