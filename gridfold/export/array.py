"""Results of a full grid as an array with a dimension for each parameter."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, from_record, render
from gridfold.export.typed import TypedColumn, typed
from gridfold.records.objective import Objective
from gridfold.records.table import ABSENT, Column, Row, Table
from gridfold.records.trials import compare
from gridfold.runs.store import Store

if TYPE_CHECKING:
    from xarray import Dataset

_SHOWN = 3
_MOST_CELLS = 10_000_000
_REPLICATES = ("repeat", "fold")


def to_xarray(
    *searches: str | os.PathLike[str],
    metric: str | None = None,
    maximize: bool | None = None,
    fill: bool = False,
    runs_dir: str | os.PathLike[str] = "runs",
) -> Dataset:
    """The results of a full grid as an xarray Dataset: a dimension for each parameter, for repeats and for folds.

    For example::

        found = gridfold.to_xarray("demo_212845")
        found.val_f1.mean("repeat").sel(learning_rate=0.1)

    Each metric is a variable, that of a run's best epoch by the metric to compare by; it is nan where a run has none,
    and ``state`` says why. ``seconds`` is another one. Coordinates are the values of the parameters, in the order of
    the search; values that a coordinate cannot tell apart, such as lists, or 1 and 1.0, are texts of JSON. Parameters
    that are linked share the dimension of the first. Runs on fresh seeds (``gridfold confirm``) are left out. Of
    several searches that have runs of the same values, ``search`` is a dimension, too.

    Args:
        searches: names or directories of searches; none for the last one.
        metric: what to compare by; None for ``gridfold.metric`` of the config, else the first that a run has.
        maximize: whether more of it is better; None to tell by its name.
        fill: whether combinations may be missing, as those that ``exclude`` leaves out: they are nan.
        runs_dir: the folder of searches and runs.

    Raises:
        ConfigError: combinations are missing, there is no such search, no run has such a metric, or xarray is not
            installed.
    """
    try:
        xarray = import_module("xarray")
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs the package {error.name}", hint='pip install "gridfold[xarray]"') from None
    names = [os.fspath(search) for search in searches] or ["last"]
    table = Table.of(compare(Store(runs_dir), names, Objective(metric, maximize)), by_run=True)
    grid = _Grid.of(table)
    grid.check(fill=fill)
    objective = table.results.objective
    said = {
        "searches": ", ".join(table.results.names.values()),
        "metric": objective.metric or "",
        "maximize": int(bool(objective.maximize)),  # so that any file of NetCDF holds it
    }
    return xarray.Dataset(grid.variables, grid.coordinates, said)


@dataclass(frozen=True)
class _Axis:
    """A dimension: columns that vary together, and which of its places each row has."""

    columns: Sequence[Column]
    places: Sequence[int]
    rows: Sequence[Row]

    @classmethod
    def of(cls, column: Column, rows: Sequence[Row], order: Mapping[str, int]) -> _Axis:
        """The dimension of a column, in an order of its values as far as it is known.

        Raises:
            ConfigError: a row has no value.
        """
        first: dict[str, Row] = {}
        texts = []
        for row in rows:
            value = column.value(row)
            if value is ABSENT:
                problem = f"is no grid: run {row.index} has no {column.name}"
                raise ConfigError(problem, where=row.search, hint="gridfold.results() has a row for each trial")
            texts.append(canonical(value))
            first.setdefault(texts[-1], row)
        places = {text: place for place, text in enumerate(sorted(first, key=lambda text: order.get(text, len(order))))}
        return cls((column,), [places[text] for text in texts], [first[text] for text in places])

    @property
    def name(self) -> str:
        """What the dimension is called."""
        return self.columns[0].name

    @property
    def size(self) -> int:
        """How many values it has."""
        return len(self.rows)

    def value(self, place: int) -> str:
        """What it has at a place, in words."""
        return ", ".join(f"{column.label} {render(column.value(self.rows[place]))}" for column in self.columns)


@dataclass(frozen=True)
class _Grid:
    """Runs by what tells them apart.

    Attributes:
        axes: the dimensions.
        rows: the runs.
        metrics: the columns of metrics.
    """

    axes: Sequence[_Axis]
    rows: Sequence[Row]
    metrics: Sequence[Column]

    @classmethod
    def of(cls, table: Table) -> _Grid:
        """The runs of a table that do not confirm, in the order of their index."""
        rows = sorted((row for row in table.rows if not (row.replicate and row.replicate[2])), key=_order(table))
        columns = [column for column in table.columns if column.kind == "parameter"]
        columns += [column for column in table.columns if column.kind == "fact" and column.name in _REPLICATES]
        metrics = [column for column in table.columns if column.kind == "metric"]
        found = cls(_axes(columns, rows, table), rows, metrics)
        if len(found.cells) == len(rows):
            return found
        return cls(_axes([table.column("search"), *columns], rows, table), rows, metrics)

    @cached_property
    def cells(self) -> Mapping[tuple[int, ...], Row]:
        """The runs, by their places on all axes."""
        places = zip(*(axis.places for axis in self.axes), strict=True) if self.axes else [() for _ in self.rows]
        return dict(zip(places, self.rows, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each dimension has."""
        return tuple(axis.size for axis in self.axes)

    def check(self, *, fill: bool) -> None:
        """Whether all combinations are there.

        Raises:
            ConfigError: some are not; says which.
        """
        size = math.prod(self.shape)
        if size == len(self.cells) or (fill and size <= _MOST_CELLS):
            return
        missing = (cell for cell in product(*map(range, self.shape)) if cell not in self.cells)
        few = [
            "; ".join(axis.value(place) for axis, place in zip(self.axes, cell, strict=True))
            for cell in islice(missing, _SHOWN)
        ]
        more = f"\n  and {size - len(self.cells) - _SHOWN:,} more" if size - len(self.cells) > _SHOWN else ""
        hint = "to have nan there: fill=True" if size <= _MOST_CELLS else "gridfold.results() has a row for each trial"
        raise ConfigError(
            f"is no full grid: {size - len(self.cells):,} of {size:,} combinations are missing",
            where=", ".join(dict.fromkeys(row.search for row in self.rows)),
            hint="\n".join([*(f"  {each}" for each in few)]) + f"{more}\n{hint}",
        )

    @property
    def coordinates(self) -> dict[str, tuple[str, Any]]:
        """The values on each dimension."""
        found = ((axis, column) for axis in self.axes for column in axis.columns)
        return {column.name: (axis.name, _coordinate(column, axis.rows)) for axis, column in found}

    @property
    def variables(self) -> dict[str, tuple[list[str], Any]]:
        """The metrics, the state and the seconds of each run."""
        import numpy as np

        names = [axis.name for axis in self.axes]
        places = [self._place(cell) for cell in self.cells]
        found: dict[str, tuple[list[str], Any]] = {}
        for column in (*self.metrics, _SECONDS, _STATE):
            values = [column.value(row) for row in self.cells.values()]
            array = np.full(math.prod(self.shape), "" if column is _STATE else math.nan, dtype=object)
            array[places] = [math.nan if value is ABSENT or value is None else value for value in values]
            found[column.name] = names, array.astype(str if column is _STATE else float).reshape(self.shape)
        return found

    def _place(self, cell: Sequence[int]) -> int:
        """The place of a combination among all."""
        place = 0
        for size, each in zip(self.shape, cell, strict=True):
            place = place * size + each
        return place


