"""A table of results as text: for data (CSV, JSON lines, Parquet) whole and exact, for people short.

Data formats have every column, by its dotted path; people get the labels of parameters, numbers of four digits, and
the mean and the standard deviation of repeats in one.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from gridfold.core.errors import visible
from gridfold.core.values import Exact, cell, is_json, render
from gridfold.export import latex
from gridfold.export.frame import frame_of
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


def parquet(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """The table as a Parquet file; what is no plain value, and columns of mixed kinds, are texts.

    Raises:
        ConfigError: pandas or pyarrow is not installed.
    """
    content = io.BytesIO()
    frame_of(columns, rows, plain=True).to_parquet(content, index=False, engine="pyarrow")
    return content.getvalue()


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
    """A column; nothing for what is not there."""
    for row in rows:
        value = column.value(row)
        is_cell = column.kind == "parameter" or isinstance(value, list)
        yield None if value is ABSENT else cell(value) if is_cell else value


class _Lines(list[str]):
    """Takes rows of CSV, which end as lines of text do; told so, ``csv`` would leave a carriage return unquoted."""

    def write(self, row: str) -> None:
        self.append(row.removesuffix("\r\n") + "\n")


def _json_lines(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    names = [column.name for column in columns]
    lines = zip(*(_json_cells([column.value(row) for row in rows]) for column in columns), strict=True)
    return "".join(json.dumps(dict(zip(names, line, strict=True)), ensure_ascii=False) + "\n" for line in lines)


def _json_cells(values: list[Any]) -> list[Any]:
    """A column as every reader of JSON takes it: what JSON cannot hold is a text, as in CSV, and then so are texts."""
    values = [None if value is ABSENT else value for value in values]
    if all(map(is_json, values)):
        return values
    return [f"{cell(value)}" if isinstance(value, str) or not is_json(value) else value for value in values]


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
