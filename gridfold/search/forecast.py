"""What a search would take, judged by earlier runs of the same trainer."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from gridfold.errors import ConfigError
from gridfold.run import Record, Run
from gridfold.search.plan import Plan
from gridfold.search.reuse import find_reusable
from gridfold.store import Store

_SAMPLE = 50  # earlier runs to judge by


@dataclass(frozen=True)
class Forecast:
    """What a search would take.

    Attributes:
        runs: how many runs would be executed.
        reusable: how many have results in earlier searches.
        parallel: how many would run at a time.
        seconds: how long it would take; None if there is nothing to judge by.
        disk: how many bytes the runs would write; likewise.
    """

    runs: int
    reusable: int
    parallel: int
    seconds: float | None
    disk: float | None

    @classmethod
    def read(cls, plan: Plan, store: Store, fingerprint: str, parallel: int, *, reuse: bool) -> Forecast:
        """Look at what is in a store already; with ``reuse``, results that are there are not made again."""
        facts = {"threads": plan.config.threads, "seed": plan.config.run_seed}
        reusable = len(find_reusable(plan.identities(), facts, fingerprint, store))
        runs = plan.size - (reusable if reuse else 0)
        sample = list(islice(_completed(plan, store), _SAMPLE))
        if not sample:
            return cls(runs, reusable, parallel, None, None)
        seconds = statistics.median(record.seconds or 0.0 for _, record in sample)
        disk = statistics.median(_size(run) for run, _ in sample)
        return cls(runs, reusable, parallel, seconds * -(-runs // parallel), disk * runs)


def _completed(plan: Plan, store: Store) -> Iterator[tuple[Run, Record]]:
    """Completed runs of the same trainer, of the latest search first."""
    for search in reversed(store.searches()):
        try:
            for entry, record in search.records():
                trainer = record and (record.trainer if isinstance(record.trainer, str) else tuple(record.trainer))
                if record and record.state == "completed" and not record.reused and trainer == plan.trainer:
                    yield search.run(entry), record
        except ConfigError:
            continue


def _size(run: Run) -> int:
    return sum(path.stat().st_size for path in run.dir.rglob("*") if path.is_file())
