"""Plots: drawn for any labels and any number of epochs, without a warning."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from gridfold.text.history import Epoch
from gridfold.text.plots import draw_confusion_matrix, draw_loss


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
