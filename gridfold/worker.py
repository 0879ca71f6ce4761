"""Execute one attempt at a run: the same code for every executor.

The submitter hands over a run directory with ``config.yaml``, and the record to begin with. The worker takes the
attempt (see ``Claims.take``) and leaves a record in state ``completed``, ``stopped``, ``failed`` or ``interrupted``.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

from gridfold import stages
from gridfold.core import logs
from gridfold.core.errors import ConfigError, cut
from gridfold.core.process import seeding, threads
from gridfold.core.process.channel import told
from gridfold.core.process.handlers import handler_of
from gridfold.core.process.lifeline import tie
from gridfold.core.process.orphans import adopt
from gridfold.identity import reads
from gridfold.identity.data import named_by
from gridfold.identity.executed import sources_of_run
from gridfold.runs.failure import ProgramFailed, describe
from gridfold.runs.record import Record, now, started
from gridfold.runs.reports import LOG, numbers
from gridfold.runs.run import Attempt, Run, of_record
from gridfold.runs.rungs import Rung, Rungs, RunStopped
from gridfold.runs.seconds import Seconds
from gridfold.runs.written import note_written
from gridfold.trainers.protocol import Trainer
from gridfold.trainers.resolve import resolve
from gridfold.trainers.warm.program import make_cold

if TYPE_CHECKING:
    from gridfold.core.process.clocks import Clocks

_MOST_NOTES, _MOST_NOTED = 100, 1_000  # notes of a record, and characters of each
_DEFAULTS = {
    "PYTHONHASHSEED": "0",  # sets have one order, so that a run gives the same result twice
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # to ask whether there is a GPU does not initialise it
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # to import pyarrow, as pandas does, starts no thread
}
TAKEN = 75  # exit code: another process has this attempt


@dataclass(frozen=True)
class Task:
    """What a process is told that executes a run.

    Attributes:
        attempt: which run, and the record to begin with.
        environment: environment variables of this run.
        config: the run's config, if it was read already.
        named: the files that it names, and what is in them.
        rung: where it asks its search whether it may go on; None if it does not.
    """

    attempt: Attempt
    environment: Mapping[str, str]
    config: Mapping[str, Any] | None = None
    named: Mapping[str, str | None] = field(default_factory=dict)
    rung: Rung | None = None

    def read(self) -> Task:
        """The task with the run's config, and with its directory wherever a trainer changes to.

        It has no config if that cannot be read, which is then the run's error.
        """
        run = of_record(self.attempt.run.dir.absolute(), self.attempt.record)
        task = replace(self, attempt=replace(self.attempt, run=run))
        from gridfold.config.config import Config  # whoever executes a run is told its config, and need not read it

        with contextlib.suppress(ConfigError):
            config = Config.load(run.config_path).data
            trainer = self.attempt.record.trainer
            named = named_by(config, () if isinstance(trainer, str) else trainer)
            if not isinstance(trainer, str):
                from gridfold.identity.programs import data_of  # as below

                named |= data_of(trainer)
            if self.attempt.record.cwd:
                from gridfold.identity.paths import with_absolute_paths  # who works where others do needs nothing of it

                config = with_absolute_paths(config, os.getcwd())  # noqa: PTH109
            return replace(task, config=config, named=named)
        return task

    def written(self, outputs: Sequence[int] = (1, 2)) -> bytes:
        """What ``python -m gridfold.worker`` is told over standard input, which SIGTERM ends; see `enter`."""
        return pickle.dumps(((self.read(), None, b"", outputs), None))


class Stop:
    """SIGTERM ends the trainer as Ctrl-C would, so that it can clean up; what the trainer forks just ends.

    Once: an engine signals all processes of a job, and the search its runs, but a checkpoint is written to its end.

    Attributes:
        came: whether it came.
        training: whether there is something to interrupt.
    """

    def __init__(self) -> None:
        self.came = False
        self.training = False  # a result that is being written is not thrown away

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what signal.signal calls
        """Hear the signal."""
        is_first, self.came = not self.came, True
        if self.training and is_first:
            raise KeyboardInterrupt

    def begin(self, *, training: bool = True) -> None:
        """From now on there is something to interrupt, or not; what came before interrupts it at once."""
        self.training = training
        if training and self.came:
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Spent:
    """Seconds, and CPU seconds of a process and of the children that it has seen the end of."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def as_dict(self) -> dict[str, float]:
        """To the millisecond, for a file."""
        return {name: round(value, 3) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Moment:
    """A moment in the life of this process, by its clocks."""

    seconds: float
    cpu_seconds: float

    @classmethod
    def now(cls) -> Moment:
        """This moment."""
        own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(time.monotonic(), own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime)

    def spent(self) -> Spent:
        """What was spent since."""
        now = Moment.now()
        return Spent(now.seconds - self.seconds, now.cpu_seconds - self.cpu_seconds)


@dataclass
class Work:
    """A run that the current process executes.

    Attributes:
        run: what the trainer sees of it.
        record: as it began.
        stop: hears SIGTERM.
        start: when it began.
        node: its process in the batch; "" if it runs alone.
        shared: what was spent on it together with other runs, before.
        unread: paths of the config that it had not in common with the last of them, and has never read.
        named: the files that its config names.
        has_own_second: whether it waited for a second in which no other run of the search begins.
    """

    run: Run
    record: Record
    stop: Stop
    start: Moment
    node: str = ""
    shared: Spent = Spent()
    unread: Sequence[str] = ()
    named: Mapping[str, str | None] = field(default_factory=dict)
    has_own_second: bool = False

    def inputs(self) -> dict[str, Any] | None:
        """What the result depends on beside config and code, for the record."""
        try:
            return sources_of_run(reads.start(), self.named, (str(self.run.dir), stages.folder())).as_dict() or None
        except Exception as error:  # a result is worth more than what is known of it
            return {"untold": f"what it has read ({type(error).__name__}: {error})"[:300]}

    @property
    def waited(self) -> float:
        """How many seconds it has waited until its search let it go on."""
        return self.run.rungs.waited if self.run.rungs else 0.0

    def sharing(self) -> dict[str, Any]:
        """How the result came about, for the record."""
        own = self.start.spent().as_dict()
        own["seconds"] = round(own["seconds"] - self.waited, 3)
        return {
            "label": "bitwise" if self.node or stages.was_used() else "own",
            **{f"shared_{name}": value for name, value in self.shared.as_dict().items()},
            **{f"own_{name}": value for name, value in own.items()},
            **({"node": self.node} if self.node else {}),
            **({"unread": list(self.unread)} if self.unread else {}),
        }


def environment() -> dict[str, str]:
    """Of every process that executes runs. What the user has set comes first, but for the number of threads."""
    return {**_DEFAULTS, **os.environ, **threads.environment(1)}


def run_process(task: Task, lifeline: int | None = None, printed: bytes = b"", outputs: Sequence[int] = (1, 2)) -> int:
    """Make the current process one that executes a run; its exit code. For the arguments see `enter`."""
    stop = listen()
    reads.start().begin()
    work = enter(task, lifeline, printed, stop, outputs)
    if work is None:
        return TAKEN

    clocks = _clocks_of(task)
    work.run.rungs = Rungs(task.rung, clocks) if task.rung else None

    def train() -> Mapping[str, float]:
        config = task.config or _config(work.run)
        trainer = prepare(work.record)
        if work.run.cwd and isinstance(work.record.trainer, str):  # a command is started there
            os.chdir(work.run.work_dir)
        if clocks:
            clocks.watch()
        return trainer.train(config, work.run)

    result = outcome(train, stop)
    if clocks:
        clocks.stop()
    return leave(work, result)


def _clocks_of(task: Task) -> Clocks | None:
    """The clocks of a run that may have to wait, if it executes in this process itself."""
    if not task.rung or not isinstance(task.attempt.record.trainer, str):
        return None
    from gridfold.core.process.clocks import Clocks  # with ctypes, which most runs do without

    return Clocks()


def _config(run: Run) -> Mapping[str, Any]:
    from gridfold.config.config import Config  # as above

    return Config.load(run.config_path).data


def listen() -> Stop:
    """Let SIGTERM and Ctrl-C end this process in an orderly way."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    os.register_at_fork(after_in_child=_hear_no_more)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])  # where the import server does not hear it
    return stop


def _hear_no_more() -> None:
    """In a child that the trainer forks, of a pool say: SIGTERM ends it again, and Ctrl-C interrupts it.

    At once, as a handler of Python would not where it comes just before a call that waits.
    """
    for number, handler in ((signal.SIGTERM, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
        inherited = getattr(handler_of(number), "__module__", "") or ""
        if inherited.partition(".")[0] == "gridfold":  # the ready trainer has one, too
            signal.signal(number, handler)


def enter(task: Task, lifeline: int | None, printed: bytes, stop: Stop, outputs: Sequence[int] = (1, 2)) -> Work | None:
    """Make the current process that of a run; None if another process has the attempt.

    Args:
        task: what to execute.
        lifeline: what ties the process, the leader of its group, to the search; None where an engine ends it.
        printed: what was printed for the run before.
        stop: hears SIGTERM.
        outputs: the descriptors that are to write into the run's log; none where an engine keeps what is printed.
    """
    if lifeline is not None:
        tie(lifeline)
    waited = _wait_for_second(task.attempt, stop)
    record = started(task.attempt.record)
    run = of_record(task.attempt.run.dir, record)
    reads.start().leave_out(str(run.dir))
    if not run.claims.take(record):
        return None
    # Not before: it is whose the attempt is.
    log = os.open(f"{run.dir}/{LOG}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for output in outputs:
        os.dup2(log, output)
    run.log_start = os.fstat(log).st_size
    if record.attempt > 1:
        run.set_aside(record.attempt - 1)
        record = record.changed(log_start=run.log_start)
    os.write(log, printed)
    os.close(log)
    if task.environment:
        os.environ.update(task.environment)
    stages.use(os.path.dirname(run.dir))  # noqa: PTH120 - a Path costs each run as much again
    adopt()
    if run.cwd:
        run.work_dir.mkdir(exist_ok=True)
    return Work(run, record, stop, Moment.now(), named=task.named, has_own_second=waited)


def _wait_for_second(attempt: Attempt, stop: Stop) -> bool:
    """Wait for a second of its own, if the run is of a command that names files by it; whether it is."""
    if isinstance(attempt.record.trainer, str):
        return False
    seconds = Seconds(attempt.run.dir.parent / (attempt.record.search or ""))  # or of runs that are compared
    if not seconds.are_apart:
        return False
    seconds.wait(lambda: stop.came)
    reads.start().adopt()  # it begins now
    return True


def prepare(record: Record) -> Trainer:
    """The trainer of a run, in a process that is set up for it."""
    trainer = resolve(record.trainer)
    if record.threads > 1:  # the process started with one
        make_cold()  # libraries that have been imported would have one as well
        threads.limit(record.threads)
    if isinstance(record.trainer, str):  # a program seeds itself
        seeding.start(record.seed)
    return trainer


def outcome(train: Callable[[], Mapping[str, float]], stop: Stop) -> dict[str, Any]:
    """What came of a training. A failure is a record, not an exception."""
    try:
        try:
            stop.begin()
            metrics = train()
        finally:
            stop.training = False
        return {"state": "completed", "metrics": numbers(metrics)}
    except KeyboardInterrupt:
        return {"state": "interrupted"}
    except RunStopped as stopped:
        return {"state": "stopped", "metrics": stopped.metrics}
    except BaseException as error:  # a trainer that calls sys.exit() is a failed run too
        if stop.came:
            return {"state": "interrupted"}  # whatever the trainer made of the signal
        if not isinstance(error, ProgramFailed):  # it said itself what was wrong
            with contextlib.suppress(BaseException):  # of what the trainer has made of standard error
                traceback.print_exc()
        return {"state": "failed", "error": describe(error)}


def leave(work: Work, outcome: Mapping[str, Any]) -> int:
    """Record what came of a run; the exit code."""
    sharing = work.sharing()
    notes = [cut(str(note), _MOST_NOTED) for note in (*work.run.notes[:_MOST_NOTES], *stages.notes())]
    ended, inputs = now(), work.inputs()
    said: dict[str, Any] = {"sharing": sharing, "notes": notes, "inputs": inputs}
    said |= {"source": work.run.source, "candidates": list(work.run.candidates), "step": work.run.step}
    record = work.record.changed(ended=ended, seconds=sharing["own_seconds"], **said, **outcome)
    record = _stopped(record, work.run)
    with contextlib.suppress(Exception):  # as above
        note_written(work.run, record.search)
    if not work.run.conclude(record, is_own=True):
        return TAKEN
    return 0 if record.is_done else 1


def _stopped(record: Record, run: Run) -> Record:
    """The record of a run, with its state if it was told to stop."""
    if record.state == "failed" and run.is_pruned and not run.has_asked:  # whatever the trainer made of `RunStopped`
        record = record.changed(state="stopped", error=None, metrics=run.last_reported())
    elif record.state == "completed" and run.told_to_stop:
        record = record.changed(state="stopped")
    if run.is_pruned and record.state == "stopped" and not run.is_told_to_stop(run.attempt):  # while it waited
        record = record.changed(pruned=True)
    return record


def main() -> int:
    """``python -m gridfold.worker``: execute the task that comes over standard input (see `Task.written`)."""
    logs.show()
    arguments, _ = told()
    return run_process(*arguments)


if __name__ == "__main__":
    sys.exit(main())
