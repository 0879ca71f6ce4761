"""The table of results: a row for each trial, or one for each run, and the columns that they have."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, encodable
from gridfold.records.codes import Codes
from gridfold.records.front import front
from gridfold.records.objective import Objective, is_finite
from gridfold.records.reach import reached
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.runs.results_csv import free
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.metrics.names import is_of_test

Kind = Literal["fact", "parameter", "metric", "deviation"]
ABSENT = object()  # the row has no such value; None is a value that a parameter may have

OF_TEST = "gridfold best shows metrics of the test set for the run that is chosen; data formats have them for all"


@dataclass(frozen=True)
class Row:
    """A trial or a run, as a table has it.

    Attributes:
        search: the name of its search; its path in a table of several that have that name.
        index: its number among the runs of the search; of a trial, that of its first run.
        runs: the names of its run directories.
        params: path and value of what varies, and of what is fixed here but varies in another search.
        metrics: the means over the runs that have a value, or that are completed if none has one; of one run its own.
        deviations: their sample standard deviations; empty with one run.
        n: how many runs have a value.
        state: of its runs.
        seconds: the mean of the completed runs; of one run its own.
        error: what went wrong first.
        step: how far it came; of a trial the run that came least far.
        front: whether the trial is on the Pareto front of several metrics.
        replicate: which repeat, which part of the data is held out, whether it confirms; None for a trial.
    """

    search: str
    index: int
    runs: tuple[str, ...]
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    deviations: Mapping[str, float]
    n: int
    state: str
    seconds: float | None
    error: str | None
    step: float | None = None
    front: bool = False
    replicate: tuple[int, int | None, bool] | None = None

    @classmethod
    def of_run(cls, run: RunResult, fixed: Mapping[str, Any]) -> Row:
        """The row of one run."""
        entry, record = run.entry, run.record
        seconds = record.seconds if record else None
        return cls(
            run.search.name,
            entry.index,
            (entry.run,),
            {**fixed, **entry.params} if fixed else entry.params,
            run.metrics,
            {},
            int(run.value is not None),
            run.state,
            seconds,
            _error(run),
            run.step,
            replicate=(entry.repeat, entry.fold, entry.confirms),
        )

    @classmethod
    def of_trial(cls, trial: TrialResult, fixed: Mapping[str, Any]) -> Row:
        """The row of a trial: its repeats in one."""
        first = trial.runs[0]
        return cls(
            first.search.name,
            first.entry.index,
            tuple(run.entry.run for run in trial.runs),
            {**fixed, **trial.params} if fixed else trial.params,
            trial.metrics,
            _deviations(trial) if len(trial.counted) > 1 else {},
            len(trial.values),
            _states(trial.runs),
            trial.seconds,
            next((error for run in trial.runs if (error := _error(run))), None),
            reached(trial),
        )


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: what data formats call it: the dotted path of a parameter.
        label: what people read: the last part of that path.
        kind: what it holds.
        value: its value in a row, or ``ABSENT``.
        metric: the metric that it holds, "" for all else.
        path: the dotted path of the parameter that it holds, "" for all else.
    """

    name: str
    label: str
    kind: Kind
    value: Callable[[Row], Any]
    metric: str = ""
    path: str = ""


