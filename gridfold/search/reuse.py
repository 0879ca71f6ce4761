"""Results that are there already: the same config, trained by the same code, in another search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gridfold.errors import ConfigError
from gridfold.run import Record
from gridfold.search.backlog import Backlog
from gridfold.store import RunEntry, SearchDirectory, Store

ALIKE = ("fingerprint", "threads", "seed")  # facts on which a result depends besides the config


def find_reusable(ids: Iterable[str], facts: Mapping[str, Any], store: Store) -> dict[str, str]:
    """Which configs have a completed run in the store.

    Args:
        ids: of the configs; asked for only if there is a search that ran the same code.
        facts: what ``search.json`` says, or would say, of the search that wants them.
        store: where to look.

    Returns:
        Config id to the name of the run directory.
    """
    others = [search for search in store.searches() if _is_alike(search, facts)]
    wanted = set(ids) if others else set()
    found: dict[str, str] = {}
    for other in others:
        with suppress(ConfigError):  # a list that is damaged offers nothing
            for entry in other.entries():
                if entry.id in wanted and entry.id not in found and _completed(other, entry):
                    found[entry.id] = entry.run
    return found


def reuse(backlog: Backlog, reusable: dict[str, str]) -> int:
    """Give the runs of a backlog the records of those that are completed; how many."""
    count = 0
    store = Store(backlog.search.dir.parent)
    for attempt in backlog.attempts() if reusable else ():
        name = reusable.get(attempt.record.id)
        record = store.run(name).read() if name else None
        if name and record and attempt.run.begin(_linked(attempt.record, record, record.reused or name)):
            backlog.drop(attempt.record.index)
            count += 1
    return count


def _linked(new: Record, old: Record, name: str) -> Record:
    """The record of a run that has another's result."""
    place = {name: getattr(new, name) for name in ("index", "search", "params", "attempt", "repeat", "data_fold")}
    return replace(old, **place, reused=name)


def _is_alike(search: SearchDirectory, facts: Mapping[str, Any]) -> bool:
    """Whether another search ran the same code; False if that is not known."""
    if search.name == facts.get("search") or not search.is_created:
        return False
    try:
        other = search.facts()
    except ConfigError:
        return False
    return bool(facts.get("fingerprint")) and all(other.get(key) == facts.get(key) for key in ALIKE)


def _completed(search: SearchDirectory, entry: RunEntry) -> bool:
    record = search.run(entry).read()
    return record is not None and record.state == "completed"
