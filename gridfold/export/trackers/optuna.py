"""Optuna: a search as a study, in a journal that ``optuna.load_study`` and optuna-dashboard open.

Optuna finds a choice by ``==``, so of ``[True, 1]`` it would make one, and it has no lists among its choices. What it
cannot hold is a text there (see `_Column`), and each trial has its values as they are among its attributes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileSymlinkLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, is_json, render
from gridfold.export.trackers.opening import command
from gridfold.export.trackers.protocol import RunNews, SearchFacts
from gridfold.export.trackers.values import kind_of, written

_FILE = "optuna.log"
_LARGEST = 2**53  # Optuna computes with whole numbers as floats
_ORDERS = 100  # how many times as large as the least value the greatest is, where each order of magnitude counts alike
_OF_SEARCH = "gridfold.search"  # an attribute of a study: the search that it is of
_DONE = ("completed", "stopped")


class OptunaStudy:
    """Writes a search as a study of its name. A trial is a run; runs that confirm a choice are left out.

    Args:
        folder: where the journal is; None for the folder of the runs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._runs: dict[int, RunNews] = {}

    def begin(self, search: SearchFacts) -> None:
        """See `Tracker`."""
        self._search = search
        self._metric = search.metric or ""
        self._path = (self._folder or search.dir.parent) / _FILE
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, runs: Iterable[RunNews]) -> None:
        """See `Tracker`; the study is written anew, as a trial of Optuna's that is over cannot be changed."""
        for run in runs:
            before = () if run.is_new or run.index not in self._runs else self._runs[run.index].points
            self._runs[run.index] = replace(run, points=[*before, *run.points])
        with _quiet(), _in_one_piece(self._path) as journal:
            self._write_study(optuna.storages.JournalStorage(journal))

    def end(self) -> str:
        """See `Tracker`."""
        return command("optuna-dashboard", self._path)

    def _write_study(self, storage: optuna.storages.BaseStorage) -> None:
        self._delete_earlier(storage)
        direction = StudyDirection.MAXIMIZE if self._search.maximize else StudyDirection.MINIMIZE
        study = optuna.create_study(storage=storage, study_name=self._search.name, direction=direction)
        study.set_user_attr(_OF_SEARCH, self._search.id)
        if self._metric:
            study.set_metric_names([self._metric])
        counted = [self._runs[index] for index in sorted(self._runs) if not self._runs[index].confirms]
        columns = self._columns(counted)
        study.add_trials(self._trial(run, columns) for run in counted)

    def _delete_earlier(self, storage: optuna.storages.BaseStorage) -> None:
        """Delete what was written of the search before, and nothing else.

        Raises:
            ConfigError: another study has its name.
        """
        name = self._search.name
        if name not in optuna.get_all_study_names(storage):
            return
        if optuna.load_study(study_name=name, storage=storage).user_attrs.get(_OF_SEARCH) != self._search.id:
            hint = "it stays as it is; name another folder: -o DIR"
            raise ConfigError(f"there is another study '{name}'", where=str(self._path), hint=hint)
        optuna.delete_study(study_name=name, storage=storage)

    def _columns(self, runs: Iterable[RunNews]) -> dict[str, _Column]:
        told = (item for run in runs for item in run.params.items())
        listed = ((path, value) for path, values in self._search.parameters.items() for value in values)
        found: dict[str, dict[str, Any]] = {}
        for path, value in chain(listed, told):
            found.setdefault(path, {}).setdefault(canonical(value), value)
        return {path: _Column.of([*values.values()]) for path, values in found.items()}

    def _trial(self, run: RunNews, columns: Mapping[str, _Column]) -> FrozenTrial:
        value = run.metrics.get(self._metric)
        state = _state(run, value)
        return FrozenTrial(
            number=-1,  # the study has its own
            trial_id=-1,
            state=state,
            value=value if state == TrialState.COMPLETE else None,
            datetime_start=_local(run.begun or run.over),
            datetime_complete=_local(run.over or run.begun) if run.is_over else None,
            params={path: columns[path].choice(value) for path, value in run.params.items()},
            distributions={path: columns[path].distribution for path in run.params},
            user_attrs=_attributes(run),
            system_attrs={},
            intermediate_values=dict(self._course(run)),
        )

    def _course(self, run: RunNews) -> Iterator[tuple[int, float]]:
        """What is compared, at each step that reported it; the last of those that are one step counts."""
        for point in run.points:
            if self._metric in point.metrics:
                yield point.number, point.metrics[self._metric]