@dataclass(frozen=True)
class Table:
    """The rows of some results, the best first, those without a value last.

    Attributes:
        results: what they are of.
        rows: the rows.
        by_run: one for each run.
    """

    results: Results
    rows: tuple[Row, ...]
    by_run: bool

    @classmethod
    def of(cls, results: Results, *, by_run: bool = False) -> Table:
        """The rows of all trials, or of all runs.

        Raises:
            ConfigError: the base config of a search cannot be read, which tells what is fixed in it.
        """
        fixed = _fixed(results)
        first = {(run.search.dir, run.entry.index) for trial in front(results) for run in trial.runs}
        if by_run:
            runs = sorted(_runs(results), key=lambda run: _place(run, results.objective))
            found = [(run, Row.of_run(run, fixed[run.search.dir])) for run in runs]
        else:
            left = [trial for trial in results.trials if trial.runs and not trial.values]
            trials = [(trial.runs[0], trial) for trial in (*results.ranked, *left)]
            found = [(run, Row.of_trial(trial, fixed[run.search.dir])) for run, trial in trials]
        rows = []
        for run, row in found:
            name, is_first = results.names[run.search.dir], (run.search.dir, run.entry.index) in first
            rows.append(replace(row, search=name, front=is_first) if is_first or name != row.search else row)
        return cls(results, tuple(rows), by_run)

    @cached_property
    def metrics(self) -> list[str]:
        """The names of all metrics, that to compare by first, then others that the strategy looks at."""
        first, known = self.results.objective.metric, dict(self.results.objective.goals)
        names = dict.fromkeys(name for run in _runs(self.results) for name in run.metrics)
        return sorted(names, key=lambda name: (name != first, name not in known))

    @cached_property
    def has_repeats(self) -> bool:
        """Whether some trial has several runs."""
        return any(len(trial.runs) > 1 for trial in self.results.trials)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns, in the order of the table. No two have the same name, whatever parameters and metrics are."""
        paths = self.results.paths
        before, after = self._facts
        taken = {column.name for column in (*before, *after)}
        found: list[Column] = []
        for path, label in zip(paths, label_parameters(paths), strict=True):
            name = free(path, "params", taken)
            found.append(Column(name, free(label, "params", taken), "parameter", _param(path), path=path))
        taken |= {column.name for column in found}
        for metric in self.metrics:
            name = free(metric, "metrics", taken)
            found.append(Column(name, name, "metric", _metric(metric), metric))
        taken |= {column.name for column in found}
        if self.has_repeats and not self.by_run:
            for metric in self.metrics:
                name = free(f"{metric}_std", "deviations", taken)
                found.append(Column(name, name, "deviation", _deviation(metric), metric))
        return (*before, *found, *after)

    @cached_property
    def _facts(self) -> tuple[list[Column], list[Column]]:
        """The columns before and after parameters and metrics."""
        before = [_fact("search", lambda row: row.search), _fact("index", lambda row: row.index)]
        after = [_fact("state", lambda row: row.state), _fact("seconds", lambda row: row.seconds)]
        if any(run.state == "stopped" for run in _runs(self.results)):
            after.insert(0, Column("step", "reached", "fact", lambda row: row.step))
        if self.results.objective.goals:
            after.insert(0, _fact("front", lambda row: row.front))
        if not self.by_run:
            after.insert(0, _fact("n", lambda row: row.n))
            return before, [*after, _RUNS, _fact("error", lambda row: row.error)]
        seen = {(run.entry.repeat, run.entry.fold, run.entry.confirms) for run in _runs(self.results)}
        for place, name in enumerate(("repeat", "fold", "confirms")):
            if len({each[place] for each in seen}) > 1:
                before.append(_fact(name, _replicate(place)))
        return before, [*after, _fact("run", lambda row: row.runs[0]), _fact("error", lambda row: row.error)]

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        """The columns that a table for people may have: nothing of the test set, which is no help to choose."""
        chosen = self.results.objective.metric
        return tuple(column for column in self.columns if not is_of_test(column.metric) or column.metric == chosen)

    def column(self, name: str, among: Sequence[Column] | None = None) -> Column:
        """A column by its name or label.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        columns = self.columns if among is None else among
        for attribute in ("name", "label"):
            for column in columns:
                if getattr(column, attribute) == name:
                    return column
        if any(is_of_test(column.metric) and name == column.name for column in self.columns):
            raise ConfigError(f"'{name}' is a metric of the test set, not shown for all runs", hint=OF_TEST)
        raise ConfigError(f"no column '{name:.80}'", hint=nearest(name, [column.label for column in columns]))

    def sorted(self, column: Column) -> Table:
        """The same by a column: a metric from the best to the worst, all else ascending; what has none comes last.

        The metrics of a run that is not completed do not count.
        """
        objective = self.results.objective
        own = objective if column.metric == objective.metric else Objective()
        sign = -own.sign(column.metric) if column.kind == "metric" else 1

        def key(row: Row) -> tuple[int, float, str]:
            return _sort_key(ABSENT if column.metric and not row.n else column.value(row), sign)

        return replace(self, rows=tuple(sorted(self.rows, key=key)))

    def tied(self, rows: Sequence[Row]) -> list[Row]:
        """Of rows that are sorted, the best first: those that are as good as the first; none if that has no value."""
        places = [self._places.get((row.search, row.index)) for row in rows[:1]]
        return [row for row in rows if places[0] is not None and self._places.get((row.search, row.index)) == places[0]]

    @cached_property
    def _places(self) -> dict[tuple[str, int], object]:
        """What a row has in common with those that are as good, by search and index; nothing without a value."""
        names = self.results.names
        if self.by_run:
            values = ((run, run.value) for run in _runs(self.results) if run.value is not None)
            return {(names[run.search.dir], run.entry.index): value for run, value in values}
        groups = ((trial.runs[0], place) for place, group in enumerate(self.results.groups) for trial in group)
        return {(names[run.search.dir], run.entry.index): place for run, place in groups}

    def only(self, rows: Iterable[Row]) -> Table:
        """The same with some of the rows."""
        return replace(self, rows=tuple(rows))


