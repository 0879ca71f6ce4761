"""What a search would take, judged by earlier runs of the same trainer; what is left of one, by its own."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from gridfold.core.errors import ConfigError
from gridfold.identity.fingerprint import Code
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.search.plan import Plan
from gridfold.search.reuse import find_reusable
from gridfold.trainers.placeholders import trainer_named

_SAMPLE = 50  # earlier runs to judge by
_ENDLESS = 10**30  # runs
_RECENT = 20  # this many times the runs that run at a time are judged by


@dataclass(frozen=True)
class Forecast:
    """What a search would take.

    Attributes:
        runs: how many runs would be executed.
        reusable: how many have results in earlier searches.
        parallel: how many would run at a time.
        seconds: how long it would take; None if there is nothing to judge by.
        disk: how many bytes the runs would write; None as above.
    """

    runs: int
    reusable: int
    parallel: int
    seconds: float | None
    disk: float | None

    @classmethod
    def read(cls, plan: Plan, store: Store, code: Code, parallel: int, *, reuse: bool) -> Forecast:
        """Look at what is in a store already; with ``reuse``, results that are there are not made again."""
        facts = {"threads": plan.config.threads, "seed": plan.config.run_seed, "cwd": plan.config.cwd}
        facts["metric"] = plan.config.settings.metric
        may_run = plan.most_runs <= plan.limit  # else it costs more to look than to say what is too much
        reusable = len(find_reusable(plan.identities(), facts, code, store).runs) if may_run else 0
        runs = (plan.size if plan.race else plan.most_runs) - (reusable if reuse else 0)
        sample = list(islice(_completed(plan, store), _SAMPLE))
        if not sample:
            return cls(runs, reusable, parallel, None, None)
        seconds = statistics.median(record.seconds or 0.0 for _, record in sample)
        shared = statistics.median(record.shared_seconds for _, record in sample)  # once
        disk = statistics.median(_size(run) for run, _ in sample)
        rounds, count = min(-(-runs // parallel), _ENDLESS), min(runs, _ENDLESS)  # a float has no room for 2**1100
        return cls(runs, reusable, parallel, shared * (runs > 0) + seconds * rounds, disk * count)


@dataclass
class Pace:
    """How fast the runs of a search end, whatever came before the first of them: imports, and what runs share.

    Attributes:
        parallel: how many run at a time.
    """

    parallel: int
    clock: Callable[[], float] = time.monotonic
    _ends: deque[float] = field(init=False)
    _seconds: list[float] = field(default_factory=list, init=False)  # that the first of them took by themselves

    def __post_init__(self) -> None:
        self._ends = deque(maxlen=1 + _RECENT * self.parallel)

    def ended(self, record: Record) -> None:
        """Hear of a run that has ended."""
        self._ends.append(self.clock())
        if len(self._seconds) < self.parallel:
            self._seconds.append(record.seconds or 0.0)

    def seconds_left(self, remaining: int) -> float | None:
        """How long that many more runs take; None as long as one run alone would have to tell.

        Those that run at a time may end at a time, so the pace is from one such end to the next: between two ends
        there are a whole number of times as many runs as run at a time. Before that, it is what the runs took.
        """
        known = len(self._ends)
        if known < 2:
            return None
        if rounds := (known - 1) // self.parallel:
            count = rounds * self.parallel
            return (self._ends[-1] - self._ends[-1 - count]) / count * remaining
        return statistics.median(self._seconds) / self.parallel * remaining


def _completed(plan: Plan, store: Store) -> Iterator[tuple[Run, Record]]:
    """Completed runs of the same trainer, of the latest search first."""
    wanted = trainer_named(plan.trainer)
    for search in reversed(store.searches()):
        try:
            for entry, record in search.records():
                is_same = record and trainer_named(record.trainer) == wanted
                if record and is_same and record.state == "completed" and not record.reused:
                    yield search.run(entry), record
        except ConfigError:
            continue


def _size(run: Run) -> int:
    return sum(path.stat().st_size for path in run.dir.rglob("*") if path.is_file())
