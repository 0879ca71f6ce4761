"""Results as a pandas DataFrame."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from gridfold.errors import ConfigError, nearest
from gridfold.records.ranking import Objective, is_finite
from gridfold.records.result import compare
from gridfold.records.rows import ABSENT, Column, Row, Rows
from gridfold.store import Store

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
    rows = Rows.of(compare(Store(runs_dir), names, Objective(metric, maximize)), by_run=by == "run")
    return frame_of(rows.columns, rows.rows)


def frame_of(columns: Sequence[Column], rows: Sequence[Row], *, plain: bool = False) -> DataFrame:
    """Rows as a DataFrame.

    Args:
        columns: its columns.
        rows: its rows.
        plain: with values of one plain kind in each column, for formats that need it; others become JSON texts.

    Raises:
        ConfigError: pandas is not installed, or with ``plain``, pyarrow.
    """
    try:
        pandas = import_module("pandas")
        if plain:
            import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs the package {error.name}", hint='pip install "gridfold[report]"') from None
    data = {}
    for column in columns:
        values = [None if (value := column.value(row)) is ABSENT else value for row in rows]
        data[column.name] = _series(pandas, _plain(values) if plain else values)
    return pandas.DataFrame(data)


def _series(pandas: Any, values: list[Any]) -> Any:
    """A column; integers stay integers although some are not there."""
    present = [value for value in values if value is not None]
    if len(present) < len(values) and _are(present, (int,)) and all(-_INT64 <= value < _INT64 for value in present):
        return pandas.array(values, dtype="Int64")
    return pandas.Series(values, dtype=None if present else object)


def _plain(values: list[Any]) -> list[Any]:
    present = [value for value in values if value is not None]
    if _are(present, (int,)) and all(-_INT64 <= value < _INT64 for value in present):
        return values
    if any(_are(present, kinds) for kinds in ((bool,), (float,), (str,))):
        return values
    if _are(present, (int, float)) and all(isinstance(value, float) or is_finite(value) for value in present):
        return [None if value is None else float(value) for value in values]
    return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]


def _are(values: list[Any], kinds: tuple[Callable[..., Any], ...]) -> bool:
    """Whether there are values, and all are of these very kinds: ``True`` is no integer here."""
    return bool(values) and all(type(value) in kinds for value in values)
