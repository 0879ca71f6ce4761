"""The table of results, printed or written to a file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.markup import escape

from gridfold.core.errors import ConfigError, nearest_file, visible
from gridfold.core.files import replace_bytes
from gridfold.core.values import render
from gridfold.export import formats
from gridfold.export.frame import parquet
from gridfold.records import front, looks, reach
from gridfold.records.numbers import number
from gridfold.records.table import Column, Row, Table
from gridfold.records.ties import Tie
from gridfold.records.trials import Results
from gridfold.runs.names import label_parameters
from gridfold.runs.search import SearchDirectory
from gridfold.show.console import plain_console
from gridfold.show.text_table import Heading, TextTable

MAX_ROWS = 20
_MAX_METRICS = 3
_ASKED_FOR = ("runs", "run", "error")  # columns that people see only where they name them
_WIDTH = 10_000  # of a table that goes to no terminal: it is as wide as it needs


@dataclass(frozen=True)
class TrialTable:
    """Rows in a format.

    Attributes:
        table: what is shown.
        form: ``table``, or another format.
        asked: the columns that were asked for; empty for the usual ones.
        sort: the column that was asked for to sort by; None if the best come first.
        count: how many rows at most; None for the usual number.
    """

    table: Table
    form: str
    asked: tuple[Column, ...] = ()
    sort: str | None = None
    count: int | None = None

    @classmethod
    def of(cls, search: SearchDirectory) -> TrialTable:
        """The usual table of the trials of a search."""
        return cls(Table.of(Results.read([search])), "table")

    def print(self, console: Console) -> None:
        """Print it; a table as wide as the console."""
        if self.form == "table":
            wide = plain_console(console.file, _WIDTH)
            (console if console.is_terminal else wide).print(self.render(), crop=False)
        else:
            text = formats.text_of(self.form, self.columns, self.shown)
            console.file.write(visible(text.replace("\r\n", "\n")) if console.is_terminal else text)

    def write(self, path: Path) -> None:
        """Write it to a file, in one step.

        Raises:
            ConfigError: the folder is not there.
        """
        if not path.parent.is_dir():
            raise ConfigError("no such folder", where=str(path.parent), hint=nearest_file(path.parent))
        if self.form == "parquet":
            content = parquet(self.columns, self.shown)
        else:
            text = io.StringIO()
            self.print(plain_console(text))
            content = text.getvalue().encode()
        replace_bytes(path, [content])

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns."""
        if self.asked:
            return self.asked
        return self.table.columns if self.form in formats.DATA else tuple(filter(self._is_usual, self.table.shown))

    @property
    def shown(self) -> tuple[Row, ...]:
        """Its rows."""
        usual = None if self.form in formats.DATA else MAX_ROWS
        return self.table.rows[: usual if self.count is None else self.count]

    def _is_usual(self, column: Column) -> bool:
        """Whether people see a column without asking for it."""
        if column.kind == "metric":
            metrics = [each.metric for each in self.table.shown if each.kind == "metric"]
            return column.metric in metrics[:_MAX_METRICS]
        if column.kind == "deviation" or column.name in _ASKED_FOR:
            return False
        if column.name == "search":
            return len(self.table.results.searches) > 1
        return column.name != "n" or self.table.has_repeats

    def render(self) -> Group:
        """The table, as people read it."""
        shown, columns = self.shown, self.columns
        best = self.table.tied(self.table.rows) if self.sort is None else []
        body = [formats.cells(columns, row) for row in shown]
        hint = "" if self.asked else see_all(self.searches)
        table = TextTable(list(map(self._heading, columns)), body, len(best), hint)
        left = len(self.table.rows) - len(shown)
        lines = [f"{left:,} more: {_command(self.searches)} --all"] if left else []
        return Group(f"[bold]{escape(self.title)}", table, *lines, *map(escape, self.notes))

    @property
    def notes(self) -> list[str]:
        """What is to know of the order of the rows."""
        lines = self._tie(self.table.tied(self.table.rows)) if self.sort is None else []
        if not self.shown:
            lines.append("None.")
        lines += filter(None, [each.said(self.table.results) for each in (reach, front, looks)])
        if self.sort is None and not self.table.by_run and not self.table.results.has_equal_repeats:
            lines.append("Not all have the same repeats: the order is by what they would be if they had.")
        return lines

    def _tie(self, best: Sequence[Row]) -> list[str]:
        """That several are the best."""
        objective = self.table.results.objective
        tie = Tie.of(objective, [row.metrics for row in best])
        if tie is None:
            return []
        metric = objective.metric or ""
        params = zip(label_parameters(list(best[0].params)), best[0].params.values(), strict=True)
        name = ", ".join(f"{label} {render(value)}" for label, value in params)
        name = best[0].runs[0] if self.table.by_run or not name else name
        what = "runs" if self.table.by_run else "trials"
        return [f"{tie.at(f'{metric} {number(best[0].metrics[metric])}', name, what)}."]

    def _heading(self, column: Column) -> Heading:
        kind = "fact" if column.name == self.sort else column.name if column.name == "seconds" else column.kind
        return Heading(column.label, kind, column.name in formats.LEFT)

    @property
    def searches(self) -> list[str]:
        """What the searches that they are from are called."""
        return list(self.table.results.names.values())

    @property
    def title(self) -> str:
        """What it is of, and in which order."""
        objective = self.table.results.objective
        if self.sort is not None:
            return f"Results by {self.sort}"
        rule = f" ({'highest' if objective.maximize else 'lowest'} {objective.metric})" if objective.metric else ""
        return f"Results, best first{rule}"


def see_all(searches: Iterable[str]) -> str:
    """How to see the columns for which a terminal has no room."""
    return f"To see all: {_command(searches)} | less -S"


def _command(searches: Iterable[str]) -> str:
    return " ".join(["gridfold results", *searches])
