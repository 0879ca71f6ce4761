"""An engine of processes on this machine: the contract without a cluster, and a search on an engine in a second."""

import os
import secrets
import subprocess
from pathlib import Path

from gridfold.core.errors import ConfigError
from gridfold.engines.protocol import EngineError, Job

_RUNNING: dict[str, subprocess.Popen] = {}


class Processes:
    """Starts each worker as a process in a group of its own.

    Options: ``broken``, to refuse every answer; ``late``, to say that nobody could look at the folder.
    """

    def __init__(self, options):
        self.options = options

    def check(self, order):
        if not Path(order.command[0]).exists():
            raise ConfigError("no such Python", where=order.command[0])
        return "nobody has looked at the folder" if "late" in self.options and order.patience else ""

    def script(self, order):
        return f"processes: {subprocess.list2cmdline(order.command).replace(chr(34), chr(39))}"

    def submit(self, order):
        order.logs.mkdir(parents=True, exist_ok=True)
        return [self._start(order) for _ in range(order.count)]

    def _start(self, order):
        job = secrets.token_hex(3)
        with (order.logs / f"processes-{job}.out").open("w") as log:
            _RUNNING[job] = subprocess.Popen(
                order.command,
                cwd=order.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"GRIDFOLD_ENGINE": "processes", "PROCESSES_JOB": job},
            )
        return job

    def jobs(self, ids):
        if "broken" in self.options:
            raise EngineError("no answer")
        return [self._job(job) for job in ids]

    def _job(self, job):
        process = _RUNNING.get(job)
        ended = process is None or process.poll() is not None
        return Job(
            job, "over" if ended else "running", f"exit {process.returncode}" if process and ended else "", "here"
        )

    def cancel(self, ids):
        for job in ids:
            if job in _RUNNING and _RUNNING[job].poll() is None:
                _RUNNING[job].terminate()


class Liveness:
    def here(self):
        return os.environ.get("PROCESSES_JOB", "")

    def life(self, job):
        return "alive"


LIVENESS = Liveness()
