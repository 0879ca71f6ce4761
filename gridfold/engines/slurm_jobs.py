"""What Slurm says of jobs: one call of `squeue` tells of all, and works without an accounting database."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from gridfold.core.process.liveness import Life
from gridfold.engines.protocol import EngineError, Job, Phase

_WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "RECONFIG_FAIL", "REVOKED", "TIMEOUT",
}  # fmt: skip
_FIELDS = "JobArrayID:|,State:|,RestartCnt:|,exit_code:|,BatchHost:|,Reason:|"
_ID, _MOST_IDS = re.compile(r"([0-9]{1,10})(_[0-9]{1,10})?"), 2**32 - 16  # the last ones mean something else
FORGOTTEN = "Invalid job id"  # what it says of a job that it has forgotten, or never had
_SECONDS = 15.0  # that Slurm may take to answer: without its daemon, squeue tries for a minute
_FRESH_SECONDS, _BROKEN_SECONDS = 2.0, 60.0  # how long an answer is taken for true, and a refusal to answer

_silent_until = [float("-inf")]  # by the clock of this process

Ended = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Seen:
    """A job as Slurm sees it.

    Attributes:
        job: what an engine says of it.
        restarts: how often it was started again.
    """

    job: Job
    restarts: int


def call(*command: str, script: str | None = None, seconds: float = _SECONDS) -> Ended:
    """Run a program of Slurm.

    The environment of a job that this process may be in is not passed on: `sbatch` gives it to the new job, which
    would take the count of restarts of the old one for its own.

    Raises:
        EngineError: there is none, or it does not answer.
    """
    try:
        return subprocess.run(
            command,
            input=script,
            stdin=None if script is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env=_environment(),
        )
    except FileNotFoundError:
        raise EngineError(f"no {command[0]} here") from None
    except subprocess.TimeoutExpired:
        raise EngineError(f"{command[0]} does not answer") from None


def answer(*command: str) -> str:
    """What a program of Slurm prints.

    Raises:
        EngineError: there is none, it does not answer, or it fails; says what it said.
    """
    ended = _ask(*command)
    if ended.returncode:
        raise EngineError(said_by(ended))
    return ended.stdout


def _ask(*command: str) -> Ended:
    """As `call`; for a while after Slurm did not answer, it is not asked again."""
    if time.monotonic() < _silent_until[0]:
        raise EngineError(f"{command[0]} does not answer")
    try:
        return call(*command)
    except EngineError:
        _silent_until[0] = time.monotonic() + _BROKEN_SECONDS
        raise


def said_by(ended: Ended) -> str:
    """What a program of Slurm said when it failed, without its name."""
    lines = [line.removeprefix(f"{ended.args[0]}: ").removeprefix("error: ") for line in ended.stderr.splitlines()]
    return "; ".join(line for line in lines if line and not line.startswith("Try ")) or f"{ended.args[0]} failed"


def look(ids: Iterable[str]) -> dict[str, Seen]:
    """How jobs stand, by their ids, such as ``1234`` or ``1234_5``; those that Slurm has forgotten are missing.

    Raises:
        EngineError: it cannot be asked.
    """
    asked = {job for job in ids if _is_id(job)}  # of one that makes no sense, squeue refuses them all
    if not asked:
        return {}
    whole = ",".join(sorted({job.partition("_")[0] for job in asked}))  # arrays, so that the line is short
    ended = _ask("squeue", "--noheader", "--array", "--states=all", f"--jobs={whole}", f"--Format={_FIELDS}")
    if ended.returncode and FORGOTTEN not in ended.stderr:
        raise EngineError(said_by(ended))
    return {job: seen for job, seen in _read(ended.stdout).items() if job in asked}


def mine() -> dict[str, Seen]:
    """How all jobs of this user stand, by their ids.

    Raises:
        EngineError: it cannot be asked.
    """
    return _read(
        answer("squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", f"--Format={_FIELDS}")
    )


def over(job: str) -> Job:
    """A job that Slurm has forgotten: it is over for longer than ``MinJobAge``."""
    return Job(job, "over", "forgotten")


def _is_id(job: str) -> bool:
    found = _ID.fullmatch(job)
    return found is not None and int(found[1]) < _MOST_IDS


def _read(said: str) -> dict[str, Seen]:
    found = (_seen(line.split("|")) for line in said.splitlines())
    return {seen.job.id: seen for seen in found if seen}


def _seen(fields: Sequence[str]) -> Seen | None:
    if len(fields) < _FIELDS.count("|"):
        return None
    job, state, restarts, status, host, reason = (each.strip() for each in fields[:6])
    phase: Phase = "waiting" if state in _WAITING else "over" if state in _OVER else "running"
    why = {"waiting": "" if reason == "None" else reason, "running": "", "over": _ending(state, status)}[phase]
    return Seen(Job(job, phase, why, "" if host in ("", "n/a") else host), int(restarts or 0))


def _ending(state: str, status: str) -> str:
    return f"{state}, exit code {int(status) >> 8}" if state == "FAILED" and status.isdecimal() else state


def _environment() -> dict[str, str]:
    keep = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT")
    return {name: value for name, value in os.environ.items() if not name.startswith("SLURM_") or name in keep}


@dataclass
class SlurmLiveness:
    """Whether the incarnation of a job lives: ``1234_5.0@cluster`` until its end, or until Slurm starts it again.

    That it is over is what Slurm says. A node that lost its network for a while may run on: see the heartbeats.

    Attributes:
        ask: gives all jobs of this user.
        ask_of: gives some jobs, of whomever.
        clock: seconds.
    """

    ask: Callable[[], Mapping[str, Seen]] = mine
    ask_of: Callable[[Iterable[str]], Mapping[str, Seen]] = look
    clock: Callable[[], float] = time.monotonic
    _known: Mapping[str, Seen] | EngineError = field(default_factory=dict, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _forgotten: set[str] = field(default_factory=set, init=False)

    def here(self) -> str:
        """The job of this process; "" if it is in none."""
        job = own_job()
        restarts, name = os.environ.get("SLURM_RESTART_COUNT", "0"), os.environ.get("SLURM_CLUSTER_NAME", "")
        return f"{job}.{restarts}{name and '@'}{name}" if job else ""

    def life(self, job: str) -> Life:
        """Whether an incarnation of a job lives.

        Raises:
            EngineError: Slurm cannot be asked, or is not that of the job.
        """
        incarnation, _, name = job.partition("@")
        self._refresh()
        if name and name != _cluster():
            raise EngineError(f"a job of the cluster {name}")
        number, _, restarts = incarnation.partition(".")
        seen = self._seen(number)
        lives = seen is not None and seen.job.phase != "over" and seen.restarts == int(restarts or 0)
        return "alive" if lives else "dead"

    def _seen(self, job: str) -> Seen | None:
        assert not isinstance(self._known, EngineError)
        if job not in self._known and job not in self._forgotten:  # it may be of another user
            if found := self.ask_of([job]):
                return found.get(job)
            self._forgotten.add(job)  # which is for ever
        return self._known.get(job)

    def _refresh(self) -> None:
        """Ask about all jobs, unless that was done a moment ago."""
        if self.clock() >= self._until:
            try:
                self._known, fresh = self.ask(), _FRESH_SECONDS
            except EngineError as error:
                self._known, fresh = error, _BROKEN_SECONDS
            self._until = self.clock() + fresh
        if isinstance(self._known, EngineError):
            raise self._known


def own_job() -> str:
    """The Slurm job of this process, by the name that `squeue` gives it; "" if it is in none."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")


@cache
def _cluster() -> str:
    lines = answer("scontrol", "show", "config").splitlines()
    return next((line.partition("=")[2].strip() for line in lines if line.startswith("ClusterName")), "")


LIVENESS = SlurmLiveness()
