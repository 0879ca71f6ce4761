"""The columns of the live table, which are found one after another, and the row of a run in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gridfold.core.errors import visible
from gridfold.records.numbers import value_text
from gridfold.records.objective import is_finite
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import label_parameters
from gridfold.trainers.metrics.names import is_of_test

FACTS = ("state", "seconds", "step", "value")
_REPLICATES = ("repeat", "fold", "confirms")
_MOST_METRICS = 12
_MOST_LETTERS = 60
_EXACT = 2**53  # beyond it a browser does not tell integers apart

Cells = tuple[tuple[int, Any], ...]
"""Some cells of a row: the places of their columns, and what is in them."""


class Columns:
    """The columns, in the order in which they were found: those that are there stay where they are.

    The first are the facts of a run. Metrics of the test set have none, as in all tables.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], int] = {("fact", name): place for place, name in enumerate(FACTS)}
        self._metrics = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._places)

    def document(self, metric: str) -> list[dict[str, str]]:
        """Their names, labels and kinds; the value of a run is called by the metric."""
        paths = [name for kind, name in self._places if kind == "parameter"]
        labels = dict(zip(paths, label_parameters(paths), strict=True))
        return [
            {
                "name": name,
                "label": visible(metric or name if name == "value" else labels.get(name, name)),
                "kind": kind,
            }
            for kind, name in self._places
        ]

    def see_entry(self, entry: RunEntry) -> None:
        """Have a column for all that tells a run from others."""
        for path in entry.params:
            self._place("parameter", path)
        for name in _REPLICATES if entry.is_repeat else ():
            if getattr(entry, name) not in (None, False):
                self._place("fact", name)

    def entry_cells(self, entry: RunEntry) -> Cells:
        """What of a run's row does not change, by columns."""
        self.see_entry(entry)
        cells = [
            (self._place("parameter", path), value_text(value, _MOST_LETTERS)) for path, value in entry.params.items()
        ]
        said = ((name, getattr(entry, name)) for name in _REPLICATES if ("fact", name) in self._places)
        cells += [(self._place("fact", name), value) for name, value in said]
        return tuple(cells)

    def metric_cells(self, metrics: Mapping[str, float], metric: str) -> Cells:
        """The other metrics of a run, by columns."""
        names = (name for name in metrics if name != metric and not is_of_test(name))
        return tuple((place, said(metrics[name])) for name in names if (place := self._metric(name)) is not None)

    def row(self, facts: Iterable[Any], *cells: Cells) -> list[Any]:
        """The row of a run; what is missing at its end is not there."""
        row = [*facts, *([None] * (self.count - len(FACTS)))]
        for each in cells:
            for place, value in each:
                row[place] = value
        while row[-1] is None and len(row) > len(FACTS):
            row.pop()
        return row

    def _metric(self, name: str) -> int | None:
        if ("metric", name) not in self._places:
            if self._metrics == _MOST_METRICS:
                return None
            self._metrics += 1
        return self._place("metric", name)

    def _place(self, kind: str, name: str) -> int:
        return self._places.setdefault((kind, name), len(self._places))


def said(value: float | None) -> float | str | None:
    """A number as a page reads it from JSON: a text if it is none that JSON and a browser can hold."""
    if value is None or (is_finite(value) and (isinstance(value, float) or abs(value) < _EXACT)):
        return value
    return str(value)
