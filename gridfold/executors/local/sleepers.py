"""The runs that wait where they are until they may go on: they hold no place, use no CPU, and keep their memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from gridfold.core.process import pause
from gridfold.executors.local.processes import Asks
from gridfold.executors.protocol import STOP, WAIT, Place, Pruner, Verdict
from gridfold.runs.run import Attempt

GO_ON = float("inf")  # to the end, asking no more
_LOOK_SECONDS = 1.0  # between two looks whether somebody has told a run to stop
_WEIGH_SECONDS = 10.0  # between two looks at how much memory all of them have


@dataclass
class _Sleeper:
    """A run that waits.

    Attributes:
        attempt: the run.
        asks: how it is told to go on.
        since: when it began to wait.
        size: its memory, in bytes.
    """

    attempt: Attempt
    asks: Asks
    since: float = field(default_factory=time.monotonic)
    size: int = 0

    @property
    def is_told_to_stop(self) -> bool:
        """Whether somebody has told it to stop."""
        return self.attempt.run.is_told_to_stop(self.attempt.record.attempt)

    def weigh(self) -> None:
        """See how much memory it has."""
        self.size = pause.private_bytes(self.asks.pid)

    def tell(self, verdict: Verdict) -> None:
        """Let it go on, or end."""
        pause.tell(self.asks.pid, self.asks.descriptor, str(verdict))
        pause.resume(self.asks.pid)
        self.attempt.run.set_waiting(self.attempt.record.attempt, waits=False)


class Sleepers:
    """The runs that wait, by their keys.

    Args:
        pruner: says which go on; None if no run is to wait.
        most: how many bytes they may have together; None for half of what is free now.
    """

    def __init__(self, pruner: Pruner | None, most: int | None = None) -> None:
        self._pruner = pruner
        self._most = pause.free_bytes() // 2 if most is None and pruner else most or 0
        self._found: dict[int, _Sleeper] = {}
        self._next_look = self._next_weighing = 0.0
        self._told: list[int] = []  # to stop, by somebody

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: int) -> bool:
        return key in self._found

    @property
    def asks_at(self) -> float | None:
        """The first step at which runs are to ask; None for never."""
        return self._pruner.first if self._pruner else None

    def judge(self, asks: Asks, attempt: Attempt | None, *, may_wait: bool) -> Verdict:
        """Answer a run that asks, or let it wait.

        Args:
            asks: how it is answered.
            attempt: the run; None if it is to go on whatever comes.
            may_wait: whether there is room for it where it waits.
        """
        verdict: Verdict = GO_ON
        if self._pruner and attempt:
            verdict = self._pruner.judge(attempt, may_wait=may_wait)
        if verdict != WAIT or attempt is None:
            pause.tell(asks.pid, asks.descriptor, str(verdict))
            return verdict
        pause.halt(asks.pid)
        attempt.run.set_waiting(attempt.record.attempt, waits=True)
        sleeper = self._found[asks.key] = _Sleeper(attempt, asks)
        sleeper.weigh()
        return verdict

    def next(self, place: Place) -> tuple[int, Verdict] | None:
        """Which of them gets a place, and what it is told, which `wake` does; None if none is to have it."""
        if not self._found or not self._pruner:
            return None
        self._look()
        while self._told:
            if (key := self._told.pop()) in self._found:
                return key, STOP
        by_run = {each.attempt.record.index: key for key, each in self._found.items()}
        attempts = [each.attempt for each in self._found.values()]
        if self._are_too_large():
            return by_run[self._pruner.give_up(attempts).record.index], STOP
        found = self._pruner.next(attempts, place)
        return found and (by_run[found[0].record.index], found[1])

    def wake(self, key: int, verdict: Verdict) -> float:
        """Let one go on, or end; gives how long it has waited."""
        sleeper = self._found.pop(key)
        sleeper.tell(verdict)
        return time.monotonic() - sleeper.since

    def forget(self, key: int) -> None:
        """Hear that one has ended."""
        if sleeper := self._found.pop(key, None):
            sleeper.attempt.run.set_waiting(sleeper.attempt.record.attempt, waits=False)

    def attempts(self) -> Mapping[int, Attempt]:
        """All of them."""
        return {key: each.attempt for key, each in self._found.items()}

    def _look(self) -> None:
        """See which were told to stop by somebody, now and then."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_SECONDS
            self._told = [
                key
                for key, each in self._found.items()
                if each.attempt.run.is_told_to_stop(each.attempt.record.attempt)
            ]

    def _are_too_large(self) -> bool:
        if sum(each.size for each in self._found.values()) <= self._most:
            return False
        if time.monotonic() >= self._next_weighing:  # what was shared may be so no more, or was counted twice
            for each in self._found.values():
                each.weigh()
            self._next_weighing = time.monotonic() + _WEIGH_SECONDS
        return sum(each.size for each in self._found.values()) > self._most
