"""Runs on this machine, several at a time, each in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from gridfold import stages
from gridfold.core.errors import ConfigError
from gridfold.core.process import threads
from gridfold.core.process.identity import MARK, new_session
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.batching import Batch, Batching
from gridfold.executors.local.devices import GpuSlots, Slot
from gridfold.executors.local.processes import ImportServer, ProcessEnded, RunAlone, ServerDiedError, Started
from gridfold.executors.protocol import Watcher
from gridfold.runs.failure import Error, describe, died, is_infrastructure, lost, timed_out
from gridfold.runs.record import Record, now, started
from gridfold.runs.run import Attempt, Run
from gridfold.trainers.protocol import BUILT_IN
from gridfold.worker import TAKEN

Result = TypeVar("Result")

GRACE_SECONDS = 30.0  # between SIGTERM and SIGKILL: enough to write a checkpoint
_MOST_IMPORTS = 4  # one after another, each of which is killed from outside
_POLL_SECONDS = 0.1
_NEWS_SECONDS = 1.0  # that the news of a process's end may take
_VMSTAT = Path("/proc/vmstat")
_DEFAULTS = {
    "PYTHONHASHSEED": "0",  # sets have one order, so that a run gives the same result twice
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # to ask whether there is a GPU does not initialise it
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # to import pyarrow, as pandas does, starts no thread
}


@dataclass
class _Active:
    """A run under way.

    Attributes:
        since: when its process was first seen; None while it waits for the import server.
        shared: seconds of its work that were done before, together with other runs.
        ending: why it was told to end, "interrupted" or "timeout".
        kill_at: when it is killed if it has not ended by then.
        gone_since: when its process was first seen to have ended, while nobody has told of it.
    """

    attempt: Attempt
    slot: Slot | None
    since: float | None = None
    shared: float = 0.0
    ending: str = ""
    kill_at: float = float("inf")
    gone_since: float | None = None


@dataclass
class LocalExecutor:
    """Executes runs by ``gridfold.worker``, forked from an import server; what they print goes to their logs.

    Use it as a context manager: at its end, nothing that it has started is left.

    Attributes:
        parallel: how many runs at a time.
        gpus: GPUs to give to the runs; None to leave the GPUs to the runs.
        timeout: how many seconds a run may take.
        grace: how many seconds a run may take to end when it is told to.
        share: compute once what runs have in common. False, the default, does not; None splits also where a function
            writes a file; True does not split there: a file that is written before is then written once.
        cold: start each run in a new Python process that imports the trainer for itself, instead of forking it.
    """

    parallel: int = 1
    gpus: GpuSlots | None = None
    timeout: float | None = None
    grace: float = GRACE_SECONDS
    share: bool | None = False
    cold: bool = False
    _active: dict[int, _Active] = field(default_factory=dict, init=False)
    _batching: Batching = field(init=False)
    _batch: Batch | None = field(default=None, init=False)
    _alone: deque[Attempt] = field(default_factory=deque, init=False)
    _started: int = field(default=0, init=False)
    _server: ImportServer | None = field(default=None, init=False)
    _cold: bool = field(init=False)
    _session: str = field(default_factory=new_session, init=False)
    _memory_kills: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._batching = Batching(gpus=self.gpus is not None)
        self._cold = self.cold

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_server()

    def call(self, trainer: str | Sequence[str], function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function where the trainer is imported, in a process of its own; see ``ImportServer.call``.

        Raises:
            ConfigError: importing the trainer ends the process.
            ChildProcessError: the process was killed from outside, again and again.
        """
        died_before = 0
        while True:
            try:
                return self._connected(trainer).call(function, *arguments)
            except ServerDiedError as error:
                self._close_server()
                if not is_infrastructure(died(error.status)):
                    raise ConfigError(f"importing it ends the process: {error}", path="gridfold.trainer") from None
                died_before += 1
                if died_before == _MOST_IMPORTS:
                    raise ChildProcessError(f"the process that imports the trainer was killed ({error})") from None

    def execute(
        self, attempts: Iterable[Attempt | None], watcher: Watcher, interrupt: Interrupt
    ) -> Iterator[tuple[Attempt, Record]]:
        """Execute the attempts; a run that ends makes room for the next at once."""
        waiting = (attempt and self._own(attempt) for attempt in attempts)
        self._memory_kills = _memory_kills()
        more = True
        while True:
            if not (interrupt.requests or interrupt.holds or self._batch):
                more = self._fill(waiting)
            stops = bool(interrupt.requests or interrupt.holds)
            if not (self._active or self._batch) and (stops or not more):
                break
            for active, record in self._ended(interrupt):
                yield active.attempt, record
            self._end_overdue(interrupt)
            self._end_overdue_batch(interrupt)
            yield from ((active.attempt, record) for active, record in self._forgotten())
            for active in self._active.values():
                if active.since is not None:
                    watcher.running(active.attempt.run)
        if stops:
            self._close_server()  # what was told to start, and then to stop, shall not begin behind our back
            yield from ((active.attempt, record) for active, record in self._unheard_of())

    def _fill(self, waiting: Iterator[Attempt | None]) -> bool:
        """Start attempts while there is room; False if there are no more."""
        if self.share is not False and not self._alone and not self._active and self._start_batch(waiting):
            return True
        while len(self._active) < self.parallel:
            attempt = self._alone.popleft() if self._alone else next(waiting, False)
            if not isinstance(attempt, Attempt):
                return attempt is None
            slot = self.gpus.acquire() if self.gpus else None
            if self.gpus and slot is None:
                self._alone.appendleft(attempt)
                return True
            self._start(_Active(attempt, slot))
        return True

    def _start_batch(self, waiting: Iterator[Attempt | None]) -> bool:
        """Start a batch of what can be had now; False if that makes none."""
        attempts, together = self._batching.next_batch(waiting)
        if not together:
            self._alone.extend(attempts)
            return False
        batch = self._batch = Batch.of(attempts, self._started + 1)
        self._started += 1 + len(attempts)
        with contextlib.suppress(ServerDiedError):  # the next look at what has happened finds out
            trainer = attempts[0].record.trainer
            trusted = bool(self.share) or trainer == BUILT_IN
            self._connected(trainer).grow(batch.key, batch.name, batch.waiting, self.parallel, trusted=trusted)
        return True

    def _end_batch(self, reason: str = "") -> None:
        """Leave what has not begun to be run alone."""
        if self._batch:
            self._alone.extend(self._batch.end(reason))
            self._batch = None

    def _hear(self, news: Started | ProcessEnded | RunAlone, interrupt: Interrupt) -> Iterator[tuple[_Active, Record]]:
        """What has happened, as far as it ends a run."""
        batch = self._batch
        if isinstance(news, Started):
            if batch and (attempt := batch.begin(news.key)):
                self._active[news.key] = _Active(attempt, None, batch.since, news.shared)
        elif isinstance(news, RunAlone):
            self._alone.extend(batch.leave(news.keys) if batch else ())
        elif batch and news.key == batch.key:
            self._end_batch(news.reason)
        else:
            if news.key in self._active:
                yield self._close(self._active.pop(news.key), news)
            if batch:
                batch.move()
            if news.token is not None and self._server and not (interrupt.requests or interrupt.holds):
                self._server.grant(news.token)

    def _start(self, active: _Active) -> None:
        self._started += 1
        self._active[self._started] = active
        environment = {"CUDA_VISIBLE_DEVICES": active.slot.gpu} if active.slot else {}
        try:
            self._connected(active.attempt.record.trainer).start(self._started, active.attempt, environment)
        except ServerDiedError:
            return  # the next look at what has ended finds out

    def _ended(self, interrupt: Interrupt) -> Iterator[tuple[_Active, Record]]:
        """The runs that have ended, with their final records."""
        if self._server is None or not (self._active or self._batch):
            time.sleep(_POLL_SECONDS)
            return
        try:
            for news in self._server.happened(_POLL_SECONDS):
                yield from self._hear(news, interrupt)
        except ServerDiedError:
            again = not self._server.ready and not self._cold  # importing the trainer kills: each run shall say so
            self._cold = self._cold or again
            self._close_server()
            self._end_batch()
            left, self._active = list(self._active.values()), {}
            for active in left:
                if again:
                    self._start(active)
                else:
                    yield self._close(active, None)

    def _close(self, active: _Active, ended: ProcessEnded | None) -> tuple[_Active, Record]:
        self._release(active.slot)
        return active, self._final_record(active, ended)

    def _final_record(self, active: _Active, ended: ProcessEnded | None) -> Record:
        """What the run's record says in the end; written here if its process could not."""
        run, record = active.attempt.run, active.attempt.record
        found = run.read()
        if ended and ended.status == TAKEN and found and found.pid != ended.pid:
            ended = None  # it had begun before, and was killed before it was heard of
        if found and found.attempt == record.attempt and found.session == record.session:
            if found.state == "completed" or (found.is_final and not active.ending):
                return found
            record = found
        seconds = time.monotonic() - active.since if active.since else 0.0
        record = replace(record if record.started else started(record), ended=now(), seconds=round(seconds, 3))
        if active.ending == "interrupted":
            record = replace(record, state="interrupted", error=None)
        else:
            record = replace(record, state="failed", error=self._error(active, ended))
        try:
            is_own = run.conclude(record)
        except OSError as error:
            return replace(record, state="failed", error=describe(error))
        return record if is_own else run.read() or active.attempt.record

    def _error(self, active: _Active, ended: ProcessEnded | None) -> Error:
        if active.ending == "timeout" and self.timeout:
            return timed_out(self.timeout)
        if ended is None or ended.pid is None:
            return lost(ended.reason if ended else "the import server was killed")
        kills, self._memory_kills = self._memory_kills, _memory_kills()
        return died(ended.status, killed_for_memory=ended.status == -signal.SIGKILL and self._memory_kills > kills)

    def _end_overdue(self, interrupt: Interrupt) -> None:
        """Tell the runs to end whose time is over, or all if the search is to stop; kill those that do not."""
        moment = time.monotonic()
        for key, active in list(self._active.items()):
            if active.since is None and self._server and self._server.has_started(key):
                active.since = moment
            if active.since is None:
                if interrupt.requests > 1 or (interrupt.requests and self._server and not self._server.ready):
                    del self._active[key]  # it waits for imports and has not begun
                    self._alone.append(active.attempt)
                    self._release(active.slot)
            elif interrupt.requests and not active.ending:
                self._end(key, active, "interrupted")
            elif self.timeout and moment - active.since + active.shared > self.timeout and not active.ending:
                self._end(key, active, "timeout")
            if moment > active.kill_at or interrupt.requests > 1:
                self._signal(key, signal.SIGKILL)

    def _forgotten(self) -> Iterator[tuple[_Active, Record]]:
        """The runs of a batch whose end nobody told of for a while."""
        gone = set(self._server.forgotten()) if self._server else set()
        moment = time.monotonic()
        for key in gone & self._active.keys():
            active = self._active[key]
            active.gone_since = active.gone_since or moment
            if moment - active.gone_since > _NEWS_SECONDS and self._server:
                self._server.forget(key)
                yield self._close(self._active.pop(key), None)

    def _unheard_of(self) -> Iterator[tuple[_Active, Record]]:
        """The runs that had begun, and were killed with the import server before that was told."""
        for attempt in [each for each in self._alone if _is_lost(each.run, each.record)]:
            self._alone.remove(attempt)
            yield self._close(_Active(attempt, None, ending="interrupted"), None)

    def _end_overdue_batch(self, interrupt: Interrupt) -> None:
        """Kill a batch of which no run shall begin any more, or whose shared part hangs: each shall time out by itself.

        Those that begin in this moment are heard of before the end of the batch.
        """
        batch = self._batch
        if batch is None or self._active:
            return
        stops = interrupt.requests or interrupt.holds
        begun = self._server is not None and self._server.has_started(batch.key)
        if not begun:
            batch.move()  # it waits for the imports
        if stops and (interrupt.requests > 1 or not begun):
            self._close_server()
            self._end_batch()
        elif stops or (self.timeout and time.monotonic() - batch.since > self.timeout):
            self._signal(batch.key, signal.SIGKILL)

    def _end(self, key: int, active: _Active, reason: str) -> None:
        active.ending = reason
        active.kill_at = time.monotonic() + self.grace
        self._signal(key, signal.SIGTERM)

    def _signal(self, key: int, number: int) -> None:
        if self._server:
            self._server.signal(key, number)

    def _release(self, slot: Slot | None) -> None:
        if self.gpus and slot:
            self.gpus.release(slot)

    def _connected(self, trainer: str | Sequence[str]) -> ImportServer:
        if self._server is None:
            # Without sharing, every run does everything itself.
            alone = {stages.LIMIT: "0"} if self.share is False else {}
            self._server = ImportServer(trainer, {**self._environment(), **alone}, cold=self._cold)
        return self._server

    def _environment(self) -> Mapping[str, str]:
        """Of the import server and all runs; what the user has set comes first, except for the number of threads."""
        return {**_DEFAULTS, **os.environ, **threads.environment(1), MARK: self._session}

    def _own(self, attempt: Attempt) -> Attempt:
        """The attempt, as one that processes of this executor make."""
        return replace(attempt, record=replace(attempt.record, session=self._session))

    def _close_server(self) -> None:
        if self._server:
            self._server.close()
            self._server = None


def _is_lost(run: Run, wanted: Record) -> bool:
    """Whether a process of this search has the attempt, is dead, and did not say how it ended."""
    record = run.judged() if run.claims.is_of(wanted) else None
    return record is not None and record.state == "lost" and record.attempt == wanted.attempt


def _memory_kills() -> int:
    """How many processes the kernel has killed since boot because there was no memory left."""
    try:
        counts = dict(line.split() for line in _VMSTAT.read_text().splitlines())
        return int(counts.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0