_SECONDS = Column("seconds", "seconds", "fact", lambda row: row.seconds)
_STATE = Column("state", "state", "fact", lambda row: row.state)


def _order(table: Table) -> Any:
    places = {name: place for place, name in enumerate(table.results.names.values())}
    return lambda row: (places[row.search], row.index)


def _orders(table: Table) -> dict[str, dict[str, int]]:
    """The values of each parameter in the order in which its search lists them."""
    found: dict[str, dict[str, int]] = {}
    for search in table.results.searches:
        for path, values in (search.facts().get("parameters") or {}).items():
            known = found.setdefault(path, {})
            for value in values:
                known.setdefault(canonical(from_record(value)), len(known))
    return found


def _linked(table: Table) -> dict[str, str]:
    """The first path of those that are linked, for each of them."""
    links = [paths for search in table.results.searches for paths in search.facts().get("link") or ()]
    return {path: paths[0] for paths in links for path in paths}


def _axes(columns: Sequence[Column], rows: Sequence[Row], table: Table) -> list[_Axis]:
    """The dimensions: parameters that are linked, and whose values always come together, are one."""
    found: dict[object, _Axis] = {}
    orders, linked = _orders(table), _linked(table)
    for column in columns:
        axis = _Axis.of(column, rows, orders.get(column.path, {}))
        key = (linked[column.path], *axis.places) if column.path in linked else column.name
        if key in found:
            axis = _Axis((*found[key].columns, column), axis.places, axis.rows)
        found[key] = axis
    return list(found.values())


def _coordinate(column: Column, rows: Sequence[Row]) -> Any:
    """The values on a dimension, exactly, or as texts where an index would not tell them apart."""
    import numpy as np

    (found, *_) = typed([column], rows)
    if found.kind in ("mixed", "texts"):
        return np.array(["null" if text is None else text for text in found.as_texts])
    if found.has_nothing:
        return _objects(found)
    return np.array(found.values, dtype=str if found.kind == "text" else None)


def _objects(column: TypedColumn) -> Any:
    import numpy as np

    array = np.empty(len(column.values), dtype=object)
    array[:] = column.values
    return array
