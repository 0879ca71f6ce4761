"""Requests to stop a search: Ctrl-C, SIGTERM, or the search itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)  # the last: soon, an engine ends the job


class Interrupt:
    """How often the search was asked to stop: once, the runs may clean up; twice, they are killed.

    Attributes:
        requests: the count.
        by_signal: whether a signal asked.
        signal: the first that did; 0 if none did.

    Args:
        is_over: whether the search wants no more runs to begin; asked again and again.
        grace: how many seconds the runs may take to end, by the signal; None for as many as the executor gives them.
    """

    def __init__(
        self, is_over: Callable[[], bool] = lambda: False, grace: Callable[[int], float | None] = lambda _: None
    ) -> None:
        self.requests = 0
        self.by_signal = False
        self.signal = 0
        self._is_over = is_over
        self._grace = grace

    @property
    def grace(self) -> float | None:
        """How many seconds the runs may take to end; None for as many as the executor gives them."""
        return self._grace(self.signal)

    @property
    def holds(self) -> bool:
        """Whether no more runs are to begin, and those under way end by themselves."""
        return self._is_over()

    def request(self) -> None:
        """Ask the search to stop, from within."""
        self.requests = max(self.requests, 1)

    def cancel(self) -> None:
        """Stop as at a signal; called from any thread."""
        self.by_signal = True
        self.request()

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
        self.signal = self.signal or number
        if self.requests == 1:
            with contextlib.suppress(OSError):  # not print: the signal may have come in the middle of one
                os.write(2, b"stopping; waiting for the runs to end (once more: kill them)\n")


@contextmanager
def deferred() -> Iterator[None]:
    """Hear SIGTERM and Ctrl-C at the end of this, and not before, so that what begins in it is known to who ends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heard = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in heard:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)
        for late, frame in came:
            heard[signal.Signals(late)](late, frame)
