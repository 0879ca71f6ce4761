"""The searches of a folder, as the first page lists them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.records.trials import Results
from gridfold.runs.search import RESULTS, RUNS, SEARCH, SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.status import Status
from gridfold.show.serve.columns import said
from gridfold.show.serve.files import stamp
from gridfold.show.serve.standing import Standing

_MOST = 500
_SECONDS = 1.0  # that a page waits for the count at most
_SHARE = 50  # a search that goes on is counted in at most this part of the time


@dataclass(frozen=True)
class _Counted:
    """The runs of a search, counted: when, of which state of its files, and how long that took."""

    at: float
    took: float
    of: object
    row: dict[str, Any]


class Listing:
    """Lists searches, the latest first. Who is at one is seen at once; to count its runs takes a while.

    Args:
        store: the folder.
        only: the search that is shown, if not all are.
    """

    def __init__(self, store: Store, only: SearchDirectory | None = None) -> None:
        self._store, self._only = store, only
        self._counted: dict[str, _Counted] = {}
        self._lock = threading.Lock()
        self._is_counted = threading.Event()  # as far as is wanted now
        self._is_counted.set()

    def document(self) -> dict[str, Any]:
        """What a page shows of them; the runs of some may be counted only when it is asked again."""
        searches = [self._only] if self._only else self._store.searches()[::-1]
        listed = [(search, _standing(search)) for search in searches[:_MOST]]
        with self._lock:
            if self._is_counted.is_set():
                self._is_counted.clear()
                threading.Thread(target=self._count, args=(listed,), daemon=True, name="count").start()
        self._is_counted.wait(_SECONDS)
        rows = [self._row(search, standing) for search, standing in listed]
        return {"schema": "gridfold/searches/1", "searches": rows, "more": max(0, len(searches) - _MOST)}

    def _row(self, search: SearchDirectory, standing: Standing) -> dict[str, Any]:
        row: dict[str, Any] = {"name": search.name, "states": None, "problem": standing.problem}
        if standing.problem:
            return row
        facts = standing.facts
        row |= {name: facts.get(name) for name in ("created", "started", "ended", "metric")}
        row |= {"total": facts["runs"], "is_alive": standing.is_alive, "host": ", ".join(standing.hosts)}
        known = self._counted.get(search.name)
        return row | known.row if known else row

    def _count(self, listed: Sequence[tuple[SearchDirectory, Standing]]) -> None:
        """See how the runs of searches stand that have changed since they were counted."""
        try:
            for search, standing in listed:
                if not standing.problem and not self._is_known(search, standing):
                    begin, of, row = time.monotonic(), _stamps(search, standing), dict[str, Any]()
                    with suppress(ConfigError):  # a search that is being made has no list yet
                        row = _counts(Status.read(search))
                    now = time.monotonic()
                    self._counted[search.name] = _Counted(now, now - begin, of, row)
        finally:
            self._is_counted.set()

    def _is_known(self, search: SearchDirectory, standing: Standing) -> bool:
        known = self._counted.get(search.name)
        if known is None:
            return False
        if known.of == _stamps(search, standing) and known.row and not standing.is_alive:
            return True
        return time.monotonic() - known.at < _SHARE * known.took


def _standing(search: SearchDirectory) -> Standing:
    found = Standing(search)
    found.read_facts()
    found.look()
    return found


def _stamps(search: SearchDirectory, standing: Standing) -> object:
    """What is another when its runs are to be counted again: also once a process of it has died."""
    return standing.is_alive, *(stamp(f"{search.dir}/{name}") for name in (SEARCH, RUNS, RESULTS))


def _counts(status: Status) -> dict[str, Any]:
    objective = status.objective
    row = {"total": status.total, "states": dict(status.states), "metric": objective.metric}
    if status.is_repeated:  # the best run is the luckiest one: what counts is the best trial
        best = next(iter(Results.read([status.search]).ranked), None)
        return row | {"best": said(best.mean if best else None)}
    if status.best is None:
        return row | {"best": None}
    metric, value = objective.value(status.best[1].metrics)
    return row | {"metric": metric, "best": said(value)}
