"""What a run has started does not outlive it: nor does a daemon, or a child in a session of its own.

The kernel gives a process whose parent has ended to the nearest ancestor that adopts. A run adopts what it has started,
so it is known whose that is; when the run ends, all of it goes to the parent of the run, which ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection
from functools import cache

from gridfold.core.files import read_regular

_PR_SET_CHILD_SUBREAPER = 36
_GONE_SECONDS = 5.0  # how long killed processes may take to be gone


def adopt() -> None:
    """Let this process be the parent of all that it has started, directly or not, once their own parents have ended."""
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid: int = 0) -> set[int]:
    """The children of a process, this one by default, also the adopted; none where the kernel does not say."""
    pid = pid or os.getpid()
    try:
        return set(map(int, read_regular(f"/proc/{pid}/task/{pid}/children").split()))
    except OSError:
        return set()


class Orphans:
    """What runs leave behind in this process, their parent.

    Attributes:
        runs: children that are runs, or split into runs, whose own parent was killed: they go on.
    """

    def __init__(self) -> None:
        adopt()
        self._spared: set[int] = set()
        self.runs: set[int] = set()
        self.spare()

    def spare(self) -> None:
        """Let the children go on that this process has now."""
        self._spared |= children()

    def end(self, known: Collection[int], *, runs_go_on: bool = False) -> None:
        """Kill all children but those that are known or spared: their parents have ended.

        Args:
            known: children that this process has forked.
            runs_go_on: whether a process was killed that had split, so that those of its session are runs.
        """
        deadline = time.monotonic() + _GONE_SECONDS
        if runs_go_on:
            self.runs |= {pid for pid in children() - self._spared - {*known} if _is_of_this_session(pid)}
        while _has_children() and (left := children() - self._spared - self.runs - {*known}):
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            for pid in left:
                self._reap(pid, deadline)

    def end_all(self) -> None:
        """Kill all children, whoever they are, and all that they leave."""
        self._spared, self.runs = set(), set()
        self.end(())

    def see_runs_end(self, known: Collection[int]) -> None:
        """End what those of `runs` have left that have ended."""
        for pid in [*self.runs]:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # its number is not free yet
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            self.runs.remove(pid)
            self.end(known, runs_go_on=status < 0)

    def _reap(self, pid: int, deadline: float) -> None:
        """See the end of a process that was killed; one that does not end is left."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    self._spared.add(pid)
                    return
                time.sleep(0.001)


def _is_of_this_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == os.getsid(0)
    except ProcessLookupError:
        return False


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
