"""Plots of a run, drawn with matplotlib's objects: no window, no global state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gridfold.text.metrics import Ids
from gridfold.text.tasks import Label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gridfold.text.history import Epoch

_SAVE: dict[str, Any] = {"dpi": 120, "pil_kwargs": {"compress_level": 1}}  # every run pays for its plots
_BLUE, _ORANGE, _GREY = "#3b6fb6", "#d9822b", "#6b7280"
_MOST_NUMBERS = 25
_MOST_LABELS = 40


def _figure(width: float, height: float, left: float, bottom: float) -> tuple[Figure, Axes]:
    """An empty plot, and the inches that its labels take on two sides: to measure them costs more than to draw them."""
    figure = Figure(figsize=(width + left, height + bottom))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(
        left / (width + left), bottom / (height + bottom), 1 - 0.2 / (width + left), 1 - 0.35 / (height + bottom)
    )
    return figure, figure.add_subplot()


def draw_loss(epochs: Sequence[Epoch], best: Epoch, metric: str, file: Path) -> None:
    """Training and validation loss by epoch; the best epoch, as the metric says, is marked."""
    figure, axes = _figure(5.7, 3.5, 0.7, 0.5)
    numbers = [epoch.number for epoch in epochs]
    marker = "o" if len(epochs) <= 30 else ""
    style = {"marker": marker, "markersize": 4, "linewidth": 1.8}
    axes.plot(numbers, [epoch.train_loss for epoch in epochs], color=_BLUE, label="train", **style)  # type: ignore[arg-type]
    axes.plot(numbers, [e.metrics["val_loss"] for e in epochs], color=_ORANGE, label="validation", **style)  # type: ignore[arg-type]
    axes.axvline(
        best.number, color=_GREY, linewidth=1, linestyle="--", zorder=0, label=f"best by {metric}: {best.number}"
    )
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_ylim(bottom=0)
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False, loc="upper right")
    figure.savefig(file, **_SAVE)


def draw_confusion_matrix(truth: Ids, predicted: Ids, labels: Sequence[Label], epoch: int, file: Path) -> None:
    """How many validation examples of every label were given every label. Colours show shares of the true label."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [_short(str(label)) for label in labels] if len(labels) <= _MOST_LABELS else []
    size = min(max(0.62 * len(labels), 3.2), 12.0)
    longest = max((len(name) for name in names), default=4)
    figure, axes = _figure(size, size, 0.5 + 0.09 * longest, 0.6 + 0.06 * longest)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if names:
        axes.set_xticks(range(len(labels)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), names)
    if len(labels) <= _MOST_NUMBERS:
        _write_counts(axes, counts, shares)
    right = int(np.trace(counts))
    axes.set(xlabel="prediction", ylabel="truth")
    axes.set_title(f"{right} of {len(truth)} validation examples right, epoch {epoch}", fontsize=10)
    figure.savefig(file, **_SAVE)


def _write_counts(axes: Axes, counts: Ids, shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black" if counts[row, column] else _GREY
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)


def _short(label: str) -> str:
    """A label as a tick: one line, and no formula where matplotlib would see one."""
    line = " ".join(label.split())
    return (line if len(line) <= 20 else f"{line[:19]}…").replace("$", r"\$")
