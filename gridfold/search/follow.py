"""Watch a search that others execute, from its files alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from gridfold.core.errors import ConfigError
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.protocol import Watcher
from gridfold.propose.protocol import OVER
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import is_infrastructure
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory

_LOOK_SECONDS = 0.5  # between two looks at the runs
_LOOK_SHARE = 10  # a look takes at most this part of the time
_ASK_SECONDS = (2.0, 15.0)  # between two questions to an engine, at first and later
_WAIT_SECONDS = 0.1


@dataclass
class Follower:
    """Tells a watcher what becomes of the runs of a search, as if they were executed here.

    Attributes:
        search: the search.
        watcher: is told.
        retries: how often a worker tries a run again after a fault of its machine.
        failed: how many runs have failed since.
        ended: how many attempts have ended since.
    """

    search: SearchDirectory
    watcher: Watcher
    retries: int = 0
    failed: int = field(default=0, init=False)
    ended: int = field(default=0, init=False)
    _entries: list[RunEntry] = field(default_factory=list, init=False)
    _left: dict[int, RunEntry] = field(default_factory=dict, init=False)
    _heard: set[tuple[int, int]] = field(default_factory=set, init=False)  # runs, and their attempts that have ended
    _faults: Counter[int] = field(default_factory=Counter, init=False)
    _version: object = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._version = self.search.version_of_list()
        for entry in self.search.entries():
            record = self.search.run(entry).read()
            self._entries.append(entry)
            if record and record.is_final:
                self._heard.add((entry.index, record.attempt))
            if not (record and record.is_done):
                self._left[entry.index] = entry

    def wait(self, is_over: Callable[[], bool], interrupt: Interrupt) -> None:
        """Watch until all workers are over, or somebody asks to stop; what ended last is told, too.

        Args:
            is_over: whether they are; asked now and then.
            interrupt: ends the wait.
        """
        begin, asked = time.monotonic(), float("-inf")
        before = interrupt.requests
        while interrupt.requests == before:
            took = self.look()
            now = time.monotonic()
            if now - asked > min(_ASK_SECONDS[1], max(_ASK_SECONDS[0], (now - begin) / 20)):
                asked = now
                if is_over():
                    break
            self._pause(max(_LOOK_SECONDS, _LOOK_SHARE * took), interrupt, before)
        self.look()

    def look(self) -> float:
        """See what has ended since the last look; how many seconds that took."""
        begin = time.monotonic()
        self._see_added()
        for entry in list(self._left.values()):
            self._see(entry)
        return time.monotonic() - begin

    def _see_added(self) -> None:
        version = self.search.version_of_list()
        if version in (None, self._version):
            return
        with suppress(ConfigError):
            added = list(islice(self.search.entries(), len(self._entries), None))
            self._version = version
            self._entries.extend(added)
            self._left.update((entry.index, entry) for entry in added)
            if added:
                self.watcher.added(added)

    def _see(self, entry: RunEntry) -> None:
        run = self.search.run(entry)
        record = run.read()
        if record is None:
            return
        if not record.is_final:
            self.watcher.running(run)
        elif (entry.index, record.attempt) not in self._heard:
            self._heard.add((entry.index, record.attempt))
            self._hear(entry, record)

    def _hear(self, entry: RunEntry, record: Record) -> None:
        again = record.state not in OVER or self._is_tried_again(record)
        self.ended += 1
        self.failed += record.state == "failed" and not again
        self.watcher.ended(self.search.run(entry), record, again=again)
        if record.is_done:
            del self._left[entry.index]

    def _is_tried_again(self, record: Record) -> bool:
        if not (record.error and is_infrastructure(record.error)):
            return False
        self._faults[record.index] += 1
        return self._faults[record.index] <= self.retries

    def _pause(self, seconds: float, interrupt: Interrupt, before: int) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and interrupt.requests == before:
            time.sleep(_WAIT_SECONDS)
