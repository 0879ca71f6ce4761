"""Tables in a log: a line of names, then lines of numbers below them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gridfold.trainers.metrics.labels import has_measure, metric_label, position_of, split_of
from gridfold.trainers.metrics.pairs import Line, read_number

_CELLS = re.compile(r"\s*[|│┃]\s*|\s{2,}|\t+")
_RULE = re.compile(r"[\s\-=+|│┃━─┼╇┡┩├┤╞╪╡:┏┳┓┗┻┛┌┬┐└┴┘]*")
_NO_NUMBER = re.compile(r"-*|None|N/A|[\d:]+(?::\d\d)+|\+|✓|\d+(?:\.\d+)?(?:[smhGMK]|ms|sec|min|[GMK]i?B)")
_WHOLE_ROWS = ("all", "overall", "total", "mean", "avg", "average")  # and not one of a class
_AVERAGES = ("macro avg", "weighted avg", "micro avg", "samples avg")
_POSITIONS = {"E": "epoch", "#": "step"}  # of spaCy
_MOST_WORDS = 4
_MOST_CHARACTERS = 1000


@dataclass(frozen=True)
class TextTable:
    """The names of the columns of a table; "" for those that are no metrics.

    Attributes:
        names: of the metrics.
        positions: "epoch", "step" or "" for each column.
    """

    names: Sequence[str]
    positions: Sequence[str]

    @classmethod
    def begun_by(cls, text: str) -> TextTable | None:
        """The table whose columns a line names; None if it names none."""
        cells = _cells(text)
        if len(cells) < 2 or len(text) > _MOST_CHARACTERS or any(sign in text for sign in ":={"):
            return None
        if any(read_number(cell) is not None or len(cell.split()) > _MOST_WORDS for cell in cells):
            return None
        names = [metric_label(tuple(cell.split()), "0.5", separated=True) for cell in cells]
        positions = [_POSITIONS.get(cell) or position_of(cell.split()) for cell in cells]
        return cls(names, positions) if any(names) else None

    def row(self, text: str) -> Line | None:
        """What a line of the table says; None if it is none."""
        cells = _cells(text)
        prefix = ""
        if len(cells) == len(self.names) + 1 and cells[0] in _AVERAGES:
            prefix, cells = cells[0].replace(" ", "_"), cells[1:]
        elif len(cells) == len(self.names) + 1 and cells[0].isdigit() and self._says_where:  # pandas numbers rows
            cells = cells[1:]
        values = [read_number(cell) for cell in cells]
        if len(cells) != len(self.names) or not any(value is not None for value in values):
            return None
        if not prefix and not self._may_begin_with(cells[0], values[0]):
            return None
        if not all(
            value is not None or _NO_NUMBER.fullmatch(cell) for value, cell in zip(values[1:], cells[1:], strict=True)
        ):
            return None
        return self._line(values, prefix)

    @property
    def _says_where(self) -> bool:
        return any(position in ("epoch", "step") for position in self.positions)

    def _may_begin_with(self, cell: str, value: float | None) -> bool:
        """Whether a row is one of a series, or of all classes: others are of a class, or of a setting that is tried."""
        if value is None:
            return cell.lower() in _WHOLE_ROWS and not (self.names[0] or self.positions[0])
        return bool(self.names[0]) or self._says_where

    def _line(self, values: Sequence[float | None], prefix: str) -> Line:
        line = Line()
        for name, position, value in zip(self.names, self.positions, values, strict=True):
            if value is not None and name:
                line.metrics[f"{prefix}_{name}" if prefix else name] = value
            elif value is not None and position in ("epoch", "step"):
                line.position[position] = value
        return line


@dataclass(frozen=True)
class SplitTable:
    """A table of metrics, each with a column for each part of the data.

    Attributes:
        splits: the parts, such as "train" and "val".
    """

    splits: Sequence[str]

    @classmethod
    def begun_by(cls, text: str) -> SplitTable | None:
        """The table whose columns a line names; None if it names none."""
        if len(text) > _MOST_CHARACTERS or any(sign in text for sign in ":={"):
            return None
        splits = [split_of(cell.split()) for cell in _cells(text)]
        splits = splits[1:] if splits and not splits[0] else splits
        return cls(splits) if len(splits) > 1 and all(splits) else None

    def row(self, text: str) -> Line | None:
        """What a line of the table says; None if it is none."""
        cells = _cells(text)
        name = metric_label(tuple(cells[0].split()), "0.5", separated=True) if cells else ""
        values = [read_number(cell) for cell in cells[1:]]
        if not name or len(values) != len(self.splits) or not any(value is not None for value in values):
            return None
        told = zip(self.splits, values, strict=True)
        return Line({f"{split}_{name}": value for split, value in told if value is not None})


@dataclass
class ValueTable:
    """A table with a column of names of metrics and one of their values, and others beside them.

    A filter is what was done with an answer before it was measured, and a part of the name.

    Attributes:
        names: of the columns, in small letters.
        task: what the last row with a first cell is of.
    """

    names: Sequence[str]
    task: str = ""

    @classmethod
    def begun_by(cls, text: str) -> ValueTable | None:
        """The table whose columns a line names; None if it names none."""
        names = [cell.lower() for cell in _all_cells(text)]
        return cls(names) if len(names) > 2 and {"metric", "value"} <= set(names[1:]) else None

    def row(self, text: str) -> Line | None:
        """What a line of the table says; None if it is none."""
        cells = dict(zip(self.names, _all_cells(text), strict=False))
        value = read_number(cells.get("value", ""))
        name = cells.get("metric", "")
        self.task = cells.get(self.names[0], "").strip("- ") or self.task
        answer = cells.get("filter", "none")
        name = f"{self.task}_{name}" if answer == "none" else f"{self.task}_{name},{answer}"
        return Line({name: value}) if has_measure([name]) and value is not None else None


Table = TextTable | SplitTable | ValueTable


def table_begun_by(text: str) -> Table | None:
    """The table whose columns a line names; None if it names none."""
    return TextTable.begun_by(text) or SplitTable.begun_by(text) or ValueTable.begun_by(text)


def is_rule(text: str) -> bool:
    """Whether a line only separates others."""
    return bool(_RULE.fullmatch(text))


def _all_cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.strip().strip("|│┃").split("|")]


def _cells(text: str) -> list[str]:
    return [cell.rstrip(")") for cell in _CELLS.split(text.strip().strip("|│┃").strip()) if cell]
