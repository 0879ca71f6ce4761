"""A table of results, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact
from gridfold.records.best import remarks
from gridfold.records.objective import Objective
from gridfold.records.selection import Selection
from gridfold.records.table import ABSENT, Column, Row, Table, differing
from gridfold.records.trials import compared
from gridfold.runs.search import SearchDirectory


def document(
    searches: Sequence[SearchDirectory],
    said: Objective = Objective(),  # noqa: B008
    selection: Selection = Selection(),  # noqa: B008
    *,
    by_run: bool = False,
    count: int | None = None,
) -> dict[str, Any]:
    """The trials of some searches, the best first.

    Metrics of the test set are there only if a column is named: to look at them for all trials is a way to choose.

    Args:
        searches: where they are.
        said: what to compare by; for what it leaves open counts what the searches say.
        selection: which rows, in which order, with which columns.
        by_run: a row for each run.
        count: how many rows at most; None for all.

    Raises:
        ConfigError: no run has such a metric, there is no such column, or the condition cannot be read.
    """
    results = compared(searches, said)
    table = Table.of(results, by_run=by_run)
    table, asked = selection.of(table, table.columns)
    columns = asked or table.shown
    return new(
        "results/1",
        searches=list(results.names.values()),
        metric=results.objective.metric or None,
        maximize=results.objective.maximize if results.objective.metric else None,
        by="run" if by_run else "trial",
        total=len(table.rows),
        columns=[each.name for each in columns],
        rows=[_row(columns, row) for row in table.rows[:count]],
        remarks=[*differing(results), *remarks(results)],
    )


_PLACES = {"parameter": "params", "metric": "metrics", "deviation": "stds"}


def _row(columns: Sequence[Column], row: Row) -> dict[str, Any]:
    """What a row has, of the columns that are asked for: what it lacks is not there, and null is a value."""
    said: dict[str, Any] = {place: {} for place in _PLACES.values()}
    for column in columns:
        value = column.value(row)
        if value is ABSENT:
            continue
        if column.kind == "fact":
            said[column.name] = value
        else:
            said[_PLACES[column.kind]][column.path or column.metric] = (
                exact(value) if column.kind == "parameter" else value
            )
    return said
