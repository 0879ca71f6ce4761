"""Which attempt comes next, and when a search should rather stop."""

from __future__ import annotations

import heapq
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from gridfold.core.errors import ConfigError
from gridfold.propose.protocol import Answer
from gridfold.records.objective import Objective, listed
from gridfold.runs.failure import headline, is_disk_full, is_infrastructure, signature
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run
from gridfold.search.job_end import JobEnd

ALIKE = 3  # this many first runs that all fail alike stop the search
_BACKOFF_SECONDS = 1.0  # before the first retry; twice that before the next
_MAX_BACKOFF_SECONDS = 60.0
_ALL_THE_SAME = "--keep-going goes on all the same"
_RECENT = 100  # runs that an expected duration is taken from


@dataclass(frozen=True)
class Policy:
    """What a search does about failures and time.

    Attributes:
        retries: how often a run is tried again after a fault of the machine (killed, timed out, lost).
        fail_fast: stop at the first failure.
        keep_going: go on although the first runs all fail alike, or the first has nothing to be compared by.
        budget: seconds after which the search should be done; no run is started that would not be.
        objective: what runs are compared by; if the first run has not that, or it is not clear, the search stops and
            asks. None: it does not ask.
        end: of the job that this process is in; None if it has none.
        finishes: whether runs that were made to wait are all brought to their end.
    """

    retries: int = 0
    fail_fast: bool = False
    keep_going: bool = False
    budget: float | None = None
    objective: Objective | None = None
    end: JobEnd | None = None
    finishes: bool = False


class Source(Protocol):
    """Where attempts come from: see ``gridfold.search.pending.Pending``."""

    def take(self) -> Attempt | Answer:
        """The next attempt to make; ``later`` if that depends on runs under way, ``done`` if there is none."""

    def ended(self, record: Record) -> None:
        """Hear how an attempt has ended, or that another process has the run."""

    def awaits_others(self, answer: Answer) -> bool:
        """Whether to wait for what other processes do, when there is nothing to take."""

    @property
    def has_others(self) -> bool:
        """Whether there are attempts that it does not give now."""

    def usual_seconds(self) -> float:
        """How long a run takes, by those that are done; 0 if none is."""


