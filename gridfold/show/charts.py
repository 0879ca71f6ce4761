"""The figures of the report, each with what it shows in a sentence and as a table: for those who do not see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gridfold.analysis.summary import Effect, Heatmap, Interaction, Level, Tables
from gridfold.records.numbers import number, percent
from gridfold.records.numbers import p_text as plain_p
from gridfold.show import plots
from gridfold.show.axis import cut, value_text

_MAX_ROWS = 50
_MOST_NAMED = 3
_ROUNDING = 1e-12  # of a mean
_MAX_PAIRS = 45  # of ten parameters
_NOISE = "What is noise of it is taken off."
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Sheet:
    """A table of texts; the first cell of a row says what the row is of."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A figure in words, drawn and as a table.

    Attributes:
        name: its id in the page.
        title: what it is of, as a heading.
        caption: its main number in a sentence.
        figure: as plotly.js draws it.
        sheet: its numbers.
        least_width: in pixels; where there is less room it is scrolled.
    """

    name: str
    title: str
    caption: str
    figure: plots.Figure
    sheet: Sheet
    least_width: int = 0


@dataclass(frozen=True)
class Pair:
    """The heat maps of a pair of parameters: the mean over the others, and the best."""

    title: str
    mean: Chart
    best: Chart


@dataclass(frozen=True)
class Choice:
    """A value whose lines can be shown alone.

    Attributes:
        key: position of the parameter's axis, and of the value on it.
        text: in words.
    """

    key: str
    text: str


def parallel(tables: Tables) -> Chart | None:
    """Every trial as a line."""
    if not tables.contenders:
        return None
    called = plots.labels(tables)
    first = tables.contenders[0].estimate
    total, drawn = len(tables.contenders), plots.drawn_lines(len(tables.contenders))
    left_out = f" Of {total:,} trials, {drawn} are drawn: the best, and others evenly." if drawn < total else ""
    value, through = f"{tables.results.objective.metric} {number(first.mean)}", plots.trial_text(first.trial, called)
    said = f"The best goes through {through} to {value}."
    if tie := tables.results.tie:
        said = f"{tie.at(value, through)}."
    caption = f"Each line is a trial. {said}{left_out}"
    best = tables.contenders[:_MAX_ROWS]
    rows = [(plots.trial_text(each.estimate.trial, called), number(each.estimate.mean)) for each in best]
    figure = plots.parallel(tables)
    width = 110 * (len(called) + 1)
    return Chart("parallel", "All trials at a glance", caption, figure, _sheet(("trial", _metric(tables)), rows), width)


def choices(tables: Tables) -> list[Choice]:
    """What lines can be told by."""
    return [
        Choice(f"{position}:{index}", f"{axis.label} = {value_text(value)}")
        for position, axis in enumerate(plots.axes(tables))
        for index, value in enumerate(axis.values[:_MAX_ROWS])
    ]


def heatmaps(tables: Tables) -> list[Pair]:
    """For each pair of parameters, those that explain most first; where they are very many, for these."""
    places = {axis.path: place for place, axis in enumerate(plots.axes(tables))}
    ordered = sorted(tables.heatmaps, key=lambda each: sorted((places[path] for path in each.paths), reverse=True))
    return [_pair(tables, position, each) for position, each in enumerate(ordered[:_MAX_PAIRS])]


def effects(tables: Tables) -> list[Chart]:
    """For each parameter, the one that explains most first."""
    return [_effect(tables, position, each) for position, each in enumerate(tables.effects)]


def shares(tables: Tables) -> Chart | None:
    """How much each parameter explains."""
    if not tables.effects:
        return None
    called = plots.labels(tables)
    first = tables.effects[0]
    caption = f"{called[first.path]} explains {percent(first.share)} of the variance of the trials' means. {_NOISE}"
    rows = [(called[each.path], f"{each.share:.1%}", p_text(each.p), each.verdict) for each in tables.effects]
    sheet = _sheet(("parameter", "share of the variance", "p of its main effect", "difference"), rows)
    return Chart("shares", "Shares of the variance", caption, plots.shares(tables), sheet)


def interactions(tables: Tables) -> Chart | None:
    """Which parameters act together."""
    if not tables.interactions:
        return None
    called = plots.labels(tables)
    ordered = sorted(tables.interactions, key=lambda each: -each.share)
    first = ordered[0]
    names = " and ".join(called[path] for path in first.paths)
    caption = (
        f"{names} together explain {percent(first.share)} of the variance beyond what each explains alone; "
        f"{_sureness(first)}. {_NOISE}"
    )
    rows = [
        (" × ".join(called[path] for path in each.paths), f"{each.share:.1%}", p_text(each.p), each.verdict)
        for each in ordered
    ]
    sheet = _sheet(("pair", "share of the variance", "p", "difference"), rows)
    return Chart("interactions", "Interactions", caption, plots.interactions(tables, ordered), sheet)


def curves(tables: Tables) -> Chart | None:
    """The metric in the course of training."""
    pick: Callable[..., float] = max if tables.results.objective.maximize else min
    known = [(curve, [y for _, y in curve.points if math.isfinite(y)]) for curve in tables.curves]
    tops = {id(curve): pick(values) for curve, values in known if values}
    drawable = [curve for curve in tables.curves if id(curve) in tops]
    if all(len(curve.points) < 2 for curve in drawable):
        return None
    sign = -1 if tables.results.objective.maximize else 1
    ordered = sorted(drawable, key=lambda curve: sign * tops[id(curve)])
    first = ordered[0]
    at = next(x for x, y in first.points if y == tops[id(first)])
    total, drawn = len(drawable), plots.drawn_lines(len(drawable))
    left_out = f" Of {total:,} runs, {drawn} are drawn: those of the best trials, and others evenly." * (drawn < total)
    top = f"{number(tops[id(first)])} at {plots.course(tables)} {at:g}"
    caption = f"Run {first.run.entry.index} came furthest: {top}.{left_out}"
    rows = [(curve.run.entry.run, number(tops[id(curve)]), number(curve.points[-1][1])) for curve in ordered]
    sheet = _sheet(("run", f"best {_metric(tables)}", "last"), rows[:_MAX_ROWS])
    return Chart("curves", "Learning curves", caption, plots.curves(tables), sheet)


def p_text(p: float | None) -> str:
    """A p-value as a person reads it."""
    return "unknown" if p is None else plain_p(p).replace(" ", _NO_BREAK)


def _sureness(of: Effect | Interaction) -> str:
    """The p-value of an effect, and what that means."""
    said = {"sure": "it matters", "not certain": "not certain", "no sign": "no sign of a difference"}
    return "noise is unknown" if of.verdict == "unknown" else f"p{_NO_BREAK}{p_text(of.p)}: {said[of.verdict]}"


def _pair(tables: Tables, position: int, shown: Heatmap) -> Pair:
    called = plots.labels(tables)
    title = " × ".join(called[path] for path in shown.paths)
    return Pair(
        title,
        _heatmap(tables, f"heatmap-{position}-mean", title, shown, best=False),
        _heatmap(tables, f"heatmap-{position}-best", title, shown, best=True),
    )


def _heatmap(tables: Tables, name: str, title: str, shown: Heatmap, *, best: bool) -> Chart:
    called = plots.labels(tables)
    rows, columns = (called[path] for path in shown.paths)
    what = "the best" if best else "the mean"
    cells = shown.best if best else shown.mean
    empty = " Empty cells have no value." if any(cell is None for row in cells for cell in row) else ""
    caption = f"{_metric(tables)}, {what} over the other parameters. {_best_cell(tables, shown, best=best)}{empty}"
    sheet = _sheet(
        (f"{cut(rows, 40)} ↓  {cut(columns, 40)} →", *(value_text(value) for value in shown.columns)),
        [
            (value_text(value), *(number(cell) or "–" for cell in row))
            for value, row in zip(shown.rows, cells, strict=True)
        ],
    )
    width = 120 + 62 * len(shown.columns)
    return Chart(name, title, caption, plots.heatmap(tables, shown, best=best), sheet, width)


def _best_cell(tables: Tables, shown: Heatmap, *, best: bool) -> str:
    called = plots.labels(tables)
    cells = shown.best if best else shown.mean
    found = [
        (value, row, column)
        for row, values in zip(shown.rows, cells, strict=True)
        for column, value in zip(shown.columns, values, strict=True)
        if value is not None
    ]
    if not found:
        return "No trial has a value."
    pick = max if tables.results.objective.maximize else min
    value, row, column = pick(found, key=lambda each: each[0])
    where = f"{called[shown.paths[0]]} {value_text(row)} with {called[shown.paths[1]]} {value_text(column)}"
    others = sum(math.isclose(each[0], value, rel_tol=_ROUNDING) for each in found) - 1
    return f"Best is {where}: {number(value)}{f', as in {others:,} more' if others else ''}."


def _effect(tables: Tables, position: int, shown: Effect) -> Chart:
    called = plots.labels(tables)
    rows = [(value_text(level.value), number(level.mean), _interval(level), str(level.n)) for level in shown.levels]
    sheet = _sheet((called[shown.path], f"mean {_metric(tables)}", "95 % interval", "trials"), rows)
    figure = plots.effect(tables, shown)
    return Chart(f"effect-{position}", called[shown.path], _effect_caption(tables, shown), figure, sheet)


def _effect_caption(tables: Tables, shown: Effect) -> str:
    if not shown.levels:
        return "No trial has a value."
    ordered = sorted(shown.levels, key=lambda level: level.mean, reverse=bool(tables.results.objective.maximize))
    best, worst = ordered[0], ordered[-1]
    alike = [each for each in shown.levels if math.isclose(each.mean, best.mean, rel_tol=_ROUNDING)]
    if len(alike) == len(ordered) > 1:
        return f"The same at every value ({number(best.mean)}); {_sureness(shown)}."
    where = " and ".join(value_text(level.value) for level in alike[:_MOST_NAMED])
    more = f" and {len(alike) - _MOST_NAMED} more" if len(alike) > _MOST_NAMED else ""
    return (
        f"Best at {where}{more} ({number(best.mean)}), worst at {value_text(worst.value)}"
        f" ({number(worst.mean)}); {_sureness(shown)}."
    )


def _interval(level: Level) -> str:
    if level.low is None or level.high is None:
        return "unknown"
    return f"{number(level.low)} to {number(level.high)}"


def _metric(tables: Tables) -> str:
    return cut(str(tables.results.objective.metric), 60)


def _sheet(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Sheet:
    return Sheet(headings, tuple(rows))
