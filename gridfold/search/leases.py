"""Which runs a worker takes next: such that share work among themselves and, as far as can be, with those of no other.

A search's first worker takes all runs into view. One that comes, or has none left, takes over the back half of the
largest rest that waits, cut where the fewest shared work is done again; and only if that takes longer than what is done
again. Where the order of reading is known and runs are in nobody's view, each worker takes its share of them.
"""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any, Protocol

from gridfold.core.files import read_mapping
from gridfold.core.process.identity import Owner
from gridfold.runs.leases import Lease, LeaseLog, Views
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import WORKERS, heart_of
from gridfold.search.subtrees import Reading, Tree

_LOOK_SECONDS = 0.02  # between two looks for leases of others while runs are taken
_TRY_SECONDS = 0.2  # between two tries of a worker that found nothing
_TRY_SHARE = 20  # a try takes at most this part of the time
_FIRST_SPLIT_SECONDS = 60.0  # to wait for it, while another worker is at all runs
_STUCK = (
    3.0,
    10.0,
)  # a rest that has not changed for so many times what is done again, and so many seconds more, is free
_MOST_VICTIMS = 8  # whose runs are looked at in a try
_MOST_LOOKED = 256  # runs of each
_FEW = 16  # runs that tell whether a worker has begun any
_MOST_JUDGED = 32  # workers whose lives are asked for after a look
_LIFE_SECONDS = 0.5  # between two looks at which workers there are
_MOST_RACES = 10_000


class Company(Protocol):
    """The other workers of a search."""

    def count(self) -> int:
        """How many live, with this one, or are declared."""

    def lives(self, worker: str) -> bool:
        """Whether a worker may still execute what it has in view."""


