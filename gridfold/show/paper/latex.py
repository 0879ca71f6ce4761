"""For LaTeX: the best trials as a table, and figures with their captions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gridfold.analysis.answer import digits
from gridfold.analysis.summary import Summary, TrialSummary
from gridfold.core.values import canonical
from gridfold.export.latex import escape, is_plain, number, row
from gridfold.records import numbers
from gridfold.records.numbers import cut, value_text
from gridfold.show.figures import axes, metric
from gridfold.show.paper.pictures import Picture

MADE_BY = "% Written by gridfold"
_MAX_LABEL, _MAX_VALUE, _MAX_NAME = 40, 40, 200
_MAX_COLUMNS = 8  # of parameters
_LARGE = 1e9
_TIED = r"$^{\dagger}$"
_STOPPED = r"$^{\ddagger}$"
_NONE = "--"


@dataclass(frozen=True)
class ResultsTable:
    r"""The best trials, to be read by ``\input`` within a ``table``.

    Attributes:
        summary: the numbers.
        rows: how many trials it has at most.
    """

    summary: Summary
    rows: int

    @property
    def shown(self) -> Sequence[TrialSummary]:
        """Its trials."""
        return self.summary.ranked[: self.rows]

    def render(self, search: str) -> str:
        """The table of a search of this name."""
        labels = self._labels
        places = "".join("r" if self._are_numbers(path) else "l" for path in labels)
        goals = list(self.summary.goals)[1:]
        head = [*labels.values(), metric(self.summary), *goals]
        columns = f"{places}r{'r' * len(goals)}" + ("r" if self._has_repeats else "")
        named = [escape(cut(each, _MAX_LABEL)) for each in head] + (["$n$"] if self._has_repeats else [])
        body = [row(named), r"\midrule", *(row(self._cells(trial)) for trial in self.shown)]
        begin = [f"{MADE_BY} from {cut(search, _MAX_NAME)}", _needs("booktabs", "".join(body))]
        lines = [*begin, rf"\begin{{tabular}}{{{columns}}}", r"\toprule", *body, r"\bottomrule", r"\end{tabular}"]
        return "\n".join([*lines, ""])

    @property
    def caption(self) -> str:
        """What it shows, and what its marks mean, escaped."""
        return " ".join(filter(None, self._said()))

    def _said(self) -> Iterator[str]:
        summary, total = self.summary, len(self.summary.ranked)
        better = "higher" if summary.maximize else "lower"
        of = f"{total:,} trials" + (" that have a value" if total < len(summary.trials) else "")
        which = f"The best {len(self.shown)} of {of}" if len(self.shown) < total else f"The {of},"
        yield escape(f"{which} by {metric(summary)} ({better} is better).")
        known = any(trial.low is not None for trial in self.shown)
        spread = escape("Mean ± half of its 95 % interval over n runs.").replace(" n runs", " $n$ runs")
        yield spread if known else "Mean over $n$ runs." if self._has_repeats else "One run each: the noise is unknown."
        yield "Bold: the best." if summary.tie is None else f"Bold: the {summary.tie.count:,} best, which tie."
        if any(map(_is_tied, self.shown)):
            yield rf"{_TIED}: not distinguishable from the best (paired comparison, corrected, $p \geq 0.05$)."
        if any(trial.stopped for trial in self.shown):
            yield f"{_STOPPED}: stopped before it had come as far as the best, so not compared."
        if summary.goals and any(trial.front for trial in self.shown):
            yield r"$\bullet$: on the Pareto front."
        if left_out := len(summary.labels) - len(self._labels):
            yield f"{left_out} parameters that explain less are left out."
        if without := len(summary.trials) - total:
            yield f"{without:,} {'has' if without == 1 else 'have'} none."

    @cached_property
    def _values(self) -> dict[str, dict[str, str]]:
        """The values of each parameter, and how they are written."""
        return {
            path: _written([trial.params[path] for trial in self.shown if path in trial.params])
            for path in self._labels
        }

    @cached_property
    def _labels(self) -> dict[str, str]:
        """The parameters that have a column: all, or those that explain most."""
        most = {axis.path for axis in axes(self.summary)[:_MAX_COLUMNS]}
        return {path: label for path, label in self.summary.labels.items() if path in most}

    @property
    def _has_repeats(self) -> bool:
        return any(trial.n > 1 for trial in self.shown)

    def _are_numbers(self, path: str) -> bool:
        return all(_is_number(trial.params[path]) for trial in self.shown if path in trial.params)

    def _cells(self, trial: TrialSummary) -> Iterator[str]:
        for path in self._labels:
            yield self._values[path][canonical(trial.params[path])] if path in trial.params else _NONE
        yield self._measured(trial)
        yield from (_goal(trial.goals.get(name)) for name in list(self.summary.goals)[1:])
        if self._has_repeats:
            yield str(trial.n)

    def _measured(self, trial: TrialSummary) -> str:
        """The mean with its marks, which take no room: digits stay below each other."""
        half = _half(trial)
        noise = self._noise
        mean = number(numbers.number(trial.mean) if noise is None else digits(trial.mean or 0.0, noise))
        if trial.rank == 1:
            mean = rf"\textbf{{\boldmath {mean}}}"
        spread = "" if half is None else rf" $\pm$ {number(digits(half, noise))}"
        marks = _TIED * _is_tied(trial) + _STOPPED * trial.stopped + r"$^{\bullet}$" * trial.front
        return mean + spread + (rf"\rlap{{{marks}}}" if marks else "")

    @property
    def _noise(self) -> float | None:
        """By what numbers are rounded, all alike; None where nothing is known of the noise."""
        halves = [half for trial in self.shown if (half := _half(trial))]
        return statistics.median(halves) if halves else None


def _half(trial: TrialSummary) -> float | None:
    if trial.low is None or trial.high is None:
        return None
    half = trial.high / 2 - trial.low / 2
    return half if math.isfinite(half) else None


def _is_tied(trial: TrialSummary) -> bool:
    return trial.rank != 1 and trial.p is not None and not trial.distinguishable and not trial.stopped


def _goal(value: float | None) -> str:
    if value is None:
        return _NONE
    is_whole = float(value).is_integer() and abs(value) < _LARGE
    return number(str(int(value)) if is_whole else numbers.number(value))


def _written(values: Sequence[Any]) -> dict[str, str]:
    """How values are written: floats that were drawn by four digits, if that keeps all of them apart."""
    distinct = {canonical(value): value for value in values}
    rounded = [float(f"{value:.4g}") if isinstance(value, float) else value for value in distinct.values()]
    is_enough = len(set(map(canonical, rounded))) == len(distinct)
    return dict(zip(distinct, map(_value, rounded if is_enough else distinct.values()), strict=True))


def _value(value: Any) -> str:
    said = value_text(value, _MAX_VALUE)
    return number(said) if _is_number(value) else escape(said)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _needs(packages: str, text: str) -> str:
    return rf"% Needs \usepackage{{{packages}}}" + ("" if is_plain(text) else ", and LuaLaTeX or XeLaTeX")


@dataclass(frozen=True)
class Manuscript:
    """The figures and the table with their captions, to be copied from.

    Attributes:
        search: the name of the search.
        pictures: the figures, with their widths in millimetres.
        table: the table.
        is_svg: whether figures are SVG only.
    """

    search: str
    pictures: Sequence[tuple[Picture, float]]
    table: ResultsTable
    is_svg: bool

    def render(self) -> str:
        """The text."""
        parts = [self._table(), *(self._figure(picture, width) for picture, width in self.pictures)]
        return "\n".join([*self._head(parts), *parts])

    def _head(self, parts: list[str]) -> Iterator[str]:
        yield f"{MADE_BY} from {cut(self.search, _MAX_NAME)}. Copy from it: the next call writes it again."
        yield _needs("booktabs,svg" if self.is_svg else "booktabs,graphicx", "".join(parts))
        yield ""

    def _table(self) -> str:
        return (
            "\\begin{table}\n  \\centering\n"
            f"  \\caption{{{self.table.caption}}}\n  \\label{{tab:results}}\n"
            "  \\input{results}\n\\end{table}\n"
        )

    def _figure(self, picture: Picture, width: float) -> str:
        kind, command = "figure*" if picture.is_wide else "figure", "svg" if self.is_svg else "graphics"
        return (
            f"\\begin{{{kind}}}\n  \\centering\n  \\include{command}[width={width:g}mm]{{{picture.name}}}\n"
            f"  \\caption{{{escape(picture.caption)}}}\n  \\label{{fig:{picture.name}}}\n\\end{{{kind}}}\n"
        )
