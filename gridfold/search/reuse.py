"""Results that are there already: the same config, trained by the same code, in another search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gridfold.errors import ConfigError
from gridfold.run import Record, Run, code_of
from gridfold.search.backlog import Backlog
from gridfold.store import SearchDirectory, Store

ALIKE = ("threads", "seed")  # facts on which a result depends besides the config and the code


def find_reusable(ids: Iterable[str], facts: Mapping[str, Any], code: str | None, store: Store) -> dict[str, str]:
    """Which configs have a completed run in the store.

    Args:
        ids: of the configs; asked for only if there is a search that ran the same code.
        facts: what ``search.json`` says, or would say, of the search that wants them.
        code: the fingerprint of the code that they are to be of.
        store: where to look.

    Returns:
        Config id to the name of the run directory.
    """
    others = [search for search in store.searches() if code and _is_alike(search, facts, code)]
    wanted = set(ids) if others else set()
    found: dict[str, str] = {}
    for other in others:
        with suppress(ConfigError):  # a list that is damaged offers nothing
            said = other.facts()
            for entry in other.entries():
                if entry.id in wanted and entry.id not in found and _completed(other.run(entry), said, code):
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
    own = ("index", "search", "params", "attempt", "repeat", "data_fold", "code")  # the code is that of the old one
    place = {name: getattr(new, name) for name in own}
    return replace(old, **place, reused=name)


def _is_alike(search: SearchDirectory, facts: Mapping[str, Any], code: str) -> bool:
    """Whether another search ran the same code, for some of its runs; False if that is not known."""
    if search.name == facts.get("search") or not search.is_created:
        return False
    try:
        other = search.facts()
    except ConfigError:
        return False
    ran = other.get("codes") or [other.get("fingerprint")]
    return code in ran and all(other.get(key) == facts.get(key) for key in ALIKE)


def _completed(run: Run, facts: Mapping[str, Any], code: str | None) -> bool:
    """Whether a run of a search that says so of itself is completed, by this code."""
    record = run.read()
    return record is not None and record.state == "completed" and code_of(record, facts) == code
