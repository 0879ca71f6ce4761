"""Who executes a run: a process, told from every other one, also from a later one that gets its number."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

MARK = "GRIDFOLD_PROCESS=1"  # in the environment of every process of a search but the first

_PROC = Path("/proc")
_GONE_SECONDS = 5.0  # how long killed processes may take to be gone

Life = Literal["alive", "dead", "elsewhere"]


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: the machine's name.
        pid: the process's number there; also that of its process group, if it leads one.
        start: when it started, counted from the boot of that machine, so that setting the clock changes nothing; and
            in which namespace its number counts, as containers have their own.
    """

    host: str
    pid: int
    start: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _start(pid) or "")

    @classmethod
    def of(cls, host: Any, pid: Any, start: Any) -> Owner | None:
        """The process that a file tells of; None if it does not."""
        told = isinstance(host, str) and isinstance(pid, int) and isinstance(start, str)
        return cls(host, pid, start) if told else None

    @property
    def life(self) -> Life:
        """Whether it lives; "elsewhere" if it is of another machine, which cannot be asked from here."""
        if self.host != socket.gethostname() or self._is_of_another_namespace():
            return "elsewhere"
        return "alive" if _start(self.pid) == self.start else "dead"

    def _is_of_another_namespace(self) -> bool:
        """Whether it runs since the same boot, but in a container from which, or into which, one cannot look."""
        boot, _, rest = self.start.partition("/")
        return boot == _boot() and rest.partition("/")[0] != _namespace()

    def kill_remains(self) -> bool:
        """Kill what a dead process left in its process group: commands and workers that it had started.

        The system gives a number to no new process while a group still has it, so a process of that number is proof
        that nothing is left. Strangers that got the number later, as a group, do not bear the `MARK`.

        Returns:
            Whether all of them are gone.
        """
        if not self.start.startswith(f"{_boot()}/"):
            return True  # the machine was started anew: whoever has the number now is somebody else
        deadline = time.monotonic() + _GONE_SECONDS
        while self.life == "dead" and _start(self.pid) is None and (left := dict(_members(self.pid))):
            for pid, is_marked in left.items():
                if is_marked:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def is_alive(pid: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    return _start(pid) is not None


def wait_until_gone(pid: int) -> None:
    """Wait for the end of a process that was killed, for some seconds."""
    deadline = time.monotonic() + _GONE_SECONDS
    while _start(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.002)


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
    if not _PROC.is_dir():
        return _start_elsewhere(pid)
    fields = _stat(pid)
    return f"{_boot()}/{_namespace()}/{fields[19]}" if fields and fields[0] not in "ZX" else None


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
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - asked once a run
            return file.read().rpartition(b")")[2].decode("ascii").split()
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
    try:
        environment = (process / "environ").read_bytes()
    except OSError:
        return False
    if not environment and not env_start == env_end != "0":
        return None
    return MARK.encode() in environment.split(b"\0")
