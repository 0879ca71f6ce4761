"""The searches of a folder, as the first page lists them."""

from __future__ import annotations

import threading
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.show.serve.standing import Standing

_MOST = 500


class Listing:
    """Lists searches, the latest first.

    Args:
        store: the folder.
        only: the search that is shown, if not all are.
    """

    def __init__(self, store: Store, only: SearchDirectory | None) -> None:
        self._store, self._only = store, only
        self._lock = threading.Lock()

    def document(self) -> dict[str, Any]:
        """What a page shows of them."""
        with self._lock:
            searches = [self._only] if self._only else self._store.searches()[::-1]
            return {"schema": "gridfold/searches/1", "searches": [_row(each) for each in searches[:_MOST]]}


def _row(search: SearchDirectory) -> dict[str, Any]:
    row: dict[str, Any] = {"name": search.name}
    try:
        facts = search.facts()
    except ConfigError as error:
        return row | {"problem": str(error)}
    standing = Standing(search)
    standing.look()
    said = {name: facts.get(name) for name in ("created", "started", "ended", "metric")}
    return row | said | {"total": facts["runs"], "is_alive": standing.is_alive, "host": ", ".join(standing.hosts)}
