"""Pruning in a search: what runs report is told to what judges them, and what it says is what happens.

Which runs get a place first
----------------------------
ASHA lets a run go on as soon as it is one of the best at its rung, and begins a new one only if there is none: so the
search has results at any time, and may have any number of runs; but of the first that come, some go on that later turn
out to be none of the best. Where all runs are known from the beginning and have the time that they need, new runs come
first, and then the lower rungs: whoever goes on is one of the best of all. That is possible because runs that wait cost
nothing but memory; if there is too little of it, the worst of them end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.executors.protocol import STOP, WAIT, Place, Verdict
from gridfold.propose.prune import Asha, Hyperband, Median, Pruning
from gridfold.records.numbers import number
from gridfold.records.objective import Objective, is_finite
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.reports import ReportReader
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.steps import EPOCH, Steps
from gridfold.trainers.protocol import BUILT_IN

_METRIC = "training.metric"  # where the ready trainer is told what counts; f1 if it is not


@dataclass
class _Seen:
    """What is known of a run.

    Attributes:
        run: the run.
        steps: how far it is, by the reports that have the metric.
        best: the best value so far, more is better.
        rung: the last rung that it has reached; 0 for none.
        reports: reads them.
        attempt: the attempt that they are of; 0 if it is over.
    """

    run: Run
    steps: Steps = field(default_factory=Steps)
    best: float = -math.inf
    rung: float = 0.0
    reports: ReportReader = field(default_factory=ReportReader)
    attempt: int = 0


@dataclass
class SearchPruner:
    """Says which runs of a search go on (see ``executors.protocol.Pruner``).

    Attributes:
        search: the search.
        rule: judges runs by their values.
        name: what it is called.
        objective: what runs are compared by.
        finishes: whether runs that wait are all brought to their end, when no new one is left.
        is_patient: whether new runs come before those that wait.
        awaits: whether a new run will come, though there is none now.
    """

    search: SearchDirectory
    rule: Pruning
    name: str
    objective: Objective
    finishes: bool = False
    is_patient: bool = False
    awaits: Callable[[], bool] = lambda: False
    _seen: dict[int, _Seen] = field(default_factory=dict, init=False)
    _ends: set[float] = field(default_factory=set, init=False)  # the last steps of runs that were completed
    _ending: set[int] = field(default_factory=set, init=False)  # runs that end, unless they are at their end
    _metric: str = field(default="", init=False)
    _sign: int = field(default=1, init=False)

    @classmethod
    def of(cls, search: SearchDirectory, *, finishes: bool = False, has_time: bool = True) -> SearchPruner | None:
        """That of a search, which knows what its runs have reached; None if it does not prune.

        Args:
            search: the search.
            finishes: see there.
            has_time: whether the search goes on until all its runs are over.
        """
        facts = search.facts()
        said = facts.get("prune")
        if not isinstance(said, Mapping):
            return None
        rule = rule_of(said)
        is_patient = rule.compares and has_time and not facts.get("race") and _is_listed(facts.get("strategy"))
        pruner = cls(search, rule, str(said["name"]), _objective_of(search, facts), finishes, is_patient)
        for entry, record in search.records():
            if record is not None and record.is_done:
                run = Run(search.dir.parent / (record.reused or entry.run))
                pruner.over(run, record, entry.index)
        return pruner

    @property
    def first(self) -> float:
        """The first step at which a run may be judged."""
        return self.rule.first

    def judge(self, attempt: Attempt, *, may_wait: bool) -> Verdict:
        """Whether a run goes on that asks."""
        index, run = attempt.record.index, attempt.run
        if index in self._seen and self._seen[index].run is not run:
            self._forget(index)  # it was as far before, in another attempt
        rung = self._look(index, run, attempt.record.attempt)
        seen = self._seen[index]
        following = self.rule.rung_after(index, max(seen.rung, seen.steps.step))
        if index in self._ending:
            return STOP
        if rung is None or self._is_at_its_end(run, seen):
            return following
        if self.rule.stays(index) if not may_wait else self.rule.goes_on(index) and not self.is_patient:
            self._log(attempt, "goes on")
            return following
        self._log(attempt, "waits" if may_wait else "stops")
        return WAIT if may_wait else STOP

    def next(self, waiting: Sequence[Attempt], place: Place) -> tuple[Attempt, Verdict] | None:
        """Which run that waits gets a place."""
        if place == "none":
            return self._stopped(self._worst(waiting))
        if place == "wanted" and self.is_patient:
            return None
        in_order = self._best_first(waiting)
        is_last = place == "idle" and not self.awaits()
        for attempt in sorted(in_order, key=self._rung) if self.is_patient else in_order:
            if self._goes_on(attempt.record.index, last=is_last):
                return self._continued(attempt)
        if place == "wanted" or self.awaits():
            return None
        if self.finishes:
            return self._continued(in_order[0])
        return self._stopped(self._worst(waiting)) if is_last else None

    def give_up(self, waiting: Sequence[Attempt]) -> Attempt:
        """The run that is to end, as not all of these can wait."""
        worst = self._worst(waiting)
        self._log(worst, "gives its memory back, and stops")
        return worst

    def _worst(self, waiting: Sequence[Attempt]) -> Attempt:
        """The run that stands worst at its rung; of those that stand alike, the one that came less far."""

        def key(attempt: Attempt) -> tuple[float, float, int]:
            index = attempt.record.index
            rung = self._seen[index].rung
            return self.rule.standing(index) if rung else 1.0, rung, -index

        return min(waiting, key=key)

    def ended(self, run: Run, record: Record) -> None:
        """Hear how a run has ended."""
        if record.is_done:
            self.over(run, record, record.index)
        elif record.is_final and record.index in self._seen:  # it failed, or begins once more
            self._forget(record.index)

    def heard(self, entry: RunEntry, record: Record) -> None:
        """Hear of a run that is over, by whoever."""
        if record.is_done and entry.index not in self._seen:
            self.over(self.search.run(entry), record, entry.index)

    def over(self, run: Run, record: Record, index: int) -> None:
        """Hear of a run that has a result, by whoever; the first says what runs are compared by, if nobody did."""
        name = self.objective.value(record.metrics)[0]
        if record.state == "completed" and name != self._metric and name in record.metrics:
            known, self._seen = self._seen, {}
            self._compare_by(name, record.metrics)
            for other, seen in known.items():
                self.rule.leave(other)
                self._look(other, seen.run, seen.attempt)
        self._look(index, run)
        if record.state == "completed":
            self._ends.add(self._seen[index].steps.step)

    def _forget(self, index: int) -> None:
        self.rule.leave(index)
        del self._seen[index]
        self._ending.discard(index)

    def _best_first(self, waiting: Sequence[Attempt]) -> list[Attempt]:
        def key(attempt: Attempt) -> tuple[float, int, int]:
            index = attempt.record.index
            return -self._seen[index].rung, self._place(index)[0], index

        return sorted(waiting, key=key)

    def _rung(self, attempt: Attempt) -> float:
        return self._seen[attempt.record.index].rung

    def _goes_on(self, index: int, *, last: bool) -> bool:
        return self._seen[index].rung == 0 or self.rule.goes_on(index, last=last)

    def _place(self, index: int) -> tuple[int, int]:
        """Its place at its rung, and of how many; 0 of 0 if it turned out not to have what runs are compared by."""
        return self.rule.place(index) if self._seen[index].rung else (0, 0)

    def _is_at_its_end(self, run: Run, seen: _Seen) -> bool:
        """Whether all its epochs are trained, as far as it says how many there are."""
        epochs = run.read_progress().get("epochs")
        return epochs is not None and seen.steps.step >= epochs

    def _look(self, index: int, run: Run, attempt: int = 0) -> float | None:
        """Read what a run has reported since; the rung that it has come to, None if to no other than before."""
        seen = self._seen.setdefault(index, _Seen(run, attempt=attempt))
        before = seen.rung
        for step, value in self._values(seen):
            seen.best = max(seen.best, value)
            while (rung := self.rule.rung_after(index, seen.rung)) <= step:
                self.rule.reach(index, rung, seen.best)
                seen.rung = rung
        return seen.rung if seen.rung > before else None

    def _values(self, seen: _Seen) -> Iterator[tuple[float, float]]:
        """The steps that a run has come to, and the values there."""
        if not seen.reports.position:  # or a program had said so far what it reports in the end
            seen.steps = Steps()
        reports = seen.reports.read(str(seen.run.dir))
        if not seen.reports.position and seen.attempt:
            reports = seen.run.reports_so_far(seen.attempt)
        for report in reports:
            if not self._metric:
                self._compare_by(self.objective.value(report)[0], report)
            value = report.get(self._metric)
            if isinstance(value, (int, float)):
                yield seen.steps.add(report), self._sign * value if is_finite(value) else -math.inf

    def _compare_by(self, metric: str, metrics: Mapping[str, Any]) -> None:
        if metric and metric in metrics and metric != EPOCH:
            self._metric, self._sign = metric, self.objective.sign(metric)

    def _continued(self, attempt: Attempt) -> tuple[Attempt, Verdict]:
        self._log(attempt, "goes on")
        index = attempt.record.index
        return attempt, self.rule.rung_after(index, max(self._seen[index].rung, self._seen[index].steps.step))

    def _stopped(self, attempt: Attempt) -> tuple[Attempt, Verdict]:
        """End a run; one that is as far as others were when they were completed may be, too, and is asked."""
        index, step = attempt.record.index, self._seen[attempt.record.index].steps.step
        if step in self._ends and index not in self._ending:
            self._ending.add(index)
            return attempt, math.nextafter(step, math.inf)
        self._log(attempt, "stops")
        return attempt, STOP

    def _log(self, attempt: Attempt, what: str) -> None:
        index = attempt.record.index
        seen = self._seen[index]
        place, count = self._place(index)
        value = f"{self._metric} {number(self._sign * seen.best)}"
        self.search.log(f"run {index} {what} at step {seen.rung:g} ({self.name}: {value}, place {place} of {count})")


def _objective_of(search: SearchDirectory, facts: Mapping[str, Any]) -> Objective:
    """What runs are compared by, before one has an end that says so: of the ready trainer its config does."""
    said = Objective.said(facts)
    entry = next(search.entries(), None)
    is_open = (
        said.metric is None and facts.get("trainer") == BUILT_IN and _METRIC not in (facts.get("parameters") or {})
    )
    if not is_open or entry is None:
        return said
    with suppress(ConfigError):
        training = Config.load(search.run(entry).config_path).data.get("training")
        name = training.get("metric", "f1") if isinstance(training, Mapping) else "f1"
        return replace(said, metric=f"val_{str(name).removeprefix('val_')}")
    return said


def _is_listed(strategy: Any) -> bool:
    """Whether all trials of a strategy are known from the beginning."""
    name = strategy.get("name") if isinstance(strategy, Mapping) else strategy
    return name in (None, "grid", "random", "sobol")


def rule_of(said: Mapping[str, Any]) -> Pruning:
    """What judges runs, as ``search.json`` or the config says it."""
    options = {name: value for name, value in said.items() if name != "name"}
    least, eta, most = options.get("min", 1), options.get("eta", 3), options.get("max", math.inf)
    if said["name"] == "hyperband":
        return Hyperband(least, eta, most)
    if said["name"] == "median":
        return Median(least, options.get("every", 1), options.get("others", 4), most)
    return Asha(least, eta, most)
