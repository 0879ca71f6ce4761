"""Execute one attempt at a run: the same code for every executor.

The submitter hands over a run directory with ``config.yaml``, and the record to begin with. The worker takes the
attempt (see ``Run.begin``) and leaves a record in state ``completed``, ``failed`` or ``interrupted``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import random
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from gridfold import threads
from gridfold.command import CommandFailed
from gridfold.config import Config
from gridfold.errors import ConfigError
from gridfold.failure import describe
from gridfold.lifeline import tie
from gridfold.run import Attempt, Record, Run, now, started
from gridfold.trainer import resolve

TAKEN = 75  # exit code: another process has this attempt


@dataclass(frozen=True)
class Task:
    """What a process is told that executes a run.

    Attributes:
        attempt: which run, and the record to begin with.
        environment: environment variables of this run.
        config: the run's config, if it was read already.
    """

    attempt: Attempt
    environment: Mapping[str, str]
    config: Mapping[str, Any] | None = None

    def read(self) -> Task:
        """The task with the run's config; as it is, if the config cannot be read, which is then the run's error."""
        with contextlib.suppress(ConfigError):
            return replace(self, config=Config.load(self.attempt.run.config_path).data)
        return self


class _Stop:
    """SIGTERM ends the trainer as Ctrl-C would, so that it can clean up."""

    def __init__(self) -> None:
        self.came = False
        self.training = False  # a result that is being written is not thrown away

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what signal.signal calls
        self.came = True
        if self.training:
            raise KeyboardInterrupt


def run_process(task: Task, lifeline: int, printed: bytes = b"") -> int:
    """Make the current process, the leader of its group, one that executes a run; its exit code.

    Everything that the run prints goes to its log, after what was ``printed`` for it before.
    """
    tie(lifeline)
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run = task.attempt.run
    log = os.open(run.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    if printed:
        os.write(log, printed)
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)
    os.environ.update(task.environment)
    record = execute(task, stop)
    if record is None:
        return TAKEN
    return 0 if record.state == "completed" else 1


def execute(task: Task, stop: _Stop | None = None) -> Record | None:
    """Train the run's config and record what came of it. A failure is a record, not an exception.

    Returns:
        The final record; None if another process has taken the attempt.
    """
    run, record = task.attempt.run, task.attempt.record
    record = started(record)
    if not run.begin(record):
        return None
    if record.attempt > 1:
        run.set_aside(record.attempt - 1)
    run = Run(run.dir, record.seed, record.index)
    start = time.monotonic()
    outcome = _outcome(run, record, task.config, stop or _Stop())
    if stop and stop.came and outcome["state"] == "failed":
        outcome = {"state": "interrupted"}  # whatever the trainer made of the signal
    seconds = round(time.monotonic() - start, 3)
    record = replace(record, ended=now(), seconds=seconds, notes=run.notes, **outcome)
    run.write(record)
    return record


def _outcome(run: Run, record: Record, config: Mapping[str, Any] | None, stop: _Stop) -> dict[str, Any]:
    if stop.came:
        return {"state": "interrupted"}
    try:
        stop.training = True
        config = config or Config.load(run.config_path).data
        trainer = resolve(record.trainer)
        if record.threads > 1:  # the process started with one
            threads.limit(record.threads)
        _seed(record.seed)
        return {"state": "completed", "metrics": dict(trainer.train(config, run))}
    except KeyboardInterrupt:
        return {"state": "interrupted"}
    except BaseException as error:  # a trainer that calls sys.exit() is a failed run too
        if not isinstance(error, CommandFailed):  # it said itself what was wrong
            traceback.print_exc()
        return {"state": "failed", "error": describe(error)}
    finally:
        stop.training = False


def _seed(seed: int) -> None:
    """Start the random numbers of every library that is loaded from the run's seed, not from what ran before."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def main() -> int:
    """Execute the task that comes over standard input, in a process of its own."""
    logging.getLogger("gridfold").addHandler(logging.StreamHandler())  # what is said goes to the run's log
    task, lifeline = pickle.load(sys.stdin.buffer)  # from the forkserver, over a pipe
    return run_process(task, lifeline)


if __name__ == "__main__":
    sys.exit(main())
