"""Metrics, loss, optimiser and schedule against those of the libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import nn
from torch.nn import functional

from gridfold.text.metrics import compute_metrics, probabilities
from gridfold.text.optimization import classification_loss, optimizer_and_schedule, training_arguments
from gridfold.text.settings import TrainingSettings


@settings(deadline=None)
@given(classes=st.integers(2, 5), size=st.integers(1, 40), seed=st.integers(0, 10**6))
def test_metrics_are_those_of_sklearn(classes, size, seed):
    stream = np.random.default_rng(seed)
    labels, logits = stream.integers(0, classes, size), stream.normal(size=(size, classes))
    predicted = logits.argmax(axis=1)
    found = compute_metrics(labels, logits, 0.5)
    macro = {"average": "macro", "zero_division": 0}
    expected = {
        "val_loss": 0.5,
        "val_accuracy": sk.accuracy_score(labels, predicted),
        "val_f1": sk.f1_score(labels, predicted, **macro),
        "val_precision": sk.precision_score(labels, predicted, **macro),
        "val_recall": sk.recall_score(labels, predicted, **macro),
    }
    if classes == 2 and len(set(labels.tolist())) == 2:
        expected["val_roc_auc"] = sk.roc_auc_score(labels, logits[:, 1] - logits[:, 0])
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def test_one_logit_stands_for_two_classes():
    logits = np.array([[-1.0], [0.5], [200.0], [100.0]])
    assert probabilities(logits)[:, 1] == pytest.approx(1 / (1 + np.exp(-logits[:, 0])))
    found = compute_metrics(np.array([0, 1, 1, 0]), logits, 0.0)
    assert found["val_accuracy"] == 0.75
    # 200 is more certain than 100, though both probabilities are 1.
    assert found["val_roc_auc"] == 0.75


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_that_of_torch(smoothing):
    logits, labels = torch.randn(6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    expected = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert classification_loss(logits, labels, smoothing) == expected
    # One logit is the difference of two.
    single = (logits[:, 1] - logits[:, 0]).unsqueeze(1)
    assert classification_loss(single, labels, smoothing).item() == pytest.approx(expected.item(), rel=1e-5)


def test_biases_and_norms_do_not_decay():
    args = training_arguments(TrainingSettings(weight_decay=0.5), 3)
    head = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    optimizer, _ = optimizer_and_schedule(head, args, steps=10)
    decay = {id(weight): group["weight_decay"] for group in optimizer.param_groups for weight in group["params"]}
    found = {name: decay[id(weight)] for name, weight in head.named_parameters()}
    assert found == {"0.weight": 0.5, "0.bias": 0, "1.weight": 0, "1.bias": 0, "2.weight": 0.5, "2.bias": 0}


def rates(training: TrainingSettings, steps: int = 10) -> list[float]:
    optimizer, schedule = optimizer_and_schedule(nn.Linear(2, 2), training_arguments(training, 3), steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_the_learning_rate_warms_up_and_falls():
    expected = [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    assert rates(TrainingSettings(learning_rate=1.0, warmup_ratio=0.2)) == pytest.approx(expected)
    counted = TrainingSettings(learning_rate=1.0, arguments={"warmup_steps": 2})
    assert rates(counted) == pytest.approx(expected)


def test_a_constant_learning_rate_is_constant():
    assert rates(TrainingSettings(learning_rate=0.1, scheduler="constant")) == [0.1] * 10