@dataclass(frozen=True)
class _Column:
    """A parameter.

    Attributes:
        distribution: what Optuna knows of its values, the same in all trials.
        choice: gives a value as Optuna has it.
    """

    distribution: BaseDistribution
    choice: Callable[[Any], Any]

    @classmethod
    def of(cls, values: Sequence[Any]) -> _Column:
        """The column of a parameter.

        Numbers are from a range, so that Optuna knows their order; others are choices. These are texts of YAML where
        Optuna could not hold one of them, or would take two for one.
        """
        kind = kind_of(values)
        if kind is float and all(map(math.isfinite, values)):
            low, high = float(min(values)), float(max(values))
            return cls(FloatDistribution(low, high, log=_is_log(low, high)), float)
        if kind is int and max(map(abs, values)) <= _LARGEST:
            return cls(IntDistribution(min(values), max(values), log=_is_log(min(values), max(values))), int)
        as_they_are = kind is None and _are_choices(values)
        choice = _unchanged if as_they_are else partial(written, kind=kind)
        return cls(CategoricalDistribution([*dict.fromkeys(map(choice, values))]), choice)


def _is_log(low: float, high: float) -> bool:
    return low > 0 and high / _ORDERS >= low


def _are_choices(values: Sequence[Any]) -> bool:
    """Whether Optuna can hold these values, and tells them apart."""
    are_scalars = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
    return are_scalars and len(set(values)) == len(set(map(canonical, values)))


def _unchanged(value: Any) -> Any:
    return value


@contextmanager
def _in_one_piece(path: Path) -> Iterator[BaseJournalBackend]:
    """A journal that nobody else writes to meanwhile, and to which is added in the end, unless an exception comes."""
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        journal = _InOnePiece(JournalFileBackend(str(path), _Held(str(path))))
        yield journal
        journal.flush()
    finally:
        lock.release()


class _Held(JournalFileSymlinkLock):
    """A lock that this process has already."""

    def acquire(self) -> bool:
        """It has it."""
        return True

    def release(self) -> None:
        """It keeps it."""


class _InOnePiece(BaseJournalBackend):
    """A journal to which is added in one piece: trial by trial, the disk would be waited for each time."""

    def __init__(self, journal: BaseJournalBackend) -> None:
        self._journal = journal
        self._logs = [*journal.read_logs(0)]
        self._saved = len(self._logs)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """What is there, and what is to be added."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add later."""
        self._logs += logs

    def flush(self) -> None:
        """Add now."""
        self._journal.append_logs(self._logs[self._saved :])
        self._saved = len(self._logs)


def _state(run: RunNews, value: float | None) -> TrialState:
    if not run.is_over:
        return TrialState.RUNNING
    is_known = run.state in _DONE and value is not None and math.isfinite(value)
    return TrialState.COMPLETE if is_known else TrialState.FAIL


def _attributes(run: RunNews) -> dict[str, Any]:
    """What else a trial says: its values as they are, or as YAML where JSON cannot hold one, and all its metrics."""
    found: dict[str, Any] = {"run": run.name, "index": run.index, "repeat": run.repeat, "state": run.state}
    if run.fold is not None:
        found["fold"] = run.fold
    if run.error is not None:
        found["error"] = run.error
    found["params"] = {path: _in_json(value) for path, value in run.params.items()}
    metrics = {f"metrics.{name}" if name in found else name: _in_json(value) for name, value in run.metrics.items()}
    return {**found, **metrics}


def _in_json(value: Any) -> Any:
    return value if is_json(value) else render(value)


def _local(moment: float | None) -> datetime:
    """A moment as Optuna has it, of this machine's clock, without a zone; it takes no trial without one."""
    return datetime.now() if moment is None else datetime.fromtimestamp(moment)


@contextmanager
def _quiet() -> Iterator[None]:
    """While Optuna says nothing of its own, such as that the names of metrics are new."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
