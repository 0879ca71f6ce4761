"""What Ray says of jobs: a short process asks the cluster's head. Processes that fork runs shall not import Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridfold.core.process.liveness import Life
from gridfold.engines.protocol import EngineError, Job, Phase

JOB = "GRIDFOLD_JOB"  # set in a worker's job, to what `RayLiveness` is asked about
ASK_SECONDS = 20.0  # that the cluster's head may take to answer

_DRIVER = Path(__file__).with_name("ray_driver.py")
_FRESH_SECONDS, _BROKEN_SECONDS = 20.0, 30.0  # how long an answer, which costs half a second, is taken for true
_PHASES: Mapping[str, Phase] = {"ALIVE": "running", "DEAD": "over"}
_WHY = {"PENDING_CREATION": "waits for a node with room", "RESTARTING": "starts again, on a node with room"}
_ENDINGS = {"INTENDED_USER_EXIT": "ended", "killed by `ray.kill`": "killed"}

Standing = Mapping[str, Any]


def call(what: str, asked: Mapping[str, Any], seconds: float = ASK_SECONDS) -> Any:
    """Let a process of its own talk to Ray.

    Args:
        what: a function of ``ray_driver``.
        asked: what it is told.
        seconds: that it may take.

    Raises:
        EngineError: Ray does not answer, or says why not.
    """
    message = json.dumps({**asked, "what": what, "limit": int(seconds) + 1})
    try:
        ended = subprocess.run(
            [sys.executable, "-P", str(_DRIVER)],  # else the folder of this file would have a module called `ray`
            input=message,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(f"no answer within {seconds:g} s") from None
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        lines = ended.stderr.strip().splitlines()
        raise EngineError(lines[-1] if lines else f"exit code {ended.returncode}") from None
    if "error" in said:
        raise EngineError(said["error"])
    return said["found"]


def look(names: Iterable[str], address: str = "") -> dict[str, Standing]:
    """How jobs stand, by their names; those that Ray does not know are missing.

    Raises:
        EngineError: it cannot be asked.
    """
    found: dict[str, Standing] = call("state", {"names": list(names), "address": address})
    return found


def job_of(name: str, standing: Standing | None) -> Job:
    """What an engine says of a job."""
    if standing is None:
        return Job(name, "over", "forgotten")
    phase = _PHASES.get(standing["state"], "waiting")
    return Job(name, phase, _why(phase, standing), standing["host"])


def _why(phase: Phase, standing: Standing) -> str:
    state, reason = str(standing["state"]), str(standing["reason"])
    if phase == "waiting":
        return _WHY.get(state, state)
    return next((said for sign, said in _ENDINGS.items() if sign in reason), reason)


@dataclass
class RayLiveness:
    """Whether the incarnation of a job lives: ``NAME.NODE-PID@ADDRESS`` until its actor ends, or is started again.

    That it is over is what Ray says. A node that lost its network for a while may run on: see the heartbeats.

    Attributes:
        ask: how jobs stand at an address.
        clock: seconds.
    """

    ask: Callable[[Iterable[str], str], Mapping[str, Standing]] = look
    clock: Callable[[], float] = time.monotonic
    _names: dict[str, set[str]] = field(default_factory=dict, init=False)
    _known: dict[str, tuple[float, Mapping[str, Standing] | EngineError]] = field(default_factory=dict, init=False)
    _over: set[str] = field(default_factory=set, init=False)

    def here(self) -> str:
        """The job of this process; "" if it is in none."""
        return os.environ.get(JOB, "")

    def life(self, job: str) -> Life:
        """Whether an incarnation of a job lives.

        Raises:
            EngineError: Ray cannot be asked.
        """
        if job not in self._over:
            incarnation, _, address = job.rpartition("@")
            name, _, process = incarnation.rpartition(".")
            if self._standing(name, address).get("incarnation") == process:
                return "alive"
            self._over.add(job)  # which is for ever
        return "dead"

    def _standing(self, name: str, address: str) -> Standing:
        names = self._names.setdefault(address, set())
        until, known = self._known.get(address, (float("-inf"), {}))
        if name not in names or self.clock() >= until:
            names.add(name)
            known, fresh = self._asked(names, address)
            self._known[address] = self.clock() + fresh, known
        if isinstance(known, EngineError):
            raise known
        return known.get(name, {})

    def _asked(self, names: Iterable[str], address: str) -> tuple[Mapping[str, Standing] | EngineError, float]:
        try:
            return self.ask(names, address), _FRESH_SECONDS
        except EngineError as error:
            return error, _BROKEN_SECONDS


LIVENESS = RayLiveness()
