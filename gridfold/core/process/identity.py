"""Who executes a run: a process, told from every other one, also from a later one that gets its number."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from gridfold.core import plugins
from gridfold.core.files import read_regular

ENGINE = "GRIDFOLD_ENGINE"  # set in the jobs of an engine, to its name
MARK = "GRIDFOLD_PROCESS"  # set in every process of a search but the first, to the session of that one

_PROC = Path("/proc")
_GONE_SECONDS = 5.0  # how long killed processes may take to be gone
_CLOCK_SECONDS = 30.0  # that the clocks of a machine and of its disk may be apart
_START_PARTS = 3  # the boot, the namespace, and the time since that boot
_OWN_LIVENESS = {"ray": "gridfold.engines.ray_jobs:LIVENESS", "slurm": "gridfold.engines.slurm_jobs:LIVENESS"}

Life = Literal["alive", "dead", "elsewhere"]
PROCESS = "process"


class Liveness(Protocol):
    """Knows of the jobs of an engine whether they live.

    A package registers one under the name of its engine, by an entry point of the group ``gridfold.liveness``. Its
    executor gives attempts whose record says ``asks="NAME"``; their claims then say ``NAME:JOB``.
    """

    def here(self) -> str:
        """The job of this process; "" if it is in none."""

    def life(self, job: str) -> Life:
        """Whether a job lives; "elsewhere", or an exception, if it cannot be asked from here."""


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: the machine's name.
        pid: the process's number there; also that of its process group, if it leads one.
        start: when it started, counted from the boot of that machine, so that setting the clock changes nothing; and
            in which namespace its number counts, as containers have their own.
        asks: who is asked whether it lives: its machine (`PROCESS`), or an engine about a job, such as ``slurm:1234``.
        seen: when a file last told that it was alive; 0 if none does. Not part of who it is.
    """

    host: str
    pid: int
    start: str
    asks: str = PROCESS
    seen: float = field(default=0.0, compare=False)

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _start(pid) or "")

    @classmethod
    def of(cls, host: Any, pid: Any, start: Any, asks: Any = PROCESS, seen: float = 0.0) -> Owner | None:
        """The process that a file tells of; None if it does not."""
        told = isinstance(host, str) and isinstance(pid, int) and isinstance(start, str) and isinstance(asks, str)
        return cls(host, pid, start, asks, seen) if told else None

    @classmethod
    def of_session(cls, host: str, session: str) -> Owner | None:
        """The process that began a session (see `new_session`); None if that is not known."""
        pid, _, rest = session.partition("/")
        return cls(host, int(pid), rest.rpartition("/")[0]) if pid.isdecimal() else None

    @property
    def life(self) -> Life:
        """Whether it lives; "elsewhere" if it is of another machine or container, which cannot be asked from here."""
        if self.asks != PROCESS:
            return _life_of_job(self.asks)
        if self.host != socket.gethostname() or self._is_of_another_kernel_or_namespace():
            return "elsewhere"
        return "alive" if _start(self.pid) == self.start else "dead"

    @property
    def place(self) -> str:
        """Its machine; of a container, or another machine, with the name of this one: what tells it from this one."""
        parts = self.start.split("/")
        if self.host != socket.gethostname() or len(parts) != _START_PARTS:
            return self.host
        boot, namespace, _ = parts
        if boot != _boot():
            return f"{self.host}:{boot[:8]}"
        return f"{self.host}:{namespace.strip('pid:[]')}" if namespace != _namespace() else self.host

    def _is_of_another_kernel_or_namespace(self) -> bool:
        """Whether this machine's name is that of its own too, but its number counts elsewhere.

        Containers may share the name and the kernel; clones of a machine share the name. After another boot of this
        machine the process is dead, but this machine's processes before that have shown no sign of life since.
        """
        parts = self.start.split("/")
        if len(parts) != _START_PARTS:
            return parts[0] == _boot()
        boot, namespace, _ = parts
        if namespace != _namespace():
            return True
        return boot != _boot() and self.seen > _booted() + _CLOCK_SECONDS

    def kill_marked(self, session: str) -> None:
        """If this is the process that began a session, and it is dead: kill what is left of the session, wherever."""
        if self.life == "dead" and self.start.startswith(f"{_boot()}/"):
            kill_all(marked((int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()), session))

    def kill_remains(self) -> bool:
        """Kill what a dead process left in its process group: commands and workers that it had started.

        The system gives a number to no new process while a group still has it, so a process of that number is proof
        that nothing is left. Strangers that got the number later, as a group, do not bear the `MARK`.

        Returns:
            Whether all of them are gone.
        """
        if not self.start.startswith(f"{_boot()}/"):
            return True  # the machine was restarted: whoever has the number now is somebody else
        deadline = time.monotonic() + _GONE_SECONDS
        while self.life == "dead" and _start(self.pid) is None and (left := dict(_members(self.pid))):
            for pid, is_marked in left.items():
                if is_marked:
                    _kill(pid)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def engine_here() -> str:
    """The engine that has started this process, by the environment of its job; `PROCESS` if none has."""
    return os.environ.get(ENGINE) or PROCESS


