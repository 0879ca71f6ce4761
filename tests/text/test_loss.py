"""Losses against those of torch, and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from gridfold.text.loss import Loss
from gridfold.text.settings import TrainingSettings
from gridfold.text.tasks import Task

LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 1])


def logits_of(columns: int) -> torch.Tensor:
    return torch.randn(len(LABELS), columns, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(smoothing):
    logits, loss = logits_of(2), Loss("binary", "cross_entropy", smoothing=smoothing)
    expected = functional.cross_entropy(logits, LABELS, label_smoothing=smoothing)
    assert torch.equal(loss(logits, LABELS), expected)
    torch.testing.assert_close(loss.of_each(logits, LABELS).mean(), expected)
    # One logit is the difference of two.
    single = (logits[:, 1] - logits[:, 0]).unsqueeze(1)
    torch.testing.assert_close(loss(single, LABELS), expected)
    torch.testing.assert_close(Loss("binary", "bce", smoothing=smoothing)(single, LABELS), expected)


@pytest.mark.parametrize("columns", [1, 2])
def test_an_example_counts_by_the_weight_of_its_label(columns):
    logits = logits_of(columns)
    plain, weighted = Loss("binary", "cross_entropy"), Loss("binary", "cross_entropy", class_weights=(1.0, 3.0))
    expected = plain.of_each(logits, LABELS) * torch.tensor([1.0, 3.0])[LABELS]
    # Not divided by the sum of the weights, as torch does: that of a batch is not that of a step.
    torch.testing.assert_close(weighted(logits, LABELS), expected.sum() / len(LABELS))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_is_as_defined(columns, gamma):
    logits = logits_of(columns).requires_grad_()
    ones = torch.cat([torch.zeros_like(logits), logits], dim=1)[:, -2:] if columns == 1 else logits
    chances = ones.softmax(dim=1)[torch.arange(len(LABELS)), LABELS]
    expected = (-((1 - chances) ** gamma) * chances.log()).mean()
    torch.testing.assert_close(Loss("binary", "focal", gamma=gamma)(logits, LABELS), expected)


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_the_focal_loss_of_the_certain_has_a_gradient(task):
    logits = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    targets = torch.tensor([1, 0]) if task == "binary" else torch.tensor([[1.0], [0.0]])
    Loss(task, "focal", gamma=0.5)(logits, targets).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_several_labels_are_several_answers(smoothing):
    logits, targets = logits_of(3), (logits_of(3).flip(0) > 0).float()
    found = Loss("multilabel", "bce", class_weights=(1.0, 2.0, 5.0), smoothing=smoothing)(logits, targets)
    smooth = targets * (1 - smoothing) + smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
    torch.testing.assert_close(found, (losses * torch.where(targets > 0, torch.tensor([1.0, 2, 5]), 1.0)).mean())
    if not smoothing:
        weights = torch.tensor([1.0, 2.0, 5.0])
        torch.testing.assert_close(
            found, functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        )


@pytest.mark.parametrize(
    ("kind", "expected"), [("mse", functional.mse_loss), ("mae", functional.l1_loss), ("huber", functional.huber_loss)]
)
def test_numbers_are_learned_whatever_their_unit(kind, expected):
    logits, targets = logits_of(1), torch.tensor([3.0, 7.0, 5.0, 4.0, 0.0, 2.0, 7.0])
    loss = Loss.of(TrainingSettings(loss=kind), Task("regression"), targets.numpy())
    scaled = (targets - targets.mean()) / targets.std(correction=0)
    torch.testing.assert_close(loss(logits, targets), expected(logits[:, 0], scaled))
    thousands = Loss.of(TrainingSettings(loss=kind), Task("regression"), targets.numpy() * 1000)
    torch.testing.assert_close(thousands(logits, targets * 1000), loss(logits, targets))


def test_numbers_that_are_all_the_same():
    targets = np.full(4, 7, dtype=np.float32)
    loss = Loss.of(TrainingSettings(), Task("regression"), targets)
    assert (loss.kind, loss.center, loss.scale) == ("mse", 7.0, 1.0)


def test_balanced_weights_are_those_of_sklearn():
    targets = np.array([0, 0, 0, 1, 2, 2])
    loss = Loss.of(TrainingSettings(class_weights="balanced"), Task("multiclass", ("a", "b", "c")), targets)
    assert loss.class_weights == pytest.approx(compute_class_weight("balanced", classes=np.arange(3), y=targets))
    several = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 1]], dtype=np.float32)
    loss = Loss.of(TrainingSettings(class_weights="balanced"), Task("multilabel", ("a", "b", "c")), several)
    # Texts without the label for each with it; of the last, which all have, one is pretended.
    assert loss.class_weights == (3.0, 3.0, 0.25)


def test_weights_by_the_names_of_labels():
    loss = Loss.of(TrainingSettings(class_weights={"10": 5.0}), Task("binary", (2, 10)), np.array([0, 1]))
    assert loss.class_weights == (1.0, 5.0)


def test_what_is_usual_for_each_task():
    targets = {"multilabel": np.ones((2, 2), dtype=np.float32)}
    usual = {
        task: Loss.of(TrainingSettings(), Task(task, ("a", "b")), targets.get(task, np.array([0, 1]))).kind
        for task in ("multiclass", "binary", "multilabel", "regression")
    }
    assert usual == {
        "multiclass": "cross_entropy",
        "binary": "cross_entropy",
        "multilabel": "bce",
        "regression": "mse",
    }
    smoothed = Loss.of(TrainingSettings(arguments={"label_smoothing_factor": 0.1}), Task("binary", ("a", "b")), LABELS)
    assert (smoothed.smoothing, smoothed.unsmoothed.smoothing) == (0.1, 0.0)
    assert math.isclose(smoothed.gamma, 2.0)
