"""SIGTERM in a training that can be continued: it ends where it can be saved, not in the middle of a step."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether SIGTERM has come. As a context, it takes the signal; after it, what took it before does so again.

    Only the main thread can take signals; in others, an interruption never comes.
    """

    def __init__(self) -> None:
        self.came = False
        self._now = False

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Take the signal.

        Raises:
            KeyboardInterrupt: at the end, if the signal came too late for the code inside to notice.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._take)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
        self.check()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """For code that changes nothing, and may be long: within, the signal raises ``KeyboardInterrupt``."""
        self._now = True
        try:
            self.check()
            yield
        finally:
            self._now = False

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if the signal has come."""
        if self.came:
            raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what signal.signal calls
        self.came = True
        if self._now:
            raise KeyboardInterrupt
