"""How far a search is, from its files alone: also of one that another process runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gridfold.config.strategy import Strategy
from gridfold.core.errors import ConfigError
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import PROCESS
from gridfold.records.objective import Objective, Rank
from gridfold.records.ties import Leaders
from gridfold.records.trials import objective_of, records_at_best
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers
from gridfold.search.plan import plan_of


@dataclass
class Status:
    """The runs of a search, counted.

    Attributes:
        search: the search.
        total: how many runs it has, with those that its strategy has still to name.
        states: how many are in each state, "lost" if their process died and nobody has taken over yet.
        running: those that are running now.
        waiting: how many wait until their search lets them go on (``--prune``); their state is "waiting" here.
        best: the best of those that are done, of those that count in the comparison.
        is_repeated: whether trials have several runs, of which the best one alone says little.
        objective: what they are compared by.
        leaders: the runs that are as good as the best.
    """

    search: SearchDirectory
    total: int = 0
    states: Counter[str] = field(default_factory=Counter)
    running: list[tuple[RunEntry, Run]] = field(default_factory=list)
    waiting: int = 0
    best: tuple[RunEntry, Record] | None = None
    is_repeated: bool = False
    objective: Objective = field(default_factory=Objective)
    leaders: Leaders = field(init=False)
    _done: int = 0
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        self.leaders = Leaders(self.objective)

    @classmethod
    def read(cls, search: SearchDirectory) -> Status:
        """Look at every run of a search."""
        objective = objective_of(search)
        return cls.of(search, records_at_best(search, objective), objective)

    @classmethod
    def of(
        cls, search: SearchDirectory, runs: Iterable[tuple[RunEntry, Record | None]], objective: Objective
    ) -> Status:
        """The same of runs that were read; what is best among them is told by the metrics that they have here."""
        status = cls(search, objective=objective)
        for entry, record in runs:
            status._add(entry, record)
        status.total += (more := to_be_named(search, status.total))
        status.states += Counter({"not named yet": more} if more else {})
        return status

    @property
    def left(self) -> int:
        """How many runs are not done."""
        return self.total - self._done - self.states["failed"]

    def seconds_left(self) -> float | None:
        """How long the rest takes if it goes on as it did; None if nothing is running or nothing is known yet."""
        if not self.running or not self._done:
            return None
        return self._seconds / self._done * self.left / len(self.running)

    def _add(self, entry: RunEntry, record: Record | None) -> None:
        self.total += 1
        is_running = record is not None and record.state == "running"
        waits = is_running and record is not None and self.search.run(entry).is_waiting(record.attempt)
        self.waiting += waits
        self.states["waiting" if waits else record.state if record else "created"] += 1
        self.is_repeated |= entry.repeat > 0 or bool(entry.fold)
        if is_running and not waits:
            self.running.append((entry, self.search.run(entry)))
        if record and record.is_done:
            self._done += 1
            self._seconds += record.seconds or 0.0
            if not entry.confirms:
                self.leaders.add(record)
                self.best = min(self.best or (entry, record), (entry, record), key=lambda run: self._place(*run))

    def _place(self, entry: RunEntry, record: Record) -> Rank:
        return self.objective.rank(record, entry.index)


def elapsed(record: Record) -> float | None:
    """Seconds since a running run has started, by the clock; None if it has not."""
    if not record.started:
        return None
    return (datetime.now(UTC) - datetime.fromisoformat(record.started)).total_seconds()


def is_worked_on(search: SearchDirectory) -> bool:
    """Whether a process is at it, as far as can be told here: it has a heartbeat, or has just created the search."""
    facts = search.facts()
    owners = [_owner(said) for said in Workers(search.dir).all()]
    creator = None if facts.get("started") else _owner(facts.get("creator"))
    owners += [] if creator == Owner.current() else [creator]  # it has created it, and does no more
    return any(owner is not None and owner.life == "alive" for owner in owners)


def _owner(said: Any) -> Owner | None:
    """The process that a heartbeat or ``search.json`` tells of."""
    if not isinstance(said, Mapping):
        return None
    start = said.get("process", said.get("start"))
    return Owner.of(said.get("host"), said.get("pid"), start, said.get("asks", PROCESS))


def to_be_named(search: SearchDirectory, listed: int) -> int:
    """How many runs a search is still to have that its strategy will choose by results; 0 where a budget decides."""
    strategy = Strategy.read(search.facts().get("strategy"))
    if not strategy.learns or strategy.trials is None:
        return 0
    try:
        return max(0, plan_of(search).most_runs - listed)
    except ConfigError:
        return 0
