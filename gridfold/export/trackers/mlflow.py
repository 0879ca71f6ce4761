"""MLflow: a run for the search, and below it one for each of its runs.

What MLflow would change is written so that it cannot: names that it refuses get another, values of parameters are texts
and are whole in ``config.yaml``, an artifact; infinity, which it would bring back as 1.8e308, is a tag.
"""

from __future__ import annotations

import getpass
import logging
import math
import os
import posixpath
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from gridfold.core.errors import cut
from gridfold.core.values import canonical, digest, render, render_block
from gridfold.export.trackers.opening import command
from gridfold.export.trackers.protocol import RunNews, SearchFacts, seconds
from gridfold.export.trackers.values import kind_of

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before it is imported: nothing leaves the machine
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # whoever tracks asks again, and has said so

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

logging.getLogger("mlflow").setLevel(logging.WARNING)  # how it makes its tables is nobody's concern

_URI, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_MOST_VALUE, _MOST_TAG, _MOST_NAME = 5900, 5000, 200  # characters; more is cut, or refused
_MOST_METRICS, _MOST_OTHERS = 1000, 100  # in one request
_NOT_IN_NAMES = re.compile(r"[^/\w.\- :]")
_SEARCH, _INDEX, _MARK = "gridfold.search", "gridfold.index", "gridfold.written"
_BEST = "best"  # before the name of a metric: its value at the best epoch
_STATUS = {"completed": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}

_T = TypeVar("_T", Metric, Param, RunTag)


@dataclass
class _Run:
    """A run of MLflow.

    Attributes:
        id: by which MLflow knows it.
        reported: the metrics that it has a curve of.
        infinite: the steps at which a metric was infinite, and its value there.
        number: the last step.
    """

    id: str
    reported: set[str] = field(default_factory=set)
    infinite: dict[str, dict[int, float]] = field(default_factory=dict)
    number: int = 0


