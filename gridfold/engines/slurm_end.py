"""The end of the Slurm job that a worker is in: when it comes, why it has come, and which job goes on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from gridfold.core.process import proc
from gridfold.engines import slurm_jobs
from gridfold.engines.protocol import Cause, EngineError, Limit
from gridfold.engines.slurm import SCRIPT

_KILL_SECONDS = 30.0  # Slurm's default
_UNLIMITED = 365 * 24 * 3600.0  # what it may say of a job without a limit, once that has begun
_CLOCK_SECONDS = 300.0  # that clocks in a cluster may be apart: beyond that, munge refuses
_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$")


@dataclass(frozen=True)
class SlurmJob:
    """The job of this process.

    Attributes:
        id: its name, such as ``12_3``: the number of one task of an array is that of the whole array, too.
        restarts: how often Slurm had started it again when this process began.
    """

    id: str = field(default_factory=slurm_jobs.own_job)
    restarts: int = field(default_factory=lambda: int(os.environ.get("SLURM_RESTART_COUNT") or 0))

    def limit(self) -> Limit | None:
        """How long it may take. Its end is told by the own clock: clocks of machines differ, and have time zones."""
        said = self._said()
        seconds, spent = seconds_of(said.get("TimeLimit", "")), seconds_of(said.get("RunTime", ""))
        if seconds is None or seconds >= _UNLIMITED:
            return None
        age = proc.age()  # of the script of the job, whose place this process has taken
        if spent is not None and age < spent < age + _CLOCK_SECONDS:  # it took a while to start
            age = spent
        return Limit(seconds, seconds - age)

    @property
    def kill_seconds(self) -> float:
        """How long after SIGTERM Slurm kills what is left."""
        said = re.search(r"^KillWait\s*=\s*(\d+)", slurm_jobs.answer("scontrol", "show", "config"), re.MULTILINE)
        return float(said[1]) if said else _KILL_SECONDS

    def cause(self) -> Cause:
        """Why Slurm ends it, seen while it ends: its state is COMPLETING then, whyever."""
        said = self._said()
        if int(said.get("Restarts") or 0) > self.restarts:
            return "again"
        if said.get("Reason") == "TimeLimit":
            return "limit"
        return "preempted" if said.get("PreemptTime", "None") not in ("None", "") else "cancelled"

    def follow(self, folder: Path) -> str:
        """Let another job go on when this one is over; or this one begin again, where no other can be submitted."""
        try:
            return self._submit(folder)
        except EngineError as error:
            if int(self._said().get("Requeue") or 0) == 0:
                raise EngineError(f"{error}; and this job may not be started again (--no-requeue)") from None
            slurm_jobs.answer("scontrol", "requeue", self.id)
            return self.id

    def _submit(self, folder: Path) -> str:
        script = folder / SCRIPT
        if not script.exists():
            raise EngineError(f"no {script}, as this job was not submitted by gridfold")
        after, log = f"--dependency=afterany:{self.id}", f"--output={str(folder).replace('%', '%%')}/slurm-%j.out"
        ended = slurm_jobs.call("sbatch", "--parsable", after, log, str(script))
        if ended.returncode:
            raise EngineError(slurm_jobs.said_by(ended))
        return ended.stdout.strip().partition(";")[0]

    def _said(self) -> dict[str, str]:
        """What Slurm says of it.

        Raises:
            EngineError: it cannot be asked.
        """
        if not self.id:
            raise EngineError("this process is in no job")
        words = slurm_jobs.answer("scontrol", "show", "job", "-o", self.id).split()
        return dict(word.split("=", 1) for word in words if "=" in word)


def seconds_of(said: str) -> float | None:
    """Seconds, of a time such as 1-02:30:00; None of one that is not limited, or not known."""
    found = _TIME.match(said)
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
