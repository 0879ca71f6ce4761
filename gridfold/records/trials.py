"""Results: the runs of one search or several as trials, each with its repeats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical
from gridfold.records.objective import Objective, is_finite, mean_of
from gridfold.records.ties import Tie
from gridfold.runs import results_csv
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.reports import read_reports
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.steps import EPOCH, Steps
from gridfold.runs.store import Store

Replicate = tuple[int, int | None]
"""Which repeat of a trial, and which part of the training data is held out in it."""

_FEW = 10_000  # runs whose records are held in memory, as those of a report are
_MOST_ROUNDS = 500
_TINY = 1e-12  # of the largest value


@dataclass(frozen=True)
class RunResult:
    """What came of one run.

    Attributes:
        search: its search.
        entry: which run it is.
        record: what it says; None if it was never started.
        metrics: those of its best epoch by the objective, beside final ones that no epoch reports.
        value: the metric to compare by, of the best epoch; None if the run is not completed or has no such number.
        step: how far it came: its last epoch, or how many reports it has made; None without any.
    """

    search: SearchDirectory
    entry: RunEntry
    record: Record | None
    metrics: Mapping[str, float]
    value: float | None
    step: float | None = None

    @property
    def state(self) -> str:
        """The run's state."""
        return self.record.state if self.record else "created"

    @property
    def is_done(self) -> bool:
        """Whether it has a result: it is completed, or stopped at the value that it had reached."""
        return self.record is not None and self.record.is_done

    def reports(self) -> list[dict[str, float]]:
        """What it reported, or the run whose result it has."""
        return _reports(self.search, self.entry, self.record)

    @property
    def replicate(self) -> Replicate:
        """Which repeat it is, on which part of the data."""
        return self.entry.repeat, self.entry.fold


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial: its runs, which differ only in their seed or in the part of the data that is held out.

    Attributes:
        params: path and value of what varies.
        runs: those that count for the comparison, at least one.
        confirming: those on fresh seeds after the comparison (see ``gridfold confirm``).
    """

    params: Mapping[str, object]
    runs: tuple[RunResult, ...]
    confirming: tuple[RunResult, ...] = ()

    @cached_property
    def values(self) -> dict[Replicate, float]:
        """The metric to compare by, of every run that has it."""
        return {run.replicate: run.value for run in self.runs if run.value is not None}

    @property
    def mean(self) -> float | None:
        """The mean over the repeats; None if there is no value."""
        return mean_of(list(self.values.values())) if self.values else None

    @cached_property
    def counted(self) -> tuple[RunResult, ...]:
        """The runs that the means are of: if no completed run has a finite number, all of those, so that it is seen."""
        return tuple([run for run in self.runs if run.value is not None] or [run for run in self.runs if run.is_done])

    @cached_property
    def measured(self) -> Mapping[str, Sequence[float]]:
        """The values of each metric."""
        values: dict[str, list[float]] = {}
        for run in self.counted:
            for name, value in run.metrics.items():
                values.setdefault(name, []).append(value)
        return values

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """The means of the metrics; of one run its own."""
        if len(self.counted) == 1:
            return self.counted[0].metrics
        return {name: mean_of(each) for name, each in self.measured.items()}

    @property
    def seconds(self) -> float | None:
        """The mean seconds of a completed run, without what it shared; None if none is completed."""
        return _mean(record.seconds or 0.0 for record in self._completed)

    @property
    def shared_seconds(self) -> float | None:
        """The mean seconds of what a completed run shared with others; None if none is completed."""
        return _mean(record.shared_seconds for record in self._completed)

    @property
    def lone_seconds(self) -> float | None:
        """The mean seconds that a completed run takes alone; None if none is completed."""
        return _mean((record.seconds or 0.0) + record.shared_seconds for record in self._completed)

    @property
    def _completed(self) -> Iterator[Record]:
        return (run.record for run in self.runs if run.record and run.record.is_done)


@dataclass(frozen=True)
class Results:
    """The trials of one search or several, in the order of their index.

    Attributes:
        searches: where they are from.
        objective: what they are compared by; nothing is left open.
        trials: what came of each.
        step: at which step of theirs; None if as far as each came (see ``reach.alike``).
    """

    searches: tuple[SearchDirectory, ...]
    objective: Objective
    trials: tuple[TrialResult, ...]
    step: float | None = None

    @classmethod
    def read(cls, searches: Sequence[SearchDirectory], objective: Objective = Objective()) -> Results:  # noqa: B008
        """Read every run of some searches.

        Args:
            searches: where they are.
            objective: what to compare by; for what it leaves open counts what the first search says that was told
                something, then the first metric that a run has, and its name.

        Raises:
            ConfigError: what a search says, or the list of its runs, cannot be read.
        """
        return cls.of(searches, [(search, *run) for search in searches for run in search.records()], objective)

    @classmethod
    def of(
        cls,
        searches: Sequence[SearchDirectory],
        found: Sequence[tuple[SearchDirectory, RunEntry, Record | None]],
        objective: Objective,
    ) -> Results:
        """The results of some runs, with their records as they were read; see ``read``."""
        first = next((record.metrics for _, _, record in found if record and record.metrics), {})
        resolved = _completed(objective, searches).of(first)
        return cls(tuple(searches), resolved, tuple(_trials(_result(*each, resolved) for each in found)))

    @property
    def caveat(self) -> str:
        """What is to know of how the trials are compared, in a sentence; "" where nothing is left open."""
        runs = [run for trial in self.trials for run in trial.runs]
        return self.objective.caveat(next((run.metrics for run in runs if run.metrics), {}))

    @cached_property
    def names(self) -> Mapping[Path, str]:
        """What each search is called, by its directory: by its name, or by its path if others have that name, too."""
        counts = Counter(search.name for search in self.searches)
        return {each.dir: each.name if counts[each.name] == 1 else str(each.dir) for each in self.searches}

    @cached_property
    def course(self) -> str:
        """What the steps of its runs are: "epoch", or "report" where they name none."""
        reports = chain.from_iterable(run.reports() for trial in self.ranked[:1] for run in trial.runs[:1])
        return EPOCH if any(EPOCH in report for report in reports) else "report"

    @cached_property
    def paths(self) -> list[str]:
        """The dotted paths of what varies; those that only some trials have stand where these have them."""
        return paths_in(trial.params for trial in self.trials)

    @property
    def ranked(self) -> list[TrialResult]:
        """The trials that have a value, the best first; of equal ones that with the better other metrics."""
        return [trial for group in self.groups for trial in group]

    @property
    def tied(self) -> Sequence[TrialResult]:
        """The trials that have the best value, the first of which has the better other metrics."""
        return self.groups[0] if self.groups else ()

    @property
    def tie(self) -> Tie | None:
        """That several trials have the best value; None if one has."""
        return Tie.of(self.objective, [trial.metrics for trial in self.tied])

    @cached_property
    def groups(self) -> list[list[TrialResult]]:
        """The trials that have a value, the best first, those of one value together."""
        sign = 1 if self.objective.maximize else -1
        known = sorted((-sign * value, place) for place, value in enumerate(self.comparable) if value is not None)
        groups: list[list[int]] = []
        before = math.nan
        for value, place in known:
            if groups and _are_equal(value, before, exactly=len(self.trials[place].values) < 2):
                groups[-1].append(place)
            else:
                groups.append([place])
                before = value
        return [self._settled(group) for group in groups]

    def _settled(self, group: list[int]) -> list[TrialResult]:
        if len(group) > 1:
            group = sorted(group, key=lambda place: (self.objective.beside(self.trials[place].metrics), place))
        return [self.trials[place] for place in group]

    @cached_property
    def comparable(self) -> tuple[float | None, ...]:
        """What to compare each trial by, in their order; None without a value.

        It is the mean of its runs if all trials have the same repeats. Else, a trial with one run on a lucky seed would
        beat those that ran on unlucky ones, too: so what a seed, or a part of the data, does to all trials is estimated
        together with the trials, by least squares, and the mean is that which the trial would have over all repeats.
        """
        return tuple(_comparable([trial.values for trial in self.trials]))

    @property
    def has_equal_repeats(self) -> bool:
        """Whether all trials that have a value have it of the same repeats."""
        return len({frozenset(trial.values) for trial in self.trials if trial.values}) < 2


def paths_in(params: Iterable[Mapping[str, object]]) -> list[str]:
    """The paths of the params of trials, each once: one that is new comes before what follows it in its trial."""
    found: list[str] = []
    known: set[str] = set()
    for each in params:
        if each.keys() <= known:
            continue
        place = len(found)
        for path in reversed([*each]):
            if path in known:
                place = found.index(path)
            else:
                found.insert(place, path)
                known.add(path)
    return found


def compare(store: Store, names: Iterable[str], said: Objective = Objective()) -> Results:  # noqa: B008
    """Read searches by their names, to compare their trials by a metric, or by that which the searches were told.

    Args:
        store: where the searches are.
        names: of the searches, or paths, or ``last``.
        said: what to compare by; for what it leaves open counts what the searches say.

    Raises:
        ConfigError: there is no such search, it cannot be read, or no run has such a metric.
    """
    found = {search.dir.resolve(): search for search in map(store.find, names)}
    return compared(list(found.values()), said)


def compared(searches: Sequence[SearchDirectory], said: Objective = Objective()) -> Results:  # noqa: B008
    """Read searches, to compare their trials by a metric, or by that which the searches were told.

    Raises:
        ConfigError: one cannot be read, or no run has such a metric.
    """
    results = Results.read(searches, said)
    wanted = results.objective.metric
    known = {name for trial in results.trials for run in trial.runs for name in run.metrics}
    if wanted and known and wanted not in known:
        where = ", ".join(str(search.dir) for search in searches)
        raise ConfigError(f"no run has the metric '{wanted:.80}'", where=where, hint=nearest(wanted, known))
    return results


def run_at_best(run: Run, record: Record, objective: Objective) -> Record:
    """The record of a run with the metrics of its best epoch, or of the run whose result it has."""
    return objective.at_best(record, read_reports(f"{run.dir.parent}/{record.reused or run.dir.name}"))


def records_at_best(search: SearchDirectory, objective: Objective) -> Iterator[tuple[RunEntry, Record | None]]:
    """Each run of a search with its record, which has the metrics of its best epoch; None if it was never started."""
    for entry, record in search.records():
        yield entry, record and objective.at_best(record, _reports(search, entry, record))


def objective_of(search: SearchDirectory) -> Objective:
    """What the runs of a search are compared by; if it was told no metric, by the first that a run has.

    Raises:
        ConfigError: what the search says, or the list of its runs, cannot be read.
    """
    said = Objective.said(search.facts())
    if said.metric is not None:
        return said
    return said.of(next((record.metrics for _, record in search.records() if record and record.metrics), {}))


def write_results(search: SearchDirectory) -> None:
    """Write ``results.csv``, in which each run has the metrics of its best epoch.

    Raises:
        ConfigError: the list of its runs cannot be read.
    """
    try:
        objective = objective_of(search)
    except ConfigError:  # search.json is gone: its runs are there
        objective = Objective()
    few = list(islice(records_at_best(search, objective), _FEW + 1))
    results_csv.write(
        search.results_path, (lambda: few) if len(few) <= _FEW else lambda: records_at_best(search, objective)
    )


def _comparable(values: Sequence[Mapping[Replicate, float]]) -> list[float | None]:
    """The means of some trials' values, each without what its repeats do to all trials.

    Means of trials and of repeats are taken off in turn until nothing changes, which gives the least squares of both.
    """
    effects = dict.fromkeys((place for each in values for place in each), 0.0)
    telling = [each for each in values if len(each) > 1]  # what a repeat does cannot be told from a trial with one
    if all(each.keys() == effects.keys() for each in values if each):
        telling = []
    least = _TINY * max((abs(value) for each in telling for value in each.values()), default=0.0)
    for _ in range(_MOST_ROUNDS if telling else 0):
        off: dict[Replicate, list[float]] = {}
        for each in telling:
            mean = _mean_without(effects, each)
            for place, value in each.items():
                off.setdefault(place, []).append(value - mean)
        moved = effects | {place: mean_of(found) for place, found in off.items()}
        change = max(abs(moved[place] - effects[place]) for place in moved)
        effects = moved
        if change <= least:
            break
    usual = mean_of(list(effects.values())) if effects else 0.0
    return [_mean_without(effects, each) + usual if each else None for each in values]


def _are_equal(one: float, other: float, *, exactly: bool) -> bool:
    """Whether two values are one; means of several runs may be so but for rounding."""
    return one == other or (not exactly and math.isclose(one, other, rel_tol=_TINY))


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return mean_of(found) if found else None


def _mean_without(effects: Mapping[Replicate, float], values: Mapping[Replicate, float]) -> float:
    return mean_of([value - effects[place] for place, value in values.items()])


def _completed(objective: Objective, searches: Sequence[SearchDirectory]) -> Objective:
    """An objective; for what it leaves open, what the first search says that was told something."""
    told = next((said for search in searches if (said := Objective.said(search.facts())) != Objective()), Objective())
    if objective.metric not in (None, told.metric):
        return replace(objective, goals=told.goals)
    maximize = told.maximize if objective.maximize is None else objective.maximize
    parameters = [Objective.said(search.facts()).parameters for search in searches]
    return Objective(told.metric, maximize, parameters=frozenset().union(*parameters), goals=told.goals)


def _result(search: SearchDirectory, entry: RunEntry, record: Record | None, objective: Objective) -> RunResult:
    reports, steps = _reports(search, entry, record) if record else [], Steps()
    metrics = objective.at_best(record, reports).metrics if record else {}
    value = metrics.get(objective.metric or "")
    usable = record is not None and record.is_done and is_finite(value)
    step = record.step if record and record.step is not None else max(map(steps.add, reports), default=None)
    return RunResult(search, entry, record, metrics, value if usable else None, step)


def _reports(search: SearchDirectory, entry: RunEntry, record: Record | None) -> list[dict[str, float]]:
    reused = record.reused if record else None
    return read_reports(f"{search.dir.parent}/{reused or entry.run}")


def _trials(results: Iterable[RunResult]) -> Iterator[TrialResult]:
    grouped: dict[tuple[str, str], list[RunResult]] = {}
    for result in results:
        key = str(result.search.dir), canonical(result.entry.params)
        grouped.setdefault(key, []).append(result)
    for runs in grouped.values():
        counted = tuple(run for run in runs if not run.entry.confirms)
        yield TrialResult(runs[0].entry.params, counted, tuple(run for run in runs if run.entry.confirms))
