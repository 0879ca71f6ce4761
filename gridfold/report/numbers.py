"""Numbers as a person reads them."""

from __future__ import annotations


def number(value: float | None, digits: int = 4) -> str:
    """Digits after the point; an integer has none, and nothing is nothing."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"
