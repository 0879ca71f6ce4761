"""Metrics, optimiser and schedule against those of the libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk
from torch import nn

from gridfold.text.metrics import compute_metrics
from gridfold.text.objectives import LOWER_IS_BETTER, METRICS
from gridfold.text.optimization import optimizer_and_schedule, training_arguments
from gridfold.text.outputs import Outputs
from gridfold.text.settings import TrainingSettings
from gridfold.text.tasks import Task
from gridfold.text.thresholds import choose
from gridfold.trainers.metrics.names import higher_is_better

MACRO = {"average": "macro", "zero_division": 0}
SEEDS = st.integers(0, 10**6)


def of_labels(labels: int) -> Outputs:
    return Outputs(Task("binary" if labels == 2 else "multiclass", tuple(range(labels))))


def calibration_error(chances, came_true):
    """The usual one, of 15 bins: mean distance of confidence and accuracy, by the size of the bin."""
    bins = np.minimum(np.floor(chances * 15), 14)
    parts = [bins == each for each in range(15)]
    return sum(abs(chances[part].mean() - came_true[part].mean()) * part.mean() for part in parts if part.any())


def averages(truth, predicted):
    return {
        "val_accuracy": sk.accuracy_score(truth, predicted),
        "val_f1": sk.f1_score(truth, predicted, **MACRO),
        "val_precision": sk.precision_score(truth, predicted, **MACRO),
        "val_recall": sk.recall_score(truth, predicted, **MACRO),
        "val_weighted_f1": sk.f1_score(truth, predicted, average="weighted", zero_division=0),
        "val_micro_f1": sk.f1_score(truth, predicted, average="micro", zero_division=0),
    }


@settings(deadline=None, max_examples=30)
@given(labels=st.integers(2, 5), size=st.integers(1, 40), seed=SEEDS, digits=st.integers(0, 3))
@pytest.mark.filterwarnings("ignore:.*single label was found:UserWarning", "ignore:y_pred contains classes:UserWarning")
def test_metrics_of_labels_are_those_of_sklearn(labels, size, seed, digits):
    stream = np.random.default_rng(seed)
    truth, logits = stream.integers(0, labels, size), stream.normal(size=(size, labels), scale=2).round(digits)
    predicted, chances = of_labels(labels).predict(logits)
    found = compute_metrics(of_labels(labels), truth, logits, 0.5)
    is_of = np.eye(labels)[truth]
    expected = averages(truth, predicted) | {
        "val_loss": 0.5,
        "val_balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "val_mcc": sk.matthews_corrcoef(truth, predicted),
        "val_log_loss": sk.log_loss(truth, chances, labels=range(labels)),
        "val_brier": sk.brier_score_loss(truth, chances, labels=range(labels)),
        "val_calibration_error": calibration_error(chances.max(axis=1), chances.argmax(axis=1) == truth),
    }
    if len(set(truth.tolist())) == labels:
        scores = (is_of[:, 1], logits[:, 1] - logits[:, 0]) if labels == 2 else (is_of, chances)
        expected["val_roc_auc"] = sk.roc_auc_score(*scores, average="macro")
        expected["val_average_precision"] = sk.average_precision_score(*scores, average="macro")
    assert found == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(labels=st.integers(1, 5), size=st.integers(1, 40), seed=SEEDS, digits=st.integers(0, 3))
def test_metrics_of_several_labels_are_those_of_sklearn(labels, size, seed, digits):
    stream = np.random.default_rng(seed)
    outputs = Outputs(Task("multilabel", tuple(range(labels))))
    truth, logits = stream.integers(0, 2, (size, labels)), stream.normal(size=(size, labels), scale=3).round(digits)
    predicted, chances = outputs.predict(logits)
    found = compute_metrics(outputs, truth.astype(np.float32), logits, 0.5)
    flat = truth.ravel()
    # sklearn takes a matrix of one column for single labels.
    widened = [np.hstack([each, np.zeros((size, 2 - labels))]) if labels < 2 else each for each in (truth, predicted)]
    expected = averages(*widened) | {
        "val_loss": 0.5,
        "val_log_loss": sk.log_loss(flat, chances.ravel(), labels=[0, 1]),
        "val_brier": ((chances - truth) ** 2).mean(),
        "val_calibration_error": calibration_error(chances.ravel(), flat),
    }
    for name in ("val_f1", "val_precision", "val_recall") if labels < 2 else ():
        expected[name] *= 2  # of a mean with the column that was added
    if (truth.min(axis=0) < truth.max(axis=0)).all():
        expected["val_roc_auc"] = sk.roc_auc_score(truth, logits, average="macro")
        expected["val_average_precision"] = sk.average_precision_score(truth, logits, average="macro")
    assert found == pytest.approx(expected)


@settings(deadline=None, max_examples=30)
@given(size=st.integers(2, 40), seed=SEEDS, digits=st.integers(0, 3), center=st.floats(-1e3, 1e3))
def test_metrics_of_numbers_are_those_of_sklearn_and_scipy(size, seed, digits, center):
    stream = np.random.default_rng(seed)
    truth = (stream.normal(size=size) * 3 + center).round(digits).astype(np.float32)
    logits = stream.normal(size=(size, 1)).round(digits)
    predicted = logits[:, 0] * 3 + center
    found = compute_metrics(Outputs(Task("regression"), center=center, scale=3.0), truth, logits, 0.5)
    varies = len(set(truth.tolist())) > 1 and len(set(logits.ravel().tolist())) > 1
    assert found == pytest.approx(
        {
            "val_loss": 0.5,
            "val_rmse": sk.root_mean_squared_error(truth, predicted),
            "val_mae": sk.mean_absolute_error(truth, predicted),
            "val_r2": sk.r2_score(truth.astype(float), predicted),
            "val_spearman": stats.spearmanr(truth, predicted)[0] if varies else 0.0,
        },
        rel=1e-5,
    )


def test_one_number_has_no_variance():
    found = compute_metrics(Outputs(Task("regression")), np.array([1.0], dtype=np.float32), np.array([[3.0]]), 4.0)
    assert found == {"val_loss": 4.0, "val_rmse": 2.0, "val_mae": 2.0}


@pytest.mark.parametrize("task", METRICS)
def test_a_search_knows_which_way_a_metric_is_better(task):
    assert {name for name in METRICS[task] if not higher_is_better(f"val_{name}")} <= LOWER_IS_BETTER
    assert not any(higher_is_better(f"val_{name}") for name in LOWER_IS_BETTER)


def test_one_logit_stands_for_two_classes():
    logits = np.array([[-1.0], [0.5], [200.0], [100.0]])
    assert of_labels(2).probabilities(logits)[:, 1] == pytest.approx(1 / (1 + np.exp(-logits[:, 0])))
    found = compute_metrics(of_labels(2), np.array([0, 1, 1, 0]), logits, 0.0)
    assert found["val_accuracy"] == 0.75
    # 200 is more certain than 100, though both probabilities are 1.
    assert found["val_roc_auc"] == 0.75


def test_certainty_does_not_overflow():
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]])
    outputs = Outputs(Task("multilabel", ("a", "b")))
    assert outputs.probabilities(logits).tolist() == [[1, 0], [0, 1]]
    assert np.isfinite(list(compute_metrics(outputs, np.array([[0, 1], [1, 0]]), logits, 1e4).values())).all()


@settings(deadline=None, max_examples=30)
@given(size=st.integers(1, 40), seed=SEEDS, digits=st.integers(0, 2), scale=st.sampled_from([1.0, 5.0, 500.0]))
def test_no_threshold_of_two_labels_has_a_better_mean_f1(size, seed, digits, scale):
    stream = np.random.default_rng(seed)
    truth, logits = stream.integers(0, 2, size), (stream.normal(size=(size, 1)) * scale).round(digits)
    outputs = of_labels(2)
    chances = outputs.probabilities(logits)[:, 1]

    def f1(threshold):
        return sk.f1_score(truth, chances > threshold, average="macro", labels=[0, 1], zero_division=0)

    (chosen,) = choose("best_f1", outputs, truth, logits)
    best = max(f1(threshold) for threshold in [0, *chances])
    assert f1(chosen) == pytest.approx(best)
    assert 0 <= chosen <= 1


@settings(deadline=None, max_examples=30)
@given(size=st.integers(1, 40), labels=st.integers(1, 4), seed=SEEDS, digits=st.integers(0, 2))
def test_no_threshold_of_a_label_has_a_better_f1(size, labels, seed, digits):
    stream = np.random.default_rng(seed)
    truth = (stream.random((size, labels)) < 0.3).astype(np.float32)
    logits = (stream.normal(size=(size, labels)) * 4).round(digits)
    outputs = Outputs(Task("multilabel", tuple(range(labels))))
    chances = outputs.probabilities(logits)
    chosen = choose("best_f1", outputs, truth, logits)
    for label, threshold in enumerate(chosen):
        column, real = chances[:, label], truth[:, label]
        best = max(sk.f1_score(real, column > other, zero_division=0) for other in [0, *column])
        assert sk.f1_score(real, column > threshold, zero_division=0) == pytest.approx(best)
        if not real.any():
            assert threshold == 0.5


def test_a_threshold_that_is_given():
    outputs = Outputs(Task("multilabel", ("a", "b", "c")))
    nothing = np.zeros((1, 3))
    assert choose(0.5, outputs, nothing, nothing) == ()
    assert choose(0.3, outputs, nothing, nothing) == (0.3, 0.3, 0.3)
    assert choose(0.3, of_labels(2), np.zeros(1), np.zeros((1, 2))) == (0.3,)


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
