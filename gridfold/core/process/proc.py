"""What the kernel says of processes: when they started, by which boot, in which namespace, and what they bear."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from gridfold.core.files import read_regular

PROC = Path("/proc")


def uptime() -> float:
    """Seconds since this machine was started."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def age() -> float:
    """Seconds since this process was started; a program that takes the place of another goes on with its age."""
    fields = _stat(os.getpid())
    return uptime() - int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else time.process_time()


@cache
def boot() -> str:
    """Names this boot of this machine; "" if it is not known."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@cache
def namespace() -> str:
    """Names the namespace in which numbers of processes count here; "" if there are none."""
    try:
        return (PROC / "self/ns/pid").readlink().name
    except OSError:
        return ""


def start(pid: int) -> str | None:
    """When the process started; None if it is not there, or has ended and waits for its parent to see it."""
    fields = _stat(pid)
    if not fields:
        return None if PROC.is_dir() else _start_elsewhere(pid)
    return None if fields[0] in "ZX" else f"{boot()}/{namespace()}/{fields[19]}"


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


def bears(pid: int, name: bytes, value: bytes) -> bool | None:
    """Whether a living process was started with a variable; None if it cannot be asked, or not yet or no more."""
    fields = _stat(pid)
    if not fields or fields[0] in "ZX":
        return False
    found = environment(PROC / str(pid))
    if found == {} and not _has_no_variables(fields):
        return None
    return found is not None and found.get(name) == value


def members(group: int, mark: bytes) -> Iterator[tuple[int, bool | None]]:
    """The living processes of a process group that bear a mark (True), or cannot be asked yet (None)."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields and fields[0] not in "ZX" and int(fields[2]) == group:
                is_marked = _is_marked(entry, mark, fields)
                if is_marked is not False:
                    yield int(entry.name), is_marked


def _is_marked(process: Path, mark: bytes, fields: list[str]) -> bool | None:
    """Whether the mark is in its environment; None while it starts a program, when it has none for a moment."""
    found = environment(process)
    if found is None:
        return False
    if not found and not _has_no_variables(fields):
        return None
    return mark in found


def _has_no_variables(fields: list[str]) -> bool:
    """Whether a process was started without any; while it ends or starts a program, it has no memory to tell."""
    return fields[47] == fields[48] != "0"


def environment(process: Path) -> dict[bytes, bytes] | None:
    """The variables that it was started with; None if they cannot be read."""
    try:
        lines = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {name: value for name, _, value in (line.partition(b"=") for line in lines if line)}
