"""The template process: it imports a trainer once, and forks a process for each run.

A run then starts in the time of a fork, not of the imports. Where forking is not safe (another thread is alive, CUDA is
initialised, not Linux) a run gets a process that starts cold, with the same code.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import logging
import os
import pickle
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, NoReturn, TypeVar

from gridfold.errors import shown
from gridfold.failure import signal_name
from gridfold.fold import clocks
from gridfold.fold.fork import Pipes, Shared, grow, reap, why_not
from gridfold.identity import reads
from gridfold.process.lifeline import Lifeline, copy, tie, tie_other, untie
from gridfold.process.orphans import Orphans, adopt, children
from gridfold.process.owner import MARK, Owner, is_alive, kill_all, marked, wait_until_gone
from gridfold.run import Attempt
from gridfold.trainer import resolve
from gridfold.worker import Moment, Task, run_process

Result = TypeVar("Result")

# The processes import what the search would, also where gridfold is a checkout that is not installed.
# What libraries import when they are first used, such as for the first optimiser: each run would do it by itself.
_LATE = {"torch": "torch._dynamo"}

_END_SECONDS = 6.0  # for the template process to end all that is left
_BEGAN = time.monotonic()  # in the template process: nearly when it did
_START = "import sys; sys.path[:] = {path!r}; from {module} import main; sys.exit(main())"


class TemplateDiedError(Exception):
    """The template process is gone, and with it every process that it had started.

    Attributes:
        status: its exit code, or minus the number of the signal that killed it.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"exit code {status}" if status >= 0 else signal_name(-status))
        self.status = status


@dataclass(frozen=True)
class Ended:
    """A run's process has ended.

    Attributes:
        key: the run.
        pid: the process; None if it could not be started.
        status: its exit code, or minus the number of the signal that killed it.
        reason: why it could not be started.
        token: what it had of a fold's tokens.
    """

    key: int
    pid: int | None
    status: int = 0
    reason: str = ""
    token: int | None = None


@dataclass(frozen=True)
class Started:
    """A run of a fold has a process, and has shared so many seconds of work with others before."""

    key: int
    shared: float


@dataclass(frozen=True)
class Left:
    """Runs of a fold that are to be run alone."""

    keys: Sequence[int]


