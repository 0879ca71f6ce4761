"""The runs of a search as leaves of a tree: those that have much in common in what the code reads first are neighbours.

Which parameter is read before which is learned from the splits that the search's own runs have noted (see
``gridfold.sharing.fork``); before the first split it is the order of the file. Nothing here reads a file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.runs.entries import RunEntry

_WINDOW = 1000  # places on each side among which the best one to cut is looked for
_NEVER = 1 << 30  # the depth of what was never seen to be read


@dataclass(frozen=True)
class Reading:
    """In which order the code reads what runs differ in, and how long it works between.

    Attributes:
        depths: of each path, how many splits came before it.
        seconds: what a process works, for each number of splits before it, until it splits again.
        is_known: whether anything was learned: also that runs share nothing.
    """

    depths: Mapping[str, int] = field(default_factory=dict)
    seconds: Sequence[float] = ()
    is_known: bool = False

    @classmethod
    def learn(cls, events: Iterable[Mapping[str, Any]]) -> Reading:
        """What the processes of a search have noted tells; what makes no sense is passed over."""
        depths: dict[str, int] = {}
        spent: dict[int, list[float]] = {}
        is_known = False
        for event in events:
            is_known = is_known or bool(event.keys() & {"split", "left", "alone"})
            node, path, seconds = event.get("split"), event.get("path"), event.get("seconds")
            if isinstance(node, str) and isinstance(path, str) and isinstance(seconds, int | float):
                depth = node.count(".")
                spent.setdefault(depth, []).append(seconds)
                for part in path.split(", "):
                    depths[part] = min(depth, depths.get(part, depth))
        levels = [sum(spent[depth]) / len(spent[depth]) for depth in sorted(spent)]
        return cls(depths, levels, is_known)

    def depth(self, path: str) -> int:
        """How many splits come before a path is read, or something in it, or what it is in."""
        if path in self.depths:
            return self.depths[path]
        related = (depth for read, depth in self.depths.items() if _is_in(path, read) or _is_in(read, path))
        return min(related, default=_NEVER)


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
            for path, value in _values(entry, seed):
                codes = known.setdefault(path, {})
                column = columns.setdefault(path, array("I"))
                column.extend([0] * (self._size - len(column)))
                column.append(codes.setdefault(repr(value), len(codes) + 1))
            self._size += 1
        for column in columns.values():
            column.extend([0] * (self._size - len(column)))
        depths = {path: -1 if path == _SEED else reading.depth(path) for path in columns}
        paths = sorted((path for path in columns if len(known[path]) > 1), key=depths.__getitem__)  # else as in the file
        self._columns = [columns[path] for path in paths]
        self._depths = [depths[path] for path in paths]

    def __len__(self) -> int:
        return self._size

    @cached_property
    def _ranks(self) -> array[int]:
        order = sorted(range(self._size), key=lambda run: [column[run] for column in self._columns])
        ranks = array("I", bytes(4 * self._size))
        for rank, run in enumerate(order):
            ranks[run] = rank
        return ranks

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
        place = self.common(one, other)
        depth = self._depths[place] if place < len(self._depths) else _NEVER
        return sum(self._reading.seconds[: depth + 1])

    def cut(self, runs: Sequence[int], near: int) -> int:
        """Where to cut sorted runs in two: near a place, at least half of that and at most one and a half of it.

        Of these places it is one where the fewest parameters that are read first are alike on both sides; the end of
        all cuts nothing.
        """
        low = max(1, -(-near // 2), near - _WINDOW)
        high = min(len(runs), near + near // 2, near + _WINDOW)
        return min(range(low, max(low, high) + 1), key=lambda place: (self._cuts(runs, place), abs(place - near), place))

    def _cuts(self, runs: Sequence[int], place: int) -> int:
        return self.common(runs[place - 1], runs[place]) if place < len(runs) else -1

    def is_worth(self, runs: Sequence[int], place: int, each: float) -> bool:
        """Whether what comes from a place on takes longer than what is done again if another worker has that.

        Args:
            runs: sorted runs.
            place: where they are cut.
            each: the seconds of a run beside what it shares.
        """
        cost, total = self.again(runs[place - 1], runs[place]), sum(self._reading.seconds)
        saved = 0.0
        for before, run in zip(runs[place - 1 :], runs[place:], strict=False):
            saved += total - self.again(before, run) + each
            if saved > cost:
                return True
        return cost == 0


_SEED = "run.seed"


def _values(entry: RunEntry, seed: str | None) -> Iterable[tuple[str, Any]]:
    """What a run may differ in, by the paths that are noted when it is read."""
    yield seed or _SEED, entry.repeat
    yield "run.fold", entry.fold
    yield from entry.params.items()
