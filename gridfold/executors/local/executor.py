"""Runs on this machine, several at a time, each in a process group of its own."""

from __future__ import annotations

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from gridfold import stages
from gridfold.core.errors import ConfigError
from gridfold.core.process.identity import MARK, new_session
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.ending import Ending, MemoryKills, Told
from gridfold.executors.local.active import Active, is_lost, may_end_with_search
from gridfold.executors.local.batching import Batch, Batching
from gridfold.executors.local.devices import GpuGroups, GpuSlots
from gridfold.executors.local.places import Places
from gridfold.executors.local.processes import (
    Asks,
    GivenBack,
    ImportServer,
    News,
    ProcessEnded,
    RunAlone,
    ServerDiedError,
    Started,
)
from gridfold.executors.local.room import room
from gridfold.executors.local.sleepers import GO_ON, Sleepers
from gridfold.executors.protocol import STOP, WAIT, Options, Pruner, Result, Verdict, Watcher
from gridfold.runs.failure import died, is_infrastructure
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt
from gridfold.trainers.protocol import BUILT_IN
from gridfold.trainers.warm.script import why_cold
from gridfold.worker import TAKEN, environment

GRACE_SECONDS = 30.0  # between SIGTERM and SIGKILL: enough to write a checkpoint
_MOST_IMPORTS = 4  # one after another, each of which is killed from outside
_POLL_SECONDS = 0.1
_NEWS_SECONDS = 1.0  # that the news of a process's end may take
_FENCE_SECONDS = 5.0  # between two looks whether a run was taken over, by who took its process for dead


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
        frozen_memory: how many bytes the runs may have together that wait; None for half of what is free.
        session: of all processes that it starts.
    """

    prunes = True
    parallel: int = 1
    gpus: GpuSlots | GpuGroups | None = None
    timeout: float | None = None
    grace: float = GRACE_SECONDS
    share: bool | None = False
    cold: bool = False
    frozen_memory: int | None = None
    _active: dict[int, Active] = field(default_factory=dict, init=False)
    _places: Places = field(init=False)
    _batching: Batching = field(init=False)
    _batch: Batch | None = field(default=None, init=False)
    _alone: deque[Attempt] = field(default_factory=deque, init=False)
    _started: int = field(default=0, init=False)
    _server: ImportServer | None = field(default=None, init=False)
    _cold: bool = field(init=False)
    session: str = field(default_factory=new_session, init=False)
    _memory_kills: MemoryKills = field(default_factory=MemoryKills, init=False)
    _next_fence: float = field(default=0.0, init=False)
    _next_look: float = field(default=0.0, init=False)
    _sleepers: Sleepers = field(init=False)

    def __post_init__(self) -> None:
        self._places = Places(self.gpus)
        self._batching = Batching(self._places.are_groups)
        self._cold = self.cold
        self._sleepers = Sleepers(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_server()

    def call(self, trainer: str | Sequence[str], function: Callable[..., Result], *arguments: Any) -> Result:
        """Call a function where the trainer is imported, in a process of its own; see ``ImportServer.call``.

        Raises:
            ConfigError: importing the trainer, or the function, ends the process.
            ChildProcessError: the process was killed from outside, again and again.
        """
        died_before = 0
        while True:
            try:
                return self._connected(trainer).call(function, *arguments)
            except ServerDiedError as error:
                self._close_server()
                if not is_infrastructure(died(error.status)):
                    raise ConfigError(f"{error.doing} it ends the process: {error}", path="gridfold.trainer") from None
                died_before += 1
                if died_before == _MOST_IMPORTS:
                    raise ChildProcessError(f"the process that imports the trainer was killed ({error})") from None

    def stop(self, attempt: Attempt) -> None:
        """Tell one run to stop, under way or not."""
        attempt.run.tell_to_stop(attempt.record.attempt)

    def execute(
        self,
        attempts: Iterable[Attempt | None],
        watcher: Watcher,
        interrupt: Interrupt,
        pruner: Pruner | None = None,
    ) -> Iterator[tuple[Attempt, Record]]:
        """Execute the attempts; a run that ends makes room for the next at once, as does one that waits."""
        waiting = (attempt and self._own(attempt) for attempt in attempts)
        self._memory_kills = MemoryKills()
        self._sleepers = Sleepers(pruner, self.frozen_memory)
        more = True
        while True:
            if not (interrupt.requests or interrupt.holds or (self._batch and self._batch.waiting)):
                more = self._fill(waiting)
            elif not (interrupt.requests or interrupt.holds):
                self._add_places()
            self._wake_sleepers(interrupt)
            stops = bool(interrupt.requests or interrupt.holds)
            if not (self._active or self._batch) and (stops or not more):
                break
            for active, record in self._ended(interrupt):
                yield active.attempt, record
            self._end_overdue(interrupt)
            self._end_overdue_batch(interrupt)
            yield from ((active.attempt, record) for active, record in self._forgotten(interrupt))
            self._show(watcher)
        if stops:
            self._close_server()  # what was told to start, and then to stop, shall not begin behind our back
            yield from ((active.attempt, record) for active, record in self._unheard_of(interrupt))

    def _show(self, watcher: Watcher) -> None:
        for key, active in self._active.items():
            if active.since is not None:
                (watcher.waits if key in self._sleepers else watcher.running)(active.attempt.run)

    def _fill(self, waiting: Iterator[Attempt | None]) -> bool:
        """Start attempts while there is room; False if there are no more."""
        while self._has_room and (found := self._sleepers.next("wanted")):
            self._wake(*found)
        if self.share is not False and not self._alone and self._has_room and self._start_batch(waiting):
            return True
        while self._has_room:
            attempt = self._alone.popleft() if self._alone else next(waiting, False)
            if not isinstance(attempt, Attempt):
                return attempt is None
            slot = self.gpus.acquire() if self.gpus else None
            if self.gpus and slot is None:
                self._alone.appendleft(attempt)
                return True
            self._start(Active(attempt, slot))
        return True

    def _wake_sleepers(self, interrupt: Interrupt) -> None:
        """Give the places that are free, and that nobody else wants now, to runs that wait."""
        if interrupt.requests or not self._sleepers:
            return  # those that wait are told to end
        if self._batch and self._batch.waiting and not interrupt.holds:
            while self._server and (found := self._sleepers.next("wanted")) and self._server.take_back():
                self._wake(*found)
            return
        while self._has_room:
            is_idle = all(active.told == "stopped" for key, active in self._active.items() if key not in self._sleepers)
            found = self._sleepers.next("none" if interrupt.holds else "idle" if is_idle else "free")
            if found is None:
                return
            self._wake(*found)

    def _wake(self, key: int, verdict: Verdict) -> None:
        """Let a run go on that waits, or end."""
        active = self._active[key]
        active.waited += self._sleepers.wake(key, verdict)
        if verdict == STOP:
            active.told, active.kill_at = "stopped", time.monotonic() + self.grace

    def _judge(self, asks: Asks, interrupt: Interrupt) -> None:
        """Answer a run that asks whether it may go on."""
        active = self._active.get(asks.key)
        ends = active is None or active.told is not None or interrupt.requests
        attempt = active.attempt if active and not ends else None
        verdict = self._sleepers.judge(asks, attempt, may_wait=self.gpus is None)
        if active and verdict == STOP:
            active.told, active.kill_at = "stopped", time.monotonic() + self.grace
        if verdict == WAIT and not interrupt.holds:
            self._vacate()

    def _vacate(self, token: int = 0) -> None:
        """Give a place away that is free now: to a run that waits, or to a process of the batch."""
        if found := self._sleepers.next("wanted"):
            self._wake(*found)
        elif self._server and self._batch and self._batch.waiting:
            self._batch.move()
            self._server.grant(token)
        else:
            self._places.free(token)

    @property
    def asleep(self) -> int:
        """How many runs wait, and have given their places away."""
        return len(self._sleepers)

    @property
    def _has_room(self) -> bool:
        return len(self._active) - self.asleep < self.parallel

    def _start_batch(self, waiting: Iterator[Attempt | None]) -> bool:
        """Start a batch of what can be had now; False if that makes none."""
        attempts, together = self._batching.next_batch(waiting)
        if not together:
            self._alone.extend(attempts)
            return False
        self._end_batch()  # of which some runs may be under way
        places = self._places.take(self.parallel - len(self._active) + len(self._sleepers))
        if not places:  # others use all GPUs
            self._batching.put_back(attempts)
            return True
        batch = self._batch = Batch.of(attempts, self._started + 1)
        self._started += 1 + len(attempts)
        with contextlib.suppress(ServerDiedError):  # the next look at what has happened finds out
            trainer = attempts[0].record.trainer
            trusted = bool(self.share) or trainer == BUILT_IN
            gpus, asks_at = self._places.gpus, self._sleepers.asks_at
            self._connected(trainer).grow(batch, places, gpus, trusted=trusted, asks_at=asks_at)
        return True

    def _add_places(self) -> None:
        """Let more processes of the batch work if there are GPUs for them by now."""
        if self._server:
            self._server.grant(*self._places.more(self.parallel, self._active.values()))

    def _end_batch(self, reason: str = "") -> None:
        """Leave what has not begun to be run alone."""
        if self._batch:
            self._alone.extend(self._batch.end(reason))
            self._batch = None
            self._places.keep({active.token for active in self._active.values()})

    def _hear(self, news: News, interrupt: Interrupt) -> Iterator[tuple[Active, Record]]:
        """What has happened, as far as it ends a run."""
        batch = self._batch
        if isinstance(news, Started):
            if batch and (attempt := batch.begin(news.key)):
                self._active[news.key] = Active(attempt, None, batch.since, news.shared, token=news.token)
        elif isinstance(news, Asks):
            self._judge(news, interrupt)
        elif isinstance(news, RunAlone | GivenBack):
            yield from self._leave(news)
        elif batch and news.key == batch.key:
            self._end_batch(news.reason)
        else:
            yield from self._hear_end(news, interrupt)

    def _hear_end(self, ended: ProcessEnded, interrupt: Interrupt) -> Iterator[tuple[Active, Record]]:
        """A process has ended, of a run or of one that has split."""
        has_run, has_place = ended.key in self._active, ended.key not in self._sleepers
        self._sleepers.forget(ended.key)
        if has_run:
            yield self._close(self._active.pop(ended.key), ended, interrupt)
        if self._batch:
            self._batch.move()
        has_place &= has_run or ended.token is not None
        if has_place and not (interrupt.requests or interrupt.holds):
            self._vacate(ended.token or 0)
        else:
            self._places.free(ended.token)

    def _leave(self, news: RunAlone | GivenBack) -> Iterator[tuple[Active, Record]]:
        """Have runs of a batch run alone, or give them back as they are."""
        left = self._batch.leave(news.keys) if self._batch else []
        if isinstance(news, GivenBack):
            yield from ((Active(attempt, None), attempt.record) for attempt in left)
        else:
            self._alone.extend(left)

    def _start(self, active: Active) -> None:
        self._started += 1
        self._active[self._started] = active
        environment = {"CUDA_VISIBLE_DEVICES": active.slot.gpu} if active.slot else {}
        try:
            server = self._connected(active.attempt.record.trainer)
            server.start(self._started, active.attempt, environment, self._sleepers.asks_at)
        except ServerDiedError:
            return  # the next look at what has ended finds out

    def _ended(self, interrupt: Interrupt) -> Iterator[tuple[Active, Record]]:
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
            for key in self._sleepers.attempts():
                self._sleepers.forget(key)
            for active in left:
                if again:
                    self._start(active)
                else:
                    yield self._close(active, None, interrupt)

    def _close(self, active: Active, ended: ProcessEnded | None, interrupt: Interrupt) -> tuple[Active, Record]:
        """The run with its final record, which is written here if its process could not."""
        self._places.release(active.slot)
        seconds = active.seconds()
        status = ended.status if ended and ended.pid else None
        reason = (ended and ended.reason) or "the import server was killed"
        told = active.told
        if told is None and status not in (0, TAKEN) and may_end_with_search(active.attempt, interrupt):
            told = "interrupted"
        return active, Ending(status, seconds, told, reason, self._memory_kills).conclude(active.attempt)

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
                    self._places.release(active.slot)
            elif interrupt.requests and active.told is None:
                self._end(key, active, "interrupted", interrupt.grace)
            elif self._is_overdue(key, active):
                self._end(key, active, self.timeout)
            if moment > active.kill_at or interrupt.requests > 1:
                self._signal(key, signal.SIGKILL)
        self._end_superseded(moment)

    def _is_overdue(self, key: int, active: Active) -> bool:
        is_free = self.timeout is None or active.told is not None or key in self._sleepers
        return not is_free and active.seconds() + active.shared > (self.timeout or 0.0)

    def _end_superseded(self, moment: float) -> None:
        """Kill the runs that others have taken over."""
        if moment < self._next_fence:
            return
        self._next_fence = moment + _FENCE_SECONDS
        for key, active in self._active.items():
            if active.attempt.run.claims.has(active.attempt.record.attempt + 1):
                self._signal(key, signal.SIGKILL)

    def _forgotten(self, interrupt: Interrupt) -> Iterator[tuple[Active, Record]]:
        """The runs of a batch whose end nobody told of for a while."""
        if not self._server or (moment := time.monotonic()) < self._next_look:
            return
        self._next_look, gone = moment + _POLL_SECONDS, set(self._server.forgotten())
        for key in gone & self._active.keys():
            active = self._active[key]
            active.gone_since = active.gone_since or moment
            if moment - active.gone_since > _NEWS_SECONDS and self._server:
                self._server.forget(key)
                self._places.free(active.token)
                yield self._close(self._active.pop(key), None, interrupt)

    def _unheard_of(self, interrupt: Interrupt) -> Iterator[tuple[Active, Record]]:
        """The runs that had begun, and were killed with the import server before that was told."""
        for attempt in [each for each in self._alone if is_lost(each.run, each.record)]:
            self._alone.remove(attempt)
            yield self._close(Active(attempt, None, told="interrupted"), None, interrupt)

    def _end_overdue_batch(self, interrupt: Interrupt) -> None:
        """Kill a batch of which no run shall begin any more, or whose shared part hangs: each shall time out by itself.

        Those that begin in this moment are heard of before the end of the batch.
        """
        batch = self._batch
        if batch is None or len(self._active) > len(self._sleepers):
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

    def _end(self, key: int, active: Active, told: Told, grace: float | None = None) -> None:
        active.told = told
        active.kill_at = time.monotonic() + (self.grace if grace is None else grace)
        self._signal(key, signal.SIGTERM)
        if key in self._sleepers:  # it hears that when it goes on
            active.waited += self._sleepers.wake(key, GO_ON)

    def _signal(self, key: int, number: int) -> None:
        if self._server:
            self._server.signal(key, number)

    def _connected(self, trainer: str | Sequence[str]) -> ImportServer:
        if self._server is None:
            # Without sharing, every run does everything itself.
            alone = {stages.LIMIT: "0"} if self.share is False else {}
            warm = self.share is not False and not isinstance(trainer, str) and not why_cold(trainer)
            self._server = ImportServer(
                trainer, {**environment(), MARK: self.session, **alone}, cold=self._cold, warm=warm
            )
        return self._server

    def _own(self, attempt: Attempt) -> Attempt:
        """The attempt, as one that processes of this executor make."""
        return replace(attempt, record=attempt.record.changed(session=self.session))

    def _close_server(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
            self._places.keep(())


def start(options: Options) -> LocalExecutor:
    """The executor that ``--executor local`` names, which is the default.

    Raises:
        ConfigError: there are too few GPUs.
    """
    parallel, gpus = room(options)
    share, cold, most = options.share, options.cold, options.frozen_memory
    return LocalExecutor(parallel, gpus, options.timeout, share=share, cold=cold, frozen_memory=most)
