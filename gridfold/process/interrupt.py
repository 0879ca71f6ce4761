"""Requests to stop a search: Ctrl-C, SIGTERM, or the search itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    """How often the search was asked to stop: once, the runs may clean up; twice, they are killed.

    Attributes:
        requests: the count.
        by_signal: whether a signal asked.
        holds: whether the search wants no more runs to begin, and those under way to end by themselves.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.by_signal = False
        self.holds = False

    def request(self) -> None:
        """Ask the search to stop, from within."""
        self.requests = max(self.requests, 1)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count signals, instead of what they do otherwise. One that is ignored, as under ``nohup``, stays so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = [(number, signal.signal(number, self._count)) for number in heard]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what signal.signal calls
        self.requests += 1
        self.by_signal = True
        if self.requests == 1:
            with contextlib.suppress(OSError):  # not print: the signal may have come in the middle of one
                os.write(2, b"stopping; waiting for the runs to end (once more: kill them)\n")
