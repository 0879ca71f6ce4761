"""The search's side of the import server: starts it, tells it what to run, and hears what has happened."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gridfold.core.process.channel import Channel
from gridfold.core.process.identity import MARK, is_alive, kill_all, wait_until_gone
from gridfold.core.process.lifeline import Lifeline, copy, tie_other
from gridfold.core.process.orphans import adopt, children
from gridfold.core.process.proc import bears
from gridfold.runs.failure import signal_name
from gridfold.runs.run import Attempt
from gridfold.runs.rungs import Rung
from gridfold.sharing.start import Pipes, Shared
from gridfold.worker import Task

if TYPE_CHECKING:
    import subprocess

    from gridfold.executors.local.batching import Batch  # the import server does without

Result = TypeVar("Result")

SERVER = "gridfold.executors.local.import_server"
_END_SECONDS = 6.0  # for the import server to end all that is left
# The processes import what the search would, also where gridfold is a checkout that is not installed.
_START = """import sys
began = [*sys.modules], sys.path[:]  # what each process of Python begins with
sys.path[:] = {path!r}
import gc
gc.disable()  # nothing that is imported now is garbage
from {module} import main
gc.enable()
sys.exit(main())"""


class ServerDiedError(Exception):
    """The import server is gone, and with it every process that it had started; or what a function was called in.

    Attributes:
        status: its exit code, or minus the number of the signal that killed it.
        doing: what it did with the trainer.
    """

    def __init__(self, status: int, doing: str = "importing") -> None:
        super().__init__(f"exit code {status}" if status >= 0 else signal_name(-status))
        self.status = status
        self.doing = doing


@dataclass(frozen=True)
class ProcessEnded:
    """A run's process has ended.

    Attributes:
        key: the run.
        pid: the process; None if it could not be started.
        status: its exit code, or minus the number of the signal that killed it.
        reason: why it could not be started.
        token: what it had of a batch's tokens.
    """

    key: int
    pid: int | None
    status: int = 0
    reason: str = ""
    token: int | None = None


@dataclass(frozen=True)
class Started:
    """A run of a batch has a process, and a place, and has shared some seconds of work with others before."""

    key: int
    shared: float
    token: int


@dataclass(frozen=True)
class RunAlone:
    """Runs of a batch that are to be run alone."""

    keys: Sequence[int]


@dataclass(frozen=True)
class GivenBack:
    """Runs of a batch that other workers of the search have in view by now."""

    keys: Sequence[int]


@dataclass(frozen=True)
class Asks:
    """A run asks whether it may go on, and waits for the answer.

    Attributes:
        key: the run.
        pid: its process.
        descriptor: where that hears the answer (see ``gridfold.core.process.pause``).
    """

    key: int
    pid: int
    descriptor: int


News = Started | ProcessEnded | RunAlone | GivenBack | Asks


class ImportServer:
    """The search's side: starts the import server, and tells it what to run.

    Args:
        trainer: what to import. What cannot be imported is left to the runs, which then fail with the error.
        environment: environment variables of the import server and of all runs.
        cold: start each run in a process that imports for itself.
        warm: start the programs of a command as forks, as far as that can be; see `gridfold.trainers.warm`.

    Attributes:
        ready: whether the trainer has been imported.
        cold_reason: why runs start cold; "" if they are forked.
    """

    def __init__(
        self, trainer: str | Sequence[str], environment: Mapping[str, str], *, cold: bool = False, warm: bool = False
    ) -> None:
        self.ready = False
        self.cold_reason = ""
        self._pids: dict[int, int | None] = {}
        self._lifeline = Lifeline()
        ours, theirs = socket.socketpair()
        self._connection = Channel(ours.detach())
        self._selector = selectors.PollSelector()
        self._selector.register(self._connection, selectors.EVENT_READ)
        self._tokens, self._grants = _pipe()
        self._events, told = _pipe()
        os.set_blocking(told, True)
        self._told = told  # its number in the processes
        self._selector.register(self._events, selectors.EVENT_READ)
        self._half = b""  # of an event
        self._leaves: dict[int, int] = {}
        self._session = environment.get(MARK, "")
        adopt()  # what is left if the import server is killed
        start = Start(theirs.fileno(), Pipes(self._tokens, told, self._lifeline.end), trainer, cold, warm)
        options = start.options
        self._process = spawn(SERVER, start, start.inherited, self._lifeline.end, environment, options)
        theirs.close()
        os.close(told)

    def start(self, key: int, attempt: Attempt, environment: Mapping[str, str], asks_at: float | None = None) -> None:
        """Start a run, which ``key`` stands for from now on.

        Args:
            key: stands for it.
            attempt: the run.
            environment: its variables.
            asks_at: the first step at which it is to ask whether it may go on; None if it is not to.

        Raises:
            ServerDiedError: the import server is gone.
        """
        self._pids[key] = None
        # The config is read here, not there, nor in the child: processes that share memory copy what they write to.
        self._send(("start", key, Task(attempt, environment, rung=self._rung(key, asks_at)).read()))

    def grow(
        self, batch: Batch, places: Sequence[int], gpus: Sequence[str], *, trusted: bool, asks_at: float | None = None
    ) -> None:
        """Start a batch of runs.

        Args:
            batch: the runs.
            places: tokens, one for each of its processes that may work at a time.
            gpus: those of the tokens; see ``gridfold.sharing.gpus``.
            trusted: whether the trainer may write files while a process stands for many runs.
            asks_at: as in `start`.

        Raises:
            ServerDiedError: the import server is gone.
        """
        with contextlib.suppress(BlockingIOError):
            os.read(self._tokens, 1 << 16)  # of an earlier batch
        os.write(self._grants, bytes(places[1:]))
        self._pids[batch.key] = None
        tasks = {key: Task(attempt, {}, rung=self._rung(key, asks_at)).read() for key, attempt in batch.waiting.items()}
        self._send(("grow", batch.key, Shared(batch.name, tasks, places[0], trusted, gpus)))

    def _rung(self, key: int, asks_at: float | None) -> Rung | None:
        return None if asks_at is None else Rung(key, self._told, asks_at)

    def grant(self, *tokens: int) -> None:
        """Let as many other processes of the batch work."""
        os.write(self._grants, bytes(tokens))

    def take_back(self) -> bool:
        """Take a token that no process of the batch has taken; whether there was one."""
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._tokens, 1))
        return False

    def happened(self, timeout: float) -> Iterator[News]:
        """What has happened to the runs; waits for the first news for at most ``timeout`` seconds.

        Raises:
            ServerDiedError: the import server is gone.
        """
        while ready := self._selector.select(timeout):
            yield from self._hear()
            if any(key.fileobj is self._connection for key, _ in ready):
                event, key, value = self._receive()
                yield from self._hear()  # what its processes said comes before the end of a batch
                if event == "started":
                    self._pids[key] = value
                elif event == "ended":
                    yield ProcessEnded(key, self._pids.pop(key), value)
                elif event == "refused":
                    del self._pids[key]
                    yield ProcessEnded(key, None, reason=value)
                elif event == "ready":
                    self.ready, self.cold_reason = True, value
            timeout = 0

    def _hear(self) -> Iterator[News]:
        """What the processes of a batch have said."""
        with contextlib.suppress(BlockingIOError):
            self._half += os.read(self._events, 1 << 16)
        *whole, self._half = self._half.split(b"\n")
        for line in whole:
            event, *numbers = line.split()
            if event == b"started":
                key, pid = map(int, numbers[:2])
                self._pids[key], self._leaves[pid] = pid, key
                yield Started(key, float(numbers[2]), int(numbers[3]))
            elif event == b"ended":
                pid, status, *token = map(int, numbers)
                leaf = self._leaves.pop(pid, None)
                if leaf is not None:
                    del self._pids[leaf]
                yield ProcessEnded(-1 if leaf is None else leaf, pid, status, token=token[0] if token else None)
            elif event == b"asks":
                key, pid, descriptor = map(int, numbers)
                self._pids[key] = pid
                yield Asks(key, pid, descriptor)
            elif event == b"left":
                yield RunAlone([*map(int, numbers)])
            elif event == b"back":
                yield GivenBack([*map(int, numbers)])

    def has_started(self, key: int) -> bool:
        """Whether a run has a process."""
        return self._pids.get(key) is not None

    def forgotten(self) -> list[int]:
        """The runs of a batch that have ended while nobody was there to tell: their parents were killed."""
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
            ServerDiedError: the process is gone.
            Exception: what the function raises.
        """
        self._send(("call", 0, pickle.dumps((function, arguments))))
        while True:
            event, _, value = self._receive()
            if event == "returned":
                return value  # type: ignore[no-any-return]
            if event == "raised":
                raise value
            if event == "died":
                raise ServerDiedError(value, "checking")
            if event == "ready":
                self.ready, self.cold_reason = True, value

    def close(self) -> None:
        """End the import server, and kill what it has started and not yet seen the end of."""
        for key in self._pids:
            self.signal(key, signal.SIGKILL)
        self._lifeline.release()
        for end in (self._tokens, self._grants, self._events):
            os.close(end)
        self._connection.close()
        from subprocess import TimeoutExpired  # as in `spawn`

        with contextlib.suppress(TimeoutExpired):
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
            raise ServerDiedError(self._process.wait()) from None

    def _receive(self) -> tuple[str, int, Any]:
        try:
            received: tuple[str, int, Any] = self._connection.receive()
        except (OSError, EOFError):
            raise ServerDiedError(self._process.wait()) from None
        return received


