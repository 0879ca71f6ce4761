"""Whether a process lives that an engine has started somewhere: what the engine says of its job, and its heartbeat."""

from __future__ import annotations

import os
from functools import cache
from typing import Literal, Protocol, cast

from gridfold.core import plugins
from gridfold.core.process.monitor import ChangeMonitor

ENGINE = "GRIDFOLD_ENGINE"  # set in the jobs of an engine, to its name
PROCESS = "process"
SILENT_SECONDS = 30.0  # six beats

_OWN = {"ray": "gridfold.engines.ray_jobs:LIVENESS", "slurm": "gridfold.engines.slurm_jobs:LIVENESS"}

Life = Literal["alive", "dead", "elsewhere", "undecided"]
"""Of a process. "elsewhere": it cannot be asked from here. "undecided": its job is over, but it may be alive."""


class Liveness(Protocol):
    """Knows of the jobs of an engine whether they live.

    A package registers one under the name of its engine, by an entry point of the group ``gridfold.liveness``. The jobs
    have that name in the environment variable `ENGINE`; or an executor gives attempts whose record says
    ``asks="NAME"``. The claims of their processes then say ``NAME:JOB``.
    """

    def here(self) -> str:
        """The job of this process, and which start of it, if it may be started again; "" if it is in none."""

    def life(self, job: str) -> Life:
        """Whether a job lives; "elsewhere", or an exception, if it cannot be asked from here."""


def engine_here() -> str:
    """The engine that has started this process, by the environment of its job; `PROCESS` if none has."""
    return os.environ.get(ENGINE) or PROCESS


def asked_here(asks: str) -> str:
    """Who is to be asked whether this process lives, with its job if that is an engine.

    What names a job already is of this process, or of the one that has started it.
    """
    return asks if asks == PROCESS or ":" in asks else f"{asks}:{_liveness(asks).here()}"


def life_of_job(asks: str, heart: str) -> Life:
    """Whether a process lives that is in a job.

    An engine takes a job for over whose node it has lost, and starts it again elsewhere, while its processes run on.
    So nobody is taken for dead whose heart may beat.

    Args:
        asks: the engine and the job, such as ``slurm:1234.0``.
        heart: the file that changes as long as it lives.
    """
    silent = _MONITOR.quiet(heart) >= SILENT_SECONDS
    name, _, job = asks.partition(":")
    try:
        life = _liveness(name).life(job)
    except Exception:  # whatever comes where there is no such engine, or it does not answer
        return "elsewhere"
    return "undecided" if life == "dead" and not silent else life


@cache
def _liveness(name: str) -> Liveness:
    return cast(Liveness, plugins.load("gridfold.liveness", "engine", name, _OWN))


_MONITOR = ChangeMonitor()