class MLflow:
    """Writes to the store that ``MLFLOW_TRACKING_URI`` names, or to ``mlflow.db`` beside the runs.

    Args:
        folder: where to make ``mlflow.db`` instead.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._runs: dict[int, _Run] = {}
        self._there: dict[str, str] = {}  # the runs of MLflow, by the index of ours
        self._marks: dict[str, str] = {}
        self._ended = 0.0  # the last run
        self._texts: frozenset[str] = frozenset()

    def begin(self, search: SearchFacts) -> None:
        """Make the store, the experiment and the run of the search, as far as they are not there."""
        own = self._folder or (None if os.environ.get(_URI) else search.dir.parent)
        self._database = own.absolute() / "mlflow.db" if own else None
        self._texts = frozenset(path for path, values in search.parameters.items() if kind_of(values) is str)
        self._search = search
        if self._database:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            make_tables(self._database)
        self._client = MlflowClient(_uri(self._database) if self._database else None)
        self._experiment = self._make_experiment()
        for run in self._found():
            index = run.data.tags.get(_INDEX, "")
            self._there[index], self._marks[index] = str(run.info.run_id), run.data.tags.get(_MARK, "")
        self._parent = self._there.get("") or self._create(search.name, {}, seconds(search.created))
        self._client.update_run(self._parent, status="RUNNING")

    def write(self, runs: Iterable[RunNews]) -> None:
        """Write what is new."""
        for news in runs:
            self._ended = max(self._ended, news.over or 0.0)
            if news.is_new and self._has(news):
                continue
            run = self._begun(news) if news.is_new else self._runs[news.index]
            self._log(run.id, metrics=[*_metrics(run, news)])
            if run.infinite:
                self._log(run.id, tags=[*_infinite(run)])
            if news.is_over:
                self._close(run, news)

    def end(self) -> str:
        """Close the run of the search."""
        self._client.set_terminated(self._parent, "FINISHED", _milliseconds(self._ended))
        if self._database is None:
            return f"experiment {self._experiment_name} at {os.environ[_URI]}"
        return command("mlflow", "ui", "--backend-store-uri") + f" sqlite:///{command(self._database)}"

    @property
    def _experiment_name(self) -> str:
        return os.environ.get(_EXPERIMENT) or self._search.name.rpartition("_")[0] or self._search.name

    def _make_experiment(self) -> str:
        name, place = self._experiment_name, None
        if self._database:
            place = (self._database.parent / "mlflow-artifacts").as_uri()
        if found := self._client.get_experiment_by_name(name):
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment(name, artifact_location=place))
        except MlflowException:  # another process may have made it meanwhile
            if found := self._client.get_experiment_by_name(name):
                return str(found.experiment_id)
            raise

    def _found(self) -> Iterator[Any]:
        """What there is of the search."""
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{_SEARCH}` = '{self._search.id}'", max_results=1000, page_token=token
            )
            yield from page
            if not (token := page.token):
                return

    def _has(self, news: RunNews) -> bool:
        """Whether all of a run that is over has been written."""
        return news.is_over and self._marks.get(str(news.index)) == _mark(news)

    def _create(self, name: str, tags: Mapping[str, str], begun: float | None = None) -> str:
        own = {_SEARCH: self._search.id, "mlflow.source.name": "gridfold", "mlflow.source.type": "LOCAL"}
        with suppress(KeyError, OSError):  # a container need not have a name for its user
            own["mlflow.user"] = getpass.getuser()
        made = self._client.create_run(self._experiment, _milliseconds(begun), {**own, **tags}, name)
        return str(made.info.run_id)

    def _begun(self, news: RunNews) -> _Run:
        """The run of an attempt, in place of what there is of it."""
        if old := self._there.get(str(news.index)):
            self._client.delete_run(old)
        tags = {
            "mlflow.parentRunId": self._parent,
            _INDEX: str(news.index),
            "gridfold.run": news.name,
            "gridfold.trial": str(news.trial),
            "gridfold.repeat": str(news.repeat),
            "gridfold.attempt": str(news.attempt),
            **({} if news.fold is None else {"gridfold.fold": str(news.fold)}),
            **({"gridfold.confirms": "true"} if news.confirms else {}),
        }
        params = {**_leaves(news.config, set(news.params)), **news.params}
        names = {path: _name(path) for path in params}
        run = self._runs[news.index] = _Run(self._create(news.name, tags, news.begun))
        self._there[str(news.index)] = run.id
        self._log(run.id, params=[Param(names[path], self._value(path, value)) for path, value in params.items()])
        renamed = [
            RunTag(f"gridfold.name.{name}", cut(path, _MOST_TAG)) for path, name in names.items() if name != path
        ]
        self._log(run.id, tags=renamed)
        self._client.log_text(run.id, _config(news), "config.yaml")
        return run

    def _value(self, path: str, value: Any) -> str:
        """The value of a parameter as a text: YAML, but for parameters that have texts only."""
        text = value if isinstance(value, str) and path in self._texts else render(value)
        if len(text) <= _MOST_VALUE:
            return text
        return f"{text[: _MOST_VALUE - 100]}… ({len(text):,} characters, {digest(text)}; see config.yaml)"

    def _close(self, run: _Run, news: RunNews) -> None:
        """Write what is known at the end; a metric that has a curve has another name for its best value."""
        at = _milliseconds(news.over)
        best = {f"{_BEST}/{name}" if name in run.reported else name: value for name, value in news.metrics.items()}
        self._log(run.id, metrics=[*_finite(run, best, at, run.number)])
        tags = {
            "gridfold.state": news.state,
            _MARK: _mark(news),
            **({"gridfold.error": news.error} if news.error else {}),
        }
        said = [RunTag(name, cut(text, _MOST_TAG)) for name, text in tags.items()]
        self._log(run.id, tags=[*_infinite(run), *said])
        self._client.set_terminated(run.id, _STATUS.get(news.state, "KILLED"), at)
        del self._runs[news.index]

    def _log(
        self, run: str, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()
    ) -> None:
        for some in _batches(metrics, _MOST_METRICS):
            self._client.log_batch(run, metrics=some)
        for few in _batches(params, _MOST_OTHERS):
            self._client.log_batch(run, params=few)
        for each in _batches(tags, _MOST_OTHERS):
            self._client.log_batch(run, tags=each)


def _uri(database: Path) -> str:
    return f"sqlite:///{database}"


def make_tables(database: Path) -> None:
    """Make a database that is not there, in one step.

    One of which only some tables were made can never be opened again, and two processes that make them at once fail.
    """
    if database.exists():
        return
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".mlflow-") as folder:
        new = Path(folder) / database.name
        MlflowClient(_uri(new)).search_experiments(max_results=1)
        try:
            os.link(new, database)
        except FileExistsError:
            return  # another process was faster
        except OSError:  # a disk without hard links
            new.rename(database)


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _metrics(run: _Run, news: RunNews) -> Iterator[Metric]:
    for point in news.points:
        run.reported |= point.metrics.keys()
        run.number = point.number
        yield from _finite(run, point.metrics, _milliseconds(point.time), point.number)


def _finite(run: _Run, metrics: Mapping[str, float], at: int, step: int) -> Iterator[Metric]:
    """Metrics that MLflow gives back; those that are infinite are noted."""
    for name, value in metrics.items():
        if math.isinf(float(value)):
            run.infinite.setdefault(name, {})[step] = float(value)
        else:
            yield Metric(_name(name), float(value), at, step)


def _infinite(run: _Run) -> Iterator[RunTag]:
    for name, values in run.infinite.items():
        yield RunTag(_name(f"infinite.{name}"), cut(render(values), _MOST_TAG))


def _leaves(config: Mapping[Any, Any], varying: set[str], path: str = "") -> dict[str, Any]:
    """The values of a config by dotted path; a list is one, and nothing below a path that varies is told again."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        below = f"{path}.{key}" if path else f"{key}"
        if below in varying:
            continue
        if isinstance(value, Mapping) and value:
            found |= _leaves(value, varying, below)
        elif not any(other.startswith(f"{below}.") for other in varying):
            found[below] = value
    return found


def _name(name: str) -> str:
    """The name that MLflow takes for a parameter or metric: where it would refuse it, one that no other has."""
    safe = _NOT_IN_NAMES.sub("_", name)
    norm = posixpath.normpath(safe) if safe else ""
    if safe == name and len(name) <= _MOST_NAME and norm == name and not name.startswith(("/", "..")) and name != ".":
        return name
    return f"{safe.strip('/.')[: _MOST_NAME - 20].replace('/', '_')}-{digest(name, 8)}"


def _config(news: RunNews) -> str:
    """The config of a run as it ran, to the byte."""
    try:
        return (news.dir / "config.yaml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return render_block(news.config)


def _mark(news: RunNews) -> str:
    """What tells a run that was written to its end."""
    return digest(canonical([news.attempt, news.state, news.ended, dict(news.metrics)]))


def _milliseconds(seconds: float | None) -> int:
    return int((seconds or time.time()) * 1000)
