"""Read the metrics of runs that are done again: with other patterns, or from a file that was put there by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gridfold.config import patterns
from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.files import is_file, replace_file
from gridfold.identity.writes import Written
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import RECORD, Record
from gridfold.runs.reports import METRICS, METRICS_JSON, numbers
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.metrics.found import BY_PATTERNS, Found, ProgramOutput, find_metrics, numbers_of
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


def collect(search: SearchDirectory, found_by: Patterns) -> Iterator[Collected]:
    """Read the metrics of each run of a search again that is done, and write them into its record.

    A run under way is left alone. Each record changes in one step, so that this can be killed, and done again, at any
    moment. Metrics that a run has are replaced only by those of other patterns, or of a ``metrics.json`` that is
    newer than its record.

    Args:
        search: the search; it will execute further runs with these patterns.
        found_by: patterns for the logs of commands.
    """
    if dict(found_by) != (search.facts().get("patterns") or {}):
        search.update(patterns=dict(found_by))
    for entry in search.entries():
        run = search.run(entry)
        record, _, owner, life = run.standing()
        if record is not None and life != "dead":
            yield Collected(entry, run, record, None)
        elif record is not None and owner is None and record.is_done:
            try:
                yield Collected(entry, run, record, _collected(run, record, found_by))
            except (MetricsUnreadable, ConfigError, OSError) as error:
                yield Collected(entry, run, record, record, str(error))


def patterns_of(search: SearchDirectory, given: Patterns) -> Patterns:
    """With which patterns logs are read: those of the search, of the config file that it was made from, given now.

    Of one name, the last counts.

    Raises:
        ConfigError: one of those given cannot be used; or the file is there, but cannot be read.
    """
    patterns.check_given(given)
    facts = search.facts()
    config = Path(facts["config"])
    now = Config.load(config).metrics if is_file(config) else None
    return {**(facts.get("patterns") or {}), **(now or {}), **given}


def read_again(run: Run, record: Record, found_by: Patterns) -> Found:
    """The metrics in what a run wrote into its directory and printed.

    Args:
        run: the run.
        record: what came of it.
        found_by: patterns for its log.

    Raises:
        MetricsUnreadable: a file of metrics cannot be read.
        ConfigError: its config cannot be read.
    """
    reported = Mark(run.dir / METRICS) if _is_from(record, METRICS) else None  # else gridfold has written that file
    output = ProgramOutput(run.dir, reported, Mark(run.log_path, record.log_start), _written(run, record))
    return find_metrics(output, found_by, numbers_of(Config.load(run.config_path).data))


def _written(run: Run, record: Record) -> list[Written]:
    """The files in its directory that the last attempt at a run has written, but for those of metrics."""
    since = _began(record) if record.attempt > 1 else 0
    paths = [run.dir.absolute() / name for name in run.results() if name not in (METRICS, METRICS_JSON)]
    files = [Written.at(str(path), path.stat(), heard=True) for path in paths]
    return [file for file in files if file.changed >= since]


def _began(record: Record) -> float:
    """When the last attempt began, in nanoseconds; 0 if that is not known."""
    with suppress(ValueError):
        return datetime.fromisoformat(record.started or "").timestamp() * 1e9
    return 0


def _read_of(record: Record) -> tuple[object, ...]:
    return *record.metrics.items(), record.source


def _collected(run: Run, record: Record, found_by: Patterns) -> Record:
    """The record of a run with what is read now; written, if that is something else."""
    if record.reused:
        changed = _of_original(run, record)
    else:
        found = _found(run, record, found_by)
        changed = _with(record, found, found_by) if found else record
        if found and found.metrics and not isinstance(record.trainer, str):
            _write_reports(run, record, found.reports)  # before the record, which tells that they are gridfold's
    if repr(changed) != repr(record):
        run.write(changed)
    return changed


def _of_original(run: Run, record: Record) -> Record:
    """The record of a run that has another's result, with the metrics that the other one has now."""
    original = Run(run.dir.parent / (record.reused or "")).read()
    if original is None or not original.is_done or original.id != record.id:
        return record
    names = ("metrics", "source", "candidates", "patterns")
    return replace(record, **{name: getattr(original, name) for name in names})


def _found(run: Run, record: Record, found_by: Patterns) -> Found | None:
    """What is read of a run that takes the place of what it has; None if nothing does."""
    if _is_newer(run):
        found = read_again(run, record, {})
        return found if found.source.endswith(METRICS_JSON) else None
    if isinstance(record.trainer, str):  # a function: its metrics are what it returned
        return None
    if not record.metrics:
        return read_again(run, record, found_by)
    if dict(record.patterns or {}) == dict(found_by):
        return None
    found = read_again(run, record, found_by)
    return found if found.source.endswith(BY_PATTERNS) else None


def _is_newer(run: Run) -> bool:
    """Whether a file of metrics was put there after the record was written; by the clock of the disk."""
    with suppress(OSError):
        return (run.dir / METRICS_JSON).stat().st_mtime_ns > (run.dir / RECORD).stat().st_mtime_ns
    return False


def _with(record: Record, found: Found, found_by: Patterns) -> Record:
    """The record with what was found."""
    if not found.metrics:
        return replace(record, candidates=list(found.candidates))
    read: dict[str, Any] = {"source": found.source, "candidates": [], "patterns": dict(found_by) or None}
    return replace(record, metrics=numbers(found.metrics), **read)


def _write_reports(run: Run, before: Record, reports: Sequence[Mapping[str, float]]) -> None:
    """Replace the epochs that gridfold has read by others; those that the program wrote itself stay."""
    path = run.dir / METRICS
    if _is_from(before, METRICS) or _is_from(before, METRICS_JSON):
        return
    if reports:
        replace_file(path, "".join(json.dumps(numbers(report)) + "\n" for report in reports))
    elif before.source:
        path.unlink(missing_ok=True)


def _is_from(record: Record, file: str) -> bool:
    return (record.source or "").endswith(f" from {file}")
