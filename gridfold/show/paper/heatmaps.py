"""Heat maps and bars: what the report has as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gridfold.analysis.summary import Summary
from gridfold.records.numbers import number, percent
from gridfold.show import figures
from gridfold.show.figures import Map, Pair
from gridfold.show.paper.drawing import Write, below
from gridfold.show.paper.style import INKS, LETTER, SLANTED, fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_SURE = "sure"
_ROW = 5.0  # the usual height of a row, in millimetres
_LEAST_HEIGHT, _MAX_HEIGHT = 25.0, 150.0
_MOST = 60  # rows or columns
_AROUND = 16.0  # the room that texts take below and above
_BESIDE = 22.0  # and left of it

Bar = tuple[str, float, str, str]


def maps(pair: Pair) -> list[tuple[Map, int]]:
    """The heat maps of a pair, each with its place in `cell_bounds`: one, if the mean is the best."""
    return [(pair.mean, 0)] if pair.mean.rows == pair.best.rows else [(pair.mean, 0), (pair.best, 1)]


def has_room(pair: Pair) -> bool:
    """Whether its rows and columns are few enough to be told apart."""
    return max(len(pair.mean.rows), len(pair.mean.columns)) <= _MOST


def height(pair: Pair) -> float:
    """How high it becomes, in millimetres."""
    return _inner(pair) + _AROUND


def _inner(pair: Pair) -> float:
    return max(min(len(pair.mean.rows) * _ROW, _MAX_HEIGHT), _LEAST_HEIGHT)


def draw(drawing: Drawing, summary: Summary, pair: Pair, width: float, write: Write) -> None:
    """Draw the heat maps of a pair beside each other.

    Args:
        drawing: an empty figure.
        summary: what it is of.
        pair: the pair.
        width: of the figure, in millimetres.
        write: how a text is written.
    """
    shown, bounds = maps(pair), figures.cell_bounds(summary)
    across = drawing.subplots(1, len(shown), squeeze=False)[0]
    room = width / len(shown) - _BESIDE
    rooms = zip(pair.paths, (_inner(pair), room), strict=True)
    rows, columns = (write(fitted(summary.labels[path], each)) for path, each in rooms)
    for place, (axes, (each, which)) in enumerate(zip(across, shown, strict=True)):
        _draw_map(axes, each, room, write)
        axes.set(xlabel=columns, ylabel=rows)
        if len(shown) > 1:
            axes.set_title(f"({'ab'[place]})", loc="left", fontsize=7, fontweight="bold")
        if not _has_texts(each, room):
            _scale(drawing, axes, bounds[which], summary)


def _draw_map(axes: Axes, shown: Map, room: float, write: Write) -> None:
    from matplotlib.patches import Rectangle

    colors = list(figures.shades())
    texts = _has_texts(shown, room)
    edge = 0.4 if room / len(shown.columns) > 2 else 0.0
    for row, (_, cells) in enumerate(shown.rows):
        for column, (text, shade, is_best) in enumerate(cells):
            back, front = ("white", "#57606a") if shade is None else colors[shade]
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=back, edgecolor="white", linewidth=edge))
            if is_best:
                frame = Rectangle((column, row), 1, 1, fill=False, edgecolor=INKS["best"].color, linewidth=1.4)
                axes.add_patch(frame).set(zorder=3, clip_on=False)
            if texts:
                weight = "bold" if is_best else "normal"  # in grey, too
                axes.text(column + 0.5, row + 0.5, text, color=front, ha="center", va="center", size=6, weight=weight)
    axes.set(xlim=(0, len(shown.columns)), ylim=(len(shown.rows), 0))
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    named = [(row + 0.5, write(value)) for row, (value, _) in enumerate(shown.rows)][:: -(-len(shown.rows) // 30)]
    axes.set_yticks([at for at, _ in named], [text for _, text in named])
    step = -(-len(shown.columns) // max(1, int(room / SLANTED)))
    below(axes, [(at + 0.5, write(text)) for at, text in enumerate(shown.columns)][::step], room / len(shown.columns))


def _has_texts(shown: Map, room: float) -> bool:
    """Whether its cells have room for their numbers; else a scale beside it says what colours mean."""
    longest = max((len(text) for _, cells in shown.rows for text, _, _ in cells), default=0)
    return longest * LETTER * 0.9 + 1 <= room / len(shown.columns) and len(shown.rows) * _ROW <= _MAX_HEIGHT


def _scale(drawing: Drawing, axes: Axes, bounds: tuple[float, float], summary: Summary) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    colors = [back for back, _ in figures.shades()]
    shades = ListedColormap(colors if summary.maximize else colors[::-1])
    bar = drawing.colorbar(ScalarMappable(cmap=shades), ax=axes, shrink=0.8, aspect=25)
    bar.set_ticks([0, 1], labels=[number(bound) for bound in bounds])
    bar.outline.set_visible(False)


def bars(axes: Axes, rows: Sequence[Bar], width: float, write: Write) -> None:
    """Draw shares of the variance: a name, a share, its p-value, its verdict; dark where it is sure."""
    kinds = [INKS["fitted"].color if verdict == _SURE else INKS["grid"].color for *_, verdict in rows]
    axes.barh(range(len(rows)), [100 * share for _, share, _, _ in rows], color=kinds, height=0.62)
    axes.set_yticks(range(len(rows)), [write(fitted(name, 0.45 * width)) for name, *_ in rows])
    axes.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5), xlabel="share of the variance in %")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for place, (_, share, p, _) in enumerate(rows):
        said = f"{percent(share)}, " + ("noise unknown" if p == "unknown" else f"p {p}")
        is_left = share > 0.6  # there is more room in the bar than beside it
        axes.annotate(
            said,
            (100 * share, place),
            (-3 if is_left else 3, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize=6,
            color="white" if is_left and kinds[place] == INKS["fitted"].color else "#1b1f24",
        )
