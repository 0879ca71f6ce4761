"""What is left to do of a search: which runs, and which attempt at each."""

from __future__ import annotations

import os
import statistics
import time
from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.process.identity import Owner
from gridfold.core.process.liveness import PROCESS, Life, asked_here, engine_here
from gridfold.propose.protocol import OVER, Answer, Nothing, Proposer
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.search.attempts import record_of
from gridfold.search.directories import extend, restore
from gridfold.search.leases import Leases
from gridfold.search.made import Made
from gridfold.search.plan import Plan, plan_of

_MOST_LISTED = 1000  # runs at a time: as many as may share their work
_LOOK_SECONDS = 1.0  # between two looks at what other processes did
_LOOK_SHARE = 20  # a look takes at most this part of the time
_PATIENCE = (3.0, 30.0)  # seconds, at least and at most, to wait for runs that others execute
_WAIT_SECONDS = 0.2
_RECENT = 100  # runs that an expected duration is taken from


@dataclass
class Pending:
    """The runs of a search that are not done, and what is known of the others.

    It goes with the search: attempts are taken from it, its proposer is asked for more runs and told what came of each,
    and what other processes add or bring to an end is seen.

    Attributes:
        search: the search.
        code: the fingerprint of the code that the runs are to be executed with; None if it is not known yet.
        proposer: says which runs are listed beside those that are.
        on_added: each is called with the runs that were listed since; it may ``drop`` some.
        on_over: each is called with a run that is over, by whoever.
        total: how many runs the search has.
        completed: how many are done.
        failed: how many failed, whether they are to be tried again or not.
        held: the runs that other living processes execute, or processes of machines that cannot be asked.
        damaged: the runs whose record cannot be read; they count as not done.
        made: with what code and data the completed runs were made.
        longest: how many seconds the longest of them took.
        asks: who is asked whether the processes live that this one starts: its machine, or an engine about its job.
        places: how many runs this process executes at a time: a proposer that is lazy is asked for no more.
        asleep: gives how many of them wait, and have given their places away.
    """

    search: SearchDirectory
    code: str | None = None
    proposer: Proposer = field(default_factory=Nothing)
    on_added: list[Callable[[Sequence[RunEntry]], None]] = field(default_factory=list)
    on_over: list[Callable[[RunEntry, Record], None]] = field(default_factory=list)
    total: int = 0
    completed: int = 0
    failed: int = 0
    held: dict[int, tuple[RunEntry, Owner]] = field(default_factory=dict)
    damaged: list[RunEntry] = field(default_factory=list)
    made: Made = field(init=False)
    longest: float = 0.0
    asks: str = PROCESS
    places: int = 1
    asleep: Callable[[], int] = lambda: 0
    _only: Callable[[RunEntry], bool] = lambda _: True
    _only_failed: bool = False
    _tried_again: Collection[tuple[int, int]] | None = None
    _gone: Collection[str] = ()
    _finishes: bool = False
    _facts: dict[str, Any] = field(init=False)
    _sessions: set[str] = field(default_factory=set, init=False)  # of earlier attempts, of which nothing is left
    _attempts: array[int] = field(default_factory=lambda: array("I"), init=False)  # to make at each run; 0 for none
    _waiting: Iterator[RunEntry] = field(init=False)
    _later: deque[RunEntry] = field(default_factory=deque, init=False)  # were added, or left by other processes
    _taken: dict[int, RunEntry] = field(default_factory=dict, init=False)
    _version: object = field(default=None, init=False)  # of the list of runs, when it was read last
    _leases: Leases | None = field(default=None, init=False)
    _given: int = field(default=0, init=False)  # attempts of the lease
    _pauses: bool = field(default=False, init=False)  # between two leases
    _means: dict[bool, list[float]] = field(init=False)  # of completed runs, and their number; True: of a batch
    _next_look: float = field(default=0.0, init=False)
    _interrupted: bool = False
    _undecided: set[int] = field(default_factory=set, init=False)  # of those held: whether they go on is to be seen
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT), init=False)
    _last_news: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        self._facts = self.search.facts()
        self.made = Made(self.search)
        self._means = {True: [0.0, 0], False: [0.0, 0]}

    @classmethod
    def read(  # noqa: PLR0913 - what a user may say
        cls,
        search: SearchDirectory,
        code: str | None = None,
        proposer: Proposer | None = None,
        *,
        only_failed: bool = False,
        only: Callable[[RunEntry], bool] = lambda _: True,
        tried_again: Collection[tuple[int, int]] | None = None,
        gone: Collection[str] = (),
        finishes: bool = False,
    ) -> Pending:
        """Look at every run of a search.

        Args:
            search: the search.
            code: what the runs are to be executed with.
            proposer: says which runs are to be listed beside those that are; None if it is to be no more.
            only_failed: try those again that failed, and leave those that were never tried or were interrupted.
            only: leave those for which it says no.
            tried_again: of those that failed, leave all but these: indices of runs, and the attempts that failed.
            gone: names of machines and containers that are known to be gone, so that whatever ran there is dead.
            finishes: bring runs to their end that the search has stopped before.
        """
        pending = cls(search, code, proposer or Nothing(), asks=asked_here(engine_here()))
        pending._only, pending._only_failed, pending._tried_again, pending._gone = only, only_failed, tried_again, gone
        pending._finishes = finishes
        pending._version = search.version_of_list()
        for entry in search.entries():
            pending._add(entry)
        pending._waiting = islice(search.entries(), pending.total)
        return pending

    def __len__(self) -> int:
        return sum(attempt > 0 for attempt in self._attempts)

    @property
    def has_more(self) -> bool:
        """Whether runs are to be executed, or to be listed, now or later."""
        return len(self) > 0 or self.proposer.ask(1) != "done"

    def entries(self) -> Iterator[RunEntry]:
        """The runs that are to be executed."""
        return (entry for entry, attempt in zip(self.search.entries(), self._attempts, strict=False) if attempt)

    def share_with(self, worker: str) -> None:
        """Be one of the search's workers, which share the runs among themselves; for the name see `Leases`."""
        self._leases = Leases(self.search, worker, self._facts)
        self._waiting = iter(())

    def take(self) -> Attempt | Answer:
        """The next attempt to make; ``later`` if that depends on runs under way, ``done`` if there is none.

        It is ``later``, too, when what this worker has in view is used up: what begins together is of one lease.
        What other processes did is looked at when nothing is left that was listed before.

        Raises:
            OSError, ConfigError: a run cannot be made, or those that are proposed cannot be listed.
        """
        self._pauses = False
        while True:
            for entry in self._listed():
                if attempt := self._mine(entry):
                    return attempt
            if self._is_used_up():
                return "later"
            if not self._take_lease() and not self._look() and (answer := self.ask()):
                return "later" if answer == "done" and self._leaves_some() else answer

    def _mine(self, entry: RunEntry) -> Attempt | None:
        """The attempt to make at a run; None if there is none, or another worker has the run in view."""
        leases = self._leases
        if (leases and not leases.has(entry.index)) or not (attempt := self.attempt(entry)):
            return None
        self._attempts[entry.index] = 0
        self._taken[entry.index] = entry
        self._given += 1
        return replace(attempt, lease=leases.number, beside=not leases.is_alone) if leases else attempt

    def _is_used_up(self) -> bool:
        """Whether this worker just came to the end of what it has in view, beside others."""
        self._pauses = self._given > 0 and self._leases is not None and not self._leases.is_alone
        self._given = 0
        return self._pauses

    def _take_lease(self) -> bool:
        """Take more runs into view; whether there are some."""
        if self._leases is None or not any(self._attempts):
            return False
        runs = self._leases.take(self._attempts, self._waits, self._own_seconds)
        if runs:
            self._waiting = islice(self.search.entries_at(array("I", runs)), None)  # not closed when one was taken
        return len(runs) > 0

    @property
    def _own_seconds(self) -> float:
        """What a completed run took beside what it shared; 0 if none is known."""
        total, count = self._means[True] if self._means[True][1] else self._means[False]
        return total / max(1, count)

    def _waits(self, index: int) -> bool:
        """Whether nobody has begun a run that is listed as one to make; looks."""
        entry = next(self.search.entries_at([index]))
        if self.search.run(entry).claims.has(self._attempts[index]):
            self._attempts[index] = 0
            self._see(entry)
        return self._attempts[index] > 0

    def _leaves_some(self) -> bool:
        """Whether runs wait in the view of others, and are better left to them for now."""
        return self._leases is not None and any(self._attempts)

    def ask(self) -> Answer | None:
        """Have the runs listed that the proposer names; its answer if it names none.

        Raises:
            OSError, ConfigError: they cannot be listed.
        """
        if self.proposer.is_lazy and len(self._taken) - self.asleep() >= self.places:
            return "later"
        proposed = self.proposer.ask(_MOST_LISTED)
        if isinstance(proposed, str):
            return proposed
        extend(self.search, self._plan, proposed, behind=self.total)
        return None if self._see_added() else "later"

    def attempt(self, entry: RunEntry) -> Attempt | None:
        """The attempt to make at a run; None if there is none, or another process was first.

        Raises:
            OSError, ConfigError: its directory was removed, and cannot be made again.
        """
        run, attempt = self.search.run(entry), self._attempts[entry.index]
        if not attempt:
            return None
        if run.claims.has(attempt):
            self._attempts[entry.index] = 0
            self._see(entry)
            return None
        if not os.path.exists(run.config_path):  # noqa: PTH110 - asked for each run
            restore(self.search, self._plan, entry)
        if attempt > 1 and not self._is_clean(run, attempt - 1):
            self.search.log(f"skipping run {entry.index}: processes of attempt {attempt - 1} are still alive")
            self._attempts[entry.index] = 0
            return None
        return Attempt(run, record_of(self._facts | {"search": self.search.name}, entry, attempt, self.code, self.asks))

    def release(self) -> None:
        """Let every machine know of attempts whose process has died here: no other one can see that it is dead."""
        for entry in self.entries():
            run = self.search.run(entry)
            _, attempt, owner, life = run.standing()
            is_of_here = owner is not None and owner.asks == PROCESS and life == "dead"
            if is_of_here and self._is_clean(run, attempt) and (record := run.judged()) and record.state == "lost":
                run.conclude(replace(record, state="interrupted"))

    def ended(self, record: Record) -> None:
        """Hear how an attempt has ended that was taken; if it is not final, another process has the run."""
        entry = self._taken.pop(record.index)
        if record.is_final:
            self._hear(entry, record)
        else:
            self._see(entry)

    def drop(self, entry: RunEntry, record: Record) -> None:
        """Take a run off the list, because it has a result."""
        self._attempts[entry.index] = 0
        self._hear(entry, record)

    def awaits_others(self, answer: Answer) -> bool:
        """Whether to wait for what other processes do, when there is nothing to take.

        If more runs depend on theirs, or if a run may be left over soon, which nobody else would execute.
        """
        if self.has_others:
            return True
        if answer != "later":
            return bool(self._undecided)
        is_soon = time.monotonic() - self._last_news < self._patience
        return any(is_soon or owner.life in ("alive", "undecided", "dead") for _, owner in self.held.values())

    @property
    def has_others(self) -> bool:
        """Whether there are runs to make that it does not give now: it is between two leases, or others have them."""
        return self._pauses or self._leaves_some()

    def usual_seconds(self) -> float:
        """How long a run takes: the median of the last ones that are done; 0 if none is."""
        return statistics.median(self._seconds) if self._seconds else 0.0

    @property
    def is_left(self) -> bool:
        """Whether there is a run that nobody has, or it is to be seen yet whether somebody has it."""
        waits = (
            entry for entry in self.entries() if not self.search.run(entry).claims.has(self._attempts[entry.index])
        )
        return self._interrupted or any(True for _ in waits) or bool(self._undecided) or self.proposer.ask(1) != "done"

    def wait_for_others(self) -> bool:
        """Wait for the runs of other processes that will soon be over; whether some are."""
        before, deadline = len(self.held), time.monotonic() + self._patience
        while self.held and time.monotonic() < deadline:
            time.sleep(_WAIT_SECONDS)
            self._see_held()
        return len(self.held) < before

    @property
    def _patience(self) -> float:
        least, most = _PATIENCE
        return min(most, max(least, 3 * self.longest))

    def _listed(self) -> Iterator[RunEntry]:
        """The runs that are listed and not taken yet."""
        yield from self._waiting
        while self._later:
            yield self._later.popleft()

    def _look(self) -> bool:
        """Look at what other processes did, now and then; whether that is news."""
        begin = time.monotonic()
        if begin < self._next_look:
            return False
        news = self._see_added() + self._see_held()
        took = time.monotonic() - begin
        self._next_look = begin + took + max(_LOOK_SECONDS, _LOOK_SHARE * took)
        return news > 0

    def _see_added(self) -> int:
        """See which runs were listed since; how many."""
        version = self.search.version_of_list()
        if version in (None, self._version):  # nothing new, or it was removed while its runs go on
            return 0
        with suppress(ConfigError):
            added = list(self.search.entries_from(len(self._attempts)))
            self._version = version
            for entry in added:
                self._add(entry)
            self._later.extend(added)
            for hear in self.on_added if added else ():
                hear(added)
            return len(added)
        return 0

    def _see_held(self) -> int:
        """See which runs of other processes are over, or left; how many."""
        return sum(self._see(entry) for entry, _ in list(self.held.values()))

    def _see(self, entry: RunEntry) -> bool:
        """See how far a run is that another process had; whether it is over, or left to whoever takes it."""
        record, attempt, owner, life = self.search.run(entry).standing()
        if self._is_held(entry, owner, life):
            return False
        if owner is None and record and record.state in OVER:
            self._hear(entry, record)
        elif self._only(entry) and not self._only_failed:
            self._attempts[entry.index] = attempt + 1
            self._later.append(entry)
        return True

    def _add(self, entry: RunEntry) -> None:
        """See how far a run is when it is met first."""
        run = self.search.run(entry)
        record, attempt, owner, life = run.standing()
        self.total += 1
        self._attempts.append(0)
        if record and record.is_done and not (self._finishes and record.pruned and not record.reused):
            self.made.add(record)
            self._hear(entry, record)
            return
        if record is None and run.is_damaged:
            self.damaged.append(entry)
        has_failed = record is not None and record.state == "failed"
        self.failed += has_failed
        if (
            not self._is_held(entry, owner, life)
            and self._only(entry)
            and (self._is_tried_again(entry, attempt) if has_failed else not self._only_failed)
        ):
            self._attempts[entry.index] = attempt + 1
        is_left = has_failed and not self._attempts[entry.index] and entry.index not in self.held
        self.proposer.tell(entry, record if is_left else None)

    def _is_tried_again(self, entry: RunEntry, attempt: int) -> bool:
        return self._tried_again is None or (entry.index, attempt) in self._tried_again

    def _hear(self, entry: RunEntry, record: Record) -> None:
        """Hear that a run is over."""
        self._last_news = time.monotonic()
        self._interrupted |= record.state == "interrupted"
        for hear in self.on_over:
            hear(entry, record)
        if record.is_done:
            self.completed += 1
            self.longest = max(self.longest, record.seconds or 0.0)
            self._seconds.append(record.seconds or 0.0)
            seconds = self._means["node" in (record.sharing or {})]
            seconds[:] = seconds[0] + (record.seconds or 0.0), seconds[1] + 1
        self.proposer.tell(entry, record)

    def _is_clean(self, run: Run, attempt: int) -> bool:
        """Whether nothing of an earlier attempt is left; what is, is killed."""
        owner, session = run.claims.owner(attempt), run.claims.session(attempt)
        if owner is None or owner.life != "dead":
            return True
        if session not in self._sessions:
            self._sessions.add(session)
            if search := Owner.of_session(owner.host, session):
                search.kill_marked(session)
        return owner.kill_remains()

    def _is_held(self, entry: RunEntry, owner: Owner | None, life: Life) -> bool:
        """See whether a process has a run that is not known to be dead, or it was where, by the user, all is gone."""
        self._undecided.discard(entry.index)
        if (
            owner is None
            or life == "dead"
            or (life == "elsewhere" and not {owner.host, owner.place}.isdisjoint(self._gone))
        ):
            self.held.pop(entry.index, None)
            return False
        self.held[entry.index] = entry, owner
        if life == "undecided":
            self._undecided.add(entry.index)
        return True

    @cached_property
    def _plan(self) -> Plan:
        """What the search was created from: only where a config is to be made."""
        return plan_of(self.search)