class ForkServer:
    """The search's side: starts the template process, and tells it what to run.

    Args:
        trainer: what to import. What cannot be imported is left to the runs, which then fail with the error.
        environment: environment variables of the template process and of all runs.
        cold: start each run in a process that imports for itself.

    Attributes:
        ready: whether the trainer has been imported.
        cold_reason: why runs start cold; "" if they are forked.
    """

    def __init__(self, trainer: str | Sequence[str], environment: Mapping[str, str], *, cold: bool = False) -> None:
        self.ready = False
        self.cold_reason = ""
        self._pids: dict[int, int | None] = {}
        self._lifeline = Lifeline()
        self._connection, theirs = Pipe()
        self._selector = selectors.PollSelector()  # ``Connection.poll`` makes one each time
        self._selector.register(self._connection, selectors.EVENT_READ)
        self._tokens, self._grants = _pipe()
        self._events, told = _pipe()
        os.set_blocking(told, True)
        self._selector.register(self._events, selectors.EVENT_READ)
        self._half = b""  # of an event
        self._leaves: dict[int, int] = {}
        self._session = environment.get(MARK, "")
        adopt()  # what is left if the template process is killed
        start = _Start(theirs.fileno(), Pipes(self._tokens, told, self._lifeline.end), trainer, cold)
        self._process = _spawn("gridfold.executors.forkserver", start, start.inherited, self._lifeline.end, environment)
        theirs.close()
        os.close(told)

    def start(self, key: int, attempt: Attempt, environment: Mapping[str, str]) -> None:
        """Start a run, which ``key`` stands for from now on.

        Raises:
            TemplateDiedError: the template process is gone.
        """
        self._pids[key] = None
        # The config is read here, not there, nor in the child: processes that share memory copy what they write to.
        self._send(("start", key, Task(attempt, environment).read()))

    def grow(self, key: int, name: str, attempts: Mapping[int, Attempt], parallel: int, *, trusted: bool) -> None:
        """Start a fold of runs, of which so many may work at a time; ``key`` stands for its first process.

        Raises:
            TemplateDiedError: the template process is gone.
        """
        with contextlib.suppress(BlockingIOError):
            os.read(self._tokens, 1 << 16)  # of an earlier fold
        os.write(self._grants, bytes(range(1, min(parallel, 256))))
        self._pids[key] = None
        tasks = {own: Task(attempt, {}).read() for own, attempt in attempts.items()}
        self._send(("grow", key, Shared(name, tasks, 0, trusted)))

    def grant(self, token: int) -> None:
        """Let another process of the fold work."""
        os.write(self._grants, bytes([token]))

    def happened(self, timeout: float) -> Iterator[Started | Ended | Left]:
        """What has happened to the runs; waits for the first news for at most ``timeout`` seconds.

        Raises:
            TemplateDiedError: the template process is gone.
        """
        while ready := self._selector.select(timeout):
            yield from self._hear()
            if any(key.fileobj is self._connection for key, _ in ready):
                event, key, value = self._receive()
                yield from self._hear()  # what its processes said comes before the end of a fold
                if event == "started":
                    self._pids[key] = value
                elif event == "ended":
                    yield Ended(key, self._pids.pop(key), value)
                elif event == "refused":
                    del self._pids[key]
                    yield Ended(key, None, reason=value)
                elif event == "ready":
                    self.ready, self.cold_reason = True, value
            timeout = 0

    def _hear(self) -> Iterator[Started | Ended | Left]:
        """What the processes of a fold have said."""
        with contextlib.suppress(BlockingIOError):
            self._half += os.read(self._events, 1 << 16)
        *whole, self._half = self._half.split(b"\n")
        for line in whole:
            said = json.loads(line)
            if "started" in said:
                key, pid, shared = said["started"]
                self._pids[key], self._leaves[pid] = pid, key
                yield Started(key, shared)
            elif "ended" in said:
                pid, status, token = said["ended"]
                leaf = self._leaves.pop(pid, None)
                if leaf is not None:
                    del self._pids[leaf]
                yield Ended(-1 if leaf is None else leaf, pid, status, token=token)
            elif "left" in said:
                yield Left(said["left"])

    def has_started(self, key: int) -> bool:
        """Whether a run has a process."""
        return self._pids.get(key) is not None

    def forgotten(self) -> list[int]:
        """The runs of a fold that have ended while nobody was there to tell: their parents were killed."""
        return [key for pid, key in self._leaves.items() if not is_alive(pid)]

    def forget(self, key: int) -> None:
        """Expect no more news of a run."""
        self._leaves.pop(self._pids.pop(key, None) or 0, None)

    def signal(self, key: int, number: int) -> None:
        """Send a signal to the process group of a run."""
        pid = self._pids.get(key)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    def call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function in a process of its own in which the trainer is imported; everything is pickled.

        Raises:
            TemplateDiedError: the process is gone.
            Exception: what the function raises.
        """
        self._send(("call", 0, (function, arguments)))
        while True:
            event, _, value = self._receive()
            if event == "returned":
                return value  # type: ignore[no-any-return]
            if event == "raised":
                raise value
            if event == "ready":
                self.ready, self.cold_reason = True, value

    def close(self) -> None:
        """End the template process, and kill what it has started and not yet seen the end of."""
        for key in self._pids:
            self.signal(key, signal.SIGKILL)
        self._lifeline.release()
        for end in (self._tokens, self._grants, self._events):
            os.close(end)
        self._connection.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._process.kill()
        self._process.wait()
        if self._process.returncode:  # it could not end what its runs have left
            kill_marked_children(self._session)
        for pid in filter(None, self._pids.values()):
            wait_until_gone(pid)

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            raise TemplateDiedError(self._process.wait()) from None

    def _receive(self) -> tuple[str, int, Any]:
        try:
            received: tuple[str, int, Any] = self._connection.recv()
        except (OSError, EOFError):
            raise TemplateDiedError(self._process.wait()) from None
        return received


def kill_marked_children(session: str) -> None:
    """Kill what this process has adopted of a session."""
    while left := marked(children(), session):
        if not kill_all(left):
            return
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


@dataclass(frozen=True)
class _Start:
    """What the template process is told first: file descriptors that it inherits, what to import, and how to start."""

    connection: int
    pipes: Pipes
    trainer: str | Sequence[str]
    cold: bool

    @property
    def inherited(self) -> tuple[int, ...]:
        return self.connection, *vars(self.pipes).values()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends do not block: what comes out, what goes in."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def _spawn(
    module: str, said: object, inherited: Sequence[int], lifeline: int, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a module's ``main`` in a new Python that leads a process group; what it is told is pickled.

    It is tied to the search before its first instruction, whatever Python does before ``main``: that is told how, too.
    """
    tied = copy(lifeline)
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", _START.format(path=sys.path, module=module)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=(*inherited, tied),
        env=environment,
        start_new_session=True,  # Ctrl-C reaches the search, which decides
    )
    tie_other(tied, process.pid)
    os.close(tied)
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):  # it has died already, which will be seen
        process.stdin.write(pickle.dumps((said, tied)))
        process.stdin.close()
    return process


