"""In what two runs differ, as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact
from gridfold.records.differences import Known, changed
from gridfold.records.table import ABSENT
from gridfold.records.trials import run_at_best
from gridfold.runs.run import Run


def document(one: Run, other: Run) -> dict[str, Any]:
    """In what two runs differ: config, metrics, environment, code.

    Raises:
        ConfigError: the config of one cannot be read.
    """
    first, second = Known.read(one), Known.read(other)
    metrics = [_metrics(each, first) for each in (first, second)]
    return new(
        "diff/1",
        a=_run(first),
        b=_run(second),
        config=[*_changes(first.config, second.config)],
        metrics=[*_changes(*metrics)],
        environment=[*_changes(first.environment, second.environment)],
        code=[*_changes(first.code, second.code)],
    )


def _run(known: Known) -> dict[str, Any]:
    record = known.record
    return {
        "run": known.run.dir.name,
        "dir": str(known.run.dir),
        "state": record.state if record else "created",
        "reused": record.reused if record else None,
        "known": [name for name in ("config", "environment", "code") if getattr(known, name)],
    }


def _metrics(known: Known, first: Known) -> Mapping[str, float]:
    """The metrics of its best epoch by what the runs of the first one's search are compared by."""
    return run_at_best(known.run, known.record, first.objective).metrics if known.record else {}


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Where they differ; what one does not have is not there."""
    for path, before, after in changed(one, other):
        said = {"path": path, "a": before, "b": after}
        yield {name: exact(value) for name, value in said.items() if value is not ABSENT}
