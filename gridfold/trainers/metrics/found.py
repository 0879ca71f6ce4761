"""The metrics of a program, from the first of its sources that has some: its files, then what it printed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gridfold.runs.reports import METRICS, METRICS_JSON
from gridfold.trainers.metrics.printed import Mark, Metrics, printed_metrics, reported_metrics, written_metrics


@dataclass(frozen=True)
class ProgramOutput:
    """What a program wrote and printed.

    Attributes:
        run_dir: the directory of its run.
        reported: where in ``metrics.jsonl`` its reports begin; None if it did not write that file.
        printed: where in the log its output begins.
        written: files that it wrote outside the run directory.
    """

    run_dir: Path
    reported: Mark | None
    printed: Mark
    written: Sequence[Path] = ()


@dataclass(frozen=True)
class Found:
    """The metrics of a run.

    Attributes:
        metrics: the final ones; empty if there are none.
        reports: those of its epochs, where gridfold has to write them into ``metrics.jsonl``.
        source: what they were read from, such as ``eval_loss from out/all_results.json``; "" if there are none.
        candidates: names with numbers that were seen and not taken, or the lines that they stand in.
    """

    metrics: Metrics = field(default_factory=dict)
    reports: Sequence[Metrics] = ()
    source: str = ""
    candidates: Sequence[str] = ()


def find_metrics(output: ProgramOutput, patterns: Mapping[str, str] | None = None) -> Found:  # noqa: ARG001
    """The metrics of a program, from the first source that has some.

    Args:
        output: what it wrote and printed.
        patterns: regular expressions of one group for numbers in the log, by the names of their metrics; they come
            first (the setting ``gridfold.metrics``).

    Raises:
        MetricsUnreadable: it wrote ``metrics.json`` or ``metrics.jsonl``, which cannot be read.
    """
    if os.path.lexists(output.run_dir / METRICS_JSON):
        metrics = written_metrics(output.run_dir / METRICS_JSON)
        return Found(metrics, source=_told(metrics, METRICS_JSON))
    reported = reported_metrics(output.reported) if output.reported else None
    if reported is not None:
        return Found(reported, source=_told(reported, METRICS))
    metrics, reports = printed_metrics(output.printed)
    return Found(metrics, reports, _told(metrics, "the log (a line of JSON)"))


def _told(metrics: Metrics, place: str) -> str:
    return f"{', '.join(metrics)} from {place}" if metrics else ""
