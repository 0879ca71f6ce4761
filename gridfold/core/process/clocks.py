"""A process of a batch that waits for a place, or for its siblings to be forked, does not see that time pass.

Code that looked at a clock before a split, and looks again after it, sees what it would see alone. Only clocks that it
has looked at are set back: whoever looks for the first time sees the time of the day. The clocks of CPU time, which
begin at zero in a forked process, go on as well.

Clocks that C code reads by itself are not seen. A module that looks at a clock when it is imported is not imported for
many runs at once, see `readers`.
"""

from __future__ import annotations

import datetime
import operator
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from types import BuiltinFunctionType
from typing import Any

from gridfold.core.process.native import Function, function, set_attribute

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_DATE = "datetime"  # by itself, as signatures of requests come from it, while every line of a log looks at ``time``
_IDS = {
    **dict.fromkeys(("CLOCK_REALTIME", "CLOCK_TAI"), "time"),
    **dict.fromkeys(("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME"), "monotonic"),
    "CLOCK_PROCESS_CPUTIME_ID": "process_time",
    "CLOCK_THREAD_CPUTIME_ID": "thread_time",
}
_SECOND = 1_000_000_000
_ENDLESS = 1 << 62


class Clocks:
    """The clocks of the current process, as its code sees them."""

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {name: _OfTime(name) for name in _CLOCKS if _is_built_in(name)}
        self._clocks[_DATE] = _OfDates()
        self._by_id = {
            getattr(time, constant): self._clocks[name]
            for constant, name in _IDS.items()
            if hasattr(time, constant) and name in self._clocks
        }
        self._undo: Callable[[], None] | None = None

    def watch(self) -> None:
        """From now on, see which clocks are read."""
        self.go_on({}, watch=True)

    def stop(self) -> Mapping[str, int]:
        """Let all clocks be those of the machine; gives what those show that were read, in nanoseconds."""
        shown = {name: clock.now() for name, clock in self._clocks.items() if clock.stop()}
        if _DATE in shown and "time" in self._clocks:  # ``time.time() - began.timestamp()``
            shown.setdefault("time", self._clocks["time"].now())
        if self._undo:
            self._undo()
        self._undo = None
        return shown

    def go_on(self, shown: Mapping[str, int], *, watch: bool) -> None:
        """Let clocks go on from what they showed.

        Args:
            shown: by clock, as `stop` gave it, in this process or in the one that it was forked from.
            watch: whether to see which others are read.
        """
        moved = {name for name, moment in shown.items() if self._clocks[name].set(moment)}
        for name in self._clocks if watch else moved:
            self._clocks[name].start()
        if watch or moved:
            self._undo = self._start_by_id()

    def _start_by_id(self) -> Callable[[], None]:
        """Functions that are asked for one of many clocks."""
        seconds, nanoseconds = time.clock_gettime, time.clock_gettime_ns

        def undo() -> None:
            time.clock_gettime, time.clock_gettime_ns = seconds, nanoseconds

        def clock_gettime(clk_id: int, /) -> float:
            return seconds(clk_id) + self._looked_at(clk_id) / _SECOND

        def clock_gettime_ns(clk_id: int, /) -> int:
            return nanoseconds(clk_id) + self._looked_at(clk_id)

        time.clock_gettime, time.clock_gettime_ns = clock_gettime, clock_gettime_ns
        return undo

    def _looked_at(self, clk_id: int) -> int:
        clock = self._by_id.get(clk_id)
        return clock.look() if clock else 0


class _Clock:
    """One clock, and what is added to it.

    Attributes:
        offset: nanoseconds that are added to what it shows by itself.
        was_read: whether code has looked at it while it was watched.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.was_read = False

    def look(self) -> int:
        """What to add to it for code that looks at it now."""
        self.was_read = True
        return self.offset

    def set(self, moment: int) -> bool:
        """Let it show a moment now, once it is started; whether that is another than it would show by itself."""
        self.offset += moment - self.now()
        self.was_read = True
        return self.offset != 0

    def now(self) -> int:
        """What it shows to code, whether or not it is started."""
        return self._machine() + self.offset

    def start(self) -> None:
        """Let code see it."""
        raise NotImplementedError

    def stop(self) -> bool:
        """Let code see the machine's clock; whether this one was read."""
        raise NotImplementedError

    def _machine(self) -> int:
        """What it shows by itself."""
        return _functions("time")[1].original() if _is_built_in("time") else time.time_ns()


class _OfTime(_Clock):
    """A clock of the module ``time``: a function that gives seconds, one that gives nanoseconds."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._seconds, self._nanoseconds = _functions(name)
        self._machine: Callable[[], int] = self._nanoseconds.original
        self._looks: tuple[Iterator[float], ...] = ()

    def start(self) -> None:
        """Let code see it."""
        self._looks = repeat(self.offset / _SECOND, _ENDLESS), repeat(self.offset, _ENDLESS)
        for told, added in zip((self._seconds, self._nanoseconds), self._looks, strict=True):
            # No time is None, so this never ends; an addition in C, see `Function.exchange`, of which `added` counts
            # how often it was done.
            told.exchange(map(operator.add, iter(told.original, None), added).__next__)

    def stop(self) -> bool:
        """Let code see the machine's clock; whether this one was read."""
        if self._looks:
            self.was_read |= any(operator.length_hint(added) < _ENDLESS for added in self._looks)
            self._looks = ()
            for told in (self._seconds, self._nanoseconds):
                told.exchange(None)
        return self.was_read


class _OfDates(_Clock):
    """``datetime.now`` and ``datetime.utcnow``; what else there is goes by ``time.time``."""

    def __init__(self) -> None:
        super().__init__()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Let code see it."""

        def now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return cls.fromtimestamp((self._machine() + self.look()) / _SECOND, tz)

        def utcnow(cls: type[datetime.datetime]) -> datetime.datetime:
            return now(cls, datetime.UTC).replace(tzinfo=None)

        changes: dict[str, Any] = {"now": classmethod(now), "utcnow": classmethod(utcnow)}
        self._undo = [set_attribute(datetime.datetime, name, change) for name, change in changes.items()]

    def stop(self) -> bool:
        """Let code see the machine's clock; whether this one was read."""
        for undo in self._undo:
            undo()
        self._undo = []
        return self.was_read


@contextmanager
def readers(tell: Callable[[str], object]) -> Iterator[None]:
    """Tell of each file whose code looks at a clock meanwhile, as often as it does."""
    undo: list[Callable[[], None]] = []

    def looks(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*arguments: Any, **named: Any) -> Any:
            tell(sys._getframe(1).f_code.co_filename)
            return look(*arguments, **named)

        return looked

    for name in filter(_is_built_in, _CLOCKS):
        for told in _functions(name):
            told.exchange(looks(told.original))
            undo.append(partial(told.exchange, None))
    for name in ("now", "utcnow"):
        look = vars(datetime.datetime)[name].__get__
        change = classmethod(looks(lambda cls, *zone, look=look, **named: look(None, cls)(*zone, **named)))
        undo.append(set_attribute(datetime.datetime, name, change))
    try:
        yield
    finally:
        for back in undo:
            back()


def _functions(name: str) -> tuple[Function, Function]:
    """Those of the module ``time`` that tell one clock, in seconds and in nanoseconds."""
    return function(getattr(time, name)), function(getattr(time, f"{name}_ns"))


def _is_built_in(name: str) -> bool:
    """Whether a clock is Python's own, and not one that a library has put in its place, to set the time."""
    return all(isinstance(getattr(time, name + suffix), BuiltinFunctionType) for suffix in ("", "_ns"))
