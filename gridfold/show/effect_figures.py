"""The figures of main effects: means of a few values, or a curve through many."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gridfold.analysis.effects import Effect, Level
from gridfold.analysis.summary import Summary
from gridfold.records.numbers import cut, number, value_text
from gridfold.records.objective import is_finite
from gridfold.show import figures
from gridfold.show.axis import Axis, Line, Tick, closed, extent, part, path, place
from gridfold.show.figures import Figure, Sheet

_LETTER = 0.035  # of the width of a small figure: room for a letter
_MOST_NAMED = 3
_ROUNDING = 1e-12  # of a mean


def effects(summary: Summary) -> list[Figure]:
    """For each parameter, the one that explains most first; one range holds for all of them."""
    low, high = extent(bound for each in summary.effects for bound in _all_bounds(each))
    bounds = figures.around(low, high)
    return [_effect(summary, position, each, bounds) for position, each in enumerate(summary.effects)]


def _effect(summary: Summary, position: int, shown: Effect, bounds: tuple[float, float]) -> Figure:
    """The mean of the metric for each value of a parameter, with its interval; or a curve among the trials."""
    axis = _axis(summary, shown)
    levels = sorted(shown.levels, key=lambda level: axis.index(level.value))
    lines = (_curve if shown.scale else _means)(summary, axis, levels, bounds)
    lines += [_dot(axis, value, mean, bounds, "other") for value, mean in shown.points]
    room = max((len(text) for _, text in axis.ticks()), default=0) * _LETTER + _LETTER
    below = [Tick("below", *place(_within(at), 0.0), cut(text, figures.MAX_TICK)) for at, text in axis.ticks(room)]
    grid, left = figures.upward(bounds, 5)
    rows = [(value_text(level.value), number(level.mean), _interval(level), str(level.n)) for level in shown.levels]
    headings = (axis.label, f"mean {figures.metric(summary)}", "95 % interval", "trials")
    title, sheet = figures.names(summary)[shown.path], Sheet(headings, tuple(rows))
    return Figure(f"effect-{position}", title, _effect_caption(summary, shown), (grid, *lines), (*left, *below), sheet)


def ticks(summary: Summary, shown: Effect, least_gap: float) -> list[tuple[float, str]]:
    """Places from 0 to 1 and texts of the values of an effect that are at least so far apart."""
    found = _axis(summary, shown).ticks(least_gap / (_within(1.0) - _within(0.0)))
    return [(_within(at), text) for at, text in found]


def _axis(summary: Summary, shown: Effect) -> Axis:
    values = [level.value for level in shown.levels] + [value for value, _ in shown.points]
    return Axis.of(shown.path, summary.labels[shown.path], values, shown.scale)


def _means(summary: Summary, axis: Axis, levels: list[Level], bounds: tuple[float, float]) -> list[Line]:
    best = (max if summary.maximize else min)(levels, key=lambda level: level.mean, default=None)
    lines = [Line("course", path([(_inner(axis, each), part(each.mean, *bounds)) for each in levels]))]
    for level in levels:
        x = _inner(axis, level)
        if is_finite(level.low) and is_finite(level.high):
            lines.append(Line("interval", path([(x, part(bound, *bounds)) for bound in (level.low, level.high)])))
        lines.append(_dot(axis, level.value, level.mean, bounds, "best" if level is best else "near"))
    return lines


def _curve(summary: Summary, axis: Axis, levels: list[Level], bounds: tuple[float, float]) -> list[Line]:  # noqa: ARG001
    """A line, and around it the interval of the mean."""
    known = [
        (_inner(axis, each), each.low, each.high) for each in levels if is_finite(each.low) and is_finite(each.high)
    ]
    around = [(x, part(low or 0.0, *bounds)) for x, low, _ in known]
    around += [(x, part(high or 0.0, *bounds)) for x, _, high in reversed(known)]
    line = path([(_inner(axis, each), part(each.mean, *bounds)) for each in levels])
    return [*([Line("band", closed(around))] if around else []), Line("fitted", line)]


def _dot(axis: Axis, value: object, mean: float, bounds: tuple[float, float], kind: str) -> Line:
    x = _within(axis.position(value))
    return Line(f"dot {kind}", path([(x, part(mean, *bounds))] * 2), f"{value_text(value, 60)}: {number(mean)}")


def _within(at: float) -> float:
    """A place that leaves room at both ends."""
    return 0.1 + 0.8 * at


def _inner(axis: Axis, level: Level) -> float:
    return _within(axis.position(level.value))


def _effect_caption(summary: Summary, shown: Effect) -> str:
    if not shown.levels:
        return "No trial has a value."
    ordered = sorted(shown.levels, key=lambda level: level.mean, reverse=summary.maximize)
    best, worst = ordered[0], ordered[-1]
    alike = [each for each in shown.levels if math.isclose(each.mean, best.mean, rel_tol=_ROUNDING)]
    if len(alike) == len(ordered) > 1:
        return f"The same at every value ({number(best.mean)}); {figures.sureness(shown)}."
    among = f" Among the {shown.n:,} of {shown.of:,} trials that have it." if shown.n < shown.of else ""
    if shown.scale:
        return (
            f"The curve is best at {value_text(best.value)} ({number(best.mean)}), worst at {value_text(worst.value)}"
            f" ({number(worst.mean)}); {figures.sureness(shown)}.{among}"
        )
    where = " and ".join(value_text(level.value) for level in alike[:_MOST_NAMED])
    more = f" and {len(alike) - _MOST_NAMED} more" if len(alike) > _MOST_NAMED else ""
    return (
        f"Best at {where}{more} ({number(best.mean)}), worst at {value_text(worst.value)}"
        f" ({number(worst.mean)}); {figures.sureness(shown)}.{among}"
    )


def _interval(level: Level) -> str:
    if level.low is None or level.high is None:
        return "unknown"
    return f"{number(level.low)} to {number(level.high)}"


def _all_bounds(shown: Effect) -> Iterator[float]:
    for level in shown.levels:
        yield from (bound for bound in (level.mean, level.low, level.high) if is_finite(bound))
    yield from (mean for _, mean in shown.points)
