"""What reading the metrics of a search again has changed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from gridfold.records.numbers import number
from gridfold.records.objective import Objective, listed
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory
from gridfold.search.collect import Collected
from gridfold.search.loop import misses
from gridfold.show.plan_table import counted

_MOST = 10  # runs that have a line
_METRICS = 3  # of a run


def render(
    search: SearchDirectory, found: Sequence[Collected], objective: Objective, patterns: Mapping[str, str], again: str
) -> str:
    """What has changed, and how many runs have the metric now.

    Args:
        search: the search.
        found: what became of its runs.
        objective: what they are compared by.
        patterns: with which their logs were read.
        again: the command that continues a search.
    """
    done = [each for each in found if each.after is not None]
    changed = [each for each in done if each.is_changed]
    total = search.facts()["runs"]
    lines = [
        f"{search.name}: {len(done):,} of {counted(total, 'run')} {_are(len(done))} done; {_changes(len(changed))}"
    ]
    lines += [f"Pattern of {name}: {pattern}" for name, pattern in patterns.items()]
    lines += [f"  {_change(each)}" for each in changed[:_MOST]]
    lines += [f"  and {len(changed) - _MOST:,} more"] if len(changed) > _MOST else []
    lines += [f"  run {each.entry.index}: {each.problem}" for each in done if each.problem]
    lines += _with_metric(done, objective)
    under_way = len(found) - len(done)
    lines += [f"{counted(under_way, 'run')} {_are(under_way)} under way, and not read"] if under_way else []
    lines.append(f"All results: {search.results_path}")
    if len(done) < total:
        lines.append(f"To continue: {again} {shlex.quote(search.name)}")
    return "\n".join(lines)


def _changes(count: int) -> str:
    return f"{count:,} {'has' if count == 1 else 'have'} other metrics now" if count else "no metric has changed"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _change(each: Collected) -> str:
    assert each.after
    return f"run {each.entry.index}: {_told(each.after)}{_place(each.after)}; before: {_told(each.before)}"


def _place(record: Record) -> str:
    """Where the metrics are from, without their names."""
    place = (record.source or "").partition(" from ")[2]
    return f" from {place}" if place else ""


def _told(record: Record) -> str:
    said = [f"{name} {number(value)}" for name, value in record.metrics.items()]
    return ", ".join([*said[:_METRICS], *(["…"] if len(said) > _METRICS else [])]) or "none"


def _with_metric(done: Sequence[Collected], objective: Objective) -> list[str]:
    """How many runs have the metric now, and which have not."""
    without = [each for each in done if each.after and misses(objective, each.run, each.after)]
    name, count = objective.metric or "a metric", len(done) - len(without)
    lines = [f"{count:,} of them {'has' if count == 1 else 'have'} {name}"] if done else []
    if without:
        first = without[0]
        runs = listed([str(each.entry.index) for each in without])
        lines.append(f"Without: run{'s' if len(without) > 1 else ''} {runs}; see {first.run.log_path}")
    return lines
