"""The searches of a folder, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact_all
from gridfold.runs.search import SearchDirectory
from gridfold.search.overview import Overview


def document(searches: Sequence[SearchDirectory], count: int | None = None) -> dict[str, Any]:
    """The searches, the latest first.

    Args:
        searches: the latest last, as ``Store.searches`` has them.
        count: how many at most; None for all.
    """
    latest = [*reversed(searches)][:count]
    return new("list/1", searches=[_search(each) for each in latest], total=len(searches))


def _search(search: SearchDirectory) -> dict[str, Any]:
    found = Overview.of(search)
    best, metric = found.best, found.objective.metric or None
    return {
        "search": search.name,
        "dir": str(search.dir),
        "created": search.created or None,
        "readable": bool(found.states),
        "total": found.total,
        "done": found.done,
        "left": found.left,
        "states": {state: count for state, count in found.states.items() if count},
        "metric": metric,
        "maximize": found.objective.maximize if metric else None,
        "best": {"params": exact_all(best.params), "value": best.mean, "n": len(best.values)} if best else None,
    }
