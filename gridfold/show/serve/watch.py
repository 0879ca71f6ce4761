"""A search as its files tell of it, whoever executes it: all that is known now, and what has changed since.

To look at 10,000 runs twice a second has to cost next to nothing. What happens to a run makes, replaces or removes a
file in its directory, so the time of the directory says whether to read it again. Only runs that are under way are read
each time, from where they were read before.
"""

from __future__ import annotations

import heapq
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective, is_finite
from gridfold.records.trials import run_at_best
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.reports import read_reports
from gridfold.runs.run import Run, judge
from gridfold.runs.search import SEARCH, SearchDirectory
from gridfold.show.serve.columns import Cells, Columns, said
from gridfold.show.serve.curve import Curve
from gridfold.show.serve.files import stamp
from gridfold.show.serve.standing import DONE, Standing
from gridfold.show.serve.under_way import UnderWay

MOST_CURVES = 50  # of runs that are done
MOST_TAILS = 16  # of runs that are under way
_LIFE_SECONDS = 2.0  # between two questions whether the processes of runs live
_ENGINE_SECONDS = 15.0  # if an engine is asked
_LOOKS = 3  # at a directory that has changed: its disk may tell the time coarsely
_SLICES = 16  # looks, after which all runs that are done were looked at once


@dataclass(eq=False, slots=True)
class _Seen:
    """What was seen of a run last."""

    entry: RunEntry
    cells: Cells
    state: str = "created"
    attempt: int = 0
    seconds: float | None = None
    step: float | None = None
    value: float | None = None
    reused: str | None = None
    metrics: Cells = ()
    changed: int = -1  # when its directory was, in nanoseconds
    looks: int = 0  # to go, although it has not changed since

    @property
    def is_done(self) -> bool:
        return self.state in DONE


@dataclass
class _News:
    """The runs of which there is something to tell."""

    rows: set[int] = field(default_factory=set)
    curves: set[int] = field(default_factory=set)
    tails: set[int] = field(default_factory=set)


