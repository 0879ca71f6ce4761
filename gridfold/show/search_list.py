"""The searches of a folder, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group

from gridfold.records.numbers import number
from gridfold.runs.search import SearchDirectory
from gridfold.search.overview import Overview
from gridfold.show.text_table import Heading, TextTable

_HEADINGS = (
    Heading("search", left=True),
    Heading("created", left=True),
    Heading("done"),
    Heading("best"),
    Heading("metric", left=True),
    Heading("state", left=True),
)


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
    found, created = Overview.of(search), _moment(search.created)
    if not found.states:
        return [search.name, created, "", "", "", found.state]
    best, metric = number(found.best.mean if found.best else None), found.objective.metric or ""
    return [search.name, created, f"{found.done:,}/{found.total:,}", best, metric, found.state]


def _moment(said: str) -> str:
    """A moment by the clock of this place; "" if nothing of the kind is said."""
    try:
        return f"{datetime.fromisoformat(said).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return ""
