"""Labels: what the cells of a column say, which task they make, and what is to be predicted of each text."""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gridfold.core.errors import ConfigError
from gridfold.text.sources import LabelledTexts
from gridfold.text.tasks import Label, Targets, Task, named

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")  # a number that is written plainly; 007 is a name
_WHOLE = re.compile("0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_SEPARATORS = ("|", ";", ",")  # of several labels in a cell: the first of these that the column has
_MISSING = ("", "nan", "na", "n/a", "null", "none")  # what writers of tables have for a number that is not there
_LARGEST = 3.4028234663852886e38  # number of 32 bits
_PATH = "data.label_column"


@dataclass(frozen=True)
class Labelling:
    """How the labels of a data set are read, by what the training examples have.

    Attributes:
        task: what is predicted.
        written: whether they come from a text file, in which a number has no type.
        separator: between several labels in a text; "" where the text is a list in brackets.
        merged: spellings of one number, such as ``1, 1.0``, which are one label.
    """

    task: Task
    written: bool
    separator: str = ""
    merged: tuple[str, ...] = ()

    def targets(self, table: LabelledTexts) -> Targets:
        """What is to be predicted of each text.

        Raises:
            ConfigError: a label is missing, or one that the training examples do not have.
        """
        if self.task.name == "regression":
            return np.array(_numbers(table), dtype=np.float32)
        rows = self._rows(table)
        places = self._places(table, {(type(label), label) for row in rows for label in row})
        if self.task.name != "multilabel":
            return np.array([places[type(label), label] for (label,) in rows], dtype=np.int64)
        targets = np.zeros((len(rows), len(self.task.labels)), dtype=np.float32)
        for target, row in zip(targets, rows, strict=True):
            target[[places[type(label), label] for label in row]] = 1
        return targets

    def _rows(self, table: LabelledTexts) -> list[list[Any]]:
        if self.task.name == "multilabel":
            return list(_several(table, self.separator))
        return [[label] for label in _single(table)]

    def _keys(self, table: LabelledTexts, label: Label) -> list[Any]:
        """By what a label is found; in a text file a number may be written in several ways."""
        if isinstance(label, bool):
            return [(label,)]
        if not isinstance(label, str):
            return [Decimal(str(label))]
        is_number = (self.written or table.written) and _DECIMAL.fullmatch(label)
        return [label, Decimal(label)] if is_number else [label]

    def _places(self, table: LabelledTexts, labels: set[tuple[type, Any]]) -> dict[tuple[type, Any], int]:
        """The ids of the labels of a source, by type and value: True is no 1."""
        known = {key: place for place, label in enumerate(self.task.labels) for key in self._keys(table, label)}
        found = {
            each: next((known[key] for key in self._keys(table, each[1]) if key in known), None) for each in labels
        }
        if unknown := sorted({label for (_, label), place in found.items() if place is None}, key=str):
            problem = f"labels that the training examples do not have, {named(unknown)}"
            raise ConfigError(problem, path=table.path, hint=f"labels of data.train, {named(self.task.labels)}")
        return {each: place for each, place in found.items() if place is not None}


def labelling_of(table: LabelledTexts, asked: str | None) -> Labelling:
    """How the labels of the training examples are read.

    Args:
        table: the training examples.
        asked: ``data.task``. Where it is None, lists of labels are several labels, numbers with a fraction are
            predicted as numbers, and all else are names, of which each text has one.

    Raises:
        ConfigError: labels are missing, of different types, too few, or do not fit the task that is asked for.
    """
    name = asked or _inferred(table)
    if name == "regression":
        if len(set(_numbers(table))) < 2:
            raise ConfigError(f"nothing to predict: all numbers are {_numbers(table)[0]}", path=_PATH)
        return Labelling(Task(name), table.written)
    if name == "multilabel":
        return _of_several(table)
    labels, merged = _names(_single(table), written=table.written)
    if len(labels) < 2:
        raise ConfigError(f"at least 2 labels are needed, found {named(labels)}", path=_PATH)
    if asked == "binary" and len(labels) != 2:
        hint = "give data.task: multiclass"
        raise ConfigError(f"binary needs 2 labels, but the data have {named(labels)}", path="data.task", hint=hint)
    task = Task(asked or ("binary" if len(labels) == 2 else "multiclass"), labels)
    return Labelling(task, table.written, merged=merged)


def _inferred(table: LabelledTexts) -> str | None:
    """What the labels are, if that is not one name for each text; None if it is."""
    labels = table.labels
    if any(isinstance(label, list | tuple) for label in labels) or _are_bracketed(labels):
        return "multilabel"
    numbers = [label for label in labels if not is_missing(label)]  # numbers with gaps: the error names the row
    if all(is_number(label, written=table.written) for label in numbers):
        return "regression" if any(not float(label).is_integer() for label in numbers) else None
    return None


def is_missing(label: Any) -> bool:
    """Whether a cell is none, not a number, or says so; such a text may be a label like others."""
    if isinstance(label, str):
        return label.strip().lower() in _MISSING
    return label is None or label != label  # noqa: PLR0124 (NaN)


def is_number(label: Any, *, written: bool) -> bool:
    """Whether a cell is a number, or where it is ``written``, a text that is one."""
    if isinstance(label, str):
        return written and _NUMBER.fullmatch(label) is not None
    return isinstance(label, int | float | Decimal) and not isinstance(label, bool) and math.isfinite(label)


def _numbers(table: LabelledTexts) -> list[float]:
    """The numbers to predict."""

    def is_none(label: Any) -> bool:
        if isinstance(label, str) and table.written:
            try:
                label = float(label)
            except ValueError:
                return True
        return not is_number(label, written=False) or abs(label) > _LARGEST

    table.reject(table.labels, is_none, f"is not a number in column {_columns(table)}")
    return [float(label) for label in table.labels]


def _single(table: LabelledTexts) -> Sequence[Label]:
    problem = f"is not a label in column {_columns(table)}"
    table.reject(table.labels, _is_no_label, problem)
    return table.labels


def _columns(table: LabelledTexts) -> str:
    column = table.columns.label
    return ", ".join(f"'{name}'" for name in ([column] if isinstance(column, str) else column))


def _is_no_label(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value != value or not isinstance(value, int | float | bool)  # noqa: PLR0124 (NaN)


def _of_several(table: LabelledTexts) -> Labelling:
    """The labelling where a text may have any number of labels. Those with a column each keep its order."""
    separator = _separator(table)
    rows = list(_several(table, separator))
    if not isinstance(table.columns.label, str):
        return Labelling(Task("multilabel", table.columns.label), table.written)
    labels, merged = _names([label for row in rows for label in row], written=table.written)
    if not labels:
        raise ConfigError("no text has a label", path=_PATH)
    return Labelling(Task("multilabel", labels), table.written, separator, merged)


def _separator(table: LabelledTexts) -> str:
    if not isinstance(table.columns.label, str) or _are_bracketed(table.labels):
        return ""
    cells = [label for label in table.labels if isinstance(label, str)]
    return next((sign for sign in _SEPARATORS if any(sign in cell for cell in cells)), _SEPARATORS[0])


def _several(table: LabelledTexts, separator: str) -> Iterator[list[Label]]:
    """The labels of each text; each once."""
    for row, cell in enumerate(table.labels, start=1):
        several = _split(cell, separator) if isinstance(cell, str) else cell
        if isinstance(several, int | float):  # NaN too, which is no label
            several = [several]
        if several is None or any(map(_is_no_label, several)):
            problem = f"{cell!r} in row {row} is not a list of labels in column {_columns(table)} of {table.name}"
            raise ConfigError(problem, path=table.path)
        yield list(dict.fromkeys(several))


def _split(cell: str, separator: str) -> list[Any] | None:
    if separator:
        return [part.strip() for part in cell.split(separator) if part.strip()]
    return _bracketed(cell)


def _are_bracketed(cells: Sequence[Any]) -> bool:
    return all(isinstance(cell, str) and _bracketed(cell) is not None for cell in cells)


def _bracketed(cell: str) -> list[Any] | None:
    """The list that a cell is in the notation of JSON or Python, its numbers as they are written; None if it is none.

    In that of numpy, ``['a' 'b']``, Python would take two texts for one.
    """
    if not (cell.startswith("[") and cell.endswith("]")) or re.search(r"""['"]\s+['"]""", cell):
        return None
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError):
        return None
    return [str(item) for item in found] if isinstance(found, list) else None


def _names(values: Iterable[Label], *, written: bool) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """The labels, sorted, and what is merged to one label."""
    return _written_names(values) if written else _typed_names(values)


def _written_names(values: Iterable[Any]) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Spellings of one number are one label. Labels are whole numbers where all can be, else text."""
    spellings: dict[Any, set[str]] = defaultdict(set)
    for value in set(values):
        spellings[Decimal(value) if _DECIMAL.fullmatch(value) else value].add(value)
    merged = sorted(", ".join(sorted(several)) for several in spellings.values() if len(several) > 1)
    names = [min(several, key=lambda name: (len(name), name)) for several in spellings.values()]
    whole = all(_WHOLE.fullmatch(name) for name in names)
    if not whole and merged:
        whole = all(isinstance(key, Decimal) and key == int(key) for key in spellings)
    return tuple(sorted(int(Decimal(name)) for name in names) if whole else sorted(names)), tuple(merged)


def _typed_names(values: Iterable[Any]) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """1 and 1.0 are one label."""
    values = list(values)
    kinds = {type(value) for value in values}
    if kinds <= {int, float}:
        whole = {value for value in values if isinstance(value, int)}
        labels = whole | {value for value in values if value not in whole}
        merged = sorted({f"{int(value)}, {value}" for value in values if isinstance(value, float) and value in whole})
        return tuple(sorted(labels)), tuple(merged)
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ConfigError(f"labels of different types: {names}", path=_PATH)
    return tuple(sorted(set(values))), ()
