"""The figures of the report: where things stand in them, and in words what they show. ``page.html`` draws them.

Each figure is a table, or has one, for those who do not see it. Kinds say the same in every figure: the best trial,
those near it, all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gridfold.analysis.answer import effect_names
from gridfold.analysis.cells import Heatmap
from gridfold.analysis.effects import Effect, Interaction
from gridfold.analysis.summary import Curve, Summary, TrialSummary
from gridfold.records.numbers import cut, number, percent, significant, value_text
from gridfold.records.numbers import p_text as plain_p
from gridfold.show.axis import Axis, Line, Tick, extent, part, path, place, steps, texts

_T = TypeVar("_T")
_SCALE = ("#eef4fa", "#c3daee", "#86b5d9", "#4389bd", "#1f5f99", "#0b3a6b")  # of a heat map, from worse to better
_SHADES = 40
_DARK_FROM = 0.67  # of the scale: text on it is white, before it black; both have a contrast of 4.5 there

_MAX_LINES = 300
_MAX_FIRST = 100
_MAX_POINTS = 60  # of a curve
_MAX_ROWS = 50  # of a table beside a figure
_MAX_COLUMNS = 4  # of a heat map that has fewer rows
_MAX_PAIRS = 45  # of ten parameters
_FEW_TICKS = 10
_ABSENT = -0.08  # where a line crosses an axis of a parameter that its trial does not have
_ROW = 0.06  # of the height of an upright axis: room for a text
_LETTER = 0.024  # of the width of one that lies on its side
MAX_TICK = 12  # letters
_ROUNDING = 1e-12  # of a mean
NOISE = "What is noise of it is taken off."
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Sheet:
    """A table of texts; the first cell of a row says what the row is of."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A figure in words, drawn and as a table.

    Attributes:
        name: its id in the page.
        title: what it is of, as a heading.
        caption: its main number in a sentence.
        lines: what is drawn, the uppermost last.
        ticks: the texts of its axes.
        sheet: its numbers.
        bounds: the values at its left, right, lower and upper side; empty if it cannot be magnified.
        least_width: in pixels; where there is less room its axes lie on their side, one below the other.
    """

    name: str
    title: str
    caption: str
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    sheet: Sheet
    bounds: tuple[float, ...] = ()
    least_width: int = 0


@dataclass(frozen=True)
class Map:
    """A heat map, which is a table.

    Attributes:
        caption: its main number in a sentence.
        corner: what rows and columns are of.
        columns: the values of the columns.
        rows: the value of each row, and its cells: text, shade, and whether it is the best.
    """

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, int | None, bool], ...]], ...]


@dataclass(frozen=True)
class Pair:
    """The heat maps of a pair of parameters: the mean over the others, and the best."""

    paths: tuple[str, str]
    title: str
    mean: Map
    best: Map


@dataclass(frozen=True)
class Shares:
    """How much of the variance each of several things explains: a table with bars."""

    name: str
    title: str
    caption: str
    what: str
    rows: tuple[tuple[str, float, str, str], ...]


def trial_text(params: Mapping[str, Any], summary: Summary) -> str:
    """A trial in words, such as ``p 0.1, batch_size 16``."""
    parts = [f"{summary.labels[path]} {value_text(value)}" for path, value in params.items()]
    return ", ".join(parts) or "the only trial"


def axes(summary: Summary) -> list[Axis]:
    """An axis for each parameter, the one that explains most first."""
    scales = {effect.path: effect.scale for effect in summary.effects}
    return [
        Axis.of(path, summary.labels[path], (t.params[path] for t in summary.trials if path in t.params), scale)
        for path, scale in (scales | {path: None for path in summary.labels if path not in scales}).items()
    ]


def names(summary: Summary) -> dict[str, str]:
    """What each parameter is called; one that others are linked with, with them."""
    return dict(summary.labels) | effect_names(summary.effects, summary.labels)


def choices(summary: Summary) -> list[tuple[str, str]]:
    """What lines can be told by: the position of the axis and of the value on it, and both in words."""
    return [
        (f"{position}:{index}", f"{axis.label} = {value_text(value)}")
        for position, axis in enumerate(axes(summary))
        for index, value in enumerate(axis.values[:_MAX_ROWS])
        if not axis.is_curve
    ]


def parallel(summary: Summary, most: int | None = None) -> Figure | None:
    """A line for each trial through its values, to its metric on the last axis; the best on top.

    Args:
        summary: the numbers.
        most: how many parameters have an axis, those that explain most; None for all.
    """
    ranked, scales = summary.ranked, axes(summary)[:most]
    if not ranked:
        return None
    low, high = extent(trial.mean for trial in ranked if trial.mean is not None)
    drawn, last = _spread(ranked), len(scales)
    lines = [_through(trial, scales, summary, part(trial.mean or 0.0, low, high)) for trial in reversed(drawn)]
    across = [at / max(last, 1) for at in range(last + 1)]
    uprights = [Line("upright", path([(x, 0.0), (x, 1.0)])) for x in across]
    ticks = [tick for x, axis in zip(across, scales, strict=False) for tick in _upright_ticks(axis, x)]
    lacking = [any(axis.path not in trial.params for trial in ranked) for axis in scales]
    ticks += [Tick("left", *place(x, _ABSENT), "absent") for x, lacks in zip(across, lacking, strict=False) if lacks]
    ends = ((0.0, significant(low, high)), (1.0, significant(high, low)))
    ticks += [Tick("right", *place(across[-1], y), text) for y, text in ends]
    titles = [*(axis.label for axis in scales), str(summary.metric)]
    ticks += [Tick("title", *place(x, 1.0), cut(text, 16)) for x, text in zip(across, titles, strict=True)]
    rows = tuple((trial_text(each.params, summary), number(each.mean)) for each in ranked[:_MAX_ROWS])
    return Figure(
        "parallel",
        "All trials at a glance",
        _parallel_caption(summary, len(drawn)),
        (*uprights, *lines),
        tuple(ticks),
        Sheet(("trial", metric(summary)), rows),
        least_width=110 * (last + 1),
    )


def _upright_ticks(axis: Axis, x: float) -> list[Tick]:
    """The texts of an axis, which lies on its side where there is little room across."""
    shown = [(y, cut(text, MAX_TICK)) for y, text in axis.ticks(_ROW)]
    room = max((len(text) for _, text in shown), default=0) * _LETTER + _LETTER
    lying = {y for y, _ in axis.ticks(room)}
    return [Tick("left", *place(x, y), text, y not in lying) for y, text in shown]


def _through(trial: TrialSummary, scales: Sequence[Axis], summary: Summary, top: float) -> Line:
    places = [axis.index(trial.params[axis.path]) if axis.path in trial.params else -1 for axis in scales]
    heights = [axis.positions[at] if at >= 0 else _ABSENT for axis, at in zip(scales, places, strict=True)]
    points = [(x / max(len(scales), 1), y) for x, y in enumerate([*heights, top])]
    said = f"{cut(trial_text(trial.params, summary), 400)}\n{number(trial.mean)}"
    return Line(str(trial.standing), path(points), said, " ".join(map(str, places)))


def _parallel_caption(summary: Summary, drawn: int) -> str:
    first, total = summary.ranked[0], len(summary.ranked)
    left_out = f" Of {total:,} trials, {drawn} are drawn: the best, and others evenly." if drawn < total else ""
    value, through = f"{summary.metric} {number(first.mean)}", trial_text(first.params, summary)
    said = f"The best goes through {through} to {value}."
    if summary.tie:
        said = f"{summary.tie.at(value, through)}."
    return f"Each line is a trial. {said}{left_out}"


def pairs(summary: Summary) -> list[Pair]:
    """For each pair of parameters, those that explain most first; where they are very many, for these."""
    places, called = {axis.path: place for place, axis in enumerate(axes(summary))}, names(summary)
    heatmaps = [_oriented(each) for each in summary.heatmaps]
    ordered = sorted(heatmaps, key=lambda each: sorted((places[path] for path in each.paths), reverse=True))
    bounds = cell_bounds(summary)
    return [
        Pair(
            each.paths,
            " × ".join(called[path] for path in each.paths),
            _map(summary, each, each.mean, "the mean", bounds[0]),
            _map(summary, each, each.best, "the best", bounds[1]),
        )
        for each in ordered[:_MAX_PAIRS]
    ]


def cell_bounds(summary: Summary) -> tuple[tuple[float, float], tuple[float, float]]:
    """Between which numbers the cells of all heat maps are: the means, and the best."""
    mean, best = (extent(_cells(row for each in summary.heatmaps for row in cells(each))) for cells in (_mean, _best))
    return mean, best


_Rows = tuple[tuple[float | None, ...], ...]


def _mean(shown: Heatmap) -> _Rows:
    return shown.mean


def _best(shown: Heatmap) -> _Rows:
    return shown.best


def _oriented(shown: Heatmap) -> Heatmap:
    """The same with its longer side downwards, if it is too wide for a page."""
    if len(shown.columns) <= max(_MAX_COLUMNS, len(shown.rows)):
        return shown
    mean, best = (tuple(zip(*cells, strict=True)) for cells in (shown.mean, shown.best))
    first, second = shown.paths
    return replace(shown, paths=(second, first), rows=shown.columns, columns=shown.rows, mean=mean, best=best)


def _map(summary: Summary, shown: Heatmap, cells: _Rows, what: str, bounds: tuple[float, float]) -> Map:
    """One scale holds for all pairs."""
    rows, columns = (cut(summary.labels[path], 40) for path in shown.paths)
    pick = max if summary.maximize else min
    best = pick(_cells(cells), default=None)
    empty = " Empty cells have no value." if any(cell is None for row in cells for cell in row) else ""

    others = f", {what} over the other parameters" if len(summary.labels) > 2 else ""

    def cell(value: float | None) -> tuple[str, int | None, bool]:
        if value is None:
            return "–", None, False
        at = part(value, *bounds)
        return number(value), round((at if summary.maximize else 1 - at) * (_SHADES - 1)), value == best

    return Map(
        f"{metric(summary)}{others}. {_best_cell(summary, shown, cells, best)}{empty}",
        f"{rows} ↓  {columns} →",
        texts(shown.columns),
        tuple((text, tuple(map(cell, row))) for text, row in zip(texts(shown.rows), cells, strict=True)),
    )


def _best_cell(summary: Summary, shown: Heatmap, cells: _Rows, best: float | None) -> str:
    if best is None:
        return "No trial has a value."
    found = [
        (row, column)
        for row, values in zip(shown.rows, cells, strict=True)
        for column, value in zip(shown.columns, values, strict=True)
        if value is not None and math.isclose(value, best, rel_tol=_ROUNDING)
    ]
    named = zip((summary.labels[path] for path in shown.paths), map(value_text, found[0]), strict=True)
    where = " with ".join(f"{label} {value}" for label, value in named)
    return f"Best is {where}: {number(best)}{f', as in {len(found) - 1:,} more' if len(found) > 1 else ''}."


def shades() -> Iterator[tuple[str, str]]:
    """The colours of the cells of a heat map, from worse to better, and those of text on them."""
    for shade in range(_SHADES):
        at = shade / (_SHADES - 1) * (len(_SCALE) - 1)
        first = min(int(at), len(_SCALE) - 2)
        share = at - first
        mixed = (
            round(int(one, 16) + share * (int(other, 16) - int(one, 16)))
            for one, other in zip(*(_channels(color) for color in _SCALE[first : first + 2]), strict=True)
        )
        is_dark = shade >= _DARK_FROM * (_SHADES - 1)
        yield "#" + "".join(f"{channel:02x}" for channel in mixed), "#ffffff" if is_dark else "#000000"


def _channels(color: str) -> tuple[str, ...]:
    return color[1:3], color[3:5], color[5:7]


def shares(summary: Summary) -> list[Shares]:
    """How much each parameter explains, and which act together."""
    found = []
    called = names(summary)
    if summary.effects:
        first = summary.effects[0]
        said = f"{called[first.path]} explains {percent(first.share)} of the variance of the trials' means."
        if any(each.n < each.of for each in summary.effects):
            said += " The share of a parameter that some trials lack is of those that have it."
        rows = tuple((called[each.path], each.share, p_text(each.p), each.verdict) for each in summary.effects)
        found.append(Shares("shares", "Shares of the variance", f"{said} {NOISE}", "parameter", rows))
    if ordered := sorted(summary.interactions, key=lambda each: -each.share):
        pairs_of = [[called[path] for path in each.paths] for each in ordered]
        said = (
            f"{' and '.join(pairs_of[0])} together explain {percent(ordered[0].share)} of the variance beyond what each"
            f" explains alone; {sureness(ordered[0])}."
        )
        rows = tuple(
            (" × ".join(name), each.share, p_text(each.p), each.verdict)
            for name, each in zip(pairs_of, ordered, strict=True)
        )
        found.append(Shares("interactions", "Interactions", f"{said} {NOISE}", "pair", rows))
    return found


def curves(summary: Summary) -> Figure | None:
    """The metric of runs in the course of training; those of the best trial on top."""
    if all(len(curve.points) < 2 for curve in summary.curves):
        return None
    drawn = _spread(summary.curves)
    x = extent(x for curve in summary.curves for x, _ in curve.points)
    y = extent(y for curve in summary.curves for _, y in curve.points)
    lines = [_curve(curve, x, y) for curve in reversed(drawn)]
    grid, left = upward(y, 6)
    below = [Tick("below", *place(part(at, *x), 0.0), f"{at:.10g}") for at in steps(*x, _FEW_TICKS)]
    tops = _tops(summary)
    rows = tuple((curve.run.run, number(top), number(curve.points[-1][1])) for curve, top in tops[:_MAX_ROWS])
    sheet = Sheet(("run", f"best {metric(summary)}", "last"), rows)
    caption = _curves_caption(summary, *tops[0], len(drawn))
    return Figure("curves", "Learning curves", caption, (grid, *lines), (*left, *below), sheet, (*x, *y))


def front(summary: Summary) -> Figure | None:
    """The trials by the first two metrics that a strategy looks at; those on the Pareto front stand out."""
    if len(summary.goals) < 2:
        return None
    across, upward_name = list(summary.goals)[:2]
    shown = [trial for trial in summary.trials if across in trial.goals and upward_name in trial.goals]
    if not shown:
        return None
    x, y = (around(*extent(trial.goals[name] for trial in shown)) for name in (across, upward_name))
    lines = []
    for trial in sorted(shown, key=lambda each: each.front):
        at = part(trial.goals[across], *x), part(trial.goals[upward_name], *y)
        said = "\n".join([trial_text(trial.params, summary), *(f"{k} {number(v)}" for k, v in trial.goals.items())])
        lines.append(Line("dot best" if trial.front else "dot other", path([at] * 2), said))
    grid, left = upward(y, 6)
    below = [Tick("below", *place(part(at, *x), 0.0), f"{at:.10g}") for at in steps(*x, _FEW_TICKS)]
    best = [trial for trial in shown if trial.front]
    rows = tuple(
        (trial_text(trial.params, summary), *(number(trial.goals.get(name)) for name in summary.goals))
        for trial in best[:_MAX_ROWS]
    )
    named = ", ".join(f"{name} ({'higher' if more else 'lower'} is better)" for name, more in summary.goals.items())
    axes_named = f"{cut(upward_name, 40)} over {cut(across, 40)}"
    caption = f"{axes_named}; {len(best):,} of {len(shown):,} trials are on the front: {named}."
    sheet = Sheet(("trial on the front", *summary.goals), rows)
    return Figure("front", "Pareto front", caption, (grid, *lines), (*left, *below), sheet, (*x, *y))


def around(low: float, high: float) -> tuple[float, float]:
    """Bounds with room for dots on them."""
    margin = 0.06 * (high - low)
    return (low - margin, high + margin) if math.isfinite(margin) else (low, high)


def _tops(summary: Summary) -> list[tuple[Curve, float]]:
    """The curves with their best value, the best first."""
    pick, sign = (max, -1) if summary.maximize else (min, 1)
    found = [(curve, pick(y for _, y in curve.points)) for curve in summary.curves]
    return sorted(found, key=lambda each: sign * each[1])


def _curves_caption(summary: Summary, first: Curve, top: float, drawn: int) -> str:
    at, total = next(x for x, y in first.points if y == top), len(summary.curves)
    left_out = f" Of {total:,} runs, {drawn} are drawn: those of the best trials, and others evenly." * (drawn < total)
    return f"Run {first.run.index} came furthest: {number(top)} at {summary.course} {at:g}.{left_out}"


def _curve(curve: Curve, x: tuple[float, float], y: tuple[float, float]) -> Line:
    step = max(1, -(-len(curve.points) // _MAX_POINTS))
    points = [*curve.points[:-1][::step], *curve.points[-1:]]
    said = cut(f"run {curve.run.index}: {curve.run.run}", 160)
    places = [(part(at, *x), part(value, *y)) for at, value in points]
    kind = str(curve.standing) if len(points) > 1 else f"dot {curve.standing}"
    drawn = path(places if len(points) > 1 else places * 2)
    return Line(kind, drawn, said, points=" ".join(f"{at:.6g} {value:.6g}" for at, value in points))


def upward(bounds: tuple[float, float], most: int) -> tuple[Line, list[Tick]]:
    """The grid of an upright axis, and the texts left of it."""
    values = steps(*bounds, most)
    heights = [part(value, *bounds) for value in values]
    grid = Line("grid", "".join(path([(0.0, at), (1.0, at)]) for at in heights))
    texts = [f"{value:.10g}" for value in values]
    return grid, [Tick("left", *place(0.0, at), text) for at, text in zip(heights, texts, strict=True)]


def _spread(ordered: Sequence[_T]) -> Sequence[_T]:
    """All of them, or the first and some of the rest, evenly, where they are too many to be told apart."""
    if len(ordered) <= _MAX_LINES:
        return ordered
    rest, room = ordered[_MAX_FIRST:], _MAX_LINES - _MAX_FIRST
    return [*ordered[:_MAX_FIRST], *(rest[index * len(rest) // room] for index in range(room))]


def p_text(p: float | None) -> str:
    """A p-value as a person reads it."""
    return "unknown" if p is None else plain_p(p).replace(" ", _NO_BREAK)


def sureness(of: Effect | Interaction) -> str:
    """The p-value of an effect, and what that means."""
    said = {"sure": "it matters", "not certain": "not certain", "no sign": "no sign of a difference"}
    return "noise is unknown" if of.verdict == "unknown" else f"p{_NO_BREAK}{p_text(of.p)}: {said[of.verdict]}"


def at_step(summary: Summary) -> str:
    """At which step effects are looked at, in a sentence; "" if each trial is as far as it came."""
    if summary.step is None:
        return ""
    return f"Trials as they were at {summary.course} {summary.step:g}, to which all came."


def _cells(rows: Iterable[Iterable[float | None]]) -> list[float]:
    return [value for row in rows for value in row if value is not None]


def metric(summary: Summary) -> str:
    """The name of the metric, for a heading."""
    return cut(str(summary.metric), 60)
