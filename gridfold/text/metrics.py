"""How good predictions are: one implementation, for every way of training.

The numbers are those of scikit-learn, which the tests compare them with. They are counted here because a head on
frozen features takes some milliseconds an epoch, and fifteen calls that check their arguments as many.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridfold.text.outputs import Outputs
from gridfold.text.tasks import Floats, Ids, Targets
from gridfold.text.thresholds import Cuts, quotient

_BINS = 15  # of the calibration error
_EPSILON = sys.float_info.epsilon


def compute_metrics(outputs: Outputs, targets: Targets, logits: Floats, loss: float) -> dict[str, float]:
    """The validation metrics of an epoch.

    Args:
        outputs: how the logits are read.
        targets: the truth.
        logits: of the same examples, shape ``(n, out_features)``.
        loss: their mean loss.

    Returns:
        ``val_loss``, and the other `gridfold.text.objectives.METRICS` of the task, as far as the data let them be
        computed: those of rankings need examples with each label and without.
    """
    predicted, chances = outputs.predict(logits)
    if outputs.task.name == "regression":
        found = _of_numbers(targets.astype(np.float64), predicted)
    elif outputs.task.name == "multilabel":
        found = _of_label_sets(targets > 0, predicted > 0, chances, logits)
    else:
        found = _of_labels(targets, predicted, chances, logits)
    return {"val_loss": loss, **{f"val_{name}": float(value) for name, value in found.items()}}


def _of_labels(truth: Ids, predicted: Ids, chances: Floats, logits: Floats) -> Any:
    examples, labels = chances.shape
    table = np.bincount(truth * labels + predicted, minlength=labels**2).reshape(labels, labels)
    right, real, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    accuracy = right.sum() / examples
    recall = quotient(right, real)
    is_of = np.eye(labels, dtype=bool)[truth]
    squares = ((chances - is_of) ** 2).sum(axis=1)
    confident = chances.argmax(axis=1)
    # Of two labels the difference of logits orders the examples: probabilities may be rounded to 1.
    ranked = (logits[:, -1:] - (logits[:, :1] if logits.shape[1] == 2 else 0)) if labels == 2 else chances
    return {
        "accuracy": accuracy,
        **_averages(right, real, said, occurs=real + said > 0),
        "balanced_accuracy": recall[real > 0].mean(),
        "micro_f1": accuracy,
        "mcc": _mcc(right, real, said),
        "log_loss": -np.log(np.clip(chances[is_of], _EPSILON, 1 - _EPSILON)).mean(),
        "brier": squares.mean() / (2 if labels == 2 else 1),
        "calibration_error": _calibration_error(chances.max(axis=1), confident == truth),
        **_rankings(is_of[:, -ranked.shape[1] :], ranked),
    }


def _of_label_sets(truth: NDArray[np.bool_], predicted: NDArray[np.bool_], chances: Floats, logits: Floats) -> Any:
    right, real, said = (truth & predicted).sum(axis=0), truth.sum(axis=0), predicted.sum(axis=0)
    bounded = np.clip(np.where(truth, chances, 1 - chances), _EPSILON, 1 - _EPSILON)
    return {
        "accuracy": (truth == predicted).all(axis=1).mean(),
        **_averages(right, real, said, occurs=np.ones(len(real), dtype=bool)),
        "micro_f1": 2 * right.sum() / both if (both := real.sum() + said.sum()) else 0.0,
        "log_loss": -np.log(bounded).mean(),
        "brier": ((chances - truth) ** 2).mean(),
        "calibration_error": _calibration_error(chances.ravel(), truth.ravel()),
        **_rankings(truth, logits),
    }


def _of_numbers(truth: Floats, predicted: Floats) -> dict[str, float]:
    errors = predicted - truth
    found = {"rmse": np.sqrt((errors**2).mean()), "mae": np.abs(errors).mean()}
    if len(truth) > 1:  # one number has no variance, and no order
        variation, left = ((truth - truth.mean()) ** 2).sum(), (errors**2).sum()
        found["r2"] = 1 - left / variation if variation else float(left == 0)
        found["spearman"] = _correlation(_ranks(truth), _ranks(predicted))
    return found


def _averages(right: Ids, real: Ids, said: Ids, occurs: NDArray[np.bool_]) -> dict[str, Any]:
    """Averages over labels, of how many examples are right, truly have a label, and are said to have it."""
    f1 = quotient(2 * right, real + said)
    return {
        "f1": f1[occurs].mean(),
        "precision": quotient(right, said)[occurs].mean(),
        "recall": quotient(right, real)[occurs].mean(),
        "weighted_f1": (f1 * real).sum() / real.sum() if real.any() else 0.0,
    }


def _mcc(right: Ids, real: Ids, said: Ids) -> float:
    """The correlation of truth and prediction, by Matthews; 0 where one of them is constant."""
    total, real, said = float(real.sum()), real.astype(float), said.astype(float)
    spread = (total**2 - said @ said) * (total**2 - real @ real)
    return float((right.sum() * total - real @ said) / np.sqrt(spread)) if spread else 0.0


def _calibration_error(chances: Floats, came_true: NDArray[np.bool_]) -> float:
    """How far probabilities are from how often they come true: the mean distance in bins of equal width."""
    places = np.minimum((chances * _BINS).astype(np.int64), _BINS - 1)
    apart = np.bincount(places, weights=came_true - chances, minlength=_BINS)
    return float(np.abs(apart).sum() / len(chances))


def _rankings(truth: NDArray[np.bool_], scores: Floats) -> dict[str, float]:
    """How well scores rank the examples with a label before those without, as a mean over labels."""
    having = truth.sum(axis=0)
    if not ((having > 0) & (having < len(truth))).all():
        return {}
    cuts = [Cuts.of(truth[:, label], scores[:, label]) for label in range(truth.shape[1])]
    return {
        "roc_auc": sum(each.roc_auc() for each in cuts) / len(cuts),
        "average_precision": sum(each.average_precision() for each in cuts) / len(cuts),
    }


def _ranks(values: Floats) -> Floats:
    """The rank of each value; equal ones have their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (counts.cumsum() - (counts - 1) / 2)[place]
    return ranks


def _correlation(one: Floats, other: Floats) -> float:
    """By Pearson; 0 where one of them is constant."""
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread else 0.0
