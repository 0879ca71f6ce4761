"""Where runs execute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeVar

from gridfold.core.process.interrupt import Interrupt
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import describe
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run

Result = TypeVar("Result")

WAIT: Literal["wait"] = "wait"
STOP: Literal["stop"] = "stop"
Verdict = float | Literal["wait", "stop"]
"""What a run is told that asks whether it may go on: up to which step it may, that it has to wait, or that it ends."""

Place = Literal["wanted", "free", "idle", "none"]
"""A place for a run that waits: new runs want it, too; they do not; nor is any other run under way; or none shall go on
any more."""


class Watcher(Protocol):
    """Sees what an executor does, to show it to somebody."""

    def running(self, run: Run) -> None:
        """The run is under way; called now and then."""

    def waits(self, run: Run) -> None:
        """The run has begun to wait until it may go on; it does when it is seen ``running`` again."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended; in state ``created`` or ``running`` if another process has the run.

        Args:
            run: the run.
            record: its record.
            again: the run will be tried again.
        """

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added to the search while it ran."""

    def warned(self, sentence: str) -> None:
        """Something is probably not as it was meant."""


class SafeWatcher:
    """A watcher that cannot end what it watches: the first exception of another one is logged, and no later one.

    Args:
        watcher: the other one.
        log: takes a line.
    """

    def __init__(self, watcher: Watcher, log: Callable[[str], None]) -> None:
        self._watcher, self._log = watcher, log
        self._has_failed = False

    def running(self, run: Run) -> None:
        """The run is under way."""
        self._show(self._watcher.running, run)

    def waits(self, run: Run) -> None:
        """The run waits."""
        self._show(lambda: self._watcher.waits(run))

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended."""
        self._show(self._watcher.ended, run, record, again=again)

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added to the search."""
        self._show(self._watcher.added, entries)

    def warned(self, sentence: str) -> None:
        """Something is probably not as it was meant."""
        self._show(lambda: self._watcher.warned(sentence))  # one that cannot say it is no reason to end

    def _show(self, show: Callable[..., None], *seen: Any, **more: Any) -> None:
        try:
            show(*seen, **more)
        except (Exception, SystemExit) as error:  # rich exits where nobody reads any more
            if not self._has_failed:
                self._has_failed = True
                said = describe(error)
                self._log(f"not all was shown: {said['type']} at {said['place']}: {said['message']}")


@dataclass(frozen=True)
class Options:
    """How runs are to be executed. An executor does what it can of it, and refuses by a ``ConfigError`` what it cannot.

    Attributes:
        threads: CPU threads of each run.
        parallel: how many runs at a time; None for as many as there is room for.
        runs_per_gpu: how many runs share a GPU, 0 to give them none; None for the default.
        timeout: how many seconds a run may take; None for as many as it does.
        share: whether runs may share work: False for not at all, None for as far as that is safe, True for more.
        cold: whether each run imports its trainer for itself.
        cpus: that a run needs; None for as many as it has threads.
        gpus: that a run needs, also a part of one; None for the default.
        frozen_memory: how many bytes the runs may have together that wait; None for half of what is free.
    """

    threads: int = 1
    parallel: int | None = None
    runs_per_gpu: int | None = None
    timeout: float | None = None
    share: bool | None = None
    cold: bool = False
    cpus: int | None = None
    gpus: float | None = None
    frozen_memory: int | None = None


class Pruner(Protocol):
    """Says which runs go on, which wait, and which end before they are done."""

    @property
    def first(self) -> float:
        """The first step at which a run asks whether it may go on (see ``gridfold.runs.steps``)."""

    def judge(self, attempt: Attempt, *, may_wait: bool) -> Verdict:
        """Whether a run goes on that asks; what it has reported is in its directory.

        Args:
            attempt: the run.
            may_wait: whether it can wait; else it goes on, or ends.
        """

    def next(self, waiting: Sequence[Attempt], place: Place) -> tuple[Attempt, Verdict] | None:
        """Which run that waits gets a place, and what it is told; None if none does.

        Args:
            waiting: the runs that wait, at least one.
            place: who else wants it.
        """

    def give_up(self, waiting: Sequence[Attempt]) -> Attempt:
        """The run that is to end first, if not all of these can wait."""


class Executor(Protocol):
    """Executes runs whose directories hold ``config.yaml``. A context manager: it leaves nothing behind."""

    @property
    def parallel(self) -> int:
        """How many runs it executes at a time, for who tells how long a search takes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def call(self, trainer: str | Sequence[str], function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function where the trainer can be imported, in another process; everything is pickled.

        Raises:
            ConfigError: importing the trainer, or the function, ends the process.
            ChildProcessError: the process was killed from outside.
            Exception: what the function raises.
        """

    def execute(
        self,
        attempts: Iterable[Attempt | None],
        watcher: Watcher,
        interrupt: Interrupt,
        pruner: Pruner | None = None,
    ) -> Iterator[tuple[Attempt, Record]]:
        """Execute the attempts, and give the record of each as it ends. A run that fails is a record like any other.

        An attempt is asked for when there is room for it; None means that there is none now, but may be one later. An
        attempt that another process has taken is not executed; it comes back with the record as it stands.

        A pruner is given only to an executor that has the attribute ``prunes``, which is then true: one that can let a
        run wait, and give its place to another.
        """

    def stop(self, attempt: Attempt) -> None:
        """Tell one run to stop, under way or not: see ``Run.should_stop``. A run that does not ask goes on."""
