"""Results as a pandas DataFrame."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from gridfold.core.errors import ConfigError, nearest
from gridfold.export.typed import TypedColumn, typed
from gridfold.records.objective import Objective
from gridfold.records.table import Column, Row, Table
from gridfold.records.trials import compare
from gridfold.runs.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame


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

    Each has one type by all its values: metrics are floats; parameters ``int64`` (``Int64`` if some are missing),
    ``float64``, ``bool``, ``str``, or ``object`` with the values themselves. Where some trials lack a parameter that is
    None in others, ``<parameter>_missing`` tells which.

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


def frame_of(columns: Sequence[Column], rows: Sequence[Row]) -> DataFrame:
    """Rows as a DataFrame, in which each value stays what it is.

    Raises:
        ConfigError: pandas is not installed.
    """
    pandas = _package("pandas")
    return pandas.DataFrame({column.name: _series(pandas, column) for column in typed(columns, rows)})


def parquet(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """Rows as a Parquet file; columns of mixed values are texts of JSON, or of YAML where JSON cannot hold a value.

    Raises:
        ConfigError: pandas or pyarrow is not installed.
    """
    pandas, arrow, files = map(_package, ("pandas", "pyarrow", "pyarrow.parquet"))
    found = list(typed(columns, rows))
    frame = pandas.DataFrame({column.name: _plain_series(pandas, column) for column in found})
    types = {
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
        "texts": arrow.list_(arrow.string()),
    }
    schema = arrow.schema([(column.name, types.get(column.kind, arrow.string())) for column in found])
    content = io.BytesIO()
    files.write_table(arrow.Table.from_pandas(frame, schema, preserve_index=False), content)
    return content.getvalue()


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs the package {error.name}", hint='pip install "gridfold[report]"') from None


def _series(pandas: Any, column: TypedColumn) -> Any:
    """A column as pandas has it, where nan is what is not there."""
    values, kind = column.values, column.kind
    if kind == "integer":
        return pandas.array(values, dtype="Int64") if column.has_nothing else pandas.Series(values, dtype="int64")
    if kind == "number" and not (column.is_parameter and column.has_nothing and column.has_nan):
        return pandas.Series(values, dtype="float64")
    is_plain = (kind == "text" and any(value is not None for value in values)) or (
        kind == "boolean" and not column.has_nothing
    )
    return pandas.Series(values, dtype=None if is_plain else object)


def _plain_series(pandas: Any, column: TypedColumn) -> Any:
    """A column that Arrow takes: nan is not what is not there."""
    if column.kind == "mixed":
        return pandas.Series(column.as_texts, dtype=object)
    if not column.has_nan:
        return _series(pandas, column)
    missing = pandas.Series([value is None for value in column.values], dtype=bool).to_numpy()
    numbers = pandas.Series([0.0 if value is None else value for value in column.values], dtype="float64").to_numpy()
    return pandas.arrays.FloatingArray(numbers, missing)
