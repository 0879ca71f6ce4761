"""The table of trials in the report: a row for each, those without a value last."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from gridfold.analysis.summary import Contender, Estimate, Tables
from gridfold.records.numbers import number, plus_minus
from gridfold.records.trials import RunResult, TrialResult
from gridfold.runs.search import SearchDirectory
from gridfold.show import plots
from gridfold.show.axis import value_text
from gridfold.show.charts import p_text

_MAX_RUNS = 6


@dataclass(frozen=True)
class Cell:
    """A text, and what it is sorted by; "" is last in either order."""

    text: str
    key: str | float = ""


@dataclass(frozen=True)
class Link:
    """Something that lies beside the report."""

    text: str
    href: str


@dataclass(frozen=True)
class Row:
    """A trial.

    Attributes:
        standing: how it stands to the best; "" without a value.
        rank: 1 for the best, and for all that tie with it; None without a value.
        params: its values.
        value: mean and standard deviation in words.
        interval: of the mean, in words; "" where the noise is unknown.
        against: how it compares with the best.
        n: how many values it has.
        seconds: what a run of it takes.
        state: of its runs.
        runs: its first runs.
        more: how many more it has.
    """

    standing: str
    rank: int | None
    params: tuple[Cell, ...]
    value: Cell
    interval: str
    against: Cell
    n: int
    seconds: Cell
    state: str
    runs: tuple[Link, ...]
    more: int


def rows(tables: Tables, search: SearchDirectory) -> Iterator[Row]:
    """All trials of a search."""
    shown = set()
    paths = tables.results.paths
    standings, tied = plots.standings(tables), len(tables.results.tied)
    for place, (contender, standing) in enumerate(zip(tables.contenders, standings, strict=True), start=1):
        rank = 1 if place <= tied else place
        estimate = contender.estimate
        shown.add(id(estimate.trial))
        yield Row(
            standing,
            rank,
            _params(paths, estimate.trial),
            Cell(plus_minus(estimate.mean, estimate.std), estimate.mean),
            interval(estimate),
            _against(contender, rank, tied),
            estimate.n,
            _seconds(estimate.seconds),
            _state(estimate.trial),
            *_runs(estimate.trial, search),
        )
    for trial in tables.results.trials:
        if id(trial) not in shown:
            params, seconds, state = _params(paths, trial), _seconds(trial.seconds), _state(trial)
            yield Row("", None, params, Cell("–"), "", Cell("–"), 0, seconds, state, *_runs(trial, search))


def interval(estimate: Estimate) -> str:
    """The 95 % interval of the mean; "" where the noise is unknown."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{number(estimate.low)} to {number(estimate.high)}"


def link(run: RunResult, search: SearchDirectory, file: str = "") -> Link:
    """A run's directory, or a file in it, as seen from the search's directory."""
    directory = os.path.relpath(run.search.run(run.entry).dir, search.dir)
    return Link(str(run.entry.index), quote(f"{directory}/{file}"))


def _params(paths: Sequence[str], trial: TrialResult) -> tuple[Cell, ...]:
    return tuple(_param(trial.params[path]) if path in trial.params else Cell("–") for path in paths)


def _param(value: object) -> Cell:
    text = value_text(value, 60)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Cell(text, value if is_number else text)  # type: ignore[arg-type]


def _against(contender: Contender, rank: int, tied: int) -> Cell:
    if rank == 1:
        return Cell("tied" if tied > 1 else "best", -1.0)
    if contender.p is None or contender.difference is None:
        return Cell("unknown")
    word = "yes" if contender.distinguishable else "unclear"
    return Cell(f"{word}, p {p_text(contender.p)}", contender.difference)


def _seconds(seconds: float | None) -> Cell:
    return Cell("–") if seconds is None else Cell(number(seconds, 1), seconds)


def _state(trial: TrialResult) -> str:
    states = Counter(run.state for run in trial.runs)
    if len(states) == 1:
        return next(iter(states))
    return ", ".join(f"{count} {state}" for state, count in states.most_common())


def _runs(trial: TrialResult, search: SearchDirectory) -> tuple[tuple[Link, ...], int]:
    shown = trial.runs[:_MAX_RUNS]
    return tuple(link(run, search) for run in shown), len(trial.runs) - len(shown)
