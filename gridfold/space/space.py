"""The space of a search: parameters and their product, indexed and lazy (pure)."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import first_repeat, render

_READABLE = 10**24


@dataclass(frozen=True)
class Parameter:
    """A dotted path and the values it takes, at least one and no two equal.

    Raises:
        ConfigError: there are no values, or two of them are equal.
    """

    path: str
    values: tuple[Any, ...]
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigError(
                "no values, so there would be no runs", path=self.path, where=self.where, hint="give at least one"
            )
        position = first_repeat(self.values)
        if position is not None:
            listed = render(list(self.values))
            raise ConfigError(
                f"the value {render(self.values[position])} appears twice in {listed}",
                path=self.path,
                where=self.where,
                hint=f"remove one; if the list is meant to be one value, give it as such: {self.path}={listed}",
            )


def size_text(count: int) -> str:
    """A number of trials or runs, however large, for people."""
    return f"{count:,}" if count < _READABLE else f"about 10^{math.log10(count):.0f}"


@dataclass(frozen=True)
class Trial:
    """One point of a space.

    Attributes:
        index: its position in the space, from 0.
        choice: for each parameter, the position of its value among the parameter's values.
        params: for each parameter, path and value.
    """

    index: int
    choice: tuple[int, ...]
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Space:
    """Every combination of the parameters' values; the last parameter varies fastest.

    Nothing is listed: a trial is made when asked for, so a space of 2**60 trials costs what its parameters cost.
    ``len()`` works up to ``sys.maxsize``; ``size`` always does.
    """

    parameters: tuple[Parameter, ...] = ()

    @cached_property
    def size(self) -> int:
        """How many trials there are; 1 if nothing varies."""
        return math.prod(len(parameter.values) for parameter in self.parameters)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Trial:
        if not -self.size <= index < self.size:
            raise IndexError(f"trial {index} of a space of {self.size}")
        rest = index = index % self.size
        choice = []
        for parameter in reversed(self.parameters):
            rest, position = divmod(rest, len(parameter.values))
            choice.append(position)
        return self._trial(index, tuple(reversed(choice)))

    def __iter__(self) -> Iterator[Trial]:
        return (self[index] for index in range(self.size))

    def sample(self, most: int) -> Iterator[Trial]:
        """Trials that have every value at least once, and so many others; all, if there are no more than that."""
        if self.size <= most:
            yield from self
            return
        counts = [len(parameter.values) for parameter in self.parameters]
        for step in range(max(counts)):
            choice = tuple(step % count for count in counts)
            yield self._trial(self._index(choice), choice)
        draw = random.Random(0)
        yield from (self[draw.randrange(self.size)] for _ in range(most))

    def _index(self, choice: Sequence[int]) -> int:
        index = 0
        for parameter, position in zip(self.parameters, choice, strict=True):
            index = index * len(parameter.values) + position
        return index

    def _trial(self, index: int, choice: tuple[int, ...]) -> Trial:
        params = {
            parameter.path: parameter.values[position]
            for parameter, position in zip(self.parameters, choice, strict=True)
        }
        return Trial(index, choice, params)
