"""The runs of a search as leaves of a tree: those that have much in common in what the code reads first are neighbours.

Which parameter is read before which is learned from the splits that the search's own runs have noted (see
``gridfold.sharing.fork``); before the first split it is the order of the file. Nothing here reads a file.
"""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from statistics import fmean
from typing import Any

from gridfold.runs.entries import RunEntry

_WINDOW = 1000  # places on each side among which the best one to cut is looked for
_LITTLE = 0.1  # seconds of work that may be done again whatever it saves
_NEVER = 1 << 30  # the depth of what was never seen to be read


@dataclass(frozen=True)
class Reading:
    """In which order the code reads what runs differ in, and how long it works before.

    Attributes:
        depths: of each path, how many splits came before it, at most: a batch does not split over what is the same in
            all of its runs.
        seconds: of each path, how long a process and those that it comes from have worked before it is read.
        is_known: whether anything was learned: also that runs share nothing.
        begun: runs of which a worker has begun what they share, as long as it was alone.
    """

    depths: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    is_known: bool = False
    begun: frozenset[int] = frozenset()

    @classmethod
    def learn(cls, events: Iterable[Mapping[str, Any]]) -> Reading:
        """What the processes of a search have noted tells; what makes no sense is passed over."""
        depths: dict[str, int] = {}
        before: dict[str, float] = {}  # of nodes
        found: dict[str, list[float]] = {}
        begun: set[int] = set()
        is_known = False
        for event in events:
            runs = event.get("begun")
            begun.update(run for run in (runs if isinstance(runs, list) else ()) if isinstance(run, int))
            is_known = is_known or bool(event.keys() & {"split", "left", "alone"})
            node, path, seconds = event.get("split"), event.get("path"), event.get("seconds")
            if isinstance(node, str) and isinstance(path, str) and isinstance(seconds, int | float):
                before[node] = before.get(node.rpartition(".")[0], 0.0) + seconds
                for part in path.split(", "):
                    depths[part] = max(node.count("."), depths.get(part, 0))
                    found.setdefault(part, []).append(before[node])
        return cls(depths, {path: fmean(each) for path, each in found.items()}, is_known, frozenset(begun))

    def name(self, path: str) -> str | None:
        """What is read first of a path, of what is in it, or of what it is in; None if nothing was yet."""
        if path in self.depths:
            return path
        related = (read for read in self.depths if _is_in(path, read) or _is_in(read, path))
        return min(related, key=self.depths.__getitem__, default=None)


def _is_in(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")


class Tree:
    """The runs of a search, by their indices.

    Args:
        entries: the runs, in the order of their index.
        reading: how the code reads.
        seed: the path of the seed in the config; None if repeats differ in a seed that the config has not: they never
            begin together.
    """

    def __init__(self, entries: Iterable[RunEntry], reading: Reading, seed: str | None = None) -> None:
        self._reading = reading
        known: dict[str, dict[str, int]] = {}
        columns: dict[str, array[int]] = {}
        self._size = 0
        for entry in entries:
            for path, value in _values(entry, seed).items():
                codes = known.setdefault(path, {})
                column = columns.setdefault(path, array("I"))
                column.extend([0] * (self._size - len(column)))
                column.append(codes.setdefault(repr(value), len(codes) + 1))
            self._size += 1
        for column in columns.values():
            column.extend([0] * (self._size - len(column)))
        names = {path: reading.name(path) for path in columns}
        depths = {path: -1 if path == _SEED else reading.depths.get(name or "", _NEVER) for path, name in names.items()}
        differing = (path for path in columns if len(known[path]) > 1)
        paths = sorted(differing, key=depths.__getitem__)  # those of one depth, and those never read, as in the file
        self._columns = [columns[path] for path in paths]
        self._total = max(reading.seconds.values(), default=0.0)
        seconds = (self._seconds(path, names[path]) for path in paths)
        self._before = [*accumulate(seconds, max), self._total]

    def _seconds(self, path: str, name: str | None) -> float:
        """The work that runs share which differ in a parameter first."""
        return 0.0 if path == _SEED else self._total if name is None else self._reading.seconds[name]

    @property
    def is_known(self) -> bool:
        """Whether anything is known of how the code reads."""
        return self._reading.is_known

    @cached_property
    def order(self) -> array[int]:
        """All runs, as neighbours."""
        return array("I", sorted(range(self._size), key=lambda run: [column[run] for column in self._columns]))

    @cached_property
    def _ranks(self) -> array[int]:
        ranks = array("I", bytes(4 * self._size))
        for rank, run in enumerate(self.order):
            ranks[run] = rank
        return ranks

    @property
    def begun(self) -> frozenset[int]:
        """Runs of which a worker has begun what they share, as long as it was alone."""
        return self._reading.begun

    def sort(self, runs: Iterable[int]) -> list[int]:
        """Some runs as neighbours."""
        return sorted(runs, key=self._ranks.__getitem__)

    def common(self, one: int, other: int) -> int:
        """How many of the parameters that are read first have the same value in two runs."""
        for depth, column in enumerate(self._columns):
            if column[one] != column[other]:
                return depth
        return len(self._columns)

    def again(self, one: int, other: int) -> float:
        """The seconds of work that two runs share, so that it is done again if two workers have them."""
        return self._before[self.common(one, other)]

    def cut(self, runs: Sequence[int], near: int) -> int:
        """Where to cut sorted runs in two: near a place, at least half of that and at most one and a half of it.

        Of these places it is one where the fewest parameters that are read first are alike on both sides; the end of
        all cuts nothing.
        """
        low = max(1, -(-near // 2), near - _WINDOW)
        places = range(low, max(low, min(len(runs), near + near // 2, near + _WINDOW)) + 1)
        return min(places, key=lambda place: (self._cuts(runs, place), abs(place - near), place))

    def _cuts(self, runs: Sequence[int], place: int) -> int:
        return self.common(runs[place - 1], runs[place]) if place < len(runs) else -1

    def is_worth(self, runs: Sequence[int], place: int, each: float, begun: Sequence[int] = ()) -> bool:
        """Whether to take what comes from a place on saves its worker more than what is then done again.

        Args:
            runs: sorted runs.
            place: where they are cut.
            each: the seconds of a run beside what it shares.
            begun: sorted runs that the worker has begun.
        """
        saved = again = 0.0
        ranks = [self._ranks[run] for run in begun]
        for position in range(place, min(len(runs), place + _WINDOW)):
            run = runs[position]
            after = bisect(ranks, self._ranks[run])
            done = max((self.again(other, run) for other in begun[max(0, after - 1) : after + 1]), default=0.0)
            before = self.again(runs[position - 1], run) if position else 0.0
            its = self._total - max(before, done)  # what the other worker would do for this run
            saved += its + each
            again += self._total - (before if position > place else 0.0) - its
        return saved > again or again <= _LITTLE


_SEED = "run.seed"


def _values(entry: RunEntry, seed: str | None) -> dict[str, Any]:
    """What a run may differ in, by the paths that are noted when it is read."""
    return {seed or _SEED: entry.repeat, "run.fold": entry.fold, **entry.params}
