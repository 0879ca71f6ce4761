"""Conditions on rows, such as ``val_f1 > 0.8 and batch_size == 32``: the names are those of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.records.table import ABSENT, OF_TEST, Column, Row
from gridfold.space.conditions import NOTHING, Condition, Known
from gridfold.trainers.metrics.names import is_of_test

_FORM = "val_f1 > 0.8 and batch_size == 32"


class Filter:
    """What is to hold of a row.

    Args:
        text: the condition.
        columns: what it may name, by name or label.

    Raises:
        ConfigError: it cannot be read, names an unknown column, or is more than a condition.
    """

    def __init__(self, text: str, columns: Sequence[Column]) -> None:
        by_name = {column.label: column for column in columns} | {column.name: column for column in columns}
        self._where = f"--where {text!r:.200}"
        self._condition = Condition(text, by_name, self._where, _FORM, lambda name: OF_TEST if is_of_test(name) else "")
        self._columns = {name: by_name[name] for name in self._condition.names}

    def select(self, rows: Sequence[Row]) -> list[Row]:
        """The rows of which it holds. A comparison with a value that is not there, or of another kind, does not hold.

        Raises:
            ConfigError: it makes sense for no row, as ``batch_size > "a"``.
        """
        parameters = {name: column for name, column in self._columns.items() if column.kind == "parameter"}
        self._condition.tell_apart(
            {name: Known(_value(column, row) for row in rows) for name, column in parameters.items()}
        )
        wrong: list[Exception] = []
        found = []
        for row in rows:
            try:
                holds = self._condition.value({name: _value(column, row) for name, column in self._columns.items()})
            except Exception as error:  # whatever operators and functions raise on such values
                wrong.append(error)
            else:
                found += [row] if holds else []
        if wrong and len(wrong) == len(rows):
            raise ConfigError(f"cannot be evaluated for any row: {wrong[0]}", where=self._where) from None
        return found


def _value(column: Column, row: Row) -> Any:
    """What a column's name stands for: the names of a trial's runs are one text."""
    value = column.value(row)
    if value is ABSENT:
        return NOTHING
    return ", ".join(value) if column.kind == "fact" and isinstance(value, list) else value
