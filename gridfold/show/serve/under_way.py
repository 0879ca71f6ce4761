"""A run that is under way: what it reports and prints, each time from where it was read before."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from gridfold.core.errors import visible
from gridfold.core.files import regular
from gridfold.core.process.liveness import PROCESS
from gridfold.records.objective import Objective
from gridfold.runs.record import Record
from gridfold.runs.reports import LOG, ReportReader, is_metric, read_progress
from gridfold.runs.steps import EPOCH, Steps
from gridfold.show.serve.curve import Curve
from gridfold.trainers.metrics.terminal import shown

_TAIL_BYTES = 2048
_MOST_READ = 1 << 16  # bytes of a log, of which the last lines are shown


class UnderWay:
    """One attempt at a run, from outside.

    Args:
        directory: of the run.
        record: what it says of the attempt.
        objective: what runs are compared by.

    Attributes:
        attempt: which attempt it is.
        asks_engine: whether an engine is asked if its process lives, which costs that engine something.
        started: when it began, in seconds since the epoch; None if it does not say.
        curve: the metric over its reports.
        metrics: those of the best epoch so far.
        tail: the last lines that it printed.
        progress: how far it says that it is.
        first: what it has reported first.
    """

    def __init__(self, directory: str, record: Record, objective: Objective) -> None:
        self.attempt = record.attempt
        self.asks_engine = record.asks != PROCESS
        self.started = _seconds_of(record.started)
        self.tail = ""
        self.progress: Mapping[str, float] = {}
        self._directory, self._objective = directory, objective
        self._log_start = record.log_start
        self._reports = ReportReader()
        self._begin()
        self._printed = -1  # the size of the log when it was read last

    def _begin(self) -> None:
        """Know nothing of its reports."""
        self.metrics: Mapping[str, float] = {}
        self.first: Mapping[str, float] = {}
        self.curve = Curve(self._objective.metric or "")
        self._steps = Steps()

    @property
    def step(self) -> float | None:
        """How far its reports say that it is; None before the first."""
        return self._steps.step or None

    @property
    def value(self) -> float | None:
        """The best value so far."""
        return self.metrics.get(self._objective.metric or "")

    def look(self) -> bool:
        """Read what it has reported since, and how far it says that it is; whether something is new."""
        before = self.progress
        self.progress = read_progress(self._directory)
        if self._reports.has_read_all(self._directory):
            return self.progress != before
        reports = self._reports.read(self._directory)
        if is_other := self._reports.is_other:  # those before were of an earlier attempt
            self._begin()
            self.curve.has_news = True
        for report in reports:
            self._steps.add(report)
        self.first = self.first or next((found for each in reports if (found := _numbers(each))), {})
        self._see_best(reports)
        self.curve.add(reports)
        return bool(reports) or is_other or self.progress != before

    def look_at_log(self) -> bool:
        """Read the end of its log, if that has grown; whether it has."""
        path = f"{self._directory}/{LOG}"
        size = _size(path)
        if size == self._printed:
            return False
        self._printed = size
        self.tail = tail_of(path, _TAIL_BYTES, self._log_start)
        return True

    def _see_best(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """The metrics of the best epoch, of which several reports may tell."""
        metric = self._objective.metric
        if not metric:
            return
        best = self._objective.best_epoch([self.metrics, *reports], metric)
        if best is None:
            return
        of_it = [each for each in reports if each is not best and EPOCH in best and each.get(EPOCH) == best[EPOCH]]
        self.metrics = {name: value for each in (*of_it, best) for name, value in _numbers(each).items()}


def tail_of(path: str, size: int, start: int = 0) -> str:
    """The last lines of a log, as a terminal would show them.

    Args:
        path: the log.
        size: about how many bytes.
        start: where in the file the lines begin that count.
    """
    with suppress(OSError), open(path, "rb", opener=regular) as log:
        end = log.seek(0, os.SEEK_END)
        begin = max(0, min(start, end), end - max(size, _MOST_READ))
        log.seek(begin)
        printed = log.read(end - begin)
        lines = printed.replace(b"\r\n", b"\n").split(b"\n")
        text = visible("\n".join(map(shown, lines)))
        return text if len(text) <= size else text[-size:].partition("\n")[2] or text[-size:]
    return ""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - asked of each run twice a second
    except OSError:
        return 0


def _numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """What of a report is numbers; a file may hold anything."""
    return {name: value for name, value in report.items() if is_metric(name, value)}


def _seconds_of(moment: str | None) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except (ValueError, OverflowError):
        return None
