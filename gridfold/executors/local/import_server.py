"""The import server: it imports a trainer once, and forks a process for each run.

A run then starts in the time of a fork, not of the imports. Where forking is not safe (another thread is alive, CUDA is
initialised, not Linux) a run gets a process that starts cold, with the same code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import selectors
import signal
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from gridfold.core import logs
from gridfold.core.errors import shown
from gridfold.core.process import clocks
from gridfold.core.process.channel import Channel, told
from gridfold.core.process.identity import Owner
from gridfold.core.process.lifeline import tie, untie
from gridfold.core.process.liveness import PROCESS, engine_here
from gridfold.core.process.orphans import Orphans
from gridfold.executors.local.processes import Start, spawn
from gridfold.identity import reads
from gridfold.sharing.call_site import is_own
from gridfold.sharing.children import reap
from gridfold.sharing.fork import grow, why_not
from gridfold.sharing.start import Pipes, Shared
from gridfold.trainers.resolve import resolve
from gridfold.trainers.warm.program import is_ready
from gridfold.worker import Moment, Task, run_process

if TYPE_CHECKING:
    import subprocess

_MANY_FORKS = 20  # for which it pays to make each of them cheaper
_BEGAN = time.monotonic()  # nearly when this process did
# What libraries import when they are first used, such as for the first optimiser: each run would do it by itself.
_LATE = {"torch": "torch._dynamo"}


def main() -> int:
    """The import server."""
    if engine_here() != PROCESS:  # which ends a job by a signal to all its processes: the runs are to end first
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    start: Start
    start, by_search = told()
    tied = tie(start.pipes.lifeline)
    untie(by_search)
    logs.show()
    printed = os.memfd_create("printed") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    for output in (1, 2):
        os.dup2(printed, output)
    reads.start()
    cold = "it is to import for itself" if start.cold else "" if start.warm else _preload(start.trainer)
    if start.warm and not start.cold and (why := _get_warm(start.trainer)):
        _start_again(replace(start, warm=False, why_cold=f"the command starts a process of its own: {why}"), tied)
    _prepare_to_fork()
    _Server(Channel(start.connection), start.pipes, printed, tied, cold, start.why_cold).serve()


def _preload(trainer: str | Sequence[str]) -> str:
    """Import the trainer, and what it says it will need; why each run is to do that by itself, "" if it need not.

    Errors are left to the runs.
    """
    files: set[str] = set()
    with contextlib.suppress(BaseException), clocks.readers(lambda file: files.add(file) if is_own(file) else None):
        wanted = getattr(resolve(trainer), "preload", ())
        late = (module for library, module in _LATE.items() if library in sys.modules)
        for module in (*wanted, *late):
            importlib.import_module(module)
    # For a run that begins later, more time would have passed since then than for one that is alone.
    return f"{os.path.relpath(min(files))} looks at a clock when it is imported" if files else ""


def _get_warm(command: str | Sequence[str]) -> str:
    """Import what the script of a command imports; why its programs are to start cold."""
    importlib.import_module("gridfold.sharing.programs")  # for all that are forked; functions need nothing of it
    from gridfold.trainers.warm.preload import preload  # as above

    began, path = vars(sys.modules["__main__"])["began"]
    return preload(command, began, path if sys.flags.safe_path else path[1:]) or why_not()


def _start_again(start: Start, tied: int) -> NoReturn:
    """Let this process begin once more, without what it has imported."""
    said = os.memfd_create("start")
    os.write(said, pickle.dumps((start, tied)))
    os.lseek(said, 0, os.SEEK_SET)
    os.dup2(said, 0)
    os.execv(sys.executable, [sys.executable, *start.options, "-c", sys.orig_argv[-1]])


def _prepare_to_fork() -> None:
    """Make children cheap, and leave to this process what is its own."""
    Owner.current()  # what it looks up once is then known in every child
    importlib.import_module("hashlib")  # which takes each run that reads something as long as all else after it
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # a child that ends must not remove a temporary folder that an import has made
    gc.collect()
    gc.freeze()  # a child's collector would touch, and so copy, every page


class _Server:
    """The import server at work: one thread, which waits for the search and for its children."""

    def __init__(
        self, connection: Channel, pipes: Pipes, printed: int, tied: int, cold: str, unshared: str = ""
    ) -> None:
        self._connection = connection
        self._pipes = pipes
        self._lifeline = pipes.lifeline
        self._printed = printed
        self._tied = tied
        self._cold = cold
        self._unshared = unshared
        self._imports = Moment(_BEGAN, 0.0).spent()
        self._children: dict[int, tuple[int, subprocess.Popen[bytes] | None]] = {}
        self._batches: set[int] = set()
        self._forks = 0  # that runs have needed, or will need
        self._orphans = Orphans()
        self._wake, wakes = os.pipe()
        for end in (self._wake, wakes):
            os.set_blocking(end, False)
        self._selector = selectors.PollSelector()
        for readable in (connection, self._wake):
            self._selector.register(readable, selectors.EVENT_READ)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> NoReturn:
        """Do what the search says until it is gone."""
        why = self._why_cold()
        if not why:
            untie(self._tied)  # it ends when the search does, and ends before what the runs have left
        self._connection.send(("ready", 0, why))
        while True:
            readable = {key.fileobj for key, _ in self._selector.select()}
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._reap()
            if self._connection in readable:
                try:
                    what, key, value = self._connection.receive()
                except (EOFError, OSError):
                    self._end()
                if what == "call":
                    self._call(value)
                else:
                    self._connection.send(self._start(key, value))

    def _end(self) -> NoReturn:
        """End all that is left of the search, and this process."""
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._orphans.end_all()
        os._exit(0)

    def _why_cold(self) -> str:
        """Why a fork would not be safe; "" if it is."""
        return self._cold or why_not()

    def _start(self, key: int, task: Task | Shared) -> tuple[str, int, Any]:
        why = self._why_cold()
        if isinstance(task, Shared) and (why or self._unshared):
            return "refused", key, why or self._unshared
        if not why:
            self._expect(len(task.tasks) if isinstance(task, Shared) else 1)
        try:
            pid, process = self._spawn(task) if why else self._fork(task)
        except OSError as error:  # too many processes, or no memory
            return "refused", key, f"no process could be started: {error}"
        self._children[pid] = key, process
        if isinstance(task, Shared):
            self._batches.add(pid)
        return "started", key, pid

    def _expect(self, runs: int) -> None:
        """Before forking: use huge pages once there are enough forks, before and to come, for that to pay."""
        before = self._forks
        self._forks += runs * (2 if is_ready() else 1)
        if before < _MANY_FORKS <= self._forks:
            from gridfold.core.process.huge_pages import use_huge_pages  # few searches need it

            use_huge_pages()

    def _spawn(self, task: Task | Shared) -> tuple[int, subprocess.Popen[bytes]]:
        inherited = [self._lifeline, *([task.rung.events] if isinstance(task, Task) and task.rung else [])]
        process = spawn("gridfold.worker", (task, self._lifeline), inherited, self._lifeline)
        return process.pid, process

    def _fork(self, task: Task | Shared) -> tuple[int, None]:
        pid = os.fork()
        if pid == 0:
            self._become(lambda: self._run(task))
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does it too: whoever is first
        return pid, None

    def _run(self, task: Task | Shared) -> int:
        printed = os.pread(self._printed, os.fstat(self._printed).st_size, 0)
        if isinstance(task, Shared) and is_ready():
            from gridfold.sharing.programs import grow_programs  # there by now

            return grow_programs(task, self._pipes, printed, self._imports)
        if isinstance(task, Shared):
            return grow(task, self._pipes, printed, self._imports)
        return run_process(task, self._lifeline, printed)

    def _call(self, asked: bytes) -> None:
        """Call a function in a process of its own, and pass on what it answers.

        Both stay pickled here: what unpickling them imports would be in the memory of every run.
        """
        if self._why_cold():
            self._connection.send(_outcome(asked))
            self._orphans.spare()  # what an import has started
            return
        receiver, sender = map(Channel, os.pipe())
        pid = os.fork()
        if pid == 0:
            self._become(lambda: _answer(sender, self._lifeline, asked))
        sender.close()
        try:
            answer = receiver.receive_bytes()
        except EOFError:
            answer = b""
        receiver.close()
        _, status = os.waitpid(pid, 0)
        self._orphans.end(self._children)
        self._connection.send_bytes(answer or pickle.dumps(("died", 0, os.waitstatus_to_exitcode(status))))

    def _become(self, work: Callable[[], int]) -> NoReturn:
        """In a forked child: do the work, end as Python would end, and never return."""
        code = 1
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._connection.close()
            code = work()
        except BaseException:
            traceback.print_exc()
        if is_ready():  # what is imported here is of programs
            sys.stdout.flush()
            os._exit(code)
        with contextlib.suppress(BaseException):
            if threading := sys.modules.get("threading"):
                threading._shutdown()  # waits for threads, as the end of a program does
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)

    def _reap(self) -> None:
        for pid, (key, process) in list(self._children.items()):
            status = reap(pid, process)
            if status is None:
                continue
            del self._children[pid]
            self._orphans.end(self._children, runs_go_on=pid in self._batches and status < 0)
            self._connection.send(("ended", key, status))
        self._orphans.see_runs_end(self._children)


def _outcome(asked: bytes) -> tuple[str, int, Any]:
    try:
        function, arguments = pickle.loads(asked)
        return "returned", 0, function(*arguments)
    except Exception as error:
        return "raised", 0, error


def _answer(sender: Channel, lifeline: int, asked: bytes) -> int:
    tie(lifeline)
    silence = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(silence, output)
    outcome = _outcome(asked)
    try:
        sender.send(outcome)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        sender.send(("raised", 0, RuntimeError(f"{shown(outcome[2], 500)} ({error})")))
    return 0
