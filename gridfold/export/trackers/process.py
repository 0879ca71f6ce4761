"""The process of one tracker: it follows the run directories of a search until it is told that the search is over.

It is no part of the search: whatever the tool does, or does not do, the search goes on (see
``gridfold.search.tracking``, which starts it).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from gridfold.core.errors import ConfigError, cut
from gridfold.export.trackers import registry
from gridfold.export.trackers.feed import Feed, Told
from gridfold.export.trackers.protocol import RunNews, Tracker
from gridfold.runs.search import SearchDirectory
from gridfold.search.tracking import FOLDER

_LOOK_SECONDS = 2.0  # between two looks at the runs
_LOOK_SHARE = 50  # of the time, a look and what it finds to write take at most this part
_MOST_SECONDS = 60.0
_AGAIN_SECONDS = 10.0  # after a failure; twice that after the next
_MOST_AGAIN_SECONDS = 600.0
_LAST_SECONDS = 5.0  # to wait for another process that writes, when the search is over here
_BATCH = 100  # runs that are remembered together
_BEAT_SECONDS = 0.5
_BEAT_SHARE = 0.02  # of the time: whoever computes less only waits
_MOST_SAID = 500  # characters of an error
# Not to get in the way of the runs: libraries would take all cores.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

Tell = Callable[[str, str], None]
"""Tells the search something of a kind: ``warning``, ``said``, ``alive``, or ``end`` at last."""


def main() -> None:
    """Follow a search for a tracker; the arguments are its name, the search, and where to tell what is to be said."""
    name, directory, output = sys.argv[1:]
    os.nice(10)
    for variable in _THREADS:
        os.environ.setdefault(variable, "1")
    folder = Path(directory) / FOLDER

    def tell(kind: str, text: str = "") -> None:
        with suppress(OSError):
            os.write(int(output), json.dumps([kind, text]).encode() + b"\n")

    try:
        _Following(name, SearchDirectory(directory), folder, tell).to_the_end()
    except (OSError, ConfigError) as error:
        tell("warning", cut(str(error), _MOST_SAID))
    tell("end")
    sys.stdout.flush()
    os._exit(0)  # threads of the tool may wait for something that never comes


def lock_of(name: str, folder: Path) -> FileLock:
    """Is held by whoever writes a search for a tool, to where its data are by default.

    Args:
        name: of the tracker.
        folder: where it remembers what it has told.
    """
    return FileLock(folder / f"{name}.lock")


class _Following:
    """Follows a search for one tracker.

    Args:
        name: of the tracker.
        search: the search.
        folder: where it remembers what it has told.
        tell: tells the search.
    """

    def __init__(self, name: str, search: SearchDirectory, folder: Path, tell: Tell) -> None:
        self._name, self._search, self._tell = name, search, tell
        self._told_of = folder / f"{name}.jsonl"
        self._lock = lock_of(name, folder)
        self._over = threading.Event()
        self._warned: set[str] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def to_the_end(self) -> None:
        """Write until the search is over, once no other process does; after a failure, again."""
        while not self._is_first():
            if self._over.wait(_LOOK_SECONDS):
                if not self._is_first(_LAST_SECONDS):
                    return  # another process executes the search, and its tracker tells all
                break
        seconds = _AGAIN_SECONDS
        while not self._tried():
            if self._over.is_set():
                return
            self._over.wait(seconds)  # if the search ends meanwhile, it is tried once more
            seconds = min(2 * seconds, _MOST_AGAIN_SECONDS)

    def _is_first(self, seconds: float = 0.0) -> bool:
        """Whether no other process writes for the tracker, or soon none does."""
        try:
            self._lock.acquire(timeout=seconds)
        except Timeout:
            return False
        return True

    def _tried(self) -> bool:
        """Write until the search is over; False if the tool failed."""
        try:
            tracker = registry.tracker(self._name)
            self._follow(tracker)
            self._tell("said", tracker.end())
        except ConfigError as error:  # such as that its package is missing: it will be the next time, too
            self._tell("warning", str(error))
        except Exception as error:  # whatever a tool raises
            self._warn(error)
            return False
        return True

    def _follow(self, tracker: Tracker) -> None:
        feed = Feed(self._search, Told(self._told_of))
        tracker.begin(feed.facts())
        while True:
            is_last, begin = self._over.is_set(), time.process_time()
            self._write(tracker, feed, feed.news(is_last=is_last))
            if is_last:
                return
            took = time.process_time() - begin
            self._over.wait(min(_MOST_SECONDS, max(_LOOK_SECONDS, _LOOK_SHARE * took)))

    def _write(self, tracker: Tracker, feed: Feed, news: Iterator[RunNews]) -> None:
        while batch := list(islice(news, _BATCH)):
            tracker.write(batch)
            feed.written()
            if self._over.is_set():
                self._tell("alive", "")

    def _listen(self) -> None:
        """Hear when the search is over; then let it know, as long as this process computes, that it does.

        It waits for that, however long imports take on a busy machine, and not for a tool that hangs.
        """
        while os.read(0, 1):
            pass
        self._over.set()
        before = 0.0
        while True:
            now = time.process_time()
            if now > before + _BEAT_SHARE * _BEAT_SECONDS:
                self._tell("alive", "")
            before = now
            time.sleep(_BEAT_SECONDS)

    def _warn(self, error: Exception) -> None:
        said = cut(f"{type(error).__name__}: {error}".strip(), _MOST_SAID)
        if said not in self._warned:
            self._warned.add(said)
            self._tell("warning", said)
