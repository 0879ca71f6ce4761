"""What is remembered of epochs, and how it goes on from a checkpoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gridfold.text.early_stopping import EarlyStopping
from gridfold.text.history import History
from gridfold.text.loss import Loss
from gridfold.text.section import LazyConfig
from gridfold.text.tasks import Task

TARGETS = {
    "binary": np.array([0, 1, 1, 0, 0]),
    "multilabel": np.array([[0, 1], [1, 1], [1, 0], [0, 0], [1, 0]], dtype=np.float32),
    "regression": np.array([3.5, 1, 4, 1, 5], dtype=np.float32),
}


@pytest.mark.parametrize("task", TARGETS)
def test_it_goes_on_from_a_checkpoint(task, new_run, tmp_path):
    section = LazyConfig({"training": {"threshold": "best_f1"}}).section("training")
    loss = {"binary": "focal", "multilabel": "bce", "regression": "mse"}[task]

    def new(name: str) -> History:
        stopping = EarlyStopping(section, task)
        whole = Loss(task, loss, smoothing=0.1, center=2.0, scale=3.0)
        labels = () if task == "regression" else ("a", "b")
        return History(new_run(name), stopping, 3, whole, Task(task, labels), TARGETS[task])

    history, generator = new("first"), torch.Generator().manual_seed(0)
    for step in (1, 2):
        history.step(step, 3, 0.5, 5)
        history.end_epoch(torch.randn(5, 1 if task == "regression" else 2, generator=generator))
    torch.save(history.state(), tmp_path / "state.pt")
    other = new("second")
    other.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.metrics() == history.metrics()
    assert other.outputs == history.outputs
    assert len(history.outputs.thresholds) == {"binary": 1, "multilabel": 2, "regression": 0}[task]
