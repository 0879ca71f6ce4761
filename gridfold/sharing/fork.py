"""Work that runs share is computed once.

One process, the trunk, calls the trainer with a config that stands for many trials. When code first reads something in
which they differ, it splits: a child is forked for each value, and goes on with its share. A process that stands for
one trial is a run like any other. What was done before a split is done once, and each run is still its own process::

    trunk ── reads learning_rate ─┬─ 1e-5 ── reads batch_size ─┬─ 16: a run
      (shared work)               │                            └─ 32: a run
                                  └─ 2e-5 ── ...

A process that works holds a token, of which the search gives out as many as runs may work at a time. One that has
split waits for its children, holds none, and uses no CPU. The search hears of the runs through a pipe.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from gridfold import stages
from gridfold.core.process.clocks import Clocks
from gridfold.core.process.lifeline import tie
from gridfold.core.process.orphans import children
from gridfold.identity import reads
from gridfold.identity.executed import look_up
from gridfold.runs.leases import Lease, LeaseLog
from gridfold.runs.reports import numbers
from gridfold.runs.run import Run
from gridfold.runs.rungs import Rungs
from gridfold.runs.search import SearchDirectory
from gridfold.sharing.call_site import own_file
from gridfold.sharing.children import WAITED, Children, say
from gridfold.sharing.disguise import Pickles
from gridfold.sharing.fork_state import ForkState, descriptors_of, open_channels, shared_memory, ties
from gridfold.sharing.gpus import Gpus
from gridfold.sharing.group import Group
from gridfold.sharing.start import Pipes, Shared
from gridfold.sharing.unseen_reads import forget_unseen_reads
from gridfold.sharing.untracked import tell_of_reads
from gridfold.sharing.working_dir import SharedWorkDir
from gridfold.sharing.write_guard import WriteGuard
from gridfold.space.repeats import DataFold
from gridfold.worker import TAKEN, Moment, Spent, Work, enter, leave, listen, outcome, prepare

_STOP_INTERVAL = 0.0005  # seconds between two looks, for each run
_MAX_KEYS = 100  # in one message, which the pipe then takes in one piece


def why_not() -> str:
    """Why this process cannot be forked safely; "" if it can."""
    if sys.platform != "linux":
        return f"no safe fork on {sys.platform}"
    tasks = sum(1 for _ in os.scandir("/proc/self/task"))
    if tasks > 1:
        import threading  # not before: see `gridfold.core.logs`

        named = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        count = "1 other thread is alive" if tasks == 2 else f"{tasks - 1} other threads are alive"
        return count + (f" ({', '.join(named)})" if named else "")
    asyncio = sys.modules.get("asyncio")
    if asyncio and asyncio._get_running_loop():
        return "an event loop is running"
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        return "CUDA is initialised"
    return shared_memory()


def grow(shared: Shared, pipes: Pipes, printed: bytes, imports: Spent) -> int:
    """Execute trials in the current process, the leader of its group, and in those that it splits into.

    Args:
        shared: the trials.
        pipes: how its processes and the search speak.
        printed: what was printed before.
        imports: what it took to import the trainer.
    """
    tie(pipes.lifeline)
    reads.start().begin()
    branch = Branch(shared, pipes, printed)
    branch.note({"batch": shared.name, "runs": len(shared.tasks), "imports": imports.as_dict()})
    return branch.execute()


class Branch:
    """The current process as one that stands for some trials. A child that it forks is this object, too, narrowed."""

    def __init__(self, shared: Shared, pipes: Pipes, printed: bytes) -> None:
        self._keys = list(shared.tasks)
        self._tasks = list(shared.tasks.values())
        self._node = shared.name
        self._token = shared.token
        self._pipes = pipes
        self._printed = _keep_output(printed)
        self._stop = listen()  # once: a trainer may have put its own in its place when the process splits
        self._before = Spent()  # by the processes that this one was forked from
        self._start = Moment.now()
        self._pid = os.getpid()
        self._work: Work | None = None
        self.reports: list[dict[str, float]] = []
        self.notes: list[str] = []
        self.state: dict[str, float] = {}
        self.stops = False
        self.has_asked = False
        self._is_over = False
        self._last_look = float("-inf")
        self._work_dir = SharedWorkDir(self.work)
        self._write_guard = None if shared.trusted else WriteGuard(self.work)
        self._clocks = Clocks()
        tell_of_reads(self._untracked_is_read)
        self._group = Group(self._configs(), self._split)
        self._pickles = Pickles(self._settle)
        self._gpus = Gpus(shared.gpus, self._token, self.work)
        self._leases = self._log_of_leases()
        self._channels = open_channels()

    def _configs(self) -> Sequence[Mapping[str, Any]]:
        return [task.config or {} for task in self._tasks]

    def _log_of_leases(self) -> LeaseLog | None:
        """The search's leases, to hear of later ones; None if the runs are to be executed whatever they say."""
        known = [task.attempt.lease for task in self._tasks]
        first = self._tasks[0].attempt
        if None in known or not first.record.search:
            return None
        log = LeaseLog.of(first.run.dir.parent / first.record.search, max(filter(None, known), default=0))
        reads.start().leave_out(log.folder)
        return log

    def _may_begin(self, group: Sequence[int]) -> bool:
        """Whether some runs of a group are this worker's still; if work that they share begins, others hear of that."""
        if self._leases is None:
            return True
        attempts = [self._tasks[index].attempt for index in group]
        own, first = attempts[0].record.session or "", attempts[0].lease or 0
        while True:
            self._leases.look()
            views = self._leases.views
            runs = [each.record.index for each in attempts if views.worker_of(each.record.index) in ("", own)]
            if len(runs) > 1 and not attempts[0].beside and views.count == first:
                self.note({"begun": runs})
            elif len(runs) > 1 and not self._leases.add(Lease(own, runs, begun=True)):
                continue
            return len(runs) > 0

    def execute(self) -> int:
        """Train, and record what came of it."""
        result = outcome(self._train, self._stop)
        if self._work is None and result["state"] == "completed":
            self._is_over = True
            self.work("the end of the training")  # nothing in which they differ was ever read
        if self._work is None:
            self._abandon(f"the shared part failed: {result.get('error', {}).get('message', result['state'])}")
        self._clocks.stop()
        self._work.unread = sorted(self._group.unread)
        return leave(self._work, result)

    def _train(self) -> Mapping[str, float]:
        first = self._tasks[0].attempt
        stages.use(first.run.dir.parent)
        trainer = prepare(first.record)
        self._work_dir = SharedWorkDir.of(first, self.work)
        self._write_guard = self._write_guard or self._work_dir.guard()
        if self._write_guard:
            self._write_guard.look()
        self._clocks.watch()
        self._gpus.watch()
        return trainer.train(self._group.config, _SharedRun(self))

    def work(self, path: str) -> Work:
        """The one run that this process executes; splits into runs if it stands for more."""
        if self._work is None:
            self._group.separate(path)
            forget_unseen_reads(self._group.unread)
        assert self._work is not None
        return self._work

    def _settle(self) -> None:
        """Let the config be a dict."""
        self._group.settle()
        self._pickles.stop()

    @property
    def one(self) -> Work | None:
        """The one run that this process executes; None if it stands for more."""
        return self._work

    @property
    def seeds(self) -> set[int]:
        """The seeds of the trials."""
        return {self._tasks[index].attempt.record.seed for index in self._group.trials}

    @property
    def fold(self) -> DataFold | None:
        """The part of the data to hold out; splits if it is not the same for all."""
        parts = [task.attempt.record.data_fold for task in self._tasks]
        self._group.agree("run.fold", lambda index: tuple(parts[index] or ()))
        part = parts[self._group.trials[0]]
        return DataFold(*part) if part else None

    @property
    def is_first(self) -> bool:
        """Whether it is the first attempt at the runs; splits if it is for some."""
        self._group.agree("run", lambda index: self._tasks[index].attempt.record.attempt > 1)
        return self._tasks[self._group.trials[0]].attempt.record.attempt == 1

    def look_for_stop(self) -> None:
        """See whether the runs were told to stop; splits if some were and others not."""
        self.has_asked = True
        moment = os.times().elapsed  # a clock that is never set back, and whose reading nobody hears of
        if not self.stops and moment - self._last_look >= _STOP_INTERVAL * len(self._group.trials):
            self._last_look = moment
            attempts = {index: self._tasks[index].attempt for index in self._group.trials}
            told = {index: each.run.is_told_to_stop(each.record.attempt) for index, each in attempts.items()}
            self._group.agree("run.should_stop", told.__getitem__)
            self.stops = told[self._group.trials[0]]

    def _split(self, path: str, groups: list[tuple[int, ...]], place: str) -> tuple[int, ...]:
        """Fork a child for each group, which goes on from here; this process waits for them, and ends."""
        if os.getpid() != self._pid:
            self._abandon_from_child(f"a process that it started came to {path} at {place}")
        if why := why_not() or ties(self._channels):
            self._abandon(f"{why}, when {path} was read at {place}")
        shown = self._clocks.stop()
        spent, sizes = self._start.spent(), [len(group) for group in groups]
        where = {"path": path, "place": place, "file": own_file()}
        self.note({"split": self._node, **where, "sizes": sizes, **spent.as_dict()})
        self._flush()
        printed, outputs = self._hand_on(are_runs=max(sizes) == 1)
        training, self._stop.training = self._stop.training, False  # SIGTERM is for the children, who may clean up
        children, state = Children(self._pipes, self._token), ForkState.leave()
        for position, group in enumerate(groups):
            token = children.take_token()
            if not self._may_begin(group):
                children.give_back(token)
                self._say_of("back", group)
                continue
            pid = os.fork()
            if pid == 0:
                try:
                    children.forget()
                    self._stop.came = False
                    state.take()
                    self._pid = os.getpid()
                    self._token, self._node = token, f"{self._node}.{position}"
                    self._gpus.take(token)
                    self._before, self._start = self._before + spent, Moment.now()
                    self._go_on(group, printed, outputs, shown)
                except BaseException:  # it must not be taken for a failure of what all share
                    os._exit(1)
                self._stop.begin(training=training)
                return group
            children.add(pid, token, splits=len(group) > 1)
        children.release()
        try:
            children.wait_for_all()
            self._work_dir.remove()
        finally:
            os._exit(WAITED)  # also where a signal handler of the trainer raises

    def _go_on(self, group: tuple[int, ...], printed: bytes, outputs: Sequence[int], shown: Mapping[str, int]) -> None:
        """In a child: go on with its group."""
        self._become(group, printed, outputs)
        counts = self._work and self._work.has_own_second  # the wait: names that are made of the time differ
        watches = self._work is None or self._may_wait
        self._clocks.go_on({} if counts else shown, watch=watches)
        self._say_again()

    @property
    def _may_wait(self) -> bool:
        """Whether this process is one that asks its search whether to go on: that of a function, not of a program."""
        first = self._tasks[0]
        return first.rung is not None and isinstance(first.attempt.record.trainer, str)

    def _flush(self) -> None:
        """Write out what Python and C libraries hold in their buffers, or each child would write it."""
        for output in (sys.stdout, sys.stderr):
            output.flush()
        ctypes.CDLL(None).fflush(None)

    def _hand_on(self, *, are_runs: bool) -> tuple[bytes, list[int]]:
        """Do here, once, what each child would do: what was printed, and the descriptors that print."""
        look_up(reads.start())
        reads.start().hand_on()
        if self._write_guard and are_runs:
            self._write_guard.stop()
        printed, outputs = _content(self._printed), descriptors_of(self._printed)
        os.close(self._printed)
        return printed, outputs

    def _become(self, group: tuple[int, ...], printed: bytes, outputs: Sequence[int]) -> None:
        reads.start().adopt()
        if len(group) > 1:
            self._printed = _keep_output(printed, outputs)
            return
        os.setpgid(0, 0)
        self._gpus.stop()
        if self._write_guard:
            self._write_guard.stop()
        index = group[0]
        self._say("started", self._keys[index], os.getpid(), self._before.seconds, self._token)
        work = enter(self._tasks[index], self._pipes.lifeline, printed, self._stop, outputs)
        if work is None:
            os._exit(TAKEN)
        self._work = work
        self._work_dir.change_to(work.run)
        work.run.told_to_stop, work.run.has_asked = self.stops, self.has_asked
        rung = None if self._is_over else self._tasks[index].rung
        work.run.rungs = Rungs(rung, self._clocks if self._may_wait else None) if rung else None
        work.node, work.shared = self._node, self._before

    def _say_again(self) -> None:
        """Let a run have said what was said for all."""
        if self._work is None:
            return
        if self.state:
            self._work.run.progress(**self.state)
        self._work.run.notes.extend(self.notes)
        if self.reports:
            self._work.run.report_each(self.reports)

    def _untracked_is_read(self, message: str) -> None:
        """The code may catch what is raised, and go on."""
        if os.getpid() != self._pid:
            self._abandon_from_child(message)
        if self._work is None:
            self._abandon(f"the shared part failed: {message}")

    def _abandon(self, reason: str) -> NoReturn:
        """Leave the trials of this process to be run alone."""
        self._abandon_trials(reason)
        self._work_dir.remove()
        os._exit(0)

    def _abandon_trials(self, reason: str) -> None:
        self._say_of("left", self._group.trials)
        left = {"left": self._node, "runs": len(self._group.trials), "reason": reason[:1000]}
        self.note({**left, **self._start.spent().as_dict()})

    def _abandon_from_child(self, reason: str) -> NoReturn:
        """In a process that the trainer has forked: no answer is right for all trials, so it ends this process, too."""
        others = children(self._pid) - {os.getpid()}
        try:
            self._abandon_trials(reason)
        finally:
            for pid in (*others, self._pid, os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        raise AssertionError("it is killed")

    def note(self, event: Mapping[str, Any]) -> None:
        """Let the search's directory say what was shared."""
        first = self._tasks[0].attempt
        if first.record.search:
            SearchDirectory(first.run.dir.parent / first.record.search).note_sharing(event)

    def _say_of(self, event: str, group: Sequence[int]) -> None:
        """Tell the search something of some trials."""
        keys = [self._keys[index] for index in group]
        for start in range(0, len(keys), _MAX_KEYS):
            self._say(event, *keys[start : start + _MAX_KEYS])

    def _say(self, event: str, *numbers: float) -> None:
        say(self._pipes.events, event, *numbers)


class _SharedRun(Run):
    """What a trainer sees of its run while the process stands for many: what is reported is kept for all of them."""

    def __init__(self, branch: Branch) -> None:
        self._branch = branch

    def __reduce__(self) -> Any:
        run = self._branch.work("a copy of run").run
        return Run, (run.dir, run.seed, run.index, run.fold, run.attempt)

    @property
    def shared(self) -> bool:  # type: ignore[override]
        """Whether the process stands for several runs, all for the first time."""
        return self._branch.one is None and self._branch.is_first

    @property
    def dir(self) -> Path:  # type: ignore[override]
        """The run's directory; asking for it splits."""
        return self._branch.work("run.dir").run.dir

    @property
    def index(self) -> int:  # type: ignore[override]
        """The trial's index; asking for it splits."""
        return self._branch.work("run.index").run.index

    @property
    def seed(self) -> int:  # type: ignore[override]
        """The seed; asking for it splits only if the trials have different ones."""
        seeds = self._branch.seeds
        return seeds.pop() if len(seeds) == 1 else self._branch.work("run.seed").run.seed

    @property
    def fold(self) -> DataFold | None:  # type: ignore[override]
        """The part of the data to hold out; asking for it splits if the trials have different ones."""
        return self._branch.fold

    @property
    def notes(self) -> list[str]:  # type: ignore[override]
        """The remarks so far."""
        return self._branch.one.run.notes if self._branch.one else self._branch.notes

    def should_stop(self) -> bool:
        """Whether the runs that this process stands for were told to stop; splits if only some were."""
        if self._branch.one is None:
            self._branch.look_for_stop()
        return self._branch.one.run.should_stop() if self._branch.one else self._branch.stops

    @property
    def is_pruned(self) -> bool:
        """Whether the search has stopped the run; a process that stands for several is never asked to wait."""
        return self._branch.one is not None and self._branch.one.run.is_pruned

    def report(self, **metrics: float) -> None:
        """Append a line to the metrics of every run that this process stands for."""
        if self._branch.one:
            self._branch.one.run.report(**metrics)
        else:
            self._branch.reports.append(numbers(metrics))

    def progress(self, **state: float) -> None:
        """Say how far every run is that this process stands for."""
        if self._branch.one:
            self._branch.one.run.progress(**state)
        else:
            self._branch.state = state


def _keep_output(printed: bytes, outputs: Sequence[int] = (1, 2)) -> int:
    """Let this process print into memory, after what was printed before."""
    memory = os.memfd_create("printed")
    os.write(memory, printed)
    for output in outputs:
        os.dup2(memory, output)
    return memory


def _content(memory: int) -> bytes:
    return os.pread(memory, os.fstat(memory).st_size, 0)
