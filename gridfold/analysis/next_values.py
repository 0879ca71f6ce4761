"""How a list of numbers goes on, and what lies between: as a person would choose it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

from gridfold.analysis.factors import is_geometric
from gridfold.core.values import quoted, render
from gridfold.records.numbers import short

_BOUNDED = re.compile(
    r"(^|[._])(p|dropout|prob|probability|ratio|momentum|beta\d?|smoothing|fraction|split)($|[._])|drop"
)
_NICE = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10)
_CLOSE = 0.12


def extended(values: Sequence[float], path: str = "", *, upward: bool) -> float | None:
    """The next value of a list of numbers beyond its largest or smallest; None if there is none.

    The list is continued by what it is made by, a step or a factor, also where those alternate (1, 5, 10, 50). Nothing
    goes to 0 or below it that did not begin there, and what is a probability by its name or its values stays below 1.
    """
    given = sorted(set(values))
    edge = given[-1] if upward else given[0]
    if not upward and edge <= 0 <= given[0]:
        return None
    if given[0] >= 0 and _is_geometric(given):
        found = _by_factor([value for value in given if value > 0], upward=upward)
    else:
        found = _by_step(given, upward=upward)
    found = _bounded(found, given, edge, path)
    if all(isinstance(value, int) for value in values):
        found = round(found)
    return None if found in given or (found <= 0 < given[0]) else found


def between(low: float, high: float, values: Sequence[float]) -> float | None:
    """A value between two neighbours of a list, by factor or step as the list is; None if there is none."""
    if all(isinstance(value, int) for value in values) and high == 2 * low:
        return (low + high) // 2 if low > 1 else None  # of 32 and 64: 48
    middle = math.sqrt(low * high) if low > 0 and _is_geometric(values) else (low + high) / 2
    found = nice(middle, 0.2 * (high - low) / high)
    if all(isinstance(value, int) for value in values):
        found = round(found)
    return found if low < found < high else None


def nice(value: float, close: float = _CLOSE) -> float:
    """A number of one digit, or nearly, if one is near enough; else of two digits."""
    if value == 0:
        return 0.0
    power = math.floor(math.log10(abs(value)))
    scaled = abs(value) / 10.0**power
    nearest = min(_NICE, key=lambda each: abs(each - scaled))
    kept = nearest if abs(nearest - scaled) <= close * scaled else round(scaled, 1)
    return math.copysign(float(f"{kept}e{power}"), value)


def _by_factor(values: Sequence[float], *, upward: bool) -> float:
    factors = [after / before for before, after in itertools.pairwise(values)]
    if all(isinstance(value, int) for value in values) and len({round(factor, 9) for factor in factors}) == 1:
        return values[-1] * factors[0] if upward else values[0] / factors[0]
    in_turn = factors if upward else factors[::-1]
    factor = in_turn[-_period([math.log(factor) for factor in in_turn])]
    return nice(values[-1] * factor if upward else values[0] / factor)


def _period(steps: Sequence[float]) -> int:
    """After how many steps a list of them begins again; 1 if it does not."""
    for period in (1, 2):
        pairs = list(zip(steps, steps[period:], strict=False))
        if pairs and all(abs(one - other) <= 0.15 * abs(other) for one, other in pairs):
            return period
    return 1


def _by_step(values: Sequence[float], *, upward: bool) -> float:
    steps = [after - before for before, after in itertools.pairwise(values)]
    if upward:
        return float(f"{values[-1] + steps[-1]:.12g}")
    found = float(f"{values[0] - steps[0]:.12g}")
    return found if found > 0 or values[0] <= 0 else values[0] / 2


def _bounded(found: float, values: Sequence[float], edge: float, path: str) -> float:
    fractions = values[0] >= 0 and values[-1] < 1 and not isinstance(values[-1], int)
    if fractions and found >= 1 and (_BOUNDED.search(path) or not _is_geometric(values)):
        return nice((edge + 1) / 2, 0.02)
    return found


def _is_geometric(values: Sequence[float]) -> bool:
    positive = sorted(value for value in values if value > 0)
    return len(positive) > 1 and is_geometric(positive)


def text(value: Any) -> str:
    """A value as a person writes it: 5e-6, 0.1, 16."""
    if isinstance(value, float) and math.isfinite(value):
        return short(value)
    return quoted(value) if isinstance(value, str) else render(value)
