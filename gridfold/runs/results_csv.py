"""``results.csv``: a row for each run of a search."""

from __future__ import annotations

import csv
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

from gridfold.core.files import replacing
from gridfold.core.values import cell
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record


def write(path: Path, records: Callable[[], Iterable[tuple[RunEntry, Record | None]]]) -> None:
    """Write one row per run, failed and unfinished ones too.

    Args:
        path: of the file.
        records: gives the runs, and what their rows are to say. They are read twice, and never held.
    """
    metrics: dict[str, None] = {}
    params: dict[str, None] = {}
    repeated = False
    for entry, record in records():
        params |= dict.fromkeys(entry.params)
        metrics |= dict.fromkeys(record.metrics if record else ())
        repeated = repeated or entry.is_repeat
    which = ["repeat", "fold", "confirms"] if repeated else []
    taken = {"index", "run", *which, "state", "seconds", "error"}
    of_params = [free(path, "params", taken) for path in params]
    taken |= {*of_params}
    of_metrics = [free(name, "metrics", taken) for name in metrics]
    columns = ["index", "run", *of_params, *which, "state", *of_metrics, "seconds", "error"]
    with replacing(path) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for entry, record in records():
            writer.writerow(_row(entry, record, [*params], which, [*metrics]))


def free(name: str, prefix: str, taken: Container[str]) -> str:
    """The name of a column, or one with a prefix where it is taken."""
    while name in taken:
        name = f"{prefix}.{name}"
    return name


def _row(entry: RunEntry, record: Record | None, params: list[str], which: list[str], metrics: list[str]) -> list[Any]:
    values = [cell(entry.params[path]) if path in entry.params else None for path in params]
    values += [getattr(entry, name) for name in which]
    if record is None:
        return [entry.index, entry.run, *values, "created", *[None for _ in metrics], None, None]
    error = f"{record.error['type']}: {record.error['message']}" if record.error else None
    measured = [record.metrics.get(name) for name in metrics]
    return [entry.index, entry.run, *values, record.state, *measured, record.seconds, error]
