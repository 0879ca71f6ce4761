"""A run under way, as its executor knows it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gridfold.core.process.interrupt import Interrupt
from gridfold.core.process.liveness import PROCESS
from gridfold.executors.ending import Told
from gridfold.executors.local.devices import Slot
from gridfold.runs.failure import is_infrastructure
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run

_TOGETHER_SECONDS = 0.5  # in which an engine has signalled all processes of a job


@dataclass
class Active:
    """A run under way.

    Attributes:
        since: when its process was first seen; None while it waits for the import server.
        shared: seconds of its work that were done before, together with other runs.
        told: why it was told to end; see `Ending`.
        kill_at: when it is killed if it has not ended by then.
        gone_since: when its process was first seen to have ended, while nobody has told of it.
        waited: how many seconds it has waited until it might go on.
        token: the place that it began with in its batch; None if it runs alone.
    """

    attempt: Attempt
    slot: Slot | None
    since: float | None = None
    shared: float = 0.0
    told: Told = None
    kill_at: float = float("inf")
    gone_since: float | None = None
    waited: float = 0.0
    token: int | None = None

    def seconds(self) -> float:
        """How long it has worked."""
        return time.monotonic() - self.since - self.waited if self.since else 0.0


def may_end_with_search(attempt: Attempt, interrupt: Interrupt) -> bool:
    """Whether a run that ended badly was ended from outside, as the search is: an engine ends all that is in a job."""
    found = attempt.run.read()
    is_over = found is not None and found.is_final and found.attempt == attempt.record.attempt
    if is_over and not (found and found.error and is_infrastructure(found.error)):
        return False
    if attempt.record.asks != PROCESS and not interrupt.requests:
        time.sleep(_TOGETHER_SECONDS)
    return interrupt.requests > 0


def is_lost(run: Run, wanted: Record) -> bool:
    """Whether a process of this search has the attempt, is dead, and did not say how it ended."""
    record = run.judged() if run.claims.is_of(wanted) else None
    return record is not None and record.state == "lost" and record.attempt == wanted.attempt
