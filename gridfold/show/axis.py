"""Where things stand in a figure: the values of a parameter on an axis, numbers between others, lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from gridfold.core.values import canonical
from gridfold.records.numbers import short, value_text
from gridfold.records.objective import is_finite

_MANY = 10  # values that need not all have a tick
_LEAST_GAP = 0.05  # of the axis: values that come closer are set evenly
_DECADE = 10
_FEW = 5  # round numbers
_SMALL = 1e-3  # below it a number is written with an exponent
_ROUNDING = 1e-12
_LONG = 8  # letters of a number


@dataclass(frozen=True)
class Line:
    """A line in a square of 1000 × 1000, its origin at the upper left.

    Attributes:
        kind: a standing, or what else it is.
        path: as SVG has it.
        said: what is said of it where the pointer is near; "" for what is silent.
        places: which value it goes through on each axis, -1 for none.
        points: what its points are, x and y in turn, where they are to be said.
    """

    kind: str
    path: str
    said: str = ""
    places: str = ""
    points: str = ""


@dataclass(frozen=True)
class Tick:
    """A text at a place in percent from the upper left.

    Attributes:
        side: of the place on which it stands.
        x: from the left.
        y: from the top.
        text: what it says.
        is_minor: whether it is left out where the axis lies on its side, as texts need more room there.
    """

    side: str
    x: float
    y: float
    text: str
    is_minor: bool = False


@dataclass(frozen=True)
class Axis:
    """The values of a parameter on an axis from 0 to 1.

    Attributes:
        path: the parameter.
        label: what it is called.
        values: each once; numbers in ascending order, others as they come.
        kind: by logarithm where the values are geometric; linear; or evenly, where they are no numbers or too close.
        is_curve: whether they are numbers that hardly repeat.
    """

    path: str
    label: str
    values: tuple[Any, ...]
    kind: str
    is_curve: bool = False

    @classmethod
    def of(cls, path: str, label: str, values: Iterable[Any], scale: str | None = None) -> Axis:
        """An axis for some values, which may come several times; their scale, where they are known to have one."""
        distinct = list({canonical(value): value for value in values}.values())
        if not all(map(_is_number, distinct)):
            return cls(path, label, tuple(distinct), "even")
        ordered = tuple(sorted(distinct))
        if scale and (scale == "linear" or ordered[0] > 0):
            return cls(path, label, ordered, scale, is_curve=True)
        kind = "log" if _is_geometric(ordered) else "linear"
        return cls(path, label, ordered, kind if _has_room(ordered, kind) else "even")

    @cached_property
    def positions(self) -> tuple[float, ...]:
        """Where each value stands, from 0 to 1."""
        return _positions(self.values, self.kind)

    @cached_property
    def _found(self) -> dict[str, int]:
        return {canonical(value): position for position, value in enumerate(self.values)}

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The values as an axis says them."""
        return texts(self.values)

    def index(self, value: Any) -> int:
        """Which of the values it is."""
        return self._found[canonical(value)]

    def position(self, value: Any) -> float:
        """Where a value stands."""
        return self.positions[self.index(value)]

    def ticks(self, least_gap: float = _LEAST_GAP) -> list[tuple[float, str]]:
        """Positions and texts of the values; those without room are left out, never the first and the last.

        On the axis of a curve stand round numbers instead.
        """
        if self.is_curve:
            return self._round_ticks(least_gap)
        kept: list[int] = []
        end = self.positions[-1] if self.positions else 0.0
        for index, at in enumerate(self.positions):
            has_room = not kept or at - self.positions[kept[-1]] >= least_gap
            if index == len(self.values) - 1 or (has_room and (not kept or end - at >= least_gap)):
                kept.append(index)
        return [(self.positions[index], self.texts[index]) for index in kept]

    def _round_ticks(self, least_gap: float) -> list[tuple[float, str]]:
        low, high = float(self.values[0]), float(self.values[-1])
        values = _decades(low, high) if self.kind == "log" else steps(low, high, _FEW)
        low, *places, high = (math.log(value) if self.kind == "log" else value for value in (low, *values, high))
        found = [((at - low) / (high - low), value) for at, value in zip(places, values, strict=True)]
        kept: list[tuple[float, str]] = []
        for at, value in found:
            if not kept or at - kept[-1][0] >= least_gap:
                kept.append((at, short(value) if 0 < abs(value) < _SMALL else f"{value:.10g}"))
        return kept


