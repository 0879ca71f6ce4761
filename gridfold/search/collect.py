"""Read the metrics of runs that are done again: with other patterns, or from a file that was put there by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gridfold.config.config import Config
from gridfold.core.files import is_file, replace_file
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.reports import METRICS, METRICS_JSON, numbers
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.metrics.found import Found, ProgramOutput, find_metrics
from gridfold.trainers.metrics.printed import Mark, MetricsUnreadable

Patterns = Mapping[str, str]
"""Regular expressions for metrics in a log, by the names of the metrics."""


@dataclass(frozen=True)
class Collected:
    """What reading the metrics of a run again gave.

    Attributes:
        entry: the run.
        run: its directory.
        before: its record before.
        after: its record now; None if it is under way, so it was left alone.
        problem: why its metrics could not be read; "" if they could.
    """

    entry: RunEntry
    run: Run
    before: Record
    after: Record | None
    problem: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether it has other metrics now."""
        return self.after is not None and list(map(repr, _read_of(self.before))) != list(
            map(repr, _read_of(self.after))
        )


def collect(search: SearchDirectory, patterns: Patterns) -> Iterator[Collected]:
    """Read the metrics of each run of a search again that is done, and write them into its record.

    A run under way is left alone. Each record changes in one step, so that this can be killed, and done again, at any
    moment. Metrics that a run has are replaced only by those of other patterns, or of a ``metrics.json`` that was
    written after the run ended.

    Args:
        search: the search; it will execute further runs with these patterns.
        patterns: for the logs of commands.
    """
    search.update(patterns=dict(patterns) or None)
    for entry in search.entries():
        run = search.run(entry)
        record, _, owner = run.standing()
        if record is not None and owner is not None and owner.life != "dead":
            yield Collected(entry, run, record, None)
        elif record is not None and owner is None and record.is_done:
            try:
                yield Collected(entry, run, record, _collected(run, record, patterns))
            except (MetricsUnreadable, OSError) as error:
                yield Collected(entry, run, record, record, str(error))


def patterns_of(search: SearchDirectory, given: Patterns) -> Patterns:
    """With which patterns logs are read: those of the search, of the config file that it was made from, given now.

    Of one name, the last counts.

    Raises:
        ConfigError: the file is there, but cannot be read.
    """
    facts = search.facts()
    config = Path(facts["config"])
    now = getattr(Config.load(config).settings, "metrics", None) if is_file(config) else None
    return {**(facts.get("patterns") or {}), **(now or {}), **given}


def read_again(run: Run, record: Record, patterns: Patterns) -> Found:
    """The metrics in what a run wrote and printed.

    Raises:
        MetricsUnreadable: a file of metrics cannot be read.
    """
    has_reported = record.source is not None and METRICS in record.source  # else gridfold has written that file
    reported = Mark(run.dir / METRICS) if has_reported else None
    return find_metrics(ProgramOutput(run.dir, reported, Mark(run.log_path, record.log_start)), patterns)


def _read_of(record: Record) -> tuple[object, ...]:
    return *record.metrics.items(), record.source


def _collected(run: Run, record: Record, patterns: Patterns) -> Record:
    """The record of a run with what is read now; written, if that is something else."""
    if record.reused:
        changed = _of_original(run, record)
    elif not _is_to_read(run, record, patterns):
        return record
    else:
        found = read_again(run, record, patterns)
        changed = _with(record, found, patterns)
        if changed.metrics != record.metrics and not isinstance(record.trainer, str):
            _write_reports(run, record, found.reports)  # before the record, which tells that they are gridfold's
    if repr(changed) != repr(record):
        run.write(changed)
    return changed


def _of_original(run: Run, record: Record) -> Record:
    """The record of a run that has another's result, with the metrics that the other one has now."""
    original = Run(run.dir.parent / (record.reused or "")).read()
    if original is None or not original.is_done or original.id != record.id:
        return record
    return replace(
        record, **{name: getattr(original, name) for name in ("metrics", "source", "candidates", "patterns")}
    )


def _is_to_read(run: Run, record: Record, patterns: Patterns) -> bool:
    if _is_newer(run, record):
        return True
    if isinstance(record.trainer, str):  # a function: its metrics are what it returned
        return False
    return not record.metrics or dict(record.patterns or {}) != dict(patterns)


def _is_newer(run: Run, record: Record) -> bool:
    """Whether a file of metrics was put there after the run had ended."""
    with suppress(OSError, TypeError, ValueError):
        ended = datetime.fromisoformat(record.ended or "").timestamp()
        return (run.dir / METRICS_JSON).stat().st_mtime > ended
    return False


def _with(record: Record, found: Found, patterns: Patterns) -> Record:
    """The record with other metrics; those that it has stay if none are found."""
    if not found.metrics:
        return replace(record, candidates=list(found.candidates)) if not record.metrics else record
    read: dict[str, Any] = {"source": found.source or None, "candidates": [], "patterns": dict(patterns) or None}
    return replace(record, metrics=numbers(found.metrics), **read)


def _write_reports(run: Run, before: Record, reports: Sequence[Mapping[str, float]]) -> None:
    """Replace the epochs that gridfold has read by others; those that the program wrote itself stay."""
    path, said = run.dir / METRICS, before.source or ""
    if METRICS_JSON in said:  # or METRICS, which begins so
        return
    if reports:
        replace_file(path, "".join(json.dumps(numbers(report)) + "\n" for report in reports))
    elif said:
        path.unlink(missing_ok=True)
