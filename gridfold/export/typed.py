"""Columns of one type each, decided by all their values: what readers guess from the first rows is then true of all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gridfold.core.values import canonical, is_json, render
from gridfold.records.objective import is_finite
from gridfold.records.table import ABSENT, Column, Row

Kind = Literal["integer", "number", "boolean", "text", "texts", "mixed"]
"""``texts`` is a list of them in each row; ``mixed`` is of several types, or of one that few formats have."""

_INT64 = 2**63
_FACTS: dict[str, Kind] = {
    "index": "integer",
    "repeat": "integer",
    "fold": "integer",
    "n": "integer",
    "seconds": "number",
    "step": "number",
    "front": "boolean",
    "confirms": "boolean",
    "runs": "texts",
}  # others are texts; what all rows of one search lack has the type that it has in another


@dataclass(frozen=True)
class TypedColumn:
    """A column.

    Attributes:
        name: its name.
        kind: the type of all its values.
        values: one for each row; None where it has none.
        is_parameter: whether people have written them.
    """

    name: str
    kind: Kind
    values: Sequence[Any]
    is_parameter: bool = False

    @property
    def has_nothing(self) -> bool:
        """Whether some row has no value."""
        return any(value is None for value in self.values)

    @property
    def is_finite(self) -> bool:
        """Whether all its numbers are."""
        return self.kind != "number" or all(value is None or math.isfinite(value) for value in self.values)

    @property
    def has_nan(self) -> bool:
        """Whether a number is none."""
        return self.kind == "number" and any(value is not None and math.isnan(value) for value in self.values)

    @property
    def as_texts(self) -> list[str | None]:
        """Each value as a text of JSON, or of YAML where JSON cannot hold it."""
        return [None if value is None else _text(value) for value in self.values]


def typed(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[TypedColumn]:
    """The columns of some rows.

    Where rows lack a parameter that is null in others, a column of booleans says which: ``<parameter>_missing``.
    """
    by_name = {column.name: column for column in columns}  # somebody may have asked for one twice
    taken = set(by_name)
    for column in by_name.values():
        found = [column.value(row) for row in rows]
        values = [None if value is ABSENT else value for value in found]
        kind = _kind(column, [value for value in values if value is not None])
        if kind == "number":
            values = [None if value is None else float(value) for value in values]
        is_parameter = column.kind == "parameter"
        yield TypedColumn(column.name, kind, values, is_parameter)
        missing = [value is ABSENT for value in found]
        if is_parameter and any(missing) and any(value is None for value in found):
            yield TypedColumn(_free(f"{column.name}_missing", taken), "boolean", missing)


def _kind(column: Column, present: Sequence[Any]) -> Kind:
    """The type of a column, by all values that are there."""
    if column.kind == "fact":
        return _FACTS.get(column.name, "text")
    if column.kind != "parameter":
        return "integer" if not _are_as_floats(present) and _are_int64(present) else "number"
    kinds = set(map(type, present))
    if kinds == {int}:
        return "integer" if _are_int64(present) else "mixed"
    if kinds in ({float}, {int, float}):
        return "number" if _are_told_apart(present) else "mixed"
    return "boolean" if kinds == {bool} else "text" if kinds <= {str} else "mixed"


def _are_int64(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int) and -_INT64 <= value < _INT64 for value in values)


def _are_as_floats(values: Sequence[Any]) -> bool:
    """Whether no integer is rounded among floats."""
    return not any(isinstance(value, int) and (not is_finite(value) or float(value) != value) for value in values)


def _are_told_apart(values: Sequence[Any]) -> bool:
    """Whether integers can stand among floats: none is rounded, and no two values become one, as 1 and 1.0 would."""
    return _are_as_floats(values) and len(set(map(canonical, values))) == len(
        {canonical(float(value)) for value in values}
    )


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if is_json(value) else render(value)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"missing.{name}"
    taken.add(name)
    return name
