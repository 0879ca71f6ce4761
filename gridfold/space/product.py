"""The grid: every combination of values that the conditions leave, indexed and lazy (pure)."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.space.axes import Axis
from gridfold.space.parameters import ListedParameter
from gridfold.space.rules import Addition, Rule
from gridfold.space.space import Space
from gridfold.space.trial import Trial


@dataclass(frozen=True)
class Product(Space):
    """Every combination of values along some axes that the conditions leave; the last axis varies fastest.

    Nothing is listed: a trial is made when asked for, so a product of 2**60 trials costs what its parameters cost.
    ``len()`` works up to ``sys.maxsize``; ``count()`` always does.

    Attributes:
        axes: what a trial decides.
        conditions: which combinations are not made.
        added: trials that come after all others, if they are not among them.
        constants: values that do not vary, by dotted path, which the conditions may name; such as the values of a
            config as they are, with values inside of values.
    """

    axes: tuple[Axis, ...] = ()
    conditions: tuple[Rule, ...] = ()
    added: tuple[Addition, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def parameters(self) -> tuple[ListedParameter, ...]:
        """Every parameter that a trial may have, with all its values."""
        return tuple(axis for axis in self.axes if isinstance(axis, ListedParameter))

    @property
    def factors(self) -> Sequence[tuple[str, int]]:
        """Each parameter and how many values it has."""
        return [(parameter.path, len(parameter.values)) for parameter in self.parameters]

    def count(self) -> int:
        """How many trials there are; 1 if nothing varies."""
        return math.prod(count for _, count in self.factors)

    def __len__(self) -> int:
        return self.count()

    def __getitem__(self, index: int) -> Trial:
        count = self.count()
        if not -count <= index < count:
            raise IndexError(f"trial {index} of a space of {count}")
        rest = index = index % count
        values = []
        for parameter in reversed(self.parameters):
            rest, position = divmod(rest, len(parameter.values))
            values.append(parameter.values[position])
        return Trial(index, dict(zip(self._paths, reversed(values), strict=True)))

    def __iter__(self) -> Iterator[Trial]:
        combinations = itertools.product(*[parameter.values for parameter in self.parameters])
        return (Trial(index, dict(zip(self._paths, values, strict=True))) for index, values in enumerate(combinations))

    def trial(self, params: Mapping[str, Any]) -> Trial:
        """The trial that has exactly these values, each of the type that the list has.

        Raises:
            ConfigError: a parameter has no value, or one that is not in its list; or there is no such parameter.
        """
        if unknown := [path for path in params if path not in self._paths]:
            raise ConfigError("does not vary", path=unknown[0], hint=nearest(unknown[0], self._paths))
        if missing := [path for path in self._paths if path not in params]:
            raise ConfigError("no value is given", path=missing[0])
        return self[self._index([parameter.position(params[parameter.path]) for parameter in self.parameters])]

    def sample(self, most: int) -> Iterator[Trial]:
        """Trials that have every value at least once, and `most` others; all, if there are no more than that."""
        if self.count() <= most:
            yield from self
            return
        counts = [count for _, count in self.factors]
        for step in range(max(counts)):
            yield self[self._index([step % count for count in counts])]
        draw = random.Random(0)
        yield from (self[draw.randrange(self.count())] for _ in range(most))

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        return tuple(parameter.path for parameter in self.parameters)

    def _index(self, positions: Sequence[int]) -> int:
        index = 0
        for parameter, position in zip(self.parameters, positions, strict=True):
            index = index * len(parameter.values) + position
        return index
