"""A search as an object: a table, its best run, its figures."""

from __future__ import annotations

import html
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from gridfold.core.errors import ConfigError, nearest, visible
from gridfold.export import formats
from gridfold.export.frame import results
from gridfold.interactive.words import in_python
from gridfold.records.best import best_of, directory_of
from gridfold.records.trials import Results
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.show import terminal
from gridfold.show.console import plain_console
from gridfold.show.trial_table import TrialTable

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

_WIDTH = 160


@dataclass(frozen=True)
class BestRun:
    """The best run of a search.

    Attributes:
        values: what it was given for each parameter that is swept, by dotted path.
        metrics: its metrics.
        directory: where its config, its log and its files are.
    """

    values: Mapping[str, Any]
    metrics: Mapping[str, float]
    directory: Path


@dataclass(frozen=True)
class Picture:
    """A picture that a notebook shows.

    Attributes:
        svg: its text; write it to a file to keep it.
    """

    svg: str

    def __repr__(self) -> str:
        return f"<picture, {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg


class Search:
    """A search, also one that ran earlier. A notebook shows it as a table, ``print`` as text.

    Args:
        name: its name, the path of its directory, or ``last``.
        runs_dir: the folder of the runs.
        notes: what is said below the table.

    Attributes:
        directory: the directory of the search; those of its runs are beside it.

    Raises:
        ConfigError: there is no such search.
    """

    def __init__(
        self,
        name: str | os.PathLike[str] = "last",
        runs_dir: str | os.PathLike[str] = "runs",
        *,
        notes: Sequence[str] = (),
    ) -> None:
        self.directory = Store(runs_dir).find(os.fspath(name)).dir
        self._notes = tuple(notes)

    @property
    def name(self) -> str:
        """Its name, for the commands, such as ``gridfold best NAME``."""
        return self.directory.name

    @property
    def best(self) -> BestRun:
        """The best run; of repeated trials the best run of the best trial.

        Raises:
            ConfigError: no run is completed with the metric.
        """
        trial, run = best_of(self._results)
        return BestRun(dict(trial.params), dict(run.metrics), directory_of(run))

    def to_frame(self, by: Literal["trial", "run"] = "trial") -> DataFrame:
        """The results as a pandas DataFrame, the best first; see `gridfold.results`."""
        return results(self.directory, by=by, runs_dir=self.directory.parent)

    def to_xarray(self, *, fill: bool = False) -> Dataset:
        """The results of a full grid as an xarray Dataset, a dimension for each parameter; see `gridfold.to_xarray`."""
        from gridfold.export.array import to_xarray

        return to_xarray(self.directory, fill=fill, runs_dir=self.directory.parent)

    def report(self) -> Path:
        """Write ``report.html``, one page with all figures that needs no network; where it is.

        Raises:
            ConfigError: a package of the extra ``report`` is not installed.
        """
        from gridfold.analysis.summary import Summary
        from gridfold.show import page

        return page.write(Summary.of(self._results), self._search)

    def figure(self, kind: str = "parallel") -> Picture:
        """A figure of the report.

        Args:
            kind: ``parallel``, a line for each trial through its values to its metric; or ``curves``, the metric in the
                course of training.

        Raises:
            ConfigError: there is no such figure, or a package of the extra ``report`` is not installed.
        """
        from gridfold.analysis.summary import Summary
        from gridfold.show import figures, svg

        kinds = {"parallel": figures.parallel, "curves": figures.curves}
        if kind not in kinds:
            raise ConfigError(f"no figure {kind!r:.80}", hint=nearest(str(kind), kinds))
        figure = kinds[kind](Summary.of(self._results))
        if figure is None:
            why = "no run has a value" if kind == "parallel" else "no run has reported its metric twice"
            raise ConfigError(f"there is nothing to draw: {why}", where=self.name)
        return Picture(svg.picture(figure))

    def __repr__(self) -> str:
        text = io.StringIO()
        output = plain_console(text, _WIDTH)
        self._table.print(output)
        for line in self._lines():
            output.print(line, markup=False, soft_wrap=True)
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        table = self._table
        left = [column.name in formats.LEFT for column in table.columns]
        best = table.table.tied(table.table.rows)
        rows = [_row("th", [column.label for column in table.columns], left)]
        rows += [_row("th" if row in best else "td", formats.cells(table.columns, row), left) for row in table.shown]
        more = len(table.table.rows) - len(table.shown)
        lines = [*([f"{more:,} more: to_frame() has all"] if more else []), *table.notes, *self._lines()]
        below = "\n".join(f"<div>{_text(line)}</div>" for line in lines)
        return f"<table>\n<caption>{_text(table.title)}</caption>\n{''.join(rows)}</table>\n{below}"

    @property
    def _search(self) -> SearchDirectory:
        return SearchDirectory(self.directory)

    @property
    def _results(self) -> Results:
        return Results.read([self._search])

    @property
    def _table(self) -> TrialTable:
        return TrialTable.of(self._search)

    def _lines(self) -> Iterator[str]:
        """What is said below the table."""
        yield from (Text.from_markup(line).plain for line in terminal.failures(self._search))
        yield from filter(None, [in_python(self._results.caveat)])
        yield from self._notes
        yield f"Directory: {self.directory}"


def _row(kind: str, cells: Sequence[str], left: Sequence[bool]) -> str:
    sides = ("left" if is_left else "right" for is_left in left)
    texts = (
        f'<{kind} style="text-align: {side}">{_text(cell)}</{kind}>' for cell, side in zip(cells, sides, strict=True)
    )
    return f"<tr>{''.join(texts)}</tr>\n"


def _text(said: str) -> str:
    return html.escape(visible(said))
