"""Where the values of a parameter stand on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

from gridfold.core.values import Exact, canonical, render
from gridfold.records.numbers import short
from gridfold.records.objective import is_finite

_MANY = 10  # values that need not all have a tick
_MAX_LETTERS = 24
_LEAST_GAP = 0.05  # of the axis: values that come closer are set evenly
_DECADE = 10


@dataclass(frozen=True)
class Axis:
    """The values of a parameter on an axis from 0 to 1.

    Attributes:
        path: the parameter.
        label: what it is called.
        values: each once; numbers in ascending order, others as they come.
        kind: by logarithm where the values are geometric; linear; or evenly, where they are no numbers or too close.
    """

    path: str
    label: str
    values: tuple[Any, ...]
    kind: str

    @classmethod
    def of(cls, path: str, label: str, values: Iterable[Any]) -> Axis:
        """An axis for some values, which may come several times."""
        distinct = list({canonical(value): value for value in values}.values())
        if not all(map(_is_number, distinct)):
            return cls(path, label, tuple(distinct), "even")
        ordered = tuple(sorted(distinct))
        kind = "log" if _is_geometric(ordered) else "linear"
        return cls(path, label, ordered, kind if _has_room(ordered, kind) else "even")

    @cached_property
    def positions(self) -> tuple[float, ...]:
        """Where each value stands, from 0 to 1."""
        return _positions(self.values, self.kind)

    @cached_property
    def _found(self) -> dict[str, int]:
        return {canonical(value): position for position, value in enumerate(self.values)}

    def index(self, value: Any) -> int:
        """Which of the values it is."""
        return self._found[canonical(value)]

    def position(self, value: Any) -> float:
        """Where a value stands."""
        return self.positions[self.index(value)]

    def ticks(self, least_gap: float = _LEAST_GAP) -> list[tuple[float, str]]:
        """Positions and texts of the values; those without room are left out, never the first and the last."""
        kept: list[int] = []
        end = self.positions[-1] if self.positions else 0.0
        for index, at in enumerate(self.positions):
            has_room = not kept or at - self.positions[kept[-1]] >= least_gap
            if index == len(self.values) - 1 or (has_room and (not kept or end - at >= least_gap)):
                kept.append(index)
        return [(self.positions[index], value_text(self.values[index])) for index in kept]


def value_text(value: Any, limit: int = _MAX_LETTERS) -> str:
    """A value in one line, cut if it is long."""
    return _text(Exact(value), limit)


@lru_cache(maxsize=4096)
def _text(of: Exact, limit: int) -> str:
    """The same; a value is shown for every trial that has it."""
    return cut(short(of.value) if isinstance(of.value, float) else render(of.value), limit)


def cut(text: str, limit: int) -> str:
    """A text in one line, with an ellipsis for what is too much."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


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
