"""Who has an attempt at a run. Of all processes that try, on all machines, one gets it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridfold.core.files import read_mapping, replace_if_first
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import PROCESS
from gridfold.core.process.monitor import ChangeMonitor
from gridfold.runs.record import RECORD, Record, as_text, read_record
from gridfold.runs.reports import LOG, METRICS, PROGRESS
from gridfold.runs.workers import heart_of

CLAIM = ".claim-"  # and the attempt: made once for each, by the process that gets it, and never removed

_SIGNS_OF_LIFE = (LOG, METRICS, PROGRESS)
_UNREADABLE = ChangeMonitor()
_HALF_WRITTEN_SECONDS = 1.0  # how long a claim may be, on a disk without hard links


@dataclass(frozen=True)
class Claims:
    """The claims of a run, one for each attempt that was taken. A claim is the record that the attempt began with.

    Attributes:
        directory: of the run.
    """

    directory: str

    def take(self, record: Record) -> bool:
        """Take the record's attempt for this process and write the record; False if another process has the attempt.

        Each attempt has its own claim, which is made once and never removed, so no two processes can take over from a
        dead one.
        """
        return replace_if_first(f"{self.directory}/{RECORD}", self._path(record.attempt), as_text(record))

    def has(self, attempt: int) -> bool:
        """Whether some process has taken an attempt."""
        return os.path.exists(self._path(attempt))  # noqa: PTH110

    def count(self, record: Record | None) -> int:
        """How many attempts were taken, given what ``run.json`` says; one more may be under way than that tells."""
        count = record.attempt if record else 0
        while self.has(count + 1):
            count += 1
        return count

    def read(self, attempt: int) -> Record | None:
        """The record that an attempt began with; None if the claim was torn, by a loss of power."""
        return read_record(self._path(attempt))

    def is_of(self, record: Record) -> bool:
        """Whether a record's attempt was taken by the process that it tells of, or by one of the same session.

        A claim that names no session is nobody's once its process is dead.
        """
        claim = read_mapping(self._path(record.attempt))
        if record.session and claim.get("session") is None:
            owner = self.owner(record.attempt)
            return owner is not None and owner.life == "dead"
        names = ("session",) if record.session else ("host", "pid", "process")
        return bool(claim) and all(claim.get(name) == getattr(record, name) for name in names)

    def session(self, attempt: int) -> str:
        """The session of the process that took an attempt; "" if that is not known."""
        return str(read_mapping(self._path(attempt)).get("session") or "")

    def owner(self, attempt: int) -> Owner | None:
        """The process that took an attempt; None if the claim was torn, by a loss of power."""
        path = self._path(attempt)
        while True:
            claim = read_mapping(path)
            signs = (self._heart(claim), path, *(f"{self.directory}/{name}" for name in _SIGNS_OF_LIFE))
            asks = claim.get("asks", PROCESS)
            if owner := Owner.of(claim.get("host"), claim.get("pid"), claim.get("process"), asks, signs):
                return owner
            if _UNREADABLE.quiet(path) > _HALF_WRITTEN_SECONDS or not os.path.exists(path):  # noqa: PTH110
                return None
            time.sleep(0.05)

    def _heart(self, claim: Mapping[str, Any]) -> str:
        """The heartbeat of the worker whose process has an attempt."""
        search = os.path.join(os.path.dirname(self.directory), str(claim.get("search")))  # noqa: PTH118, PTH120
        return heart_of(search, str(claim.get("session")))

    def _path(self, attempt: int) -> str:
        return f"{self.directory}/{CLAIM}{attempt}"
