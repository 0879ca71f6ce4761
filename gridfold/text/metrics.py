"""How good predictions are: one implementation, for every way of training."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_recall_fscore_support, roc_auc_score

Floats: TypeAlias = NDArray[np.float64]
Ids: TypeAlias = NDArray[np.int64]


def probabilities(logits: Floats) -> Floats:
    """The probability of every class.

    Args:
        logits: shape ``(n, classes)``, or ``(n, 1)`` where one logit stands for two classes.

    Returns:
        Shape ``(n, classes)``; ``(n, 2)`` for one logit. Rows add up to 1.
    """
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def compute_metrics(labels: Ids, logits: Floats, loss: float) -> dict[str, float]:
    """The validation metrics of an epoch.

    Args:
        labels: true label ids, shape ``(n,)``.
        logits: shape ``(n, classes)``, or ``(n, 1)`` for the logistic loss of two classes.
        loss: the mean loss of the same examples.

    Returns:
        ``val_loss``, ``val_accuracy`` and, averaged over the classes that occur, ``val_f1``, ``val_precision`` and
        ``val_recall``. With two classes that both occur also ``val_roc_auc``.
    """
    chances = probabilities(logits)
    predicted = chances.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    metrics = {
        "val_loss": loss,
        "val_accuracy": float(accuracy_score(labels, predicted)),
        "val_f1": float(f1),
        "val_precision": float(precision),
        "val_recall": float(recall),
    }
    if chances.shape[1] == 2 and len(np.unique(labels)) == 2:
        metrics["val_roc_auc"] = float(roc_auc_score(labels, _score(logits)))
    return metrics


def _score(logits: Floats) -> Floats:
    """What orders examples of two classes. Not the probability, which loses the order of those it rounds to 1."""
    return logits[:, -1] - (logits[:, 0] if logits.shape[1] == 2 else 0.0)