def differing(results: Results) -> Iterator[str]:
    """In what searches, or runs of one, differ, so that their results may not be comparable, in words."""
    facts = [search.facts() for search in results.searches]
    codes = {search.dir: Codes(search, said) for search, said in zip(results.searches, facts, strict=True)}
    for run in _runs(results):
        codes[run.search.dir].add(run.entry.index, run.record)
    yield from filter(None, (found.warning for found in codes.values()))
    if len({found.fingerprints for found in codes.values() if found.fingerprints}) > 1:
        yield "the searches ran different code or on different data (their fingerprints differ)"
    versions = [said.get("packages") or {} for said in facts]
    for name in sorted({name for packages in versions for name in packages}):
        if len({packages[name] for packages in versions if name in packages}) > 1:
            yield f"the searches ran with different versions: {name} {_listed(each.get(name) for each in versions)}"
    if len({said.get("git_commit") for said in facts}) > 1:
        yield f"the searches ran at different git commits: {_listed(said.get('git_commit') for said in facts)}"


def _listed(values: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys("none" if value is None else f"{value:.12}" for value in values))


def _runs(results: Results) -> list[RunResult]:
    """All runs, in the order of their searches and indices."""
    position = {search.dir: place for place, search in enumerate(results.searches)}
    found = [run for trial in results.trials for run in (*trial.runs, *trial.confirming)]
    return sorted(found, key=lambda run: (position[run.search.dir], run.entry.index))


def _place(run: RunResult, objective: Objective) -> tuple[bool, float, tuple[float, ...]]:
    """A key that sorts runs, the best first, those without a value last."""
    if run.value is None:
        return True, 0.0, ()
    return False, -run.value if objective.maximize else run.value, objective.beside(run.metrics)


def _deviations(trial: TrialResult) -> dict[str, float]:
    return {name: _deviation_of(each) for name, each in trial.measured.items() if len(each) > 1}


def _deviation_of(values: Sequence[float]) -> float:
    if not all(map(is_finite, values)):
        return math.nan
    try:
        return statistics.stdev(values)
    except OverflowError:
        return math.inf


def _states(runs: Sequence[RunResult]) -> str:
    """The state that all have, or how many have which."""
    if len(runs) == 1:
        return runs[0].state
    counts = Counter(run.state for run in runs)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def _error(run: RunResult) -> str | None:
    error = run.record.error if run.record else None
    if not error:
        return None
    return encodable(f"{error['type']}: {error['message']}")  # an old record may say anything


def _fact(name: str, value: Callable[[Row], Any]) -> Column:
    return Column(name, name, "fact", value)


_RUNS = Column("runs", "run", "fact", lambda row: list(row.runs))


def _replicate(place: int) -> Callable[[Row], Any]:
    return lambda row: row.replicate[place] if row.replicate else None


def _param(path: str) -> Callable[[Row], Any]:
    return lambda row: row.params.get(path, ABSENT)


def _metric(name: str) -> Callable[[Row], Any]:
    return lambda row: row.metrics.get(name, ABSENT)


def _deviation(name: str) -> Callable[[Row], Any]:
    return lambda row: row.deviations.get(name, ABSENT)


def _sort_key(value: Any, sign: int) -> tuple[int, float, str]:
    """Numbers, then texts and all else, then what is not there."""
    if value is ABSENT or value is None or value != value:  # noqa: PLR0124 - a nan
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, sign * value, ""
    return 1, 0.0, value if isinstance(value, str) else canonical(value)


def _fixed(results: Results) -> dict[Any, dict[str, Any]]:
    """What each search has, for all its runs, of what varies in another."""
    varying: dict[Any, dict[str, None]] = {search.dir: {} for search in results.searches}
    for trial in results.trials:
        for run in trial.runs[:1] or trial.confirming[:1]:
            varying[run.search.dir].update(dict.fromkeys(trial.params))
    paths = results.paths
    return {
        search.dir: _values(search, [path for path in paths if path not in varying[search.dir]])
        for search in results.searches
    }


def _values(search: SearchDirectory, paths: Sequence[str]) -> dict[str, Any]:
    """The values at some paths in all runs of a search; those that are not there are left out."""
    if not paths:
        return {}
    facts = search.facts()
    config = Config.parse(search.base(), facts["config"]).data
    found = {path: _at(config, path.split(".")) for path in paths}
    for variation in parse_arguments(facts["variations"]):
        for path in paths if variation.is_pin else ():
            value = variation.values[0]
            if f"{path}.".startswith(f"{variation.path}."):
                found[path] = _at(value, path[len(variation.path) :].split(".")[1:])
    return {path: value for path, value in found.items() if value is not ABSENT}


def _at(value: Any, parts: Sequence[str]) -> Any:
    """What is at a path in plain data; ``ABSENT`` if nothing is."""
    for part in parts:
        if isinstance(value, Mapping):
            value = next((item for key, item in value.items() if str(key) == part), ABSENT)
        elif isinstance(value, list):
            value = value[int(part)] if part.isdecimal() and int(part) < len(value) else ABSENT
        else:
            return ABSENT
    return value
