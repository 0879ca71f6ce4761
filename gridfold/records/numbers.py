"""Numbers and values as a person reads them."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import lru_cache
from typing import Any

from gridfold.core.values import Exact, render

_LEAST_P = 0.001
_MAX_LETTERS = 24
_SMALL = 1e-3  # as the value of a parameter: below it is written with an exponent


def number(value: float | None, digits: int = 4) -> str:
    """Digits after the point; an integer has none, and what is too small for them has an exponent. None is ""."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    small = value != 0 and abs(value) < 10.0 ** (1 - digits) and digits > 1
    return f"{value:.{digits - 1}e}" if small or abs(value) >= 1e9 else f"{value:.{digits}f}"


def plus_minus(mean: float | None, deviation: float | None) -> str:
    """A mean and, where that is known, its standard deviation, with as many decimals."""
    if mean is None or deviation is None:
        return number(mean)
    return f"{number(mean)} ± {alike(deviation, number(mean))}"


def alike(value: float, other: str) -> str:
    """A number with as many decimals as one that is written already."""
    decimals = len(other.partition(".")[2])
    return number(value) if "e" in other or abs(value) >= 1e9 else f"{value:.{decimals}f}"


def significant(value: float, other: float) -> str:
    """A number of four digits, or of as many up to six as tell it from another one."""
    enough = (digits for digits in (4, 5, 6) if f"{value:.{digits}g}" != f"{other:.{digits}g}")
    return f"{value:.{next(enough, 4)}g}"


def percent(share: float) -> str:
    """A share as a person says it: 80 %, less than 1 %."""
    said = f"{100 * share:.0f} %"
    return "less than 1 %" if said == "0 %" else said


def p_text(p: float) -> str:
    """A p-value with its sign, = 0.03 or < 0.001."""
    return f"< {_LEAST_P}" if p < _LEAST_P else f"= {p:.2f}" if p >= 0.1 else f"= {p:.3f}"


def short(value: float) -> str:
    """The value of a parameter as a person writes it: 5e-6, 0.1."""
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent and 0 < abs(value) < _SMALL:
        mantissa, _, exponent = f"{value:e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
    written = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return written if not math.isfinite(value) or float(written) == value else repr(value)


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 120:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return str(timedelta(seconds=round(seconds)))


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
