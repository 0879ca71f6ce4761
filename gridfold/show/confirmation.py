"""The best two trials on fresh seeds, beside what they were chosen by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Column, Table

from gridfold.analysis.next_values import text
from gridfold.core.values import render
from gridfold.records.numbers import alike, number
from gridfold.records.trials import Results, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.search.pending import Pending


def confirming(chosen: Sequence[TrialResult], pending: Pending) -> str:
    """What is about to be trained, as markup."""
    which = " and ".join(_named(trial) for trial in chosen)
    return escape(f"To train on fresh seeds: {which}; {len(pending)} runs")


def confirmation(chosen: Sequence[TrialResult], results: Results) -> Table:
    """The means of some trials on fresh seeds, beside those by which they were chosen.

    Args:
        chosen: the trials as they were compared, the best first.
        results: those of the search now, with the fresh seeds.
    """
    metric = results.objective.metric
    table = Table(Column("", justify="left"), title=escape(f"Mean {metric}"), title_justify="left", title_style="bold")
    for heading in ("when chosen", "runs", "on fresh seeds", "runs", "difference"):
        table.add_column(heading, justify="right")
    now = {render(dict(trial.params)): trial for trial in results.trials}
    fresh = [_fresh(now[render(dict(trial.params))]) for trial in chosen]
    for trial, values in zip(chosen, fresh, strict=True):
        before, after = trial.mean, _mean(values)
        differ = "" if before is None or after is None else alike(after - before, number(before))
        cells = [number(before), f"{len(trial.values)}", number(after), f"{len(values)}", differ]
        table.add_row(*map(escape, [_named(trial), *cells]))
    return table


def _fresh(trial: TrialResult) -> list[float]:
    return [run.value for run in trial.confirming if run.value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _named(trial: TrialResult) -> str:
    labels = label_parameters(list(trial.params))
    values = zip(labels, trial.params.values(), strict=True)
    return ", ".join(f"{label} {text(value)}" for label, value in values) or "the one combination"
