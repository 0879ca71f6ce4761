"""A dotted path of the config with what it takes: listed values, or a range (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, first_repeat, render

_MOST_LISTED = 10_000  # whole numbers of a range, for a grid
_DIGITS = 6  # to which values are drawn, so that names and configs can be read


@dataclass(frozen=True)
class ListedParameter:
    """A dotted path and the values it takes, at least one and no two equal.

    Attributes:
        path: the dotted path.
        values: in the order in which trials take them.
        where: ``file:line:column``.
        optional: whether some trials are without it.
        is_linked: whether it varies together with others, so that values may be equal.

    Raises:
        ConfigError: there are no values, or two of them are equal.
    """

    path: str
    values: tuple[Any, ...]
    where: str = field(default="", compare=False)
    optional: bool = False
    is_linked: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.values:
            raise ConfigError(
                "no values, so there would be no runs", path=self.path, where=self.where, hint="give at least one"
            )
        position = None if self.is_linked else first_repeat(self.values)
        if position is not None:
            listed = render(list(self.values))
            raise ConfigError(
                f"the value {render(self.values[position])} appears twice in {listed}",
                path=self.path,
                where=self.where,
                hint=f"remove one; if the list is meant to be one value, give it as such: {self.path}={listed}",
            )

    def position(self, value: Any) -> int:
        """Where a value stands in the list: 1, 1.0 and true are three.

        Raises:
            ConfigError: it is not in the list.
        """
        try:
            return self._positions[canonical(value)]
        except KeyError:
            problem = f"{render(value)} is none of the values {render(list(self.values)):.200}"
            raise ConfigError(problem, path=self.path, where=self.where) from None

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {canonical(value): position for position, value in enumerate(self.values)}


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included.

    Attributes:
        low: the least.
        high: the greatest, larger than `low`.
        log: whether each order of magnitude is as likely as another.
        whole: whether they are whole numbers.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def at(self, unit: float) -> float | int:
        """The value at a part of the range, from 0 to 1, to a few digits."""
        if self.whole:
            low, high = self._scale(self.low - 0.5), self._scale(self.high + 0.5)
            return min(int(self.high), max(int(self.low), round(self._back(low + unit * (high - low)))))
        low, high = self._scale(self.low), self._scale(self.high)
        return min(self.high, max(self.low, self._rounded(self._back(low + unit * (high - low)))))

    def contains(self, value: Any) -> bool:
        """Whether a value is a number of the range, of its kind."""
        kind = int if self.whole else float
        return type(value) is kind and self.low <= value <= self.high

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _back(self, scaled: float) -> float:
        return math.exp(scaled) if self.log else scaled

    def _rounded(self, value: float) -> float:
        size = abs(value) if self.log else self.high - self.low
        return round(value, _DIGITS - 1 - math.floor(math.log10(size))) if size else value


@dataclass(frozen=True)
class Normal:
    """Numbers of a normal distribution, of which none is out of reach.

    Attributes:
        mean: the mean.
        deviation: the standard deviation, larger than 0.
    """

    mean: float
    deviation: float

    def at(self, unit: float) -> float:
        """The value below which that part of the distribution is, to a few digits."""
        unit = min(1 - 1e-12, max(1e-12, unit))
        found = NormalDist(self.mean, self.deviation).inv_cdf(unit)
        return round(found, _DIGITS - 1 - math.floor(math.log10(self.deviation)))

    def contains(self, value: Any) -> bool:
        """Whether a value is a finite number."""
        return type(value) is float and math.isfinite(value)


Distribution = Interval | Normal


@dataclass(frozen=True)
class RangeParameter:
    """A dotted path and the range that its values are drawn from.

    Attributes:
        path: the dotted path.
        distribution: the range.
        where: ``file:line:column``.
        optional: whether some trials are without it.
    """

    path: str
    distribution: Distribution
    where: str = field(default="", compare=False)
    optional: bool = False

    @cached_property
    def values(self) -> tuple[Any, ...] | None:
        """The values of a range of whole numbers that can be listed; else None."""
        range_ = self.distribution
        if isinstance(range_, Interval) and range_.whole and range_.high - range_.low < _MOST_LISTED:
            return tuple(range(int(range_.low), int(range_.high) + 1))
        return None
