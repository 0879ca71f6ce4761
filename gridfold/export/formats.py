"""A table of results as text: for data (CSV, JSON lines, Parquet) whole and exact, for people short.

Data formats have every column, by its dotted path; people get the labels of parameters, numbers of four digits, and
the mean and the standard deviation of repeats in one.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from gridfold.core.errors import visible
from gridfold.core.values import Exact, cell, render
from gridfold.export import latex
from gridfold.export.typed import TypedColumn, typed
from gridfold.records.numbers import number, plus_minus
from gridfold.records.table import ABSENT, Column, Row

DATA = ("csv", "parquet", "jsonl")
SUFFIXES = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".tex": "latex",
    ".txt": "table",
}

LEFT = ("state", "search", "run", "runs", "error")  # texts; numbers stand to the right


def text_of(form: str, columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """The table in a format that is text."""
    writers = {"csv": _csv, "jsonl": _json_lines, "markdown": _markdown, "latex": _latex}
    return writers[form](columns, rows)


def cells(columns: Sequence[Column], row: Row) -> list[str]:
    """The cells of a row as people read them."""
    return [_cell(column, row) for column in columns]


def _cell(column: Column, row: Row) -> str:
    value = column.value(row)
    if value is ABSENT or (value is None and column.kind != "parameter"):
        return ""
    if column.kind == "parameter":
        return _rendered(Exact(value))
    if column.kind == "metric" and column.metric in row.deviations:
        return plus_minus(value, row.deviations[column.metric])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}" if column.name == "step" else number(value, 1 if column.name == "seconds" else 4)
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(value) if isinstance(value, list) else str(value)


@lru_cache(maxsize=4096)
def _rendered(value: Exact) -> str:
    """A value as YAML has it: few values stand in many rows."""
    return render(value.value)


def _csv(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow([column.name for column in columns])
    writer.writerows(zip(*(_csv_cells(column, rows) for column in columns), strict=True))
    return "".join(lines)


def _csv_cells(column: Column, rows: Sequence[Row]) -> Iterator[Any]:
    """A column; nothing for what is not there. Of a metric, integers among floats are floats."""
    values = [column.value(row) for row in rows]
    is_number = column.metric and float in set(map(type, values))
    for value in values:
        is_cell = column.kind == "parameter" or isinstance(value, list)
        yield None if value is ABSENT else cell(value) if is_cell else float(value) if is_number else value


class _Lines(list[str]):
    """Takes rows of CSV, which end as lines of text do; told so, ``csv`` would leave a carriage return unquoted."""

    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def _json_lines(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    found = list(typed(columns, rows))
    cells_of = {column.name: _json_cells(column) for column in found}
    if wrong := [column for column in found if not (column.is_parameter or column.is_finite)]:
        cells_of[_free("not_finite", cells_of)] = [_not_finite(wrong, place) for place in range(len(rows))]
    lines = zip(*cells_of.values(), strict=True)
    return "".join(json.dumps(dict(zip(cells_of, line, strict=True)), ensure_ascii=False) + "\n" for line in lines)


def _json_cells(column: TypedColumn) -> Sequence[Any]:
    """A column as every reader of JSON takes it: if JSON has no type for all values of a parameter, they are texts."""
    if column.kind == "mixed" or (column.is_parameter and not column.is_finite):
        return column.as_texts
    if column.is_finite:
        return column.values
    return [value if value is not None and math.isfinite(value) else None for value in column.values]


def _not_finite(columns: Sequence[TypedColumn], place: int) -> str:
    """The metrics of a row that are no finite numbers: ``{"val_loss": "nan"}``; "" without any."""
    values = {column.name: column.values[place] for column in columns}
    wrong = {name: repr(value) for name, value in values.items() if value is not None and not math.isfinite(value)}
    return json.dumps(wrong, ensure_ascii=False) if wrong else ""


def _free(name: str, taken: Container[str]) -> str:
    while name in taken:
        name = f"_{name}"
    return name


def _markdown(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    rules = ["---" if column.name in LEFT else "---:" for column in columns]
    body = (list(map(_in_markdown, cells(columns, row))) for row in rows)
    lines = [[_in_markdown(column.label) for column in columns], rules, *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _in_markdown(text: str) -> str:
    """Text in which nothing stands for anything else; an underscore inside a word stands for itself."""
    return re.sub(r"([\\`*|<\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(visible(text).split()))


def _latex(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    places = "".join("l" if column.name in LEFT else "r" for column in columns)
    head = _latex_line(column.label for column in columns)
    lines = [r"% \usepackage{booktabs}", rf"\begin{{tabular}}{{{places}}}", r"\toprule", head, r"\midrule"]
    lines += [_latex_line(cells(columns, row)) for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _latex_line(texts: Iterable[str]) -> str:
    return latex.row(latex.escape(" ".join(text.split())) for text in texts)