@dataclass
class Schedule:
    """Gives attempts to an executor, and hears how they ended.

    Attributes:
        source: has the attempts to make.
        has_completed: whether a run of the search is completed, by whoever; asked before it stops for want of one.
        stopped: why the search stops although attempts are left; "" if it does not.
        aborts: whether the runs under way are to be stopped too.
        choices: the metrics between which somebody has to choose before it goes on.
        unmeasured: the first completed run, if it has nothing to be compared by.
        error: why no attempt can be made any more; to be raised when the runs under way are over.
        has_begun: whether an attempt was given.
    """

    source: Source
    policy: Policy = Policy()
    clock: Callable[[], float] = time.monotonic
    has_completed: Callable[[], bool] = lambda: False
    stopped: str = field(default="", init=False)
    aborts: bool = field(default=False, init=False)
    choices: Sequence[str] = field(default=(), init=False)
    unmeasured: tuple[Run, Record] | None = field(default=None, init=False)
    error: OSError | ConfigError | None = field(default=None, init=False)
    has_begun: bool = field(default=False, init=False)
    _has_ended: bool = field(default=False, init=False)
    _retries: list[tuple[float, int, Attempt]] = field(default_factory=list, init=False)
    _tries: dict[int, int] = field(default_factory=dict, init=False)
    _under_way: int = field(default=0, init=False)
    _completed: int = field(default=0, init=False)
    _failed: list[Record] = field(default_factory=list, init=False)
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT), init=False)
    _is_clear: bool = field(default=False, init=False)
    _begin: float = field(init=False)

    def __post_init__(self) -> None:
        self._begin = self.clock()

    def __iter__(self) -> Iterator[Attempt | None]:
        """The next attempt each time that there is room; None to wait for the runs under way, or for a retry."""
        while not self.is_over():
            found = self._retry() or self._take()
            if isinstance(found, Attempt):
                self._under_way += 1
                self.has_begun = True
                yield found
            elif self._under_way or self._retries or self.source.awaits_others(found):
                yield None
            else:
                return

    @property
    def awaits_more(self) -> bool:
        """Whether an attempt will come in a while, whatever becomes of the runs under way."""
        return len(self._retries) > 0 or self.source.has_others

    def is_over(self) -> bool:
        """Whether no further run may begin."""
        return bool(self.stopped) or self._is_over_budget() or self._is_over_job()

    def ended(self, attempt: Attempt, record: Record) -> bool:
        """Hear the record of an attempt; whether it is tried again."""
        again = self._heard(attempt, record)
        if not again:
            self.source.ended(record)
        return again

    def _heard(self, attempt: Attempt, record: Record) -> bool:
        self._under_way -= 1
        self._has_ended = True
        if not is_of(record, attempt) and not record.is_done:
            return False  # another process sees to that
        if record.is_done:
            self._completed += 1
            self._seconds.append(record.seconds or 0.0)
            self.measured(attempt.run, record)
        if record.state != "failed" or record.error is None:
            return False
        if is_disk_full(record.error, attempt.run.dir.parent):
            what = "cannot be written" if record.error.get("errno") == "EROFS" else "is full"
            self._stop(f"the disk {what}: {record.error['message']}")
        elif is_infrastructure(record.error) and self._again(attempt, record):
            return True
        else:
            self._judge(record)
        return False

    def measured(self, run: Run, record: Record) -> None:
        """Hear of a completed run; the first decides whether runs have what they are compared by, and what that is."""
        objective = self.policy.objective
        if objective is None or self._is_clear or self.stopped or self.policy.keep_going:
            return
        if misses(objective, run, record):
            self.unmeasured = run, record
            what = f" '{objective.metric:.80}'" if objective.metric else ""
            self._stop(f"run {record.index}, the first to end, has no metric{what}; {_ALL_THE_SAME}")
        elif choices := objective.choices(record.metrics):
            self.choices = choices
            names = listed(choices)
            self._stop(f"which metric counts is not clear; the runs have {names} (--keep-going: the first counts)")
        self._is_clear = not self.stopped

    def _take(self) -> Attempt | Answer:
        try:
            return self.source.take()
        except (OSError, ConfigError) as error:
            self.error, self.stopped = error, str(error)
            return "done"

    def _judge(self, record: Record) -> None:
        assert record.error
        if self.policy.fail_fast:
            self._stop(f"a run failed ({record.error['type']}: {headline(record.error['message'])})")
        if self._completed or len(self._failed) >= ALIKE:
            return
        self._failed.append(record)
        signatures = {signature(failed.error) for failed in self._failed if failed.error}
        alike = len(self._failed) == ALIKE and len(signatures) == 1
        if alike and not self.policy.keep_going and not self.has_completed():
            self._stop(f"the first {ALIKE} runs all failed alike; {_ALL_THE_SAME}")

    def _stop(self, reason: str) -> None:
        if not self.stopped:
            self.stopped, self.aborts = reason, True

    def _is_over_budget(self) -> bool:
        budget = self.policy.budget
        if budget is None:
            return False
        spent = self.clock() - self._begin
        expected = statistics.median(self._seconds) if self._seconds else 0.0
        if spent + expected <= budget:
            return False
        took = f"a run takes about {timedelta(seconds=round(expected))}" if self._seconds else "no run has ended yet"
        self.stopped = f"the budget of {timedelta(seconds=budget)} allows no further run ({took})"
        return True

    def _is_over_job(self) -> bool:
        """Whether the job ends too soon for another run; the first ones may begin in any case, or none ever would."""
        end = self.policy.end
        if end is None:
            return False
        expected = self.source.usual_seconds()
        if not end.has_come() and (not self._has_ended or end.allows(expected)):
            return False
        took = f" (a run takes about {timedelta(seconds=round(expected))})" if expected else ""
        self.stopped = f"the time of this job allows no further run{took}"
        return True

    def _again(self, attempt: Attempt, record: Record) -> bool:
        """Whether the attempt is tried again, later."""
        tries = self._tries.get(record.index, 0)
        if tries >= self.policy.retries:
            return False
        self._tries[record.index] = tries + 1
        again = Attempt(attempt.run, replace(attempt.record, attempt=attempt.record.attempt + 1))
        due = self.clock() + min(_BACKOFF_SECONDS * 2**tries, _MAX_BACKOFF_SECONDS)
        heapq.heappush(self._retries, (due, record.index, again))
        return True

    def _retry(self) -> Attempt | None:
        """An attempt whose time to be tried again has come."""
        if self._retries and self._retries[0][0] <= self.clock():
            return heapq.heappop(self._retries)[2]
        return None


def is_of(record: Record, attempt: Attempt) -> bool:
    """Whether a record tells of an attempt, and not of that of another process which had or has the run."""
    return (record.session, record.attempt) == (attempt.record.session, attempt.record.attempt)


def misses(objective: Objective, run: Run, record: Record) -> bool:
    """Whether a completed run has nothing to be compared by, neither in the end nor in an epoch.

    Args:
        objective: what runs are compared by.
        run: the run that was executed.
        record: what came of it.
    """
    if not objective.misses(record.metrics):
        return False
    return objective.misses({name for report in run.reports() for name in report})
