"""What reading the metrics of a search again has changed, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.records.objective import Objective
from gridfold.runs.search import SearchDirectory
from gridfold.search.collect import Collected
from gridfold.search.loop import misses


def document(
    search: SearchDirectory,
    found: Sequence[Collected],
    objective: Objective,
    patterns: Mapping[str, str],
    exit_code: int,
) -> dict[str, Any]:
    """What has changed, and which runs lack the metric now.

    Args:
        search: the search.
        found: what became of its runs.
        objective: what they are compared by.
        patterns: with which their logs were read.
        exit_code: that of the command.
    """
    done = [each for each in found if each.after is not None]
    return new(
        "collect/1",
        search=search.name,
        dir=str(search.dir),
        exit_code=exit_code,
        metric=objective.metric or None,
        patterns=dict(patterns),
        total=search.facts()["runs"],
        done=len(done),
        under_way=len(found) - len(done),
        changed=[_change(each) for each in done if each.is_changed],
        problems=[{"index": each.entry.index, "problem": each.problem} for each in done if each.problem],
        without=[each.entry.index for each in done if each.after and misses(objective, each.run, each.after)],
    )


def _change(each: Collected) -> dict[str, Any]:
    after = each.after or each.before
    return {
        "index": each.entry.index,
        "run": each.entry.run,
        "before": each.before.metrics,
        "metrics": after.metrics,
        "source": after.source,
    }
