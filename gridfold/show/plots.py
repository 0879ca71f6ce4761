"""The figures of the report, drawn from numbers that are there; nothing is computed but where things stand.

Colours say the same in every figure: the best trial, those near it, all others. They can be told apart on light and on
dark, and by people who see few colours. Text and axes take the colours of the page.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gridfold.records.numbers import number
from gridfold.records.trials import RunResult, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.show.axis import Axis, cut, value_text

if TYPE_CHECKING:
    from gridfold.analysis.summary import Contender, Curve, Effect, Heatmap, Interaction, Level, Tables

Standing = Literal["best", "near", "other"]
Figure = dict[str, Any]  # as plotly.js takes it, without its template: plotly itself takes long to import
_T = TypeVar("_T")

COLORS: Mapping[Standing, str] = {"best": "#d55e00", "near": "#2b7bba", "other": "rgba(128,134,145,0.38)"}
_LINES: Mapping[Standing, dict[str, Any]] = {
    "best": {"color": COLORS["best"], "width": 3},
    "near": {"color": "rgba(43,123,186,0.7)", "width": 1.3},
    "other": {"color": COLORS["other"], "width": 1},
}
_SCALE = ["#eef4fa", "#c3daee", "#86b5d9", "#4389bd", "#1f5f99", "#0b3a6b"]  # from worse to better
_DARK_FROM = 0.67  # of the scale: text on it is white, before it black; both have a contrast of 4.5 there
_QUIET = "rgba(128,134,145,0.55)"

_MAX_LINES = 300
_MAX_FIRST = 100
_MAX_POINTS = 60  # of a curve
_MAX_LABEL = 28
_MAX_CELLS = 400  # with a number in each
_MAX_ROWS = 12
_FEW_TICKS = 10
_ROW = 0.06  # of the height of an upright axis: room for a text
_LETTER = 0.035  # of the width of a small figure: room for a letter


def standings(tables: Tables) -> list[Standing]:
    """How each contender stands: the best, or those that tie; near it, if it cannot be told from it; or neither.

    If none can be told from it, the best tenth is near.
    """
    known, tied = any(contender.p is not None for contender in tables.contenders), len(tables.results.tied)
    tenth = -(-len(tables.contenders) // 10)

    def stands(rank: int, contender: Contender) -> Standing:
        if rank < max(tied, 1):
            return "best"
        return "near" if (known and not contender.distinguishable) or (not known and rank < tenth) else "other"

    return [stands(rank, contender) for rank, contender in enumerate(tables.contenders)]


def labels(tables: Tables) -> dict[str, str]:
    """What the parameters are called."""
    paths = tables.results.paths
    return dict(zip(paths, label_parameters(paths), strict=True))


def trial_text(trial: TrialResult, called: Mapping[str, str]) -> str:
    """A trial in words, such as ``p 0.1, batch_size 16``."""
    parts = [f"{called[path]} {value_text(value)}" for path, value in trial.params.items()]
    return ", ".join(parts) or "the only trial"


def axes(tables: Tables) -> list[Axis]:
    """An axis for each parameter, the one that explains most first."""
    called = labels(tables)
    paths = dict.fromkeys([*(effect.path for effect in tables.effects if effect.path in called), *called])
    trials = tables.results.trials
    return [Axis.of(path, called[path], (t.params[path] for t in trials if path in t.params)) for path in paths]


def parallel(tables: Tables) -> Figure:
    """A line for each trial through its values, to its metric on the last axis; the best on top.

    The ``meta`` of a line is the position of its value on each axis, -1 for none.
    """
    scales, called = axes(tables), labels(tables)
    low, high = _extent(contender.estimate.mean for contender in tables.contenders)
    pairs = _spread(list(zip(tables.contenders, standings(tables), strict=True)))
    lines = []
    for contender, standing in reversed(pairs):
        estimate = contender.estimate
        params = estimate.trial.params
        heights = [scale.position(params[scale.path]) if scale.path in params else None for scale in scales]
        said = f"{_text(trial_text(estimate.trial, called), 400)}<br>{number(estimate.mean)}"
        lines.append(
            _line([*range(len(scales) + 1)], [*heights, (estimate.mean - low) / (high - low)], standing)
            | {"text": said, "hovertemplate": "%{text}<extra></extra>"}
            | {"meta": [scale.index(params[scale.path]) if scale.path in params else -1 for scale in scales]}
        )
    ends = [(0.0, number(low)), (1.0, number(high))]
    titles = [*(scale.label for scale in scales), str(tables.results.objective.metric)]
    ticks = [*(scale.ticks(_ROW) for scale in scales), ends]
    layout = {
        "height": 380,
        "margin": {"l": 60, "r": 60, "t": 44, "b": 16},
        "xaxis": _hidden([-0.1, len(scales) + 0.1]),
        "yaxis": _hidden([-0.06, 1.06]),
        "shapes": [_upright(position) for position in range(len(titles))],
        "annotations": [_title(position, title) for position, title in enumerate(titles)],
    }
    return _figure([*lines, _marks(ticks)], layout)


def heatmap(tables: Tables, shown: Heatmap, *, best: bool) -> Figure:
    """The metric for each pair of values; the best cell has a frame, and one scale holds for all pairs."""
    called, up = labels(tables), bool(tables.results.objective.maximize)
    cells = shown.best if best else shown.mean
    low, high = _extent(value for each in tables.heatmaps for value in _cells(each.best if best else each.mean))
    columns = [_text(value_text(value), _MAX_LABEL) for value in shown.columns]
    rows = [_text(value_text(value), _MAX_LABEL) for value in shown.rows]
    present = [(x, y, value) for y, row in enumerate(cells) for x, value in enumerate(row) if value is not None]
    shade = [(value - low) / (high - low) if up else (high - value) / (high - low) for _, _, value in present]
    steps = [(index / (len(_SCALE) - 1), color) for index, color in enumerate(_SCALE)]
    tiles = {
        "type": "heatmap",
        "x": [*range(len(columns))],
        "y": [*range(len(rows))],
        "z": [[_short(value) for value in row] for row in cells],
        "zmin": low,
        "zmax": high,
        "colorscale": steps if up else [(1 - at, color) for at, color in reversed(steps)],
        "xgap": 2,
        "ygap": 2,
        "hoverinfo": "skip",
        "colorbar": {"thickness": 10, "outlinewidth": 0, "len": 0.9, "nticks": 5},
    }
    words = {
        "type": "scatter",
        "mode": "text",
        "x": [x for x, _, _ in present],
        "y": [y for _, y, _ in present],
        "text": [number(value) for _, _, value in present],
        "textfont": {"color": ["#ffffff" if part >= _DARK_FROM else "#000000" for part in shade], "size": 12},
        "hovertext": [f"{columns[x]} × {rows[y]}: {number(value)}" for x, y, value in present],
        "hoverinfo": "text",
    }
    first = max(range(len(present)), key=shade.__getitem__, default=None)
    layout = {
        "height": max(200, 110 + 44 * len(rows)),
        "margin": {"l": 20, "r": 10, "t": 10, "b": 20},
        "xaxis": _named(called[shown.paths[1]], columns),
        "yaxis": _named(called[shown.paths[0]], rows),
        "shapes": [] if first is None else [_frame(*present[first][:2])],
    }
    return _figure([tiles, words] if len(present) <= _MAX_CELLS else [tiles], layout)


def effect(tables: Tables, shown: Effect) -> Figure:
    """The mean of the metric for each value of a parameter, with its interval; one range holds for all parameters."""
    scale = Axis.of(shown.path, labels(tables)[shown.path], (level.value for level in shown.levels))
    low, high = _extent(bound for each in tables.effects for level in each.levels for bound in _bounds(level))
    margin = 0.06 * (high - low)
    levels = sorted(shown.levels, key=lambda level: scale.index(level.value))
    best = (max if tables.results.objective.maximize else min)(levels, key=lambda level: level.mean, default=None)
    ticks = scale.ticks(max(len(text) for _, text in scale.ticks()) * _LETTER + _LETTER) if levels else []
    points = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [scale.position(level.value) for level in levels],
        "y": [_short(level.mean) for level in levels],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [_short(_above(level.mean, level.high)) for level in levels],
            "arrayminus": [_short(-_above(level.mean, level.low)) for level in levels],
            "thickness": 1.5,
            "width": 4,
            "color": COLORS["near"],
        },
        "line": {"color": _QUIET, "width": 1},
        "marker": {"size": 9, "color": [COLORS["best" if level is best else "near"] for level in levels]},
        "text": [f"{_text(value_text(level.value), 60)}: {number(level.mean)}" for level in levels],
        "hovertemplate": "%{text}<extra></extra>",
    }
    layout = {
        "height": 220,
        "margin": {"l": 52, "r": 14, "t": 8, "b": 40},
        "xaxis": {
            "range": [-0.12, 1.12],
            "tickvals": [at for at, _ in ticks],
            "ticktext": [_text(said, 14) for _, said in ticks],
            "tickangle": 0,
            "showgrid": False,
        },
        "yaxis": {"range": [low - margin, high + margin], "nticks": 5},
    }
    return _figure([points], layout)


def shares(tables: Tables) -> Figure:
    """How much of the differences between trials each parameter explains."""
    called = labels(tables)
    return _bars([(called[effect.path], effect.share) for effect in tables.effects])


def interactions(tables: Tables, shown: Sequence[Interaction]) -> Figure:
    """How much of the differences between trials each pair explains beyond its parameters alone."""
    called = labels(tables)
    return _bars([(" × ".join(called[path] for path in each.paths), each.share) for each in shown])


def curves(tables: Tables) -> Figure:
    """The metric of runs in the course of training; those of the best trial on top."""
    stand = {
        _key(run): (rank, standing)
        for rank, (contender, standing) in enumerate(zip(tables.contenders, standings(tables), strict=True))
        for run in contender.estimate.trial.runs
    }
    last: tuple[int, Standing] = (len(stand), "other")
    ordered = sorted(tables.curves, key=lambda curve: stand.get(_key(curve.run), last)[0])
    drawn = [_curve(curve, stand.get(_key(curve.run), last)[1]) for curve in reversed(_spread(ordered))]
    layout = {
        "height": 400,
        "margin": {"l": 60, "r": 14, "t": 8, "b": 48},
        "hovermode": "closest",
        "xaxis": {"title": {"text": course(tables)}, "showgrid": False} | _ticks(tables),
        "yaxis": {"title": {"text": _text(str(tables.results.objective.metric), _MAX_LABEL)}},
    }
    return _figure(drawn, layout)


def _ticks(tables: Tables) -> dict[str, int]:
    """At each epoch, if they are few."""
    last = max((x for curve in tables.curves for x, _ in curve.points), default=0.0)
    return {"dtick": 1} if last <= _FEW_TICKS else {"nticks": _FEW_TICKS}


def drawn_lines(count: int) -> int:
    """How many of so many lines are drawn."""
    return min(count, _MAX_LINES)


def _curve(curve: Curve, standing: Standing) -> dict[str, Any]:
    points = _thinned([(x, y) for x, y in curve.points if math.isfinite(y)])
    line = _line([x for x, _ in points], [y for _, y in points], standing)
    line["mode"] = "lines" if len(points) > 1 else "markers"
    line["name"] = _text(f"run {curve.run.entry.index}: {curve.run.entry.run}", 160)
    line["hovertemplate"] = "%{fullData.name}<br>%{x}: %{y}<extra></extra>"
    return line


def course(tables: Tables) -> str:
    """What the curves run over."""
    first = tables.curves[0].run if tables.curves else None
    reports = first.reports() if first else []
    return "epoch" if any("epoch" in report for report in reports) else "report"


def _line(x: Sequence[float], y: Sequence[float | None], standing: Standing) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": [_short(value) for value in y],
        "line": _LINES[standing],
        "hoverlabel": _hover(standing),
    }


def _hover(standing: Standing) -> dict[str, Any]:
    return {"bordercolor": COLORS["best"]} if standing == "best" else {}


def _bars(rows: Sequence[tuple[str, float]]) -> Figure:
    """Shares, the first on top."""
    shown = rows[:_MAX_ROWS]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [_short(share) for _, share in shown],
        "y": [*range(len(shown))],
        "text": [f"{share:.0%}" for _, share in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": COLORS["near"]},
        "width": 0.6,
        "hoverinfo": "skip",
    }
    names = {"tickvals": [*range(len(shown))], "ticktext": [_text(label, 40) for label, _ in shown]}
    layout = {
        "height": 40 + 34 * max(1, len(shown)),
        "margin": {"l": 20, "r": 50, "t": 4, "b": 28},
        "xaxis": {"range": [0, 1.12 * max([0.05, *(share for _, share in shown)])], "tickformat": ".0%", "nticks": 5},
        "yaxis": names | {"autorange": "reversed", "automargin": True, "showgrid": False},
    }
    return _figure([bars], layout)


def _figure(data: list[dict[str, Any]], layout: dict[str, Any]) -> Figure:
    return {"data": data, "layout": {"showlegend": False, "dragmode": False} | layout}


def template() -> dict[str, Any]:
    """The look that all figures have in common."""
    nothing = "rgba(0,0,0,0)"
    axis = {"automargin": True, "zeroline": False, "gridcolor": "rgba(128,134,145,0.2)", "fixedrange": True}
    axis |= {"ticks": "outside", "ticklen": 6, "tickcolor": nothing}
    return {
        "layout": {
            "paper_bgcolor": nothing,
            "plot_bgcolor": nothing,
            "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#767676"},
            "hoverlabel": {"bgcolor": "#1c2128", "font": {"color": "#ffffff", "size": 13}, "align": "left"},
            "xaxis": axis,
            "yaxis": axis,
        }
    }


def _hidden(bounds: list[float]) -> dict[str, Any]:
    return {"range": bounds, "visible": False}


def _named(title: str, names: list[str]) -> dict[str, Any]:
    ticks = {"tickvals": [*range(len(names))], "ticktext": names}
    return ticks | {
        "title": {"text": _text(title, _MAX_LABEL), "standoff": 12},
        "showgrid": False,
        "range": [-0.5, len(names) - 0.5],
    }


def _upright(position: int) -> dict[str, Any]:
    line = {"color": _QUIET, "width": 1}
    return {"type": "line", "x0": position, "x1": position, "y0": 0, "y1": 1, "line": line, "layer": "below"}


def _frame(x: int, y: int) -> dict[str, Any]:
    line = {"color": COLORS["best"], "width": 3}
    return {"type": "rect", "x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.47, "y1": y + 0.47, "line": line}


def _title(position: int, text: str) -> dict[str, Any]:
    said = f"<b>{_text(text, 16)}</b>"
    return {"x": position, "y": 1.06, "yanchor": "bottom", "showarrow": False, "text": said, "font": {"size": 13}}


def _marks(ticks: Sequence[Sequence[tuple[float, str]]]) -> dict[str, Any]:
    """The texts of upright axes, left of them; those of the last right of it."""
    last = len(ticks) - 1
    places = [(x, y, said) for x, each in enumerate(ticks) for y, said in each]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [x + (0.02 if x == last else -0.02) for x, _, _ in places],
        "y": [y for _, y, _ in places],
        "text": [_text(said, 14) for _, _, said in places],
        "textposition": [f"middle {'right' if x == last else 'left'}" for x, _, _ in places],
        "cliponaxis": False,
        "hoverinfo": "skip",
    }


def _above(mean: float, bound: float | None) -> float:
    return 0.0 if bound is None else bound - mean


def _bounds(level: Level) -> list[float]:
    return [bound for bound in (level.mean, level.low, level.high) if bound is not None]


def _cells(rows: Iterable[Iterable[float | None]]) -> list[float]:
    return [value for row in rows for value in row if value is not None]


def _extent(values: Iterable[float]) -> tuple[float, float]:
    """The least and the largest value, never the same."""
    found = list(values) or [0.0]
    low, high = min(found), max(found)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _spread(ordered: Sequence[_T]) -> list[_T]:
    """All of them, or the first and some of the rest, evenly, where they are too many to be told apart."""
    if len(ordered) <= _MAX_LINES:
        return list(ordered)
    rest, room = ordered[_MAX_FIRST:], _MAX_LINES - _MAX_FIRST
    return [*ordered[:_MAX_FIRST], *(rest[index * len(rest) // room] for index in range(room))]


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    step = max(1, -(-len(points) // _MAX_POINTS))
    return [*points[:-1][::step], *points[-1:]]


def _key(run: RunResult) -> tuple[str, str]:
    return str(run.search.dir), run.entry.run


def _short(value: float | None) -> float | None:
    """Six digits are more than can be seen."""
    return None if value is None else float(f"{value:.6g}")


def _text(text: str, limit: int) -> str:
    """A text as plotly takes it, which knows some tags."""
    return html.escape(cut(text, limit), quote=False)
