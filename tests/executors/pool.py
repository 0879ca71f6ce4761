"""An executor over ``concurrent.futures``: all that it takes to write one."""

import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass

from gridfold.core.errors import ConfigError
from gridfold.executors.ending import Ending
from gridfold.runs.run import Attempt
from gridfold.trainers.resolve import resolve
from gridfold.worker import Task, environment

WORKER = [sys.executable, "-m", "gridfold.worker"]


@dataclass
class Active:
    attempt: Attempt
    process: subprocess.Popen
    began: float
    told: str | float | None = None

    def end(self, why):
        if self.told is None:
            self.told = why
            self.process.terminate()


class PoolExecutor:
    """Executes each run by a worker, for whose end a thread of a pool waits."""

    def __init__(self, options):
        self.parallel, self.timeout = options.parallel or 2, options.timeout
        self._pool = ThreadPoolExecutor(self.parallel)
        self._active: dict[Future[int], Active] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for active in self._active.values():
            active.process.kill()
        self._pool.shutdown()

    def call(self, trainer, function, *arguments):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            try:
                return pool.submit(call, trainer, function, arguments).result()
            except BrokenProcessPool:
                raise ConfigError("importing it ends the process", path="gridfold.trainer") from None

    def stop(self, attempt):
        attempt.run.tell_to_stop(attempt.record.attempt)

    def execute(self, attempts, watcher, interrupt):
        waiting, more = iter(attempts), True
        while more or self._active:
            more = self._fill(waiting) if more and not (interrupt.requests or interrupt.holds) else False
            if not self._active:
                time.sleep(0.05)
            for future in wait(self._active, 0.05, FIRST_COMPLETED).done:
                active = self._active.pop(future)
                ending = Ending(future.result(), time.monotonic() - active.began, active.told)
                yield active.attempt, ending.conclude(active.attempt)
            for active in self._active.values():
                watcher.running(active.attempt.run)
                if interrupt.requests:
                    active.end("interrupted")
                elif self.timeout and time.monotonic() - active.began > self.timeout:
                    active.end(self.timeout)
                if interrupt.requests > 1:
                    active.process.kill()

    def _fill(self, waiting):
        """Start attempts while there is room; whether there may be more."""
        while len(self._active) < self.parallel:
            attempt = next(waiting, False)
            if not attempt:
                return attempt is None
            process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, env=environment(), start_new_session=True)
            process.stdin.write(Task(attempt, {}).written())
            process.stdin.close()
            self._active[self._pool.submit(process.wait)] = Active(attempt, process, time.monotonic())
        return True


def call(trainer, function, arguments):
    """In the other process: import the trainer, and call the function."""
    with suppress(ConfigError):  # which each run will then say itself
        resolve(trainer)
    return function(*arguments)
