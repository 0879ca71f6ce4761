"""A process that asks its search whether to go on, and waits where it is until it is told.

It says that it asks, and reads its answer from a pipe of its own, which the search reaches through ``/proc``. If it has
to wait, the search stops its whole process group meanwhile: threads and processes that it has started use no CPU
either. An answer that comes before it has begun to wait is not lost, since it stays in the pipe; nor does a SIGCONT
that somebody else sends, as an engine does when it resumes a job, let it go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWER_BYTES = 64


@contextmanager
def asking(events: int, key: int) -> Iterator[int]:
    """Ask; gives the descriptor that the answer comes from, to be read by `answer`.

    Args:
        events: where the search hears of what happens.
        key: what the search knows this process by.
    """
    answers, tells = os.pipe()
    try:
        os.write(events, f"asks {key} {os.getpid()} {tells}\n".encode())
        yield answers
    finally:
        os.close(answers)
        os.close(tells)


def answer(answers: int) -> str:
    """Wait for the answer; a signal is heard meanwhile."""
    return os.read(answers, _ANSWER_BYTES).decode()


def tell(pid: int, descriptor: int, said: str) -> bool:
    """Answer a process that asks; whether it is there to hear that."""
    try:
        pipe = os.open(f"/proc/{pid}/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(pipe, said.encode())
    finally:
        os.close(pipe)
    return True


def halt(pid: int) -> None:
    """Let the process group of a process that asks use no CPU."""
    _signal(pid, signal.SIGSTOP)


def resume(pid: int) -> None:
    """Let it go on; its process goes on waiting until it is told."""
    _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def private_bytes(pid: int) -> int:
    """The memory that is free when a process has ended, with those that it has started; what is shared counts in part.

    0 where the kernel does not say.
    """
    from gridfold.core.process.orphans import children  # with ctypes

    found, left = 0, [pid]
    while left:
        one = left.pop()
        found += _proportional_bytes(one)
        left.extend(children(one))
    return found


def _proportional_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as told:  # noqa: PTH123
        for line in told:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    return 0


def free_bytes() -> int:
    """The memory that this machine has left for new processes; 0 where the kernel does not say."""
    with contextlib.suppress(OSError, ValueError), open("/proc/meminfo", "rb") as told:  # noqa: PTH123
        for line in told:
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0
