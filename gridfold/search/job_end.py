"""The end of the job that a worker is in: what begins before it, what comes of the runs, which job goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gridfold.engines.protocol import Cause, EngineError, Limit, OwnJob
from gridfold.runs.failure import out_of_time
from gridfold.runs.record import Record
from gridfold.runs.reports import METRICS, METRICS_JSON
from gridfold.runs.run import WORK, Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers

_SHARE, _GRACE = 10, (15.0, 60.0)  # of the limit, and at least and at most
_MOST_SHARE = 2  # of a limit of seconds
_RESERVE = 4.0  # of the grace, for what the worker itself has to do when the runs have ended
_WHOLE = 0.8  # of the time of a job, that a run had for itself
_NOTHING: Mapping[Cause, str] = {
    "again": "the job was put back into the queue, and goes on from there",
    "cancelled": "the job was cancelled; others go on with the search",
}
_ASK_SECONDS = 60.0  # until an engine is asked again that did not answer


@dataclass
class JobEnd:
    """The end of a job, by this machine's clock.

    Attributes:
        job: the job.
        asks: the engine and the job, such as ``slurm:1234.0``.
        workers: of the search.
        said: the grace that the user wants.
        clock: seconds.
        limit: how long the job may take; None if that is not limited, or not known.
        ends: whether the worker ends because of it.
    """

    job: OwnJob
    asks: str
    workers: Workers
    said: float | None = None
    clock: Callable[[], float] = time.monotonic
    limit: Limit | None = field(default=None, init=False)
    ends: bool = field(default=False, init=False)
    _has_come: bool = field(default=False, init=False)
    _end: float = field(default=float("inf"), init=False)
    _next_ask: float = field(default=0.0, init=False)
    _begin: float | None = field(default=None, init=False)
    _kill_seconds: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._ask()

    @property
    def grace(self) -> float:
        """How long before the end runs are told to stop."""
        seconds = self.limit.seconds if self.limit else 0.0
        usual = min(max(seconds / _SHARE, _GRACE[0]), _GRACE[1])
        return min(usual if self.said is None else self.said, seconds / _MOST_SHARE)

    @property
    def moment(self) -> float:
        """When runs are told to stop."""
        if self._next_ask and self.clock() >= self._next_ask:
            self._ask()
        return self._end - self.grace

    def has_come(self) -> bool:
        """Whether the moment has come, asked from the time on that runs may begin. The limit may change meanwhile."""
        self._begin = self.clock() if self._begin is None else self._begin
        if not self._has_come and self.clock() >= self.moment:
            self._ask()
            self._has_come = self.clock() >= self.moment
            self.ends = self.ends or self._has_come
        return self._has_come

    def allows(self, seconds: float) -> bool:
        """Whether a run may begin that takes so long; the first one may in any case, or none ever would."""
        self.ends = self.ends or self.clock() + seconds > self.moment
        return not self.ends

    def grace_of(self, number: int) -> float | None:
        """How many seconds the runs have to end, after a signal, or when the moment has come."""
        left = self._end - self.clock()
        if not number:
            return max(left - _RESERVE, 1.0) if self._has_come else None
        soon = 0.0 if self._kill_seconds is None else self._kill_seconds
        if number == signal.SIGUSR1 and left < float("inf"):  # sent ahead of the end
            soon = max(soon, left)
        return max(soon - _RESERVE, 1.0) if soon else None

    def judge(self, attempt: Attempt, record: Record) -> Record:
        """The record of a run that was interrupted; it has failed if it would be so for ever."""
        if record.state != "interrupted" or not self._had_all(record) or _goes_on(attempt.run, record):
            return record
        assert self.limit
        error = out_of_time(timedelta(seconds=round(self.limit.seconds)))
        failed = replace(record, state="failed", error=error)
        return failed if attempt.run.conclude(failed) else record

    def _had_all(self, record: Record) -> bool:
        """Whether a run had nearly all the time of the job, up to its end."""
        whole = self.moment - (self._begin or 0.0)
        has_ended = self.limit is not None and self.clock() >= self.moment
        return has_ended and (record.seconds or 0.0) + record.shared_seconds >= _WHOLE * whole

    def leave(self, number: int, is_left: Callable[[], bool], *, has_begun: bool) -> str:
        """Let another job go on, if that is to be; what to say of it.

        Args:
            number: the signal that ended the worker; 0 if none did.
            is_left: whether runs are left.
            has_begun: whether a run has begun in this job.
        """
        if self.workers.is_cancelled:
            return "the search was cancelled"
        if not (self.ends or number) or not is_left():
            return ""
        try:
            cause = self._cause(number)
            if cause == "limit" and not has_begun:
                return "no run could begin in the time of this job, so no other is submitted: allow jobs more time"
            return _NOTHING.get(cause) or self._note(self.job.follow(self.workers.folder))
        except EngineError as error:
            return f"runs are left, and no job could be submitted that goes on: {error}"

    def _note(self, following: str) -> str:
        engine, _, here = self.asks.partition(":")
        self.workers.note_job(engine, following, by=here)
        return f"job {following} goes on"

    def _cause(self, number: int) -> Cause:
        return self.job.cause() if number and number != signal.SIGUSR1 else "limit"

    def _ask(self) -> None:
        self._next_ask = 0.0
        try:
            if self._kill_seconds is None:
                self._kill_seconds = self.job.kill_seconds
            self.limit = self.job.limit()
        except EngineError:
            self._next_ask = self.clock() + _ASK_SECONDS
            return
        self._end = self.clock() + self.limit.left if self.limit else float("inf")


def _goes_on(run: Run, record: Record) -> bool:
    """Whether the next attempt at a run may get further than this one, as far as can be told."""
    own = (METRICS, METRICS_JSON, f"{WORK}/")
    if not any(not name.startswith(own) for name in run.results()) and not _wrote_elsewhere(run, record):
        return False
    before, now = run.reports_of(record.attempt - 1), run.reports()
    has_begun_again = bool(before and now) and _place(before[0]) == _place(now[0])
    return not has_begun_again or len(before) < _WHOLE * len(now)


def _wrote_elsewhere(run: Run, record: Record) -> bool:
    said, _ = SearchDirectory(run.dir.parent / str(record.search)).written()
    return any(each.get("run") == record.index for each in said)


def _place(report: Mapping[str, float]) -> Mapping[str, float]:
    """How far a run was when it reported."""
    return {name: report[name] for name in ("epoch", "step") if name in report} or report
