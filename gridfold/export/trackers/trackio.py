"""Trackio: each search as a project of its database, which its dashboard shows.

Written by its own storage, not by ``trackio.init``: that takes the moment of writing for the moment of the report,
measures the machine, prints, and would log a report twice that it is told of twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import digest
from gridfold.export.trackers.nested import NestedConfig
from gridfold.export.trackers.opening import command
from gridfold.export.trackers.protocol import Point, RunNews, SearchFacts

if find_spec("trackio") is None:  # it is imported once its folder is known
    raise ModuleNotFoundError("No module named 'trackio'", name="trackio")

_FOLDER = "trackio"
_VARIABLE = "TRACKIO_DIR"
_OF_TRACKIO = ("project", "run", "timestamp", "step", "time", "metrics")
_LARGEST = 2**63
_READ_AS_NUMBERS = ("NaN", "Infinity", "-Infinity")


class Trackio:
    """Writes runs for Trackio.

    Args:
        folder: of its databases; None for ``TRACKIO_DIR``, or else ``trackio`` in the folder of the runs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def begin(self, search: SearchFacts) -> None:
        """See `Tracker`."""
        self._search = search
        self._dir = self._folder or Path(os.environ.get(_VARIABLE) or search.dir.parent / _FOLDER)
        self._dir.mkdir(parents=True, exist_ok=True)
        self._storage = _storage_in(self._dir)
        self._storage.validate_project_name(search.name)  # it has names for files of its own
        self._configs = NestedConfig(search.parameters, lambda text: text not in _READ_AS_NUMBERS)
        self._seen: dict[int, Point] = {}  # of each run, the last step and all metrics that were reported

    def write(self, runs: Iterable[RunNews]) -> None:
        """See `Tracker`."""
        for run in runs:
            name, identity = run.name.removeprefix(f"{self._search.name}_"), digest(f"{self._search.id} {run.name}")
            if run.is_new:
                self._storage.delete_run(self._search.name, name, run_id=identity)
            points = list(self._points(run))
            self._storage.bulk_log(
                project=self._search.name,
                run=name,
                run_id=identity,
                metrics_list=list(map(_metrics, points)),
                steps=[point.number for point in points],
                timestamps=[_moment(point, run) for point in points],
                config=self._config(run),
            )

    def end(self) -> str:
        """See `Tracker`."""
        show = command("trackio", "show", "--project", self._search.name)
        return f"{_VARIABLE}={command(self._dir)} {show}"

    def _points(self, run: RunNews) -> Iterator[Point]:
        """What it reported, then what else it gave; at least one, for what is known of the run comes with it."""
        seen = Point(0, {}) if run.is_new else self._seen.get(run.index, Point(0, {}))
        for point in run.points:
            seen = Point(point.step, {**seen.metrics, **point.metrics}, number=point.number)
            yield point
        self._seen[run.index] = seen
        left = {name: value for name, value in run.metrics.items() if name not in seen.metrics}
        if left or not run.points:
            yield replace(seen, metrics=left)

    def _config(self, run: RunNews) -> dict[str, Any]:
        about: dict[str, Any] = {"run": run.name, "index": run.index, "repeat": run.repeat, "attempt": run.attempt}
        about |= {"state": run.state, "confirms": run.confirms}
        if run.fold is not None:
            about["fold"] = run.fold
        if run.error is not None:
            about["error"] = run.error
        if run.metrics:
            about["metrics"] = self._configs.of(run.metrics, {})
        return {**self._configs.of(run.config, run.params), "gridfold": about}


def _storage_in(folder: Path) -> Any:
    """Trackio's storage for a folder, which is chosen when trackio is imported.

    Raises:
        ConfigError: it was imported for another.
    """
    os.environ[_VARIABLE] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import TRACKIO_DIR

    if folder.resolve() != Path(TRACKIO_DIR).resolve():
        raise ConfigError(f"trackio is in use with another folder: {TRACKIO_DIR}", where=str(folder))
    return SQLiteStorage


def _metrics(point: Point) -> dict[str, float]:
    """What Trackio has of a report; its whole numbers have 64 bits."""
    return {
        _name(name): value if isinstance(value, float) or -_LARGEST <= value < 2 * _LARGEST else float(value)
        for name, value in point.metrics.items()
    }


def _name(name: str) -> str:
    """A metric as Trackio calls it, also where one is written through ``trackio.log``."""
    return f"__{name}" if name in _OF_TRACKIO or name.startswith("__") else name


def _moment(point: Point, run: RunNews) -> str:
    known = (moment for moment in (point.time, run.over, run.begun) if moment is not None)
    return datetime.fromtimestamp(next(known, time.time()), UTC).isoformat()
