"""In what two runs differ: config, metrics, environment, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from gridfold.core.errors import cut
from gridfold.core.values import render as value_text
from gridfold.records.differences import Known, changed
from gridfold.records.table import ABSENT
from gridfold.records.trials import run_at_best
from gridfold.runs.run import Run
from gridfold.show.terminal import comparison

_MOST_SHOWN = 2_000  # characters of a text


def render(one: Run, other: Run) -> Group:
    """In what two runs differ.

    Raises:
        ConfigError: the config of one cannot be read.
    """
    first, second = Known.read(one), Known.read(other)
    return Group(
        escape(f"A: {one.dir}{_reused(first)}"),
        escape(f"B: {other.dir}{_reused(second)}"),
        *_section("Config", first.config, second.config),
        *_metrics(first, second),
        *_section("Environment", first.environment, second.environment),
        *_section("Code", first.code, second.code),
    )


def _section(title: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str | Table]:
    found = list(changed(one, other))
    unknown = [name for name, said in (("A", one), ("B", other)) if not said]
    if unknown or not found:
        known = f"not known of {' and '.join(unknown)}" if unknown else "the same"
        yield f"[bold]{title}[/]: {known}"
        return
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("path" if title == "Config" else "", "A", "B"):
        table.add_column(heading, overflow="fold")
    for path, before, after in found:
        table.add_row(escape(path), *(_said(value, plain=title != "Config") for value in (before, after)))
    yield table


def _metrics(first: Known, second: Known) -> Iterator[str | Table]:
    """In what the metrics of their best epochs differ, by the metric that the runs of the first's search go by."""
    one, other = (each.record and run_at_best(each.run, each.record, first.objective) for each in (first, second))
    if one is None or other is None:
        yield "[bold]Metrics[/]: not known"
    elif not one.metrics and not other.metrics:
        yield f"[bold]Metrics[/]: there are none (A is {one.state}, B is {other.state})"
    elif one.state == other.state and repr(dict(one.metrics)) == repr(dict(other.metrics)):
        yield "[bold]Metrics[/]: the same"
    else:
        yield comparison(one, other, title="Metrics", headings=("A", "B"))


def _said(value: Any, *, plain: bool) -> str:
    """A value as the config has it, in which '16' is not 16, or plain."""
    if value is ABSENT or (plain and value is None):
        return "[dim]not there"
    if isinstance(value, str):
        value = cut(value, _MOST_SHOWN)
    return escape(value if plain and isinstance(value, str) else value_text(value))


def _reused(known: Known) -> str:
    """Whose result it has, if it was not executed itself."""
    return f" (with the result of {known.record.reused})" if known.record and known.record.reused else ""
