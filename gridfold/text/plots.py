"""Plots of a run, drawn with matplotlib's objects: no window, no global state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from gridfold.text.outputs import Outputs
from gridfold.text.tasks import Ids, Label, Targets

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


def draw_predictions(outputs: Outputs, truth: Targets, best: Epoch, file: Path) -> None:
    """What was predicted against what is true, as the task has it."""
    predicted, _ = outputs.predict(best.logits)
    if outputs.task.name == "regression":
        draw_numbers(truth, predicted, best.number, file)
    elif outputs.task.name == "multilabel":
        draw_label_sets(truth > 0, predicted > 0, outputs.task.labels, best.number, file)
    else:
        draw_confusion_matrix(truth, predicted, outputs.task.labels, best.number, file)


def draw_numbers(truth: Targets, predicted: Targets, epoch: int, file: Path) -> None:
    """A point for each validation example; those on the line are right."""
    figure, axes = _figure(4.5, 4.5, 0.8, 0.5)
    ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
    axes.plot(ends, ends, color=_GREY, linewidth=1, linestyle="--")
    axes.scatter(truth, predicted, s=9, alpha=0.5, color=_BLUE, linewidths=0)
    axes.set(xlabel="truth", ylabel="prediction")
    axes.set_title(f"{len(truth)} validation examples, epoch {epoch}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, **_SAVE)


def draw_label_sets(
    truth: NDArray[np.bool_], predicted: NDArray[np.bool_], labels: Sequence[Label], epoch: int, file: Path
) -> None:
    """How many validation examples have each label, are said to have it, and both; the most frequent labels."""
    real, said, both = truth.sum(axis=0), predicted.sum(axis=0), (truth & predicted).sum(axis=0)
    shown = np.argsort(-real, kind="stable")[:_MOST_LABELS]
    names = [_short(str(labels[place])) for place in shown]
    figure, axes = _figure(4.5, max(0.35 * len(shown), 2.5), 0.3 + 0.09 * max(map(len, names)), 0.5)
    places = np.arange(len(shown))
    axes.barh(places, real[shown], height=0.8, color="#d7dde5", label="truth")
    axes.barh(places, said[shown], height=0.5, color=_ORANGE, label="prediction")
    axes.barh(places, both[shown], height=0.5, color=_BLUE, label="both")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set(xlabel="validation examples")
    right = int((truth == predicted).all(axis=1).sum())
    axes.set_title(f"{right} of {len(truth)} validation examples right, epoch {epoch}", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(frameon=False, fontsize=8)
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
