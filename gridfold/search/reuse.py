"""Results that are there already: the same config, trained by the same code on the same data, in another search."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import Sources, changes, listed
from gridfold.records.objective import Objective
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record, code_of
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.loop import misses
from gridfold.search.pending import Pending

ALIKE = ("threads", "seed", "cwd")  # facts on which a result depends besides the config and the code


@dataclass(frozen=True)
class Reusable:
    """Results of other searches.

    Attributes:
        runs: by config id, the name of the run directory that has the result.
        left: by config id, why the results of that config that are there are not those that are wanted, in words.
    """

    runs: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> Counter[str]:
        """Why results are not taken, and of how many configs."""
        return Counter(self.left.values())


def find_reusable(
    ids: Iterable[str], facts: Mapping[str, Any], code: Code | None, store: Store, *, explain: bool = False
) -> Reusable:
    """Which configs have a completed run in the store.

    Args:
        ids: of the configs; asked for only if there is a search that may have them.
        facts: what ``search.json`` says, or would say, of the search that wants them.
        code: what they are to be of; nothing is found while that is not known.
        store: where to look.
        explain: say why results of other code are not taken, which means to look at them all.
    """
    found, moment = Reusable(), time.monotonic()
    others = [search for search in store.searches() if code and _is_alike(search, facts, code, explain=explain)]
    wanted = set(ids) if others else set()
    for other in others:
        with suppress(ConfigError):  # a list that is damaged offers nothing
            _look(other, wanted, code or Code("", Sources()), moment, Objective.said(facts), found)
    for name in found.runs:
        found.left.pop(name, None)
    return found


def reuse(pending: Pending, entries: Iterable[RunEntry], reusable: Mapping[str, str]) -> int:
    """Give runs that are to be executed the records of those that are completed; how many."""
    count, store = 0, Store(pending.search.dir.parent)
    for entry, name in ((entry, reusable[entry.id]) for entry in entries if entry.id in reusable):
        record, attempt = store.run(name).read(), pending.attempt(entry)
        if record is None or attempt is None:
            continue
        linked = _linked(attempt.record, record, record.reused or name)
        if attempt.run.claims.take(linked):
            pending.drop(entry, linked)
            count += 1
    return count


def _linked(new: Record, old: Record, name: str) -> Record:
    """The record of a run that has another's result."""
    own = ("index", "search", "params", "attempt", "repeat", "data_fold", "code")  # the code is that of the old one
    place = {name: getattr(new, name) for name in own}
    return replace(old, **place, reused=name)


def _is_alike(search: SearchDirectory, facts: Mapping[str, Any], code: Code, *, explain: bool) -> bool:
    """Whether another search ran the same code, for some of its runs; False if that is not known."""
    if search.name == facts.get("search") or not search.is_created:
        return False
    try:
        other = search.facts()
    except ConfigError:
        return False
    ran = other.get("codes") or [other.get("fingerprint")]
    return (explain or code.fingerprint in ran) and all(other.get(key) == facts.get(key) for key in ALIKE)


def _look(
    search: SearchDirectory, wanted: set[str], code: Code, moment: float, objective: Objective, found: Reusable
) -> None:
    """Add what a search has of what is wanted."""
    facts, codes = search.facts(), search.codes()
    for entry in search.entries():
        if entry.id not in wanted or entry.id in found.runs:
            continue
        record = search.run(entry).read()
        if record is None or record.state != "completed":  # one that was stopped has not what its config gives
            continue
        ran = code_of(record, facts)
        if why := _why_not(record, codes.get(ran or ""), code, moment, is_same=ran == code.fingerprint):
            found.left[entry.id] = why
        elif misses(objective, Run(search.dir.parent / (record.reused or entry.run)), record):
            found.left[entry.id] = f"no metric {objective.metric or ''}".rstrip()
        else:
            found.runs[entry.id] = entry.run


def _why_not(record: Record, ran: Sources | None, code: Code, moment: float, *, is_same: bool) -> str:
    """Why the result of a run is not what this code would give now; "" if it is."""
    if code.sources.untold:
        return f"nothing tells {code.sources.untold}"
    if ran is None:
        return "what code made them was not recorded"
    if not is_same:
        return f"{listed(changes(ran, code.sources)) or 'the trainer'} changed since"
    inputs = Sources.said(record.inputs) or Sources()
    if inputs.untold:
        return f"nothing tells {inputs.untold}"
    changed = listed(changes(inputs, inputs.now(moment)))
    return f"{changed} changed since" if changed else ""
