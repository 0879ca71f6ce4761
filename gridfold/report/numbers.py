"""Numbers as a person reads them."""

from __future__ import annotations


def number(value: float | None, digits: int = 4) -> str:
    """Digits after the point; an integer has none, and what is too small for them has an exponent. None is ""."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    small = value != 0 and abs(value) < 10.0 ** (1 - digits) and digits > 1
    return f"{value:.{digits - 1}e}" if small or abs(value) >= 1e9 else f"{value:.{digits}f}"
