"""Which runs go on, by what they have reached at the same steps: ASHA, Hyperband, and the median rule.

A run that does not go on waits, and nothing of it is lost. What these classes say follows from the values that runs had
at their rungs, and from nothing else: neither from times, nor from the order in which runs were told. Of equal values
the run with the lower index is the better one.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

NOTHING = -math.inf  # the value of a run that has none, such as nan


class Pruning(Protocol):
    """Says which runs go on. Values are such that more is better."""

    @property
    def first(self) -> float:
        """The first step at which any run is judged."""

    @property
    def compares(self) -> bool:
        """Whether a run goes on only if it is one of the best: who is, is known best when all have reached its rung."""

    def rung_after(self, run: int, step: float) -> float:
        """The first step after one at which a run is judged; infinite if there is none."""

    def reach(self, run: int, rung: float, value: float) -> None:
        """Hear what a run had reached at a rung: the best that it had reported until then."""

    def leave(self, run: int) -> None:
        """Forget a run: it failed, and says nothing of how good others are."""

    def goes_on(self, run: int, *, last: bool = False) -> bool:
        """Whether a run goes on from the last rung that it has reached; what it says may change with others' values.

        Args:
            run: the run.
            last: whether no other run will reach that rung: then one of few goes on, too, so that some come to an end.
        """

    def stays(self, run: int) -> bool:
        """Whether a run goes on that cannot wait, else it ends: also the best of few, though more may follow."""

    def standing(self, run: int) -> float:
        """How well a run stands at its last rung: the part of those that have reached it that are no better."""

    def place(self, run: int) -> tuple[int, int]:
        """The place of a run at its last rung, from 1, and how many have reached that."""


@dataclass
class Rung:
    """The values that runs had at a step; the best first."""

    values: dict[int, float] = field(default_factory=dict)
    _order: list[tuple[float, int]] = field(default_factory=list)

    def add(self, run: int, value: float) -> None:
        """Note a value of a run; its first one stays."""
        if run not in self.values:
            self.values[run] = NOTHING if math.isnan(value) else value
            insort(self._order, (-self.values[run], run))

    def remove(self, run: int) -> None:
        """Forget a run."""
        if run in self.values:
            del self._order[self.place(run) - 1]
            del self.values[run]

    def place(self, run: int) -> int:
        """The place of a run, from 1."""
        return bisect_left(self._order, (-self.values[run], run)) + 1

    def __len__(self) -> int:
        return len(self._order)


class _Rungs:
    """What runs had at their rungs, and where each of them is."""

    compares = True

    def __init__(self, least: float) -> None:
        self.first = least
        self.rungs: dict[float, Rung] = {}
        self.last: dict[int, float] = {}

    def reach(self, run: int, rung: float, value: float) -> None:
        """Note what a run had at a rung."""
        self.rungs.setdefault(rung, Rung()).add(run, value)
        self.last[run] = max(rung, self.last.get(run, rung))

    def leave(self, run: int) -> None:
        """Forget a run."""
        for rung in self.rungs.values():
            rung.remove(run)
        self.last.pop(run, None)

    def place(self, run: int) -> tuple[int, int]:
        """The place of a run at its last rung, from 1, and how many have reached that."""
        rung = self.rungs[self.last[run]]
        return rung.place(run), len(rung)

    def standing(self, run: int) -> float:
        """The part of those at its last rung that are no better."""
        place, count = self.place(run)
        return (count - place + 1) / count


class Asha(_Rungs):
    """Asynchronous successive halving (Li et al. 2020): of those that have reached a rung, the best 1/eta go on.

    Args:
        least: the first rung.
        eta: each rung is so many times the one before, and one of so many goes on.
        most: as many steps as a run has; whoever has reached that is not judged any more.
    """

    def __init__(self, least: float = 1, eta: float = 3, most: float = math.inf) -> None:
        super().__init__(least)
        self._eta, self._most = eta, most

    def rung_after(self, run: int, step: float) -> float:  # noqa: ARG002
        """The next rung."""
        rung = self.first
        while rung <= min(step, self._most) and rung < math.inf:
            rung *= self._eta
        return rung if rung < self._most else math.inf

    def goes_on(self, run: int, *, last: bool = False) -> bool:
        """Whether it is one of the best at its rung."""
        place, count = self.place(run)
        value = self.rungs[self.last[run]].values[run]
        return place <= max(int(last), count // self._eta) and value > NOTHING

    def stays(self, run: int) -> bool:
        """Whether it is one of the best so far."""
        place, count = self.place(run)
        return place <= math.ceil(count / self._eta)


class Hyperband:
    """Several ASHA at once, of which each begins later than the one before, so that slow starters have their chance.

    Which of them a run is of depends on its index alone: by a hash, so that it has nothing to do with the order in
    which parameters vary. Those that begin early get more runs, as in Hyperband.

    Args:
        least, eta, most: as for `Asha`; the number of brackets follows from them.
    """

    compares = True

    def __init__(self, least: float, eta: float, most: float) -> None:
        self.first = least
        count = 1 + int(math.log(most / least, eta) + 1e-9)
        self._brackets = [Asha(least * eta**late, eta, most) for late in range(count)]
        early = range(count - 1, -1, -1)  # the halvings that are left to each
        self._shares = [math.ceil(count / (halvings + 1) * eta**halvings) for halvings in early]

    def bracket(self, run: int) -> Asha:
        """That of a run."""
        digest = hashlib.blake2b(str(run).encode(), digest_size=8).digest()
        place = int.from_bytes(digest) % sum(self._shares)
        for bracket, share in zip(self._brackets, self._shares, strict=True):
            if place < share:
                return bracket
            place -= share
        raise AssertionError("shares add up")

    def rung_after(self, run: int, step: float) -> float:
        """The next rung of its bracket."""
        return self.bracket(run).rung_after(run, step)

    def reach(self, run: int, rung: float, value: float) -> None:
        """Tell its bracket."""
        self.bracket(run).reach(run, rung, value)

    def leave(self, run: int) -> None:
        """Forget a run."""
        self.bracket(run).leave(run)

    def goes_on(self, run: int, *, last: bool = False) -> bool:
        """Whether it is one of the best of its bracket."""
        return self.bracket(run).goes_on(run, last=last)

    def stays(self, run: int) -> bool:
        """Whether it is one of the best of its bracket so far."""
        return self.bracket(run).stays(run)

    def standing(self, run: int) -> float:
        """How well it stands in its bracket."""
        return self.bracket(run).standing(run)

    def place(self, run: int) -> tuple[int, int]:
        """Its place in its bracket."""
        return self.bracket(run).place(run)


class Median(_Rungs):
    """The median rule: a run waits while its best value is worse than the median of the others' at the same step.

    Args:
        least: the first step at which runs are judged.
        every: how many steps there are between two judgements.
        others: how many others have to be as far.
        most: as for `Asha`.
    """

    compares = False

    def __init__(self, least: float = 1, every: float = 1, others: int = 4, most: float = math.inf) -> None:
        super().__init__(least)
        self._every, self._others, self._most = every, others, most

    def rung_after(self, run: int, step: float) -> float:  # noqa: ARG002
        """The next step at which runs are judged."""
        if step >= self._most:
            return math.inf
        done = math.floor((step - self.first) / self._every) + 1
        rung = self.first + max(0, done) * self._every
        return rung if rung < self._most else math.inf

    def goes_on(self, run: int, *, last: bool = False) -> bool:  # noqa: ARG002
        """Whether it is no worse than the median of the others."""
        rung = self.rungs[self.last[run]]
        others = [value for other, value in rung.values.items() if other != run]
        return len(others) < self._others or rung.values[run] >= _median(others)

    def stays(self, run: int) -> bool:
        """As if it could wait."""
        return self.goes_on(run)


def _median(values: Iterable[float]) -> float:
    """The median, of two that are in the middle the lower one: infinite values have no mean."""
    return statistics.median_low(values)