def kill_marked_children(session: str) -> None:
    """Kill what this process has adopted of a session, and what that leaves.

    A child that is ending bears no mark any more, and what it has started is not a child of this process yet.
    """
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        found = {pid: bears(pid, MARK.encode(), session.encode()) for pid in children()}
        left = [pid for pid, is_marked in found.items() if is_marked]
        if not kill_all(left) or not (left or None in found.values()):
            return
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)


@dataclass(frozen=True)
class Start:
    """What the import server is told first: file descriptors that it inherits, what to import, and how to start."""

    connection: int
    pipes: Pipes
    trainer: str | Sequence[str]
    cold: bool
    warm: bool = False
    why_cold: str = ""

    @property
    def options(self) -> Sequence[str]:
        """Those of Python: a program that is forked writes as it would by itself."""
        if not self.warm:
            return ("-u",)
        from gridfold.trainers.warm.script import UNBUFFERED  # the processes of functions need nothing of it

        return ("-u",) if UNBUFFERED in self.trainer else ()

    @property
    def inherited(self) -> tuple[int, ...]:
        """All file descriptors that the process inherits."""
        return self.connection, *vars(self.pipes).values()


def _pipe() -> tuple[int, int]:
    """A pipe whose ends do not block: what comes out, what goes in."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def spawn(
    module: str,
    said: object,
    inherited: Sequence[int],
    lifeline: int,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = ("-u",),
) -> subprocess.Popen[bytes]:
    """Start a module's ``main`` in a new Python that leads a process group; what it is told is pickled.

    It is tied to the search before its first instruction, whatever Python does before ``main``: that is told how, too.
    """
    import subprocess  # with ``threading``: see `gridfold.core.logs`

    tied = copy(lifeline)
    process = subprocess.Popen(
        [sys.executable, *options, "-c", _START.format(path=sys.path, module=module)],
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
