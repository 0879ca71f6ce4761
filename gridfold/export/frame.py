"""Results as a pandas DataFrame."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, is_json, render
from gridfold.records.objective import Objective, is_finite
from gridfold.records.table import ABSENT, Column, Row, Table
from gridfold.records.trials import compare
from gridfold.runs.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

_INT64 = 2**63


def results(
    *searches: str | os.PathLike[str],
    metric: str | None = None,
    maximize: bool | None = None,
    by: Literal["trial", "run"] = "trial",
    runs_dir: str | os.PathLike[str] = "runs",
) -> DataFrame:
    """The results of one search or several as a pandas DataFrame, the best first, failed runs too.

    For example::

        table = gridfold.results("demo_212845")
        table.groupby("training.learning_rate")["val_f1"].mean()

    Its columns:

    - ``search``, and ``index``, the number of the run, or of the trial's first run;
    - what varies, by its dotted path; a parameter that varies in one of the searches only has, in the others, the value
      that it is fixed to there;
    - the metrics of a run's best epoch by the metric to compare by, beside final ones that no epoch reports; of a trial
      their means over the completed runs, and ``<metric>_std``, the sample standard deviations, where trials have
      repeats;
    - ``n``, how many runs are in the means; ``state``; ``seconds``, of a trial the mean of its completed runs;
    - ``runs``, the names of the run directories, or ``run``; and ``error``, what went wrong first.

    Args:
        searches: names or directories of searches; none for the last one.
        metric: what to compare by; None for ``gridfold.metric`` of the config, else the first that a run has.
        maximize: whether more of it is better; None to tell by its name.
        by: a row for each ``trial``, with all its repeats, or for each ``run``.
        runs_dir: the folder of searches and runs.

    Raises:
        ConfigError: there is no such search, no run has such a metric, or pandas is not installed.
    """
    if by not in ("trial", "run"):
        raise ConfigError(f"by is {by!r:.40}", hint=nearest(str(by), ("trial", "run")))
    names = [os.fspath(search) for search in searches] or ["last"]
    table = Table.of(compare(Store(runs_dir), names, Objective(metric, maximize)), by_run=by == "run")
    return frame_of(table.columns, table.rows)


def frame_of(columns: Sequence[Column], rows: Sequence[Row], *, plain: bool = False) -> DataFrame:
    """Rows as a DataFrame.

    Args:
        columns: its columns.
        rows: its rows.
        plain: with values of one plain kind in each column, for formats that need it; others become texts.

    Raises:
        ConfigError: pandas is not installed, or with ``plain``, pyarrow.
    """
    try:
        pandas = import_module("pandas")
        if plain:
            import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs the package {error.name}", hint='pip install "gridfold[report]"') from None
    make = _plain_series if plain else _series
    found = ((each, [None if (value := each.value(row)) is ABSENT else value for row in rows]) for each in columns)
    return pandas.DataFrame({column.name: make(pandas, column, values) for column, values in found})


def _series(pandas: Any, column: Column, values: list[Any]) -> Any:
    """A column in which each value stays what it is; pandas has nan for what is not there."""
    kind, missing = _kind(column, values), any(value is None for value in values)
    if kind is int:  # integers, although some are not there
        return pandas.array(values, dtype="Int64") if missing else pandas.Series(values, dtype="int64")
    if kind is float and not (column.kind == "parameter" and missing and any(map(_is_nan, values))):
        return pandas.Series([None if value is None else float(value) for value in values], dtype="float64")
    return pandas.Series(values, dtype=None if kind is str or (kind is bool and not missing) else object)


def _plain_series(pandas: Any, column: Column, values: list[Any]) -> Any:
    """A column of one plain kind; what has several is texts of JSON, or of YAML where JSON cannot hold a value."""
    kind = _kind(column, values)
    if kind is float and any(map(_is_nan, values)):  # and nan is not what is not there
        missing = pandas.Series([value is None for value in values], dtype=bool).to_numpy()
        numbers = pandas.Series(
            [0.0 if value is None else float(value) for value in values], dtype="float64"
        ).to_numpy()
        return pandas.arrays.FloatingArray(numbers, missing)
    if kind is object:
        return pandas.Series([None if value is None else _text(value) for value in values], dtype=object)
    return _series(pandas, column, values)


def _kind(column: Column, values: list[Any]) -> type:
    """The one type of a column, by all its values; ``object`` if it needs several."""
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if kinds == {int}:
        return int if all(-_INT64 <= value < _INT64 for value in present) else object
    if kinds == {int, float}:
        return float if _are_as_floats(column, present) else object
    return kinds.pop() if len(kinds) == 1 and kinds <= {float, bool, str} else object


def _are_as_floats(column: Column, values: list[int | float]) -> bool:
    """Whether integers can stand among floats: none is rounded, and of a parameter no two become one, as 1 and 1.0."""
    if column.kind != "parameter":
        return all(isinstance(value, float) or is_finite(value) for value in values)
    if any(isinstance(value, int) and (not is_finite(value) or float(value) != value) for value in values):
        return False
    return len(set(map(canonical, values))) == len({canonical(float(value)) for value in values})


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if is_json(value) else render(value)
