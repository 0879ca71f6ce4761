"""No run outlives its search, also when the search is killed by SIGKILL and can do nothing more.

The search holds one end of a pipe. When it ends, however it ends, the kernel closes that end, and kills every process
group that is tied to the other: the run, and whatever the run has started.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys


class Lifeline:
    """The search's end of the pipe.

    Attributes:
        end: the file descriptor for the processes that shall not outlive this one; they inherit it.
    """

    def __init__(self) -> None:
        self.end, self._held = os.pipe()

    def release(self) -> None:
        """Let go: whoever is still tied is killed."""
        os.close(self._held)
        os.close(self.end)


def tie(end: int) -> int:
    """Kill this process's group, which it must lead, when the other end of the pipe is closed.

    Returns:
        What `untie` takes.
    """
    own = end
    if sys.platform == "linux":
        own = copy(end)
        tie_other(own, os.getpid())
    else:
        import threading

        threading.Thread(target=_wait, args=[end], daemon=True).start()
    if select.select([end], [], [], 0)[0]:  # it was closed before
        _die()
    return own


def untie(own: int) -> None:
    """Let this process's group go on when the other end of the pipe is closed, so that it can end by itself."""
    if sys.platform == "linux":
        fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) & ~os.O_ASYNC)


def copy(end: int) -> int:
    """An end of the pipe that can be tied to one process group; commands that the group starts inherit it.

    So they stay tied, also when the process that started them is killed before the search is.
    """
    own = os.open(f"/proc/self/fd/{end}", os.O_RDONLY)  # a file description of its own, since each has one owner
    os.set_inheritable(own, True)  # noqa: FBT003 - the only way to call it
    return own


def tie_other(own: int, group: int) -> None:
    """Tie a process group by a `copy` that it has inherited: also a process that has not got so far as to call `tie`.

    The kernel does the rest: code that holds Python's lock for seconds, or has stopped, cannot delay it.
    """
    fcntl.fcntl(own, fcntl.F_SETOWN, -group)
    fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)


def _wait(end: int) -> None:
    with contextlib.suppress(OSError):
        os.read(end, 1)
    _die()


def _die() -> None:
    os.killpg(0, signal.SIGKILL)
