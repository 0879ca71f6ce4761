"""Where a run asks its search whether it may go on, and may have to wait."""

from __future__ import annotations

import math
import os
import time
from _thread import allocate_lock
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gridfold.core.process import pause

STOP = "stop"
_PLACES = ("epoch", "step")  # of a report that say where it is, and are nothing to compare by


class RunStopped(BaseException):
    """Ends a run where it reports, because it is to stop and never asked ``run.should_stop()``.

    No ``Exception``, so that a trainer cleans up but does not go on.

    Attributes:
        metrics: what it has reported last.
    """

    def __init__(self, metrics: Mapping[str, float]) -> None:
        super().__init__("the search has stopped this run")
        self.metrics = metrics


class Clocks(Protocol):
    """The clocks of a process, as its code sees them; see ``gridfold.core.process.clocks``."""

    def stop(self) -> Mapping[str, int]:
        """Let all clocks be those of the machine; gives what those show that were read."""

    def go_on(self, shown: Mapping[str, int], *, watch: bool) -> None:
        """Let clocks go on from what they showed."""


@dataclass(frozen=True)
class Rung:
    """What a process is told so that it can ask.

    Attributes:
        key: what the search knows the run by.
        events: file descriptor where it hears of what happens.
        first: the first step at which the run is to ask.
    """

    key: int
    events: int
    first: float


class Rungs:
    """The steps at which the run of this process asks whether it may go on.

    Args:
        rung: what it was told.
        clocks: that its code sees; None if it sees those of the machine.

    Attributes:
        waited: how many seconds it has waited, in all.
        is_told_to_stop: whether it was told to end with the value that it has.
    """

    def __init__(self, rung: Rung, clocks: Clocks | None = None) -> None:
        self._rung, self._clocks = rung, clocks
        self._next = rung.first
        self._pid = os.getpid()
        self._lock = allocate_lock()  # threads may report
        self.waited = 0.0
        self.is_told_to_stop = False

    def reach(self, step: float) -> bool:
        """Come to a step: ask, if it is one to ask at, and wait until the search says more; whether to go on."""
        if step >= self._next and os.getpid() == self._pid:
            with self._lock:
                if step >= self._next:
                    self._hear(self._ask())
        return not self.is_told_to_stop

    def is_due(self, step: float) -> bool:
        """Whether it asks when it comes to a step."""
        return step >= self._next

    def leave(self) -> None:
        """Ask no more: the training is over."""
        self._next = math.inf

    def _ask(self) -> str:
        shown = self._clocks.stop() if self._clocks else {}
        since = time.monotonic()
        try:
            with pause.asking(self._rung.events, self._rung.key) as answers:
                return pause.answer(answers)
        finally:
            self.waited += time.monotonic() - since
            if self._clocks:
                self._clocks.go_on(shown, watch=True)

    def _hear(self, said: str) -> None:
        self.is_told_to_stop = said == STOP
        self._next = math.inf if self.is_told_to_stop else float(said)


def final_metrics(reports: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The last value of each metric that a run has reported, those of the last report first, and places last."""
    found: dict[str, float] = {}
    for report in reversed(reports):
        found |= {name: value for name, value in report.items() if name not in found}
    return dict(sorted(found.items(), key=lambda metric: metric[0] in _PLACES))  # stable