def asked_here(asks: str) -> str:
    """Who is to be asked whether this process lives, with its job if that is an engine.

    What names a job already is of this process, or of the one that has started it.
    """
    return asks if asks == PROCESS or ":" in asks else f"{asks}:{_liveness(asks).here()}"


def _life_of_job(asks: str) -> Life:
    name, _, job = asks.partition(":")
    with contextlib.suppress(Exception):  # whatever comes where there is no such engine, or it does not answer
        return _liveness(name).life(job)
    return "elsewhere"


@cache
def _liveness(name: str) -> Liveness:
    return cast(Liveness, plugins.load("gridfold.liveness", "engine", name, _OWN_LIVENESS))


def new_session() -> str:
    """What tells the processes that this one starts from now on from those of all others."""
    owner = Owner.current()
    return f"{owner.pid}/{owner.start}/{os.urandom(4).hex()}"


def marked(pids: Iterable[int], session: str) -> list[int]:
    """Those of some living processes that are of a session."""
    mark = session.encode()
    found = (pid for pid in pids if session and (_environment(_PROC / str(pid)) or {}).get(MARK.encode()) == mark)
    return [pid for pid in found if _start(pid) is not None]


def kill_all(pids: Iterable[int]) -> bool:
    """Kill processes; whether all of them are gone."""
    killed = list(pids)
    for pid in killed:
        _kill(pid)
    for pid in killed:
        wait_until_gone(pid)
    return not any(map(is_alive, killed))


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    return _start(pid) is not None


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that was killed, for some seconds."""
    deadline = time.monotonic() + _GONE_SECONDS
    while _start(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.002)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _booted() -> float:
    """When this machine was started, by the clock."""
    return time.time() - time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def _namespace() -> str:
    try:
        return (_PROC / "self/ns/pid").readlink().name
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """When the process started; None if it is not there, or has ended and waits for its parent to see it."""
    fields = _stat(pid)
    if not fields:
        return None if _PROC.is_dir() else _start_elsewhere(pid)
    return None if fields[0] in "ZX" else f"{_boot()}/{_namespace()}/{fields[19]}"


def _start_elsewhere(pid: int) -> str | None:
    import psutil  # type: ignore[import-untyped]  # only where there is no /proc

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return None


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` from the state on; the name before them may hold anything."""
    try:
        return read_regular(f"/proc/{pid}/stat").rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []


def _members(group: int) -> Iterator[tuple[int, bool | None]]:
    """The living processes of a process group that bear the mark (True), or cannot be asked yet (None)."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and fields[0] not in "ZX" and int(fields[2]) == group:
                is_marked = _is_marked(entry, env_start=fields[47], env_end=fields[48])
                if is_marked is not False:
                    yield int(entry.name), is_marked


def _is_marked(process: Path, env_start: str, env_end: str) -> bool | None:
    """Whether the mark is in its environment; None while it starts a program, when it has none for a moment."""
    environment = _environment(process)
    if environment is None:
        return False
    if not environment and not env_start == env_end != "0":
        return None
    return MARK.encode() in environment


def _environment(process: Path) -> dict[bytes, bytes] | None:
    """The variables that it was started with; None if they cannot be read."""
    try:
        lines = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {name: value for name, _, value in (line.partition(b"=") for line in lines if line)}
