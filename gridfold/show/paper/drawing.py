"""Lines, dots and texts of the report's figures on the axes of a figure for print."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from gridfold.show.axis import Line, Tick
from gridfold.show.figures import Figure
from gridfold.show.paper.style import INKS, LETTER, fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing
    from matplotlib.figure import SubFigure

Stroke = list[tuple[float, float]]
Write = Callable[[str], str]
_STEP = re.compile(r"([ML])(\S+?) ([^MLZ]+)")
_SIDES = {"left": ("right", "center", -0.7), "right": ("left", "center", 0.7)}
_KEY = 7.0  # millimetres of a line or dot in a legend
_BOLD, _TITLE = 1.65, 45.0  # millimetres of a bold letter, of a title that stands aslant
_FAR = 10.0  # the interval of a mean beyond all floats ends there
_EDGE = 0.02  # of an axis: room beside what stands at its ends
_GAP = 2.0  # in letters, between texts beside one another
_MANY = 60  # lines or dots; more are drawn smaller
_DECIMAL = re.compile(r"-?\d+(?:\.(\d+))?")


def lines(axes: Axes, drawn: Sequence[Line]) -> None:
    """Draw lines and dots, those of a kind together, in axes from 0 to 1."""
    kinds: dict[str, list[Stroke]] = {}
    for line in drawn:
        kinds.setdefault(line.kind, []).extend(strokes(line.path))
    for kind, found in kinds.items():
        if kind.startswith("dot "):
            _dots(axes, kind.removeprefix("dot "), [stroke[0] for stroke in found])
        elif kind == "band":
            axes.fill(*zip(*found[0], strict=True), color=INKS[kind].color, linewidth=0, zorder=INKS[kind].order)
        else:
            _lines(axes, kind, found)


def strokes(path: str) -> list[Stroke]:
    """The lines of a path in the square of the report's figures, from 0 to 1 upward."""
    found: list[Stroke] = []
    for step, x, y in _STEP.findall(path):
        if step == "M":
            found.append([])
        found[-1].append((float(x) / 1000, 1 - float(y) / 1000))
    return [stroke for stroke in found if all(abs(y) < _FAR for _, y in stroke)]  # not so for nan


def _dots(axes: Axes, kind: str, places: Stroke) -> None:
    ink, size = INKS.get(kind, INKS["other"]), 0.5 if len(places) > _MANY else 1.0
    axes.plot(
        *zip(*places, strict=True),
        linestyle="none",
        marker=ink.marker,
        markersize=ink.size * size,
        markerfacecolor="white" if ink.is_open else ink.color,
        markeredgecolor=ink.color if ink.is_open else "white",
        markeredgewidth=(0.5 if ink.is_open else 0.3) * size,
        zorder=ink.order + 1,
        clip_on=False,
    )


def _lines(axes: Axes, kind: str, found: list[Stroke]) -> None:
    from matplotlib.collections import LineCollection

    ink, width = INKS.get(kind, INKS["other"]), 0.6 if len(found) > _MANY else 1.0
    drawn = LineCollection(found, colors=ink.color, linewidths=ink.width * width, zorder=ink.order, capstyle="round")
    drawn.set_clip_on(False)
    axes.add_collection(drawn, autolim=False)


def framed(axes: Axes, figure: Figure, width: float, write: Write) -> None:
    """Draw a figure with ticks on its lower and its left side.

    Args:
        axes: where.
        figure: the figure.
        width: of the axes, in millimetres.
        write: how a text is written.
    """
    lines(axes, figure.lines)
    axes.set(xlim=(-_EDGE, 1 + _EDGE), ylim=(-_EDGE, 1 + _EDGE))
    left = [tick for tick in figure.ticks if tick.side == "left"]
    axes.set_yticks([1 - tick.y / 100 for tick in left], _alike([write(tick.text) for tick in left]))
    under = [tick for tick in figure.ticks if tick.side == "below"]
    texts = _alike([write(tick.text) for tick in under])
    below(axes, [(tick.x / 100, text) for tick, text in zip(under, texts, strict=True)], width)


def _alike(texts: list[str]) -> list[str]:
    """Numbers with as many decimals each: 0.90 beside 0.92."""
    found = [_DECIMAL.fullmatch(text) for text in texts]
    decimals = max((len(each[1] or "") for each in found if each), default=0)
    return [f"{float(text):.{decimals}f}" for text in texts] if all(found) else texts


def below(axes: Axes, ticks: Sequence[tuple[float, str]], width: float) -> None:
    """Put texts below an axis; aslant, if they have no room beside one another."""
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    if any(not _fit(one, other, width) for one, other in pairwise(ticks)):
        for label in axes.get_xticklabels():
            label.set(rotation=35, rotation_mode="anchor", ha="right", va="top")


def _fit(one: tuple[float, str], other: tuple[float, str], width: float) -> bool:
    return (other[0] - one[0]) * width >= ((len(one[1]) + len(other[1])) / 2 + _GAP) * LETTER


def parallel(axes: Axes, figure: Figure, titles: Sequence[str], width: float, write: Write) -> None:
    """Draw a figure of several upright axes, with texts beside each of them.

    Args:
        axes: where.
        figure: the figure.
        titles: of the axes.
        width: of the figure, in millimetres.
        write: how a text is written.
    """
    lines(axes, figure.lines)
    axes.set(xlim=(0, 1), ylim=(-_EDGE, 1 + _EDGE))
    axes.axis("off")
    for tick in figure.ticks:
        if tick.side != "title":
            _beside(axes, tick, write)
    room = width / len(titles)
    is_tight = max(map(len, titles)) * _BOLD > room
    for place, title in enumerate(titles):
        is_last = place == len(titles) - 1  # it has no room on its right
        text = write(fitted(title, (_TITLE if is_tight and not is_last else room) * LETTER / _BOLD))
        axes.annotate(
            text,
            (place / max(len(titles) - 1, 1), 1.0),
            (0, 6),
            textcoords="offset points",
            ha="left" if is_tight else "center",
            va="bottom",
            fontweight="bold",
            rotation=20 if is_tight else 0,
            rotation_mode="anchor",
        )


def _beside(axes: Axes, tick: Tick, write: Write) -> None:
    across, upward, letters = _SIDES[tick.side]
    axes.annotate(
        write(tick.text),
        (tick.x / 100, 1 - tick.y / 100),
        (letters * 6, 0),
        textcoords="offset points",
        ha=across,
        va=upward,
        fontsize=6,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
        zorder=6,
        annotation_clip=False,
    )


def legend(drawing: Drawing | SubFigure, kinds: Sequence[tuple[str, str]], width: float, *, dots: bool) -> None:
    """Say above a figure of a width in millimetres what its kinds mean."""
    from matplotlib.lines import Line2D

    keys = []
    for kind, words in kinds:
        ink = INKS[kind]
        keys.append(
            Line2D(
                [],
                [],
                color=ink.color,
                linestyle="none" if dots else "-",
                linewidth=ink.width,
                marker=ink.marker if dots else "",
                markersize=ink.size,
                markerfacecolor="white" if ink.is_open else ink.color,
                label=words,
            )
        )
    needed = sum(len(words) * LETTER + _KEY for _, words in kinds)
    if keys:
        columns = len(keys) if needed <= width else 1
        drawing.legend(handles=keys, loc="outside upper right", ncols=columns, handlelength=1.6, columnspacing=1.2)
