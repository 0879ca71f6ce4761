"""Which figures there are for print, and what each shows, in words for its caption."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridfold.analysis.effects import Effect
from gridfold.analysis.summary import Summary
from gridfold.records.numbers import value_text
from gridfold.show import effect_figures, figures
from gridfold.show.figures import Figure, Pair
from gridfold.show.paper import drawing as draw
from gridfold.show.paper import heatmaps
from gridfold.show.paper.drawing import Write
from gridfold.show.paper.style import SLANTED, fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_MAX_EFFECTS = 12
_MAX_AXES = 7
_MAX_PAIRS = 10
_MAX_BARS = 15
_MAX_NAME = 28  # letters in a column
_ACROSS = 3  # small figures beside each other
_PANEL, _USUAL, _BAR = 44.0, 58.0, 5.5  # the heights of a small figure, a figure, a bar, in millimetres


@dataclass(frozen=True)
class Picture:
    """A figure for print.

    Attributes:
        name: of its file, without the ending.
        caption: what it shows.
        is_wide: whether it goes across the page, or into one column.
        height: in millimetres.
        draw: puts it into an empty figure of a width.
    """

    name: str
    caption: str
    is_wide: bool
    height: float
    draw: Callable[[Drawing, float, Write], None]


def pictures(summary: Summary) -> Iterator[Picture]:
    """Those that there is something to show of."""
    makers = (_effects, _shares, _parallel, _front, _curves)
    yield from filter(None, (make(summary) for make in makers))
    yield from _pairs(summary)


def texts(summary: Summary) -> Iterator[str]:
    """All words of the search that may stand in them."""
    yield from (str(summary.metric), summary.course, *summary.goals, *summary.labels.values())
    for axis in figures.axes(summary):
        yield from () if axis.is_curve else map(value_text, axis.values)


def _effects(summary: Summary) -> Picture | None:
    shown = list(zip(summary.effects, effect_figures.effects(summary), strict=True))[:_MAX_EFFECTS]
    if not shown:
        return None
    rows, columns = -(-len(shown) // _ACROSS), min(len(shown), _ACROSS)

    def put(drawing: Drawing, width: float, write: Write) -> None:
        grid = drawing.subplots(rows, columns, squeeze=False, sharey=True)
        room = (width - 15) / columns - 4
        for place, axes in enumerate(grid.flat):
            if place < len(shown):
                _effect(axes, summary, *shown[place], room, write)
            else:
                axes.set_axis_off()
        drawing.supylabel(write(fitted(f"mean {summary.metric}", rows * _PANEL)), fontsize="medium")

    curve, points = any(each.scale for each, _ in shown), any(not each.scale for each, _ in shown)
    known = any(level.low is not None for each, _ in shown for level in each.levels)
    caption = _joined(
        f"Main effects on {_metric(summary)}.",
        f"Points: the mean for each value{' with its 95 % interval' if known else ''}, as if every other value occurred"
        " equally often; the diamond is the best." * points,
        f"Lines: a curve fitted{' with its 95 % interval' if known else ''} through the trials (circles)." * curve,
        "The parameter that explains most comes first.",
        f"{len(summary.effects) - len(shown)} more are left out." * (len(summary.effects) > len(shown)),
        figures.at_step(summary),
        *(f"{figure.title}: {_lowered(figure.caption)}" for _, figure in shown),
    )
    return Picture("effects", caption, len(shown) > 1, rows * _PANEL, put)


def _effect(axes: Axes, summary: Summary, shown: Effect, figure: Figure, room: float, write: Write) -> None:
    draw.framed(axes, figure, room, write)
    draw.below(axes, [(x, write(text)) for x, text in effect_figures.ticks(summary, shown, SLANTED / room)], room)
    axes.set_xlabel(write(fitted(figure.title, room)))


def _shares(summary: Summary) -> Picture | None:
    found = figures.shares(summary)
    rows = [row for each in found for row in each.rows][:_MAX_BARS]
    if len(rows) < 2:
        return None

    def put(drawing: Drawing, width: float, write: Write) -> None:
        heatmaps.bars(drawing.subplots(), rows, width, write)

    said = (each.caption.removesuffix(figures.NOISE).rstrip() for each in found)
    sure = "Dark: p < 0.01, corrected for all parameters and pairs." if any(row[3] == "sure" for row in rows) else ""
    caption = _joined(*said, figures.NOISE, sure)
    is_wide = max(len(name) for name, *_ in rows) > _MAX_NAME
    return Picture("shares", caption, is_wide, height=len(rows) * _BAR + 12, draw=put)


def _parallel(summary: Summary) -> Picture | None:
    figure = figures.parallel(summary, _MAX_AXES)
    if figure is None or len(summary.ranked) < 2:
        return None

    titles = [*(axis.label for axis in figures.axes(summary)[:_MAX_AXES]), str(summary.metric)]

    def put(drawing: Drawing, width: float, write: Write) -> None:
        draw.legend(drawing, _kinds(summary), width, dots=False)
        draw.parallel(drawing.subplots(), figure, titles, width, write)

    left_out = len(summary.labels) - _MAX_AXES
    less = f"{left_out} parameters that explain less are left out." if left_out > 0 else ""
    caption = _joined(f"All trials, to their {_metric(summary)}.", figure.caption, less)
    return Picture("parallel", caption, is_wide=True, height=_USUAL + 10, draw=put)


def _front(summary: Summary) -> Picture | None:
    figure = figures.front(summary)
    if figure is None:
        return None
    across, upward = list(summary.goals)[:2]

    def put(drawing: Drawing, width: float, write: Write) -> None:
        draw.legend(drawing, [("best", "on the front"), ("other", "others")], width, dots=True)
        _named(drawing.subplots(), figure, (across, upward), width, write)

    return Picture("front", _joined("Pareto front.", figure.caption), is_wide=False, height=_USUAL, draw=put)


def _curves(summary: Summary) -> Picture | None:
    figure = figures.curves(summary)
    if figure is None:
        return None

    def put(drawing: Drawing, width: float, write: Write) -> None:
        draw.legend(drawing, _kinds(summary), width, dots=False)
        _named(drawing.subplots(), figure, (summary.course, str(summary.metric)), width, write)

    caption = _joined(f"Learning curves: {_metric(summary)}.", figure.caption)
    return Picture("curves", caption, is_wide=False, height=_USUAL, draw=put)


def _named(axes: Axes, figure: Figure, names: tuple[str, str], width: float, write: Write) -> None:
    draw.framed(axes, figure, width - 14, write)
    axes.set(xlabel=write(fitted(names[0], width - 14)), ylabel=write(fitted(names[1], _USUAL - 18)))


def _pairs(summary: Summary) -> Iterator[Picture]:
    taken: set[str] = set()
    shown = [pair for pair in figures.pairs(summary) if heatmaps.has_room(pair)]
    for pair in shown[:_MAX_PAIRS]:
        name = _name(pair, summary, taken)
        taken.add(name)
        yield _pair(summary, pair, name)


def _pair(summary: Summary, pair: Pair, name: str) -> Picture:
    shown = heatmaps.maps(pair)

    def put(drawing: Drawing, width: float, write: Write) -> None:
        heatmaps.draw(drawing, summary, pair, width, write)

    labels = ("",) if len(shown) == 1 else ("(a) ", "(b) ")
    captions = (f"{label}{each.caption}" for label, (each, _) in zip(labels, shown, strict=True))
    caption = _joined(f"{pair.title}.", *captions, "Darker is better.", figures.at_step(summary))
    return Picture(name, caption, len(shown) > 1, heatmaps.height(pair), put)


def _name(pair: Pair, summary: Summary, taken: set[str]) -> str:
    """The name of its file, as LaTeX takes it: without dots, spaces and underscores."""
    words = (re.sub(r"[^A-Za-z0-9]+", "-", summary.labels[path]).strip("-")[:40] for path in pair.paths)
    name = "-".join(["pair", *filter(None, words)])
    return next(each for each in (name, *(f"{name}-{count}" for count in range(2, 999))) if each not in taken)


def _kinds(summary: Summary) -> list[tuple[str, str]]:
    """The kinds of trials that there are, and what they mean."""
    words = {
        "best": "best" if summary.tie is None else "the best, which tie",
        "near": "not distinguishable from the best" if summary.knows_noise else "best tenth",
        "other": "others",
    }
    present = {trial.standing for trial in summary.ranked}
    return [(kind, said) for kind, said in words.items() if kind in present]


def _metric(summary: Summary) -> str:
    return f"{figures.metric(summary)} ({'higher' if summary.maximize else 'lower'} is better)"


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
