"""What forked processes must not share: file offsets; and would lose: a timer, locks, what hears signals."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.process.handlers import handler_of, set_handler

_HARMLESS = re.compile(r"/dev/shm/(sem\.|__KMP_)")  # locks, as tqdm makes one; where OpenMP registers
_WAITING = "event queue"
_CHANNELS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", 0: _WAITING}  # nothing else is of no type: epoll, eventfd
_PORTS = (80, 443, 389, 636)
_SERVICES = ("/var/lib/sss/", "/run/nscd/", "/var/run/nscd/", "/run/systemd/", "/run/nvidia-persistenced/", "/dev/log")
_TRACKERS = (
    "multiprocessing.resource_tracker",
    "joblib.externals.loky.backend.resource_tracker",
    "loky.backend.resource_tracker",
)


@dataclass(frozen=True)
class ForkState:
    """What each child of a process is to have as its own.

    Attributes:
        places: of files and folders that are open for reading, by their descriptors.
        timer: of ``signal.setitimer`` and ``signal.alarm``.
        handlers: what hears signals, by their numbers.
        random_state: of ``random``, which Python restarts in every child; None if it is not loaded.
        locks: of ``logging``, which frees them in every child, and how often each is held, such as while it formats.
    """

    places: Mapping[int, int]
    timer: tuple[float, float]
    handlers: Mapping[int, Any]
    random_state: Any
    locks: Sequence[tuple[Any, int]]

    @classmethod
    def leave(cls) -> ForkState:
        """What this process has; its timer is stopped, and it hears no signal that code hears: it will only wait."""
        timer = signal.setitimer(signal.ITIMER_REAL, 0)
        random = sys.modules.get("random")
        drawn = random.getstate() if random else None
        handlers = {number: handler for number, handler in _handlers() if callable(handler)}
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)
        return cls(dict(_places()), timer, handlers, drawn, list(_held_locks()))

    def take(self) -> None:
        """Have it, in a child."""
        for descriptor, place in self.places.items():
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            own = os.open(f"/proc/self/fd/{descriptor}", flags | os.O_CLOEXEC)
            os.lseek(own, place, os.SEEK_SET)
            os.dup2(own, descriptor, os.get_inheritable(descriptor))
            os.close(own)
        if self.random_state:
            sys.modules["random"].setstate(self.random_state)
        for lock, count in self.locks:
            for _ in range(count):
                lock.acquire()
        for number, handler in self.handlers.items():
            set_handler(number, handler)
        signal.setitimer(signal.ITIMER_REAL, *self.timer)


def _living_children() -> str:
    """The processes that this one has started and may still wait for, in words; "" if there are none."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(FileNotFoundError):  # a kernel that does not say
        children = set(map(int, path.read_text().split())) - set(_trackers())
        if children:
            return "1 process that it started" if len(children) == 1 else f"{len(children)} processes that it started"
    return ""


def shared_memory() -> str:
    """The memory that forked processes would write to together, in words; "" if there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            _, rights, _, _, _, *path = line.split(maxsplit=5)
            if rights.startswith("rw") and rights.endswith("s") and not _HARMLESS.match("".join(path)):
                return f"memory is shared between processes ({''.join(path)[:100] or 'of no file'})"
    return ""


def open_channels() -> set[tuple[str, int, int]]:
    """What is open of which processes take from each other: kinds, descriptors, and numbers of the files."""
    found = set()
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            if kind := _CHANNELS.get(stat.S_IFMT(status.st_mode)):
                found.add((kind, descriptor, status.st_ino))
    return found


def ties(before: set[tuple[str, int, int]]) -> str:
    """What ties this process to others: processes that it started, or what is open beside what was before."""
    if living := _living_children():
        return living
    for kind, descriptor, _ in sorted(open_channels() - before):
        if not (kind == "socket" and _is_of_library(descriptor)):
            return f"{'an' if kind == _WAITING else 'a'} {kind} is open"
    return ""


def _is_of_library(descriptor: int) -> bool:
    """Whether a socket is one to a server of the web, or of accounts, which libraries open again in a child."""
    import socket  # few have one

    try:
        with socket.socket(fileno=os.dup(descriptor)) as twin:
            peer = twin.getpeername()
    except OSError:
        return False
    return peer[1] in _PORTS if isinstance(peer, tuple) else os.fsdecode(peer).startswith(_SERVICES)


def descriptors_of(file: int) -> list[int]:
    """All other descriptors of an open file."""
    wanted, found = os.fstat(file), []
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):
            if descriptor != file and os.path.samestat(os.fstat(descriptor), wanted):
                found.append(descriptor)
    return found


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - numbers, not paths


def _places() -> Iterator[tuple[int, int]]:
    for descriptor in _descriptors():
        with contextlib.suppress(OSError):
            kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
            reads = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
            if reads and kind in (stat.S_IFREG, stat.S_IFDIR):
                yield descriptor, os.lseek(descriptor, 0, os.SEEK_CUR)


def _handlers() -> Iterator[tuple[int, Any]]:
    """What hears signals, but for the one by which a process hears that a child has ended."""
    for number in signal.valid_signals() - {signal.SIGCHLD}:
        yield number, handler_of(number)


def _held_locks() -> Iterator[tuple[Any, int]]:
    """The locks of ``logging`` that the only thread holds, and how often."""
    logging: Any = sys.modules.get("logging")
    if logging is None:
        return
    for lock in (logging._lock, *(each.lock for each in logging._at_fork_reinit_lock_weakset)):
        if hasattr(lock, "_release_save") and lock._is_owned():
            held = lock._release_save()
            lock._acquire_restore(held)
            yield lock, held[0]


def _trackers() -> Iterator[int]:
    """Processes that libraries have for themselves, which any process may use."""
    for name in _TRACKERS:
        pid = getattr(getattr(sys.modules.get(name), "_resource_tracker", None), "_pid", None)
        if pid is not None:
            yield pid
