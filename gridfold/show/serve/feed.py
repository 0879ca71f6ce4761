"""One watched search and the pages that show it: a thread looks, the event loop tells."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gridfold.show.serve.watch import Watch

_LOOK_SECONDS = 0.5  # between two looks
_LOOK_SHARE = 30  # a look takes at most this part of a core
_MOST_SECONDS = 10.0
_BEAT_SECONDS = 15.0
_MOST_EVENTS = 240  # that are kept for pages that were away
_CHUNK = 1 << 16
_MOST_LETTERS = 300  # of a failure


@dataclass(frozen=True)
class _Event:
    """Something that is told.

    Attributes:
        number: its place among all that this feed tells.
        version: of the search, if it tells a change of that; else 0.
        name: of the event.
        data: JSON.
    """

    number: int
    version: int
    name: str
    data: bytes


class Feed:
    """Tells any number of pages what becomes of a search. It looks until it is closed.

    Args:
        watch: the search.
        on_results: called in the event loop when runs have ended, with whether no more will.

    Attributes:
        listeners: how many pages listen.
        idle: since when nobody has, by the clock of ``time.monotonic``.
    """

    def __init__(self, watch: Watch, on_results: Callable[[bool], None]) -> None:
        self.watch = watch
        self.listeners = 0
        self.idle = time.monotonic()
        self._on_results = on_results
        self._loop = asyncio.get_running_loop()
        self._mark = os.urandom(4).hex()  # of this feed: another one counts from 1 again
        self._events: deque[_Event] = deque(maxlen=_MOST_EVENTS)
        self._last = 0
        self._first = 1  # those before are of no use: all was told again
        self._news = asyncio.Event()
        self._is_over = threading.Event()
        self._is_ready = asyncio.Event()
        threading.Thread(target=self._run, daemon=True, name=f"watch {watch.search.name}").start()

    def close(self) -> None:
        """Look no longer."""
        self._is_over.set()
        self._wake()

    async def state(self) -> bytes:
        """All that is known, as JSON."""
        await self._is_ready.wait()
        self.idle = time.monotonic()
        return (await asyncio.to_thread(self._state))[1]

    def tell(self, name: str, said: Any) -> None:
        """Tell all pages something beside the changes of the search; called in the event loop."""
        self._add(name, as_json(said))

    async def events(self, known: str | None) -> AsyncIterator[bytes]:
        """Server-sent events: the whole state, then what changes.

        Args:
            known: the last that a page has heard before it lost the connection.
        """
        self.listeners += 1
        try:
            await self._is_ready.wait()
            told, version = self._number_of(known), 0
            while not self._is_over.is_set():
                news = self._news
                if told is None or told + 1 < self._oldest:
                    told = self._last
                    version, state = await asyncio.to_thread(self._state)
                    for chunk in self._written(_Event(told, version, "state", state)):
                        yield chunk
                elif told < self._last:
                    for event in [event for event in self._events if event.number > told]:
                        told = event.number
                        if not event.version or event.version > version:
                            yield b"".join(self._written(event))
                elif not await _within(news, _BEAT_SECONDS):
                    yield b": beat\n\n"
        finally:
            self.listeners -= 1
            self.idle = time.monotonic()

    def _run(self) -> None:
        """Look again and again, in a thread of its own."""
        results, is_first = (-1, False), True
        while not self._is_over.is_set():
            begin = time.thread_time()
            change = self._look()
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server ends
                if change is not None:
                    self._loop.call_soon_threadsafe(self._hear, self.watch.version, change)
                if results != (results := (self.watch.results, self.watch.is_over)):
                    self._loop.call_soon_threadsafe(self._on_results, results[1])
            pause = min(_LOOK_SHARE * (time.thread_time() - begin), _MOST_SECONDS)
            self._is_over.wait(_LOOK_SECONDS if is_first else max(_LOOK_SECONDS, pause))
            is_first = False

    def _look(self) -> bytes | None:
        """What has changed, as JSON; None if nothing has, and nothing of it if all is to be told again.

        Whatever a disk or a damaged file does, the next look may be better.
        """
        before = self.watch.failure
        try:
            change = self.watch.look()
            found = None if change is None else as_json(change) if change else b""
            self.watch.failure = ""
        except Exception as error:
            self.watch.failure = f"{type(error).__name__}: {error}"[:_MOST_LETTERS]
            found = None
        return b"" if self.watch.failure != before else found

    def _hear(self, version: int, data: bytes) -> None:
        self._is_ready.set()
        if data:
            self._add("change", data, version)
        else:  # all is to be told again
            self._last += 2
            self._first = self._last
            self._wake()

    def _add(self, name: str, data: bytes, version: int = 0) -> None:
        self._last += 1
        self._events.append(_Event(self._last, version, name, data))
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _state(self) -> tuple[int, bytes]:
        state = self.watch.state()
        return state["version"], as_json(state)

    @property
    def _oldest(self) -> int:
        """The number of the first event from which on all are known."""
        kept = self._events[0].number if len(self._events) == _MOST_EVENTS else 0
        return max(kept, self._first)

    def _number_of(self, known: str | None) -> int | None:
        mark, _, number = (known or "").partition("-")
        is_known = mark == self._mark and number.isdecimal() and len(number) < 16 and int(number) <= self._last
        return int(number) if is_known else None

    def _written(self, event: _Event) -> Iterator[bytes]:
        """An event as it is sent, in parts of which each is sent before the next is put into memory."""
        head = f"event: {event.name}\nid: {self._mark}-{event.number}\ndata: "
        yield head.encode()
        yield from (event.data[begin : begin + _CHUNK] for begin in range(0, len(event.data), _CHUNK))
        yield b"\n\n"


def as_json(said: Any) -> bytes:
    """Data for a page; halves of characters, which a name or a log may hold, become question marks."""
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


async def _within(done: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        return False
    return True