class Watch:
    """Watches a search; one thread looks, any may ask for the state.

    Args:
        search: the search.

    Attributes:
        version: of what is known; another one with each change.
        results: another number whenever a run has ended, or is to be run again.
        failure: what went wrong in the last look; "" if nothing did.
    """

    def __init__(self, search: SearchDirectory) -> None:
        self.search = search
        self.version = 0
        self.results = 0
        self.failure = ""
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the search yet."""
        self._objective = Objective()
        self._source = 0  # of the objective: 2 for what a run has given, 1 for what one has reported so far
        self._columns = Columns()
        self._seen: list[_Seen] = []
        self._states: Counter[str] = Counter()
        self._seconds = 0.0  # of the runs that are done
        self._under_way: dict[int, UnderWay] = {}
        self._best: dict[int, Curve] = {}  # of runs that are done
        self._is_ranked = True
        self._version_of_list: object = None
        self._stamp: object = None  # of search.json
        self._asked = float("-inf")
        self._turn = 0
        self._standing = Standing(self.search)
        self._news = _News()
        self._told: tuple[Any, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether no run will end for now: all are done or failed, or nobody is at them."""
        left = len(self._seen) - sum(self._states[state] for state in (*DONE, "failed"))
        return not left or not (self._under_way or self._standing.is_alive)

    def state(self) -> dict[str, Any]:
        """All that is known."""
        with self._lock:
            return {
                "version": self.version,
                "search": self._document(),
                "columns": self._columns.document(self._objective.metric or ""),
                "runs": {index: self._row(seen) for index, seen in enumerate(self._seen)},
                "curves": {index: curve.points for index, curve in self._curves()},
                "tails": {index: self._under_way[index].tail for index in self._tailed()},
                "progress": {index: self._progress(index) for index in self._under_way},
            }

    def look(self) -> dict[str, Any] | None:
        """What has changed since the last look; None if nothing has, and ``{}`` if all is to be told again."""
        with self._lock:
            again = self._see_search()
            self._see_added()
            for seen in self._to_see():
                self._see(seen)
            self._follow()
            self._rank()
            again |= self._is_compared_otherwise()
            if again:
                self.version += 1
                self._news, self._told = _News(), self._facts()
                return {}
            return self._change()

    def _see_search(self) -> bool:
        """Read what the search says of itself; whether that is so new that all begins again."""
        found = stamp(f"{self.search.dir}/{SEARCH}")
        if found == self._stamp:
            return False
        is_first, before = self._stamp is None, Objective.said(self._standing.facts)
        self._stamp = found
        self._standing.read_facts()
        after = Objective.said(self._standing.facts)
        if is_first or (after, after.maximize) == (before, before.maximize):
            return is_first
        self._forget()
        self._see_search()
        return True

    def _see_added(self) -> None:
        version = self.search.version_of_list()
        if version == self._version_of_list:
            return
        self._version_of_list = version
        try:
            added = list(self.search.entries_from(len(self._seen)))
        except ConfigError as error:
            self._standing.unlisted = str(error) if version else ""  # one that is being made has no list yet
            return
        self._standing.unlisted = ""
        for entry in added:
            self._columns.see_entry(entry)
        self._news.rows.update(range(len(self._seen), len(self._seen) + len(added)))
        self._seen.extend(_Seen(entry, self._columns.entry_cells(entry)) for entry in added)
        self._states["created"] += len(added)
        self._standing.count(len(self._seen))

    def _to_see(self) -> Iterator[_Seen]:
        """The runs whose directories have changed; those that are done are looked at in turn."""
        self._turn = (self._turn + 1) % _SLICES
        root = str(self.search.dir.parent)
        for place, seen in enumerate(self._seen):
            if seen.state in DONE and not seen.looks and place % _SLICES != self._turn:
                continue
            try:
                changed = os.stat(f"{root}/{seen.entry.run}").st_mtime_ns  # noqa: PTH116 - of 10,000 at each look
            except OSError:
                continue
            if changed != seen.changed:
                seen.looks = _LOOKS if seen.changed >= 0 else 1
                seen.changed = changed
            if seen.looks:
                seen.looks -= 1
                yield seen

    def _see(self, seen: _Seen) -> None:
        """Read the record of a run."""
        under_way = self._under_way.get(seen.entry.index)
        directory = self._directory(seen)
        if under_way:  # it changes all the time; whether its process lives is asked now and then
            record = Run(directory).read()
            if record and record.attempt == under_way.attempt and not record.is_final:
                self._set_state(seen, _state_of(directory, record))
                return
        if record := judge(directory):
            self._take(seen, directory, record)

    def _take(self, seen: _Seen, directory: str, record: Record) -> None:
        """Know what a record says."""
        index, before = seen.entry.index, (seen.state, seen.attempt, seen.value)
        self._resolve(record.metrics, 2)
        self._seconds -= (seen.seconds or 0.0) if seen.is_done else 0.0
        self._set_state(seen, _state_of(directory, record))
        seen.attempt, seen.seconds, seen.step = record.attempt, record.seconds, record.step
        seen.reused, seen.value, seen.metrics = record.reused, None, ()
        if self._best.pop(index, None):  # its curve may be another one now
            self._news.curves.add(index)
            self._is_ranked = False
        self._seconds += (seen.seconds or 0.0) if seen.is_done else 0.0
        if record.is_final:
            if self._under_way.pop(index, None):
                self._news.curves.add(index)
                self._news.tails.add(index)
            self._measure(seen, record)
        elif (known := self._under_way.get(index)) is None or known.attempt != record.attempt:
            self._under_way[index] = UnderWay(directory, record, self._objective)
        self._news.rows.add(index)
        if before != (seen.state, seen.attempt, seen.value):
            self.results += record.is_final
            self._is_ranked = False

    def _measure(self, seen: _Seen, record: Record) -> None:
        """The metrics of a run that is over, those of its best epoch."""
        if record.is_done:
            record = run_at_best(Run(self._directory(seen)), record, self._objective)
            value = self._objective.value(record.metrics)[1]
            seen.value = value if is_finite(value) else None
        seen.metrics = self._columns.metric_cells(record.metrics, self._objective.metric or "")

    def _resolve(self, metrics: Mapping[str, float], source: int) -> None:
        """See what runs are compared by, from the metrics of the first that has some."""
        if metrics and source > self._source:
            found = Objective.said(self._standing.facts).of(metrics)
            if found != self._objective and (self._source or self._under_way):
                self._stamp = None  # all is read again
            self._objective, self._source = found, source

    def _is_compared_otherwise(self) -> bool:
        """Whether what runs are compared by has turned out to be something else, and all was read again."""
        if self._stamp is not None:
            return False
        found, source = self._objective, self._source
        self._forget()
        self._see_search()
        self._objective, self._source = found, source
        self._see_added()
        for seen in self._to_see():
            self._see(seen)
        self._follow()
        self._rank()
        return True

    def _set_state(self, seen: _Seen, state: str) -> None:
        if state != seen.state:
            self._states[seen.state] -= 1
            self._states[state] += 1
            seen.state = state
            self._news.rows.add(seen.entry.index)

    def _follow(self) -> None:
        """Read on in the runs that are under way; now and then ask whether their processes live."""
        now = time.monotonic()
        costs = any(run.asks_engine for run in self._under_way.values())
        asks = now - self._asked >= (_ENGINE_SECONDS if costs else _LIFE_SECONDS)
        if asks:
            self._asked = now
            self._standing.look()
        for index in [*self._under_way]:
            seen = self._seen[index]
            if asks and (record := judge(self._directory(seen))) and self._is_other(index, record):
                self._take(seen, self._directory(seen), record)
            if run := self._under_way.get(index):
                self._read_on(seen, run)
        for index in self._tailed():
            if self._under_way[index].look_at_log():
                self._news.tails.add(index)

    def _is_other(self, index: int, record: Record) -> bool:
        return record.is_final or record.attempt != self._under_way[index].attempt

    def _read_on(self, seen: _Seen, run: UnderWay) -> None:
        if not run.look():
            return
        if not self._source and run.first:
            self._resolve(run.first, 1)
            self._stamp = None  # its reports are read again, now that it is known which metric counts
        seen.step, seen.value = run.step, run.value
        seen.metrics = self._columns.metric_cells(run.metrics, self._objective.metric or "")
        self._news.rows.add(seen.entry.index)
        if run.curve.has_news:
            self._news.curves.add(seen.entry.index)

    def _rank(self) -> None:
        """See which runs are the best, of which the curves are shown."""
        if self._is_ranked:
            return
        self._is_ranked = True
        sign = -1 if self._objective.maximize else 1
        done = ((sign * (seen.value or 0.0), index) for index, seen in enumerate(self._seen) if _counts(seen))
        best = {index for _, index in heapq.nsmallest(MOST_CURVES, done)}
        for index in self._best.keys() - best:
            del self._best[index]
            self._news.curves.add(index)
        for index in best - self._best.keys():
            self._best[index] = self._curve_of(self._seen[index])
            self._news.curves.add(index)

    def curve(self, index: int) -> list[tuple[float, float]]:
        """The learning curve of any run."""
        with self._lock:
            if index in self._under_way:
                return self._under_way[index].curve.points
            return self._curve_of(self._seen[index]).points if 0 <= index < len(self._seen) else []

    def _curve_of(self, seen: _Seen) -> Curve:
        curve = Curve(self._objective.metric or "")
        curve.add(read_reports(f"{self.search.dir.parent}/{seen.reused or seen.entry.run}"))
        return curve

    def _curves(self) -> Iterator[tuple[int, Curve]]:
        yield from self._best.items()
        yield from ((index, run.curve) for index, run in self._under_way.items() if run.curve.points)

    def _tailed(self) -> list[int]:
        return list(islice(self._under_way, MOST_TAILS))

    def _progress(self, index: int) -> dict[str, Any]:
        run = self._under_way[index]
        return {"started": run.started, **{name: said(value) for name, value in run.progress.items()}}

    def _row(self, seen: _Seen) -> list[Any]:
        facts = seen.state, seen.seconds, said(seen.step), said(seen.value)
        return self._columns.row(facts, seen.cells, seen.metrics)

    def _document(self) -> dict[str, Any]:
        objective = self._objective
        said_of = self._standing.document(
            self._states, self._seconds, objective.metric or "", maximize=bool(objective.maximize)
        )
        if self.failure:
            said_of["problem"] = self.failure
        return said_of | {"running": sorted(self._under_way), "best": min(self._ranked(), default=(0, None))[1]}

    def _ranked(self) -> Iterator[tuple[float, int]]:
        sign = -1 if self._objective.maximize else 1
        return ((sign * (self._seen[index].value or 0.0), index) for index in self._best)

    def _facts(self) -> tuple[Any, ...]:
        return self._document(), self._columns.count, self._objective.metric

    def _change(self) -> dict[str, Any] | None:
        """What is new, for whoever knows all that was told before."""
        news, facts = self._news, self._facts()
        if not (news.rows or news.curves or news.tails or facts != self._told):
            return None
        before, self._told, self._news = self._told, facts, _News()
        self.version += 1
        found: dict[str, Any] = {"version": self.version}
        if not before or facts[0] != before[0]:
            found["search"] = facts[0]
        if not before or facts[1:] != before[1:]:
            found["columns"] = self._columns.document(self._objective.metric or "")
        curves, tails = dict(self._curves()), self._tailed()
        parts = {
            "runs": {index: self._row(self._seen[index]) for index in sorted(news.rows)},
            "curves": {index: curves[index].news() if index in curves else None for index in news.curves},
            "tails": {index: self._under_way[index].tail if index in tails else None for index in news.tails},
            "progress": {index: self._progress(index) for index in self._under_way.keys() & news.rows},
        }
        return found | {name: part for name, part in parts.items() if part}

    def _directory(self, seen: _Seen) -> str:
        return f"{self.search.dir.parent}/{seen.entry.run}"


def _counts(seen: _Seen) -> bool:
    return seen.value is not None and seen.is_done and not seen.entry.confirms


def _state_of(directory: str, record: Record) -> str:
    """The state of a record, "waiting" if its run waits until its search lets it go on."""
    waits = record.state == "running" and Run(directory).is_waiting(record.attempt)
    return "waiting" if waits else record.state