def texts(values: Sequence[Any]) -> tuple[str, ...]:
    """Values as a figure says them: of long numbers as many digits as tell them apart."""
    exact = tuple(map(value_text, values))
    if all(len(text) <= _LONG for text in exact):
        return exact
    for digits in range(3, 10):
        rounded = tuple(_rounded(value, text, digits) for value, text in zip(values, exact, strict=True))
        if len(set(rounded)) == len(set(exact)):
            return rounded
    return exact


def _rounded(value: Any, text: str, digits: int) -> str:
    return short(float(f"{value:.{digits}g}")) if isinstance(value, float) and len(text) > _LONG else text


def _is_number(value: Any) -> bool:
    return is_finite(value) and not isinstance(value, bool)


def _is_geometric(values: tuple[Any, ...]) -> bool:
    """Whether numbers in ascending order are better told apart by their ratios."""
    if len(values) < 2 or values[0] <= 0:
        return False
    ratios = [after / before for before, after in pairwise(values)]
    steady = len(ratios) > 1 and max(ratios) / min(ratios) < 1.05
    return steady or bool(values[-1] / values[0] >= _DECADE)


def _has_room(values: tuple[Any, ...], kind: str) -> bool:
    positions = _positions(values, kind)
    gaps = [after - before for before, after in pairwise(positions)]
    return len(values) > _MANY or min(gaps, default=1.0) >= _LEAST_GAP


def _positions(values: tuple[Any, ...], kind: str) -> tuple[float, ...]:
    if len(values) == 1:
        return (0.5,)
    places = [math.log(value) if kind == "log" else float(value) for value in values] if kind != "even" else [0.0]
    span = places[-1] - places[0]
    if not 0 < span < math.inf:  # as of 1 and 1.0, which are two values
        return tuple(index / (len(values) - 1) for index in range(len(values)))
    return tuple((place - places[0]) / span for place in places)


def steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two others, at most about that many."""
    step = (high - low) / most
    if not 1e-300 < step < math.inf:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - _ROUNDING))
    found = [count * step for count in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return found if all(before < after for before, after in pairwise(found)) else [low, high]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten between two positive numbers; where there are less than two, their halves and doubles too."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 2, 5)):
        found = [
            value for power in powers for factor in factors if low <= (value := float(f"{factor}e{power}")) <= high
        ]
        if len(found) > 1:
            return found
    return [low, high]


def path(points: Iterable[tuple[float, float | None]]) -> str:
    """A line through places from 0 to 1, counted from the lower left; broken where one is missing."""
    said, draw = [], "M"
    for x, y in points:
        if y is not None:
            said.append(f"{draw}{1000 * x:.4g} {1000 * (1 - y):.4g}")
        draw = "M" if y is None else "L"
    return "".join(said)


def closed(points: Iterable[tuple[float, float | None]]) -> str:
    """The same line back to where it began, around an area."""
    return f"{path(points)}Z"


def place(x: float, y: float) -> tuple[float, float]:
    """The same in percent from the upper left."""
    return round(100 * x, 2), round(100 * (1 - y), 2)


def extent(values: Iterable[float]) -> tuple[float, float]:
    """The least and the largest value, never the same."""
    found = list(values) or [0.0]
    low, high = min(found), max(found)
    return (low, high) if low / 2 < high / 2 else (low - 0.5, high + 0.5)


def part(value: float, low: float, high: float) -> float:
    """Where a number stands between two others, from 0 to 1; by halves, as the largest have no difference."""
    return (value / 2 - low / 2) / (high / 2 - low / 2)
