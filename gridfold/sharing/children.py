"""The children of a process that has split, and what the search hears of them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import TYPE_CHECKING

from gridfold.core.process.handlers import set_handler
from gridfold.core.process.orphans import Orphans
from gridfold.sharing.start import Pipes

if TYPE_CHECKING:
    import subprocess

WAITED = 76  # exit code of a process that has split: it holds no token any more


class Children:
    """The children of a process that has split."""

    def __init__(self, pipes: Pipes, token: int) -> None:
        self._pipes = pipes
        self._own: int | None = token  # the first child gets it
        self._tokens: dict[int, int] = {}
        self._splitting: set[int] = set()
        self._orphans = Orphans()
        self._wake, self._wakes = os.pipe()
        for end in (self._wake, self._wakes):
            os.set_blocking(end, False)
        self._poll = select.poll()
        for descriptor in (self._wake, pipes.tokens):
            self._poll.register(descriptor, select.POLLIN)
        self._before = set_handler(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def take_token(self) -> int:
        """A token for the next child; waits for one."""
        if self._own is not None:
            token, self._own = self._own, None
            return token
        while True:
            if self._pipes.tokens in self._look():
                with contextlib.suppress(BlockingIOError):  # another process was faster
                    return os.read(self._pipes.tokens, 1)[0]

    def give_back(self, token: int) -> None:
        """Keep a token for the next child: this one is not to be."""
        self._own = token

    def release(self) -> None:
        """Leave a token that no child has got to other processes."""
        if self._own is not None:
            say(self._pipes.events, "ended", os.getpid(), WAITED, self._own)

    def add(self, pid: int, token: int, *, splits: bool) -> None:
        """Note a child; one that splits has runs as children, which this process adopts if it is killed."""
        self._tokens[pid] = token
        if splits:
            self._splitting.add(pid)

    def wait_for_all(self) -> None:
        """Wait until all have ended."""
        self._poll.unregister(self._pipes.tokens)
        while self._tokens or self._orphans.runs:
            self._look()

    def forget(self) -> None:
        """In a child: undo what waiting needed."""
        signal.set_wakeup_fd(-1)
        set_handler(signal.SIGCHLD, self._before)
        os.close(self._wake)
        os.close(self._wakes)

    def _look(self) -> set[int]:
        """Wait for a child to end, or for a token; gives what can be read."""
        ready = {descriptor for descriptor, _ in self._poll.poll()}
        if self._wake in ready:
            os.read(self._wake, 4096)
            self._see_the_end()
        return ready

    def _see_the_end(self) -> None:
        """Tell of the children that have ended."""
        for pid in list(self._tokens):
            status = reap(pid)
            if status is not None:
                token = self._tokens.pop(pid)
                self._orphans.end(self._tokens, runs_go_on=pid in self._splitting and status < 0)
                say(self._pipes.events, "ended", pid, status, *([] if status == WAITED else [token]))
        self._orphans.see_runs_end(self._tokens)


def say(events: int, event: str, *numbers: float) -> None:
    """Tell the search something; a line that the pipe takes in one piece, whoever else writes."""
    os.write(events, f"{event} {' '.join(map(repr, numbers))}\n".encode())


def reap(pid: int, process: subprocess.Popen[bytes] | None = None) -> int | None:
    """The status of a child that has ended, and the end of whatever it has left; None if it has not ended."""
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # its number is not free yet
    return process.wait() if process else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