def main() -> int:
    """The template process."""
    start: _Start
    start, by_search = pickle.load(sys.stdin.buffer)
    tied = tie(start.pipes.lifeline)
    untie(by_search)
    logging.getLogger("gridfold").addHandler(logging.StreamHandler())  # what is said goes to the run's log
    printed = os.memfd_create("printed") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    for output in (1, 2):
        os.dup2(printed, output)
    reads.start()
    cold = "it is to import for itself" if start.cold else _preload(start.trainer)
    _prepare_to_fork()
    with Connection(start.connection) as connection:
        _Template(connection, start.pipes, printed, tied, cold).serve()
    return 0


def _preload(trainer: str | Sequence[str]) -> str:
    """Import the trainer, and what it says it will need; why each run is to do that by itself, "" if it need not.

    Errors are left to the runs.
    """
    files: set[str] = set()
    with contextlib.suppress(BaseException), clocks.readers(files.add):
        wanted = getattr(resolve(trainer), "preload", ())
        late = (module for library, module in _LATE.items() if library in sys.modules)
        for module in (*wanted, *late):
            importlib.import_module(module)
    # For a run that begins later, more time would have passed since then than for one that is alone.
    return f"{os.path.relpath(min(files))} looks at a clock when it is imported" if files else ""


def _prepare_to_fork() -> None:
    """Make children cheap, and leave to this process what is its own."""
    Owner.current()  # what it looks up once is then known in every child
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False  # a child that ends must not remove a temporary folder that an import has made
    gc.collect()
    gc.freeze()  # a child's collector would touch, and so copy, every page


class _Template:
    """The template process at work: one thread, which waits for the search and for its children."""

    def __init__(self, connection: Connection, pipes: Pipes, printed: int, tied: int, cold: str) -> None:
        self._connection = connection
        self._pipes = pipes
        self._lifeline = pipes.lifeline
        self._printed = printed
        self._tied = tied
        self._cold = cold
        self._imports = Moment(_BEGAN, 0.0).spent()
        self._children: dict[int, tuple[int, subprocess.Popen[bytes] | None]] = {}
        self._folds: set[int] = set()
        self._orphans = Orphans()
        self._wake, wakes = os.pipe()
        for end in (self._wake, wakes):
            os.set_blocking(end, False)
        self._selector = selectors.PollSelector()
        for readable in (connection, self._wake):
            self._selector.register(readable, selectors.EVENT_READ)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
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
                    what, key, value = self._connection.recv()
                except (EOFError, OSError):
                    self._end()
                self._connection.send(self._call(*value) if what == "call" else self._start(key, value))

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
        if why and isinstance(task, Shared):
            return "refused", key, why
        try:
            pid, process = self._spawn(task) if why else self._fork(task)
        except OSError as error:  # too many processes, or no memory
            return "refused", key, f"no process could be started: {error}"
        self._children[pid] = key, process
        if isinstance(task, Shared):
            self._folds.add(pid)
        return "started", key, pid

    def _spawn(self, task: Task | Shared) -> tuple[int, subprocess.Popen[bytes]]:
        process = _spawn("gridfold.worker", (task, self._lifeline), [self._lifeline], self._lifeline)
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
        if isinstance(task, Shared):
            return grow(task, self._pipes, printed, self._imports)
        return run_process(task, self._lifeline, printed)

    def _call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[str, int, Any]:
        if self._why_cold():
            outcome = _outcome(function, arguments)
            self._orphans.spare()  # what an import has started
            return outcome
        receiver, sender = Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            self._become(lambda: _answer(sender, self._lifeline, function, arguments))
        sender.close()
        try:
            answer: tuple[str, int, Any] = receiver.recv()
        except EOFError:
            answer = "raised", 0, ChildProcessError("the process that imported the trainer died")
        os.waitpid(pid, 0)
        self._orphans.end(self._children)
        return answer

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
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the end of a program does
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)

    def _reap(self) -> None:
        for pid, (key, process) in list(self._children.items()):
            status = reap(pid, process)
            if status is None:
                continue
            del self._children[pid]
            self._orphans.end(self._children, runs_go_on=pid in self._folds and status < 0)
            self._connection.send(("ended", key, status))
        self._orphans.see_runs_end(self._children)


def _outcome(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[str, int, Any]:
    try:
        return "returned", 0, function(*arguments)
    except Exception as error:
        return "raised", 0, error


def _answer(sender: Connection, lifeline: int, function: Callable[..., Any], arguments: Sequence[Any]) -> int:
    tie(lifeline)
    silence = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(silence, output)
    outcome = _outcome(function, arguments)
    try:
        sender.send(outcome)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        sender.send(("raised", 0, RuntimeError(f"{shown(outcome[2], 500)} ({error})")))
    return 0
