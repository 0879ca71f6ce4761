"""Trials that are drawn from a space without looking at results: at random, or evenly (Sobol's sequence).

A draw is known by its number alone, so the trials of a search are the same whoever asks, and in what order. A draw that
is excluded, or gives a trial that was drawn before, is skipped. Where draws keep giving nothing new, because few trials
are left, those that are left are taken in a random order.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from gridfold.core.values import canonical
from gridfold.space.axes import Chooser
from gridfold.space.parameters import Distribution
from gridfold.space.space import Parameter, Space
from gridfold.space.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from scipy.stats.qmc import Sobol

_FRUITLESS = 10_000  # draws in a row that give nothing new, before what is left is listed
_FRUITLESS_OF_FEW = 100  # the same, where the trials are few enough to be listed
_FEW = 10_000  # trials
_MOST_LISTED = 1_000_000  # trials to look through
_MOST_PLACES = 2**63 - 1  # that are told apart
_BLOCK = 256  # points of Sobol's sequence at a time; a power of two


class Draws(Protocol):
    """Random decisions, by the number of a draw."""

    def at(self, number: int) -> Chooser:
        """What makes the decisions of a draw, from 0; the same each time."""
        ...


@dataclass(frozen=True)
class Random:
    """Each decision of a draw is random, and depends on the seed, the path and the number of the draw only.

    So a parameter that is added, or a value of it, leaves the values of all others as they were.

    Attributes:
        seed: of all decisions.
    """

    seed: int

    def at(self, number: int) -> Chooser:
        """What makes the decisions of a draw."""
        return _Units(lambda path: self._unit(path, number))

    def _unit(self, path: str, number: int) -> float:
        """A number from 0 to 1, without 1."""
        stream = self._streams.get(path)
        if stream is None:
            stream = self._streams[path] = blake2b(f"{self.seed} {path}".encode(), digest_size=8)
        drawn = stream.copy()
        drawn.update(number.to_bytes(8))
        return (int.from_bytes(drawn.digest()) >> 11) * 2.0**-53

    @cached_property
    def _streams(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Evenly:
    """The points of Sobol's sequence, which fill a space evenly; each decision that a trial may have is a dimension.

    Attributes:
        seed: of the scrambling.
        paths: what is decided, as a chooser is asked for it.
    """

    seed: int
    paths: tuple[str, ...]

    def at(self, number: int) -> Chooser:
        """What makes the decisions of a draw."""
        point = self._block(number // _BLOCK)[number % _BLOCK]
        return _Units(lambda path: float(point[self._dimensions[path]]))

    def _block(self, place: int) -> np.ndarray[Any, Any]:
        """Some points of the sequence; the last ones that were asked for are kept."""
        if place not in self._points:
            sequence = self._sequence
            sequence.reset()
            if place:
                sequence.fast_forward(place * _BLOCK)
            self._points.clear()
            self._points[place] = sequence.random(_BLOCK)
        return self._points[place]

    @cached_property
    def _points(self) -> dict[int, np.ndarray[Any, Any]]:
        return {}

    @cached_property
    def _dimensions(self) -> Mapping[str, int]:
        return {path: place for place, path in enumerate(self.paths)}

    @cached_property
    def _sequence(self) -> Sobol:
        import numpy as np
        from scipy.stats.qmc import Sobol

        generator = np.random.default_rng(self.seed)
        try:
            return Sobol(max(1, len(self.paths)), rng=generator)
        except TypeError:  # what scipy called it before 1.15
            return Sobol(max(1, len(self.paths)), seed=generator)


@dataclass(frozen=True)
class _Units:
    """Makes decisions by numbers from 0 to 1."""

    unit: Any

    def position(self, path: str, count: int, *, ordered: bool) -> int:  # noqa: ARG002 - see `Chooser`
        return min(count - 1, int(self.unit(path) * count))

    def value(self, path: str, distribution: Distribution) -> float | int:
        return distribution.at(self.unit(path))


_ADDED = -(1 << 62)


@dataclass(frozen=True)
class Sampled(Space):
    """Some trials of a space: those that are added to it, then others in the order in which they are drawn; no doubles.

    What is kept of a trial is the number of its draw and a digest, whatever it is made of. A space with fewer trials
    gives all of them.

    Attributes:
        space: what they are drawn from.
        most: how many.
        draws: makes their decisions.
        seed: of the order of those that are left where draws give nothing new any more.
    """

    space: Space
    most: int
    draws: Draws
    seed: int = 0

    @property
    def parameters(self) -> Sequence[Parameter]:
        """Those of the space."""
        return self.space.parameters

    @cached_property
    def _count(self) -> int:
        count = self.space.count()
        if count is not None and self.space.is_exact:
            return min(self.most, count)
        return sum(1 for _ in self._find(self.most))

    def count(self) -> int:
        """How many there are: not more than the space has."""
        return self._count

    def __len__(self) -> int:
        return self.count()

    def __iter__(self) -> Iterator[Trial]:
        return (self._trial(index) for index, _ in enumerate(self._find(self.most)))

    def __getitem__(self, index: int) -> Trial:
        count = self.count()
        if not -count <= index < count:
            raise IndexError(f"trial {index} of {count} that are drawn")
        index %= count
        for _ in self._find(index + 1):
            pass
        return self._trial(index)

    def trial(self, params: Mapping[str, Any]) -> Trial:
        """The trial of the space that has exactly these values, drawn or not.

        Raises:
            ConfigError: there is none.
        """
        return Trial(None, self.space.trial(params).params)

    def sample(self, most: int) -> Iterator[Trial]:
        """The first of them."""
        return (self[index] for index in range(min(most, self.count())))

    def _trial(self, index: int) -> Trial:
        number, latest = self._numbers[index], self._progress.latest
        if latest and index == len(self._numbers) - 1:  # it was drawn to be found
            return Trial(index, latest.params)
        if number < _ADDED // 2:
            return Trial(index, self.space.additions[number - _ADDED])
        found = self.space.draw(self.draws.at(number)) if number >= 0 else self._other(-1 - number)
        assert found is not None
        return Trial(index, found.params)

    def _find(self, most: int) -> Iterator[None]:
        """Find trials until so many are known, or there are no more; yields once for each that is known."""
        numbers, place = self._numbers, 0
        while place < most:
            if place == len(numbers) and not self._find_next():
                return
            place += 1
            yield

    def _find_next(self) -> bool:
        """Find one more trial; whether there is one."""
        progress = self._progress
        while progress.fruitless < self._patience:
            number = progress.next
            progress.next += 1
            found = self.space.draw(self.draws.at(number))
            if found is not None and self._is_new(found):
                progress.fruitless, progress.latest = 0, found
                self._numbers.append(number)
                return True
            progress.fruitless += 1
        progress.latest = None
        for place in self._left:
            if self._is_new(self._other(place)):
                self._numbers.append(-1 - place)
                return True
        return False

    def _is_new(self, trial: Trial) -> bool:
        digest = int.from_bytes(blake2b(canonical(trial.params).encode(), digest_size=8).digest())
        size = len(self._digests)
        self._digests.add(digest)
        return len(self._digests) > size

    @property
    def _patience(self) -> int:
        """How many draws in a row may give nothing new."""
        count = self.space.count()
        return _FRUITLESS if count is None or count > _FEW else _FRUITLESS_OF_FEW

    def _other(self, place: int) -> Trial:
        """One of those that are left to take where draws give nothing new."""
        return self.space[place] if self.space.is_exact else self._all[place]

    @cached_property
    def _all(self) -> list[Trial]:
        """All trials of a space that has to be looked through."""
        return list(self.space)

    @cached_property
    def _left(self) -> Iterator[int]:
        """The places of those that are left, in a random order; of a space too large to look through, none.

        Where each trial has an index that is known at once, any space can be looked through: almost all of its trials
        are left, however few there are of all combinations.
        """
        count = self.space.count()
        if count is not None and count > _MOST_LISTED and self.space.is_exact:
            chance, most = random.Random(self.seed), min(count, _MOST_PLACES)
            return (chance.randrange(most) for _ in range(100 * self.most))
        if count is None or count > _MOST_LISTED:
            return iter(())
        count = count if self.space.is_exact else len(self._all)
        return iter(random.Random(self.seed).sample(range(count), count))

    @cached_property
    def _numbers(self) -> array[int]:
        """Of each trial that is known the number of its draw; of one that was left, -1 less its place among them.

        Of one that is added, its place among those and the least of all numbers.
        """
        added = enumerate(self.space.additions)
        return array("q", [_ADDED + place for place, params in added if self._is_new(Trial(None, params))])

    @cached_property
    def _digests(self) -> set[int]:
        return set()

    @cached_property
    def _progress(self) -> _Progress:
        return _Progress()


@dataclass
class _Progress:
    """How far draws went.

    Attributes:
        next: the number of the next.
        fruitless: how many of the last gave nothing new.
        latest: the trial that was found last, if it was drawn.
    """

    next: int = 0
    fruitless: int = 0
    latest: Trial | None = None