@dataclass
class Chooser:
    """Decides which runs to take into view. It reads no file: the simulation of many workers uses it, too.

    Attributes:
        worker: this one, by its session.
        views: who has what.
        company: the others.
        clock: tells seconds.
    """

    worker: str
    views: Views
    company: Company
    clock: Callable[[], float] = time.monotonic
    _refused: dict[str, tuple[int, float]] = field(default_factory=dict)  # of others: how much waited, and since when
    _since: float | None = None  # when it first found that nothing of the order of reading is known

    def choose(self, tree: Tree | None, attempts: array[int], waits: Callable[[int], bool], each: float) -> list[int]:
        """The runs to take, as neighbours; none if there are none, or what waits is better left to who has it.

        Args:
            tree: of the runs; None while this worker is alone with them, which takes them in the order of the list.
            attempts: for each run the attempt to make, as far as this worker knows; 0 for none.
            waits: whether nobody has begun a run; looks.
            each: seconds that a run takes beside what it shares; 0 if that is not known.
        """
        rests = self._rests(attempts)
        gone = {number for number, rest in rests.items() if rest and self._is_free(self.views.workers[number])}
        if gone and (free := self._share(tree, self._free(tree, gone, attempts), attempts, waits, each)):
            return free
        if tree is None:
            return []
        order = sorted((-rest, hash((self.worker, number)), number) for number, rest in rests.items() if rest)
        victims = [self.views.workers[number] for _, _, number in order[:_MOST_VICTIMS]]
        rest = {worker: tree.sort(self._rest(worker, attempts)) for worker in victims}
        if not victims or (not tree.is_known and not self._is_time(rest[victims[0]], waits)):
            return []
        return self._steal(tree, rest, attempts, waits, each)

    def _rest(self, worker: str, attempts: array[int]) -> Iterator[int]:
        """What a worker has in view that may wait."""
        return (run for run in self.views.runs_of(worker) if run < len(attempts) and attempts[run])

    def _rests(self, attempts: array[int]) -> Counter[int]:
        """How many runs each worker has in view that may wait, by its number; 0 is nobody."""
        of = self.views.of
        found = Counter(compress(of, attempts))
        found[0] += sum(map(bool, islice(attempts, len(of), None)))
        return found

    def _free(self, tree: Tree | None, gone: set[int], attempts: array[int]) -> Iterator[int]:
        """The runs that nobody has in view who lives, or that this worker has and did not get: another left them."""
        of, size = self.views.of, len(self.views.of)
        known = len(attempts)  # the tree may be of a list that has grown since
        order = (run for run in tree.order if run < known) if tree else range(known)
        return (run for run in order if attempts[run] and (of[run] if run < size else 0) in gone)

    def _is_free(self, worker: str) -> bool:
        return worker in ("", self.worker) or not self.company.lives(worker)

    def _share(
        self,
        tree: Tree | None,
        free: Iterator[int],
        attempts: array[int],
        waits: Callable[[int], bool],
        each: float,
    ) -> list[int]:
        """This worker's share of runs that nobody has: all while nothing tells where to cut them."""
        if tree is None or not tree.is_known:
            return self._left([*free], waits)
        near = -(-sum(map(bool, attempts)) // self.company.count())
        runs: list[int] = []
        while more := [*islice(free, 2 * near)]:
            runs += self._left(more, waits)
            if len(runs) > near:
                place = tree.cut(runs, near)
                if place < len(runs) and tree.is_worth(runs, place, each):
                    return runs[:place]
                near = 2 * near
        return runs

    def _left(self, runs: list[int], waits: Callable[[int], bool]) -> list[int]:
        """Those of some runs that are not begun: a worker that is gone may have."""
        view = self.views.worker_of
        left = {*waiting([run for run in runs if view(run) not in ("", self.worker)], waits)}
        return [run for run in runs if run in left or view(run) in ("", self.worker)]

    def _is_time(self, runs: Sequence[int], waits: Callable[[int], bool]) -> bool:
        """Whether to take runs of another although the first split, which tells where to cut, has not come."""
        self._since = self.clock() if self._since is None else self._since
        has_begun = not all(map(waits, runs[:_FEW]))
        return has_begun or self.clock() - self._since > _FIRST_SPLIT_SECONDS

    def _steal(
        self,
        tree: Tree,
        rests: Mapping[str, list[int]],
        attempts: array[int],
        waits: Callable[[int], bool],
        each: float,
    ) -> list[int]:
        """The back half of the largest rest that waits, of some workers, the one that seems to be largest first."""
        best: list[int] = []
        for worker, runs in rests.items():
            if len(best) >= len(runs) / 2:
                break
            rest = waiting(runs, waits)
            known = (run for run in self.views.runs_of(worker) if run < len(attempts))  # others may know of more
            begun = [run for run in known if self._is_begun(tree, run, attempts)]
            best = max(best, self._back(tree, worker, rest, begun, each), key=len)
        return best

    def _back(self, tree: Tree, worker: str, rest: list[int], begun: list[int], each: float) -> list[int]:
        """What to take of a worker's rest; the last run, too, if that is much to do: its worker is at others."""
        if not rest:
            return []
        place = tree.cut(rest, len(rest) // 2) if len(rest) > 1 else 0
        begun = tree.sort({*begun, *rest[: place == 0]})  # what the last run shares with others is maybe being done
        if tree.is_worth(rest, place, each, begun) or self._is_stuck(worker, len(rest), tree.again(rest[-1], rest[-1])):
            return rest[place:]
        return []

    def _is_begun(self, tree: Tree, run: int, attempts: array[int]) -> bool:
        """Whether a worker has begun a run, or what it shares."""
        return bool(self.views.begun[run]) or run in tree.begun or not attempts[run]

    def _is_stuck(self, worker: str, rest: int, cost: float) -> bool:
        """Whether a worker has begun nothing for a while."""
        before, since = self._refused.get(worker, (-1, 0.0))
        if before != rest:
            since = self.clock()
            self._refused[worker] = rest, since
        times, more = _STUCK
        return self.clock() - since > times * cost + more


def waiting(runs: Sequence[int], waits: Callable[[int], bool]) -> list[int]:
    """Those of sorted runs that nobody has begun; of many, those from the first on that a look at some finds so."""
    step = -(-len(runs) // _MOST_LOOKED) or 1
    places = [place for place in range(0, len(runs), step) if waits(runs[place])]
    return [runs[place] for place in places] if step == 1 else [*runs[places[0] if places else len(runs) :]]


class Fellows:
    """The workers of a search, by their heartbeats.

    Args:
        search: its directory.
        worker: this one.
        declared: how many were ordered.
    """

    def __init__(self, search: SearchDirectory, worker: str, declared: int = 1) -> None:
        self._folder = os.fspath(search.dir)
        self._worker, self._declared = worker, declared
        self._names: set[str] = set()
        self._dead: set[str] = set()
        self._next_look, self._asks = 0.0, 0

    def count(self) -> int:
        """How many live, with this one, or are declared."""
        self._look()
        if len(self._names) > _MOST_JUDGED:
            return max(len(self._names), self._declared)
        said = (read_mapping(f"{self._folder}/{WORKERS}/{name}") for name in self._names)
        others = {str(each.get("session")) for each in said if each} - {self._worker}
        return max(1 + sum(map(self.lives, others)), self._declared)

    def lives(self, worker: str) -> bool:
        """Whether a worker may still execute what it has in view: one that ended in an orderly way has no heartbeat.

        Of many workers, a few are asked for at a time.
        """
        self._look()
        heart = heart_of(self._folder, worker)
        if worker == self._worker:
            return True
        if worker in self._dead or os.path.basename(heart) not in self._names:  # noqa: PTH119
            return False
        self._asks += 1
        if self._asks <= _MOST_JUDGED and _is_dead(read_mapping(heart)):
            self._dead.add(worker)
        return worker not in self._dead

    def _look(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._names, self._asks = set(), 0
        with suppress(OSError):
            self._names = {name for name in os.listdir(f"{self._folder}/{WORKERS}") if name.endswith(".json")}  # noqa: PTH208
        self._next_look = time.monotonic() + _LIFE_SECONDS


def _is_dead(said: Mapping[str, Any]) -> bool:
    """Whether the process of a heartbeat is dead; it may end while one reads."""
    owner = Owner.of(said.get("host"), said.get("pid"), said.get("process"), said.get("asks", ""))
    return owner is None or owner.life == "dead"


class Leases:
    """What a worker has in view, and what it takes into view next.

    Args:
        search: the search.
        worker: the session of this worker's processes.
        facts: what ``search.json`` says.
    """

    def __init__(self, search: SearchDirectory, worker: str, facts: Mapping[str, Any]) -> None:
        self._search, self._worker, self._facts = search, worker, facts
        on = facts.get("on")
        declared = on.get("workers") if isinstance(on, Mapping) else None
        self._fellows = Fellows(search, worker, declared if isinstance(declared, int) else 1)
        self._log = LeaseLog.of(search.dir)
        self._chooser = Chooser(worker, self._log.views, self._fellows)
        self._next_look = self._next_try = 0.0
        self._reading: Reading | None = None
        self._tree: Tree | None = None
        self._version: object = None
        self._has_company = False

    @property
    def number(self) -> int:
        """The last lease that is known."""
        return self._log.views.count

    @property
    def is_alone(self) -> bool:
        """Whether no other worker was seen."""
        return not self._has_company

    def has(self, run: int) -> bool:
        """Whether this worker has a run in view."""
        moment = time.monotonic()
        if moment >= self._next_look:
            self._look()
            self._next_look = moment + _LOOK_SECONDS
        holder = self._log.views.worker_of(run)
        return holder == self._worker or (not holder and self.is_alone)

    def take(self, attempts: array[int], waits: Callable[[int], bool], each: float) -> Sequence[int]:
        """Take runs into view, as neighbours; none if there are none to take now. See `Chooser.choose`."""
        began = time.monotonic()
        if began < self._next_try:
            return ()
        runs = self._take(attempts, waits, each)
        took = time.monotonic() - began
        self._next_try = 0.0 if runs else began + took + max(_TRY_SECONDS, _TRY_SHARE * took)
        return runs

    def _take(self, attempts: array[int], waits: Callable[[int], bool], each: float) -> Sequence[int]:
        self._has_company = self._has_company or self._fellows.count() > 1
        for pause in _pauses():
            self._look()
            tree = self._tree_now() if self._has_company else None
            runs = self._chooser.choose(tree, attempts, waits, each)
            if not runs or self._log.add(Lease(self._worker, runs)):
                return runs
            time.sleep(pause)
        return ()

    def _look(self) -> None:
        """See the leases of others."""
        if self._log.look():
            self._has_company = self._has_company or self._fellows.count() > 1

    def _tree_now(self) -> Tree:
        """The runs, by what is known now of the order of reading."""
        reading = self._learned()
        version = self._search.version_of_list()
        if self._tree is None or reading != self._reading or version != self._version:
            seed = self._facts.get("seed_path")
            self._tree = Tree(self._search.entries(), reading, seed if isinstance(seed, str) else None)
            self._reading, self._version = reading, version
        return self._tree

    def _learned(self) -> Reading:
        execution = self._facts.get("execution")
        if isinstance(execution, Mapping) and execution.get("share") is False:
            return Reading(is_known=True)
        return Reading.learn(self._search.first_sharing_events())


def _pauses() -> Iterator[float]:
    """Between tries to write the next lease, of which other workers were faster: random, and longer each time."""
    for tries in range(_MOST_RACES):
        yield int.from_bytes(os.urandom(2)) / 2**16 * min(1.0, 0.001 * 2**tries)
