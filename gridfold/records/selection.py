"""Which rows and columns of a table somebody asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridfold.records.filter import Filter
from gridfold.records.table import Column, Table


@dataclass(frozen=True)
class Selection:
    """What is asked for.

    Attributes:
        where: a condition that rows are to meet.
        sort: the column to sort by; None for the best first.
        columns: the columns, by name or label; empty for the usual ones.
    """

    where: str | None = None
    sort: str | None = None
    columns: Sequence[str] = ()

    def of(self, table: Table, known: Sequence[Column]) -> tuple[Table, tuple[Column, ...]]:
        """The rows, and the columns that are named.

        Args:
            table: all rows.
            known: the columns that may be named.

        Raises:
            ConfigError: there is no such column, or the condition cannot be read.
        """
        if self.where is not None:
            table = table.only(Filter(self.where, known).select(table.rows))
        if self.sort is not None:
            table = table.sorted(table.column(self.sort, known))
        return table, tuple(table.column(name, known) for name in self.columns)
