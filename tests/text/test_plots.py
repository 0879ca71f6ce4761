"""Plots: drawn for any labels and any number of epochs, without a warning."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from gridfold.text.history import Epoch
from gridfold.text.plots import draw_confusion_matrix, draw_label_sets, draw_loss, draw_numbers


def size(file) -> tuple[int, int]:
    """Width and height of a PNG file."""
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG")
    return struct.unpack(">II", content[16:24])


@pytest.mark.parametrize(
    "labels",
    [
        ("no", "yes"),
        (r"$\nonsense$", "a very long name of a label that goes on", "two\nlines"),
        tuple(range(30)),
        tuple(range(60)),
    ],
    ids=len,
)
def test_a_confusion_matrix_of_any_labels(labels, tmp_path):
    stream = np.random.default_rng(0)
    truth, predicted = stream.integers(0, len(labels), (2, 200))
    draw_confusion_matrix(truth, predicted, labels, 3, tmp_path / "matrix.png")
    assert min(size(tmp_path / "matrix.png")) > 400


@pytest.mark.parametrize("count", [1, 3, 100])
def test_losses_of_any_number_of_epochs(count, tmp_path):
    epochs = [Epoch(n, 1 / n, {"val_loss": 1.2 / n}, np.zeros((1, 2))) for n in range(1, count + 1)]
    draw_loss(epochs, epochs[-1], "val_loss", tmp_path / "loss.png")
    assert min(size(tmp_path / "loss.png")) > 400


@pytest.mark.parametrize("labels", [("no",), (r"$\nonsense$", "two\nlines"), tuple(range(60))], ids=len)
def test_sets_of_any_labels(labels, tmp_path):
    truth, predicted = np.random.default_rng(0).random((2, 200, len(labels))) < 0.3
    draw_label_sets(truth, predicted, labels, 3, tmp_path / "sets.png")
    assert min(size(tmp_path / "sets.png")) > 300


@pytest.mark.parametrize("count", [1, 500])
def test_any_numbers(count, tmp_path):
    truth = np.linspace(-1e6, 1e6, count, dtype=np.float32)
    draw_numbers(truth, np.full(count, truth[0]), 3, tmp_path / "numbers.png")
    assert min(size(tmp_path / "numbers.png")) > 400
