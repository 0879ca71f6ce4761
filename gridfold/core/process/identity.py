"""Who executes a run: a process, told from every other one, also from a later one that gets its number."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.files import disk_time
from gridfold.core.process import proc
from gridfold.core.process.liveness import PROCESS, Life, life_of_job

MARK = "GRIDFOLD_PROCESS"  # set in every process of a search but the first, to the session of that one

_GONE_SECONDS = 5.0  # how long killed processes may take to be gone
_DISK_SECONDS = 2.0  # how coarsely a disk may tell the time
_START_PARTS = 3  # the boot, the namespace, and the time since that boot


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: the machine's name.
        pid: the process's number there; also that of its process group, if it leads one.
        start: when it started, counted from the boot of that machine, so that setting the clock changes nothing; and
            in which namespace its number counts, as containers have their own.
        asks: who is asked whether it lives: its machine (`PROCESS`), or an engine about a job, such as ``slurm:1234``.
        signs: files that it writes as long as it lives, its heartbeat first. Not part of who it is.
    """

    host: str
    pid: int
    start: str
    asks: str = PROCESS
    signs: Sequence[str] = field(default=(), compare=False)

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, proc.start(pid) or "")

    @classmethod
    def of(cls, host: Any, pid: Any, start: Any, asks: Any = PROCESS, signs: Sequence[str] = ()) -> Owner | None:
        """The process that a file tells of; None if it does not."""
        told = isinstance(host, str) and isinstance(pid, int) and isinstance(start, str) and isinstance(asks, str)
        return cls(host, pid, start, asks, signs) if told else None

    @classmethod
    def of_session(cls, host: str, session: str) -> Owner | None:
        """The process that began a session (see `new_session`); None if that is not known."""
        pid, _, rest = session.partition("/")
        return cls(host, int(pid), rest.rpartition("/")[0]) if pid.isdecimal() else None

    @property
    def life(self) -> Life:
        """Whether it lives, as far as can be told from here: its number is asked for here, or an engine for its job."""
        boot, namespace = self._counted
        if self.host == socket.gethostname() and (boot, namespace) == (proc.boot(), proc.namespace()):
            return "alive" if proc.start(self.pid) == self.start else "dead"
        if self.asks != PROCESS:
            return life_of_job(self.asks, self.signs[0] if self.signs else "")
        is_of_this_name = self.host == socket.gethostname() and namespace == proc.namespace()
        return "dead" if is_of_this_name and boot and not self._was_seen_since_boot() else "elsewhere"

    @property
    def place(self) -> str:
        """Its machine; of a container, or another machine, with the name of this one: what tells it from this one."""
        boot, namespace = self._counted
        if self.host != socket.gethostname() or not boot:
            return self.host
        if boot != proc.boot():
            return f"{self.host}:{boot[:8]}"
        return f"{self.host}:{namespace.strip('pid:[]')}" if namespace != proc.namespace() else self.host

    @property
    def _counted(self) -> tuple[str, str]:
        """The boot and the namespace in which its number counts; as here if there are none, "" if it does not say."""
        parts = self.start.split("/")
        if len(parts) == _START_PARTS:
            return parts[0], parts[1]
        return ("", "") if parts[0] == proc.boot() else (proc.boot(), proc.namespace())

    def _was_seen_since_boot(self) -> bool:
        """Whether it has shown a sign of life since this machine was started, so that it is of another one.

        Clones of a machine share the name, as pods do. The times of files are those of their disk, whose clock may be
        far from the one here.
        """
        seen = max(map(_written, self.signs), default=0.0)
        return seen > 0 and seen > disk_time(self.signs[-1]) - proc.uptime() + _DISK_SECONDS

    def kill_marked(self, session: str) -> None:
        """If this is the process that began a session, and it is dead: kill what is left of the session, wherever."""
        if self._was_here and self.life == "dead":
            kill_all(marked((int(entry.name) for entry in proc.PROC.iterdir() if entry.name.isdigit()), session))

    def kill_remains(self) -> bool:
        """Kill what a dead process left in its process group: commands and workers that it had started.

        The system gives a number to no new process while a group still has it, so a process of that number is proof
        that nothing is left. Strangers that got the number later, as a group, do not bear the `MARK`.

        Returns:
            Whether all of them are gone.
        """
        if not self._was_here:
            return True  # whoever has the number now, or here, is somebody else
        deadline = time.monotonic() + _GONE_SECONDS
        while self.life == "dead" and proc.start(self.pid) is None and (left := self._members()):
            for pid, is_marked in left.items():
                if is_marked:
                    _kill(pid)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    @property
    def _was_here(self) -> bool:
        return self.start.startswith(f"{proc.boot()}/{proc.namespace()}/")

    def _members(self) -> dict[int, bool | None]:
        return dict(proc.members(self.pid, MARK.encode()))


def _written(path: str) -> float:
    """When a file was last written; 0 if it is not there."""
    with contextlib.suppress(OSError):
        return os.stat(path).st_mtime  # noqa: PTH116
    return 0.0


def new_session() -> str:
    """What tells the processes that this one starts from now on from those of all others."""
    owner = Owner.current()
    return f"{owner.pid}/{owner.start}/{os.urandom(4).hex()}"


def marked(pids: Iterable[int], session: str) -> list[int]:
    """Those of some living processes that are of a session."""
    mark = session.encode()
    found = (
        pid for pid in pids if session and (proc.environment(proc.PROC / str(pid)) or {}).get(MARK.encode()) == mark
    )
    return [pid for pid in found if proc.start(pid) is not None]


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
    return proc.start(pid) is not None


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that was killed, for some seconds."""
    deadline = time.monotonic() + _GONE_SECONDS
    while proc.start(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.002)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
