"""Values of parameters for tools that have one kind of value in a column, or texts only.

A column of one kind has the values as they are. In any other each value is a text, as YAML writes it: ``null``,
``'1'``, ``[256, 128]``. So two values are never one text, and whoever loads it as YAML has the value and its type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gridfold.core.values import canonical, render

Kind = type[bool] | type[int] | type[float] | type[str]


def kind_of(values: Iterable[Any]) -> Kind | None:
    """The one kind of all values of a column; None if it needs texts.

    Integers and floats are floats if none is rounded and no two become one, as 1 and 1.0 would.
    """
    found = {canonical(value): value for value in values}
    kinds = set(map(type, found.values()))
    if kinds == {int, float}:
        try:
            floats = {canonical(float(value)) for value in found.values()}
        except OverflowError:
            return None
        exact = all(isinstance(value, float) or float(value) == value for value in found.values())
        return float if exact and len(floats) == len(found) else None
    return kinds.pop() if len(kinds) == 1 and kinds <= {bool, int, float, str} else None


def written(value: Any, kind: Kind | None) -> bool | int | float | str:
    """The value in a column of a kind: as it is, or as a text if it is of another (see `kind_of`)."""
    if kind is float and type(value) is int:
        return float(value)
    return value if kind is not None and type(value) is kind else render(value)
