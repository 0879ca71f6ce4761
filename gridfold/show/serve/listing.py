"""The searches of a folder, as the first page lists them."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.runs.search import RESULTS, RUNS, SEARCH, SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.status import Status
from gridfold.show.serve.columns import said
from gridfold.show.serve.files import stamp
from gridfold.show.serve.standing import Standing

_MOST = 500
_SECONDS = 1.0  # that one listing takes at most; the rest is counted for the next
_SHARE = 50  # a search that goes on is counted in at most this part of the time


@dataclass(frozen=True)
class _Counted:
    """The runs of a search, counted: when, of which state of its files, and how long that took."""

    at: float
    took: float
    of: object
    row: dict[str, Any]


class Listing:
    """Lists searches, the latest first. To count the runs of a search takes a while; who is at it is seen at once.

    Args:
        store: the folder.
        only: the search that is shown, if not all are.
    """

    def __init__(self, store: Store, only: SearchDirectory | None = None) -> None:
        self._store, self._only = store, only
        self._lock = threading.Lock()
        self._counted: dict[str, _Counted] = {}

    def document(self) -> dict[str, Any]:
        """What a page shows of them; the runs of some may be counted only when it is asked again."""
        with self._lock:
            searches = [self._only] if self._only else self._store.searches()[::-1]
            deadline = time.monotonic() + _SECONDS
            rows = [self._row(each, deadline) for each in searches[:_MOST]]
            return {"schema": "gridfold/searches/1", "searches": rows, "more": max(0, len(searches) - _MOST)}

    def _row(self, search: SearchDirectory, deadline: float) -> dict[str, Any]:
        row: dict[str, Any] = {"name": search.name, "states": None, "problem": ""}
        try:
            facts = search.facts()
        except ConfigError as error:
            return row | {"problem": str(error)}
        standing = Standing(search)
        standing.look()
        row |= {name: facts.get(name) for name in ("created", "started", "ended", "metric")}
        row |= {"total": facts["runs"], "is_alive": standing.is_alive, "host": ", ".join(standing.hosts)}
        return row | self._count(search, deadline, is_alive=standing.is_alive)

    def _count(self, search: SearchDirectory, deadline: float, *, is_alive: bool) -> dict[str, Any]:
        """How its runs stand, as far as there is time to look."""
        known, begin = self._counted.get(search.name), time.monotonic()
        now = tuple(stamp(f"{search.dir}/{name}") for name in (SEARCH, RUNS, RESULTS))
        is_new = known is not None and (known.of == now if not is_alive else begin - known.at < _SHARE * known.took)
        if known and (is_new or begin > deadline):
            return known.row
        if begin > deadline:
            return {}
        row: dict[str, Any] = {}
        with suppress(ConfigError):  # a search that is being made has no list yet
            row = _counts(Status.read(search))
        self._counted[search.name] = _Counted(time.monotonic(), time.monotonic() - begin, now, row)
        return row


def _counts(status: Status) -> dict[str, Any]:
    objective = status.objective
    row = {"total": status.total, "states": dict(status.states), "metric": objective.metric}
    if status.best is None:
        return row | {"best": None}
    metric, value = objective.value(status.best[1].metrics)
    return row | {"metric": metric, "best": said(value)}
