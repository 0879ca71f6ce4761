"""How a run ended that could not say so itself: why its process died, and the record that tells it."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gridfold.runs.failure import Error, describe, died, lost, timed_out
from gridfold.runs.record import Record, now, started
from gridfold.runs.run import Attempt, Run
from gridfold.runs.steps import Steps
from gridfold.worker import TAKEN

Told = Literal["interrupted", "stopped"] | float | None
"""Why a run was told to end: it was interrupted, its search has stopped it, or it did not end in time; None if it was
not."""

_VMSTAT = Path("/proc/vmstat")


class MemoryKills:
    """Whether the kernel of this machine has killed a process because there was no memory left."""

    def __init__(self) -> None:
        self._count = self._read()

    def happened(self) -> bool:
        """Whether it has, since this was asked last."""
        before, self._count = self._count, self._read()
        return self._count > before

    @staticmethod
    def _read() -> int:
        """How many it has killed since boot; 0 if it does not tell."""
        try:
            counts = dict(line.split() for line in _VMSTAT.read_text().splitlines())
            return int(counts.get("oom_kill", 0))
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True)
class Ending:
    """The end of an attempt, as far as whoever started it knows.

    Attributes:
        status: exit code of its process, or minus the number of the signal that killed it; None if nobody knows.
        seconds: how long it took.
        told: why it was told to end.
        reason: why nothing is known of its end.
        memory_kills: tells whether a process was killed for want of memory; None if that is not known.
    """

    status: int | None = None
    seconds: float = 0.0
    told: Told = None
    reason: str = "its process is gone"
    memory_kills: MemoryKills | None = None

    def conclude(self, attempt: Attempt) -> Record:
        """The final record of the attempt: what its process wrote, or else what is written here for it.

        Of an attempt that another process has, the record as it stands.
        """
        run, record = attempt.run, attempt.record
        found = run.read()
        if self.status == TAKEN and _is_anothers(attempt):
            return found or record
        if found and found.attempt == record.attempt and found.session == record.session:
            if found.is_done or (found.is_final and self.told is None):
                return found
            record = found
        record = replace(record if record.started else started(record), ended=now(), seconds=round(self.seconds, 3))
        if self.told == "interrupted":
            record = replace(record, state="interrupted", error=None)
        elif self.told == "stopped":
            is_pruned = not run.is_told_to_stop(record.attempt)  # by somebody
            record = replace(record, state="stopped", error=None, pruned=is_pruned, **_reported(run))
        else:
            record = replace(record, state="failed", error=self._error())
        try:
            is_own = run.conclude(record)
        except OSError as error:
            return replace(record, state="failed", error=describe(error))
        return record if is_own else run.read() or attempt.record

    def _error(self) -> Error:
        if isinstance(self.told, int | float):
            return timed_out(self.told)
        if self.status is None or self.status == TAKEN:  # a process had begun that nobody heard of
            return lost(self.reason)
        kills = self.memory_kills if self.status == -signal.SIGKILL else None
        return died(self.status, killed_for_memory=kills is not None and kills.happened())


def _reported(run: Run) -> dict[str, Any]:
    """The value that a run has reached, and how far it came."""
    return {"metrics": run.last_reported(), "step": Steps.of(run.reports()).step or None}


def _is_anothers(attempt: Attempt) -> bool:
    """Whether another process has the attempt, and lives as far as is known here."""
    owner = attempt.run.claims.owner(attempt.record.attempt)
    return owner is not None and owner.life != "dead"
