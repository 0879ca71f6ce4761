"""Ranges, from the word and the numbers that a user writes: ``!log [1e-6, 1e-3]``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import render
from gridfold.space.parameters import Distribution, Interval, ListedParameter, Normal, RangeParameter

MOST_LISTED = 10_000  # values of a range, for a grid
_DIGITS = 6  # of listed values, but for the ends
_GREATEST = 2**53  # beyond it not every whole number has a float


@dataclass(frozen=True)
class _Kind:
    """A kind of range.

    Attributes:
        takes: what its two numbers are, in words.
        example: as a user writes it, with a third number.
        whole: whether its numbers are whole.
        log: whether orders of magnitude count.
    """

    takes: str
    example: str
    whole: bool = False
    log: bool = False


_ENDS = "the least and the greatest value"
KINDS = {
    "log": _Kind(_ENDS, "!log [1e-6, 1e-3, 7]", log=True),
    "uniform": _Kind(_ENDS, "!uniform [0, 0.5, 6]"),
    "int": _Kind(_ENDS, "!int [8, 128, 8]", whole=True),
    "log_int": _Kind(_ENDS, "!log_int [1, 1024, 11]", whole=True, log=True),
    "normal": _Kind("the mean and the standard deviation", "!normal [0, 1, 5]"),
}


def read_range(word: str, numbers: Any, path: str, where: str) -> ListedParameter | RangeParameter:
    """What a path takes by a range: with a third number the values that make a grid of it.

    Args:
        word: the kind of range, a key of `KINDS`.
        numbers: what the user gives for it.
        path: the dotted path.
        where: ``file:line:column``, for errors.

    Raises:
        ConfigError: the numbers make no such range.
    """
    try:
        low, high, *third = _numbers(word, numbers)
        distribution = _distribution(word, low, high)
        if third:
            return ListedParameter(path, tuple(_listed(word, distribution, third[0])), where)
    except ConfigError as error:
        error.path, error.where = path, where
        raise
    return RangeParameter(path, distribution, where)


def _numbers(word: str, numbers: Any) -> Sequence[float]:
    kind = KINDS[word]
    if not isinstance(numbers, list) or len(numbers) not in (2, 3):
        third = "the step" if word == "int" else "how many values to take"
        problem = f"!{word} takes a list of two numbers, {kind.takes}, and for a grid a third one, {third}"
        raise ConfigError(f"{problem}; found {render(numbers):.80}", hint=f"such as {kind.example}")
    for each in numbers:
        if type(each) not in (int, float) or not math.isfinite(each) or abs(each) > _limit(kind):
            what = f"whole numbers up to {_GREATEST:,}" if kind.whole else "finite numbers"
            hint = f"write it without quotes: {each}" if _is_quoted_number(each) else ""
            raise ConfigError(f"!{word} takes {what}, found {render(each):.80}", hint=hint)
        if kind.whole and type(each) is not int:
            hint = f"for numbers with a fraction, write {'!log' if kind.log else '!uniform'}"
            raise ConfigError(f"!{word} takes whole numbers, found {render(each)}", hint=hint)
    return numbers


def _limit(kind: _Kind) -> float:
    return _GREATEST if kind.whole else 1e300


def _is_quoted_number(value: Any) -> bool:
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _distribution(word: str, low: float, high: float) -> Distribution:
    kind = KINDS[word]
    if word == "normal":
        if high <= 0:
            raise ConfigError(f"the standard deviation has to be more than 0, found {render(high)}")
        return Normal(float(low), float(high))
    if low >= high:
        hint = f"write !{word} [{render(high)}, {render(low)}]" if high < low else "for one value, write that value"
        raise ConfigError(f"the least value, {render(low)}, is not below the greatest, {render(high)}", hint=hint)
    if kind.log and low <= 0:
        hint = f"begin above 0, or write {'!int' if kind.whole else '!uniform'}"
        raise ConfigError(f"!{word} has no values at or below 0, found {render(low)}", hint=hint)
    if kind.whole:
        return Interval(low, high, log=kind.log, whole=True)
    return Interval(float(low), float(high), log=kind.log)


def _listed(word: str, distribution: Distribution, third: float) -> list[Any]:
    if word == "int":
        return _steps(distribution, third)
    if type(third) is not int or not 2 <= third <= MOST_LISTED:
        problem = f"the third number says how many values to take, from 2 to {MOST_LISTED:,}, found {render(third)}"
        raise ConfigError(problem)
    found = [*map(_spread(distribution), range(third), [third] * third)]
    values = [*dict.fromkeys(found)]
    if len(values) < third:
        ends = f"between {render(values[0])} and {render(values[-1])}"
        problem = f"there are no {third:,} values {ends} that differ in {_DIGITS} digits"
        if word == "log_int":
            problem = f"{third:,} values {ends} on a logarithmic scale are not all different when rounded"
        raise ConfigError(problem, hint=f"take fewer, such as {len(values):,}" if len(values) > 1 else "")
    return values


def _steps(distribution: Distribution, step: float) -> list[int]:
    assert isinstance(distribution, Interval)
    low, high = int(distribution.low), int(distribution.high)
    if not 1 <= step <= high - low:
        problem = f"the third number is the step from one value to the next, from 1 to {high - low:,}"
        raise ConfigError(f"{problem}, found {render(step)}")
    values = range(low, high + 1, int(step))
    if len(values) > MOST_LISTED:
        problem = f"{len(values):,} values, more than {MOST_LISTED:,}"
        raise ConfigError(problem, hint="take a larger step; without one, a strategy draws from the whole range")
    return [*values]


def _spread(distribution: Distribution) -> Callable[[int, int], Any]:
    """What gives value ``position`` of ``count``, evenly spread: over a normal distribution by what lies between."""
    if isinstance(distribution, Normal):
        inner = NormalDist(distribution.mean, distribution.deviation)
        return lambda position, count: _rounded(inner.inv_cdf((position + 0.5) / count), distribution.deviation)
    low, high = distribution.low, distribution.high

    def value(position: int, count: int) -> Any:
        if position in (0, count - 1):
            return low if position == 0 else high
        part = position / (count - 1)
        found = low * (high / low) ** part if distribution.log else low + (high - low) * part
        return round(found) if distribution.whole else _rounded(found, found if distribution.log else high - low)

    return value


def _rounded(value: float, scale: float) -> float:
    """A number to some digits; next to nothing beside the scale is 0."""
    value = round(value, 2 * _DIGITS - math.floor(math.log10(abs(scale))))
    return round(value, _DIGITS - 1 - math.floor(math.log10(abs(value)))) if value else 0.0


def said(distribution: Distribution) -> str:
    """A range as its user writes it."""
    if isinstance(distribution, Normal):
        return f"!normal {render([distribution.mean, distribution.deviation])}"
    word = (
        ("log_int" if distribution.log else "int") if distribution.whole else "log" if distribution.log else "uniform"
    )
    return f"!{word} {render([distribution.low, distribution.high])}"
