"""The searches of a folder, the latest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.console import Group

from gridfold.core.errors import ConfigError
from gridfold.records.numbers import number
from gridfold.records.trials import Results
from gridfold.runs.search import SearchDirectory
from gridfold.search.status import to_be_named
from gridfold.show.text_table import Heading, TextTable

_HEADINGS = (
    Heading("search", left=True),
    Heading("created", left=True),
    Heading("done"),
    Heading("best"),
    Heading("metric", left=True),
    Heading("state", left=True),
)
_DONE = ("completed", "stopped")


def render(searches: Sequence[SearchDirectory], count: int) -> Group:
    """A table of the latest of some searches.

    Args:
        searches: the latest last.
        count: how many rows at most.
    """
    shown = searches[: -count - 1 : -1]
    left = len(searches) - len(shown)
    table = TextTable(_HEADINGS, [_row(search) for search in shown])
    return Group(table, *([f"{left:,} more: gridfold list --all"] if left else []))


def _row(search: SearchDirectory) -> list[str]:
    created = _moment(search.created)
    try:
        results = Results.read([search])
        is_sound = bool(results.trials)  # a search begins with some; of a torn list none may be left
    except ConfigError:
        is_sound = False
    if not is_sound:
        return [search.name, created, "", "", "", "cannot be read"]
    states = Counter(run.state for trial in results.trials for run in (*trial.runs, *trial.confirming))
    states["not named yet"] = to_be_named(search, states.total())
    done, total = sum(states[state] for state in _DONE), states.total()
    best = number(results.ranked[0].mean) if results.ranked else ""
    return [search.name, created, f"{done:,}/{total:,}", best, results.objective.metric or "", _state(states)]


def _moment(said: str) -> str:
    """A moment by the clock of this place; "" if nothing of the kind is said."""
    try:
        return f"{datetime.fromisoformat(said).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return ""


def _state(states: Counter[str]) -> str:
    """How far a search is, in a word or two."""
    if states["running"]:
        return f"{states['running']:,} running"
    left = states.total() - sum(states[state] for state in (*_DONE, "failed"))
    said = [f"{states['failed']:,} failed"] if states["failed"] else []
    said += [f"{left:,} left"] if left else []
    return ", ".join(said) or "done"
