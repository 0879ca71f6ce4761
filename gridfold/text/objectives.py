"""The names of the tasks, and of the losses and metrics of each. Needs no numpy."""

from __future__ import annotations

from collections.abc import Mapping

TASKS = ("multiclass", "binary", "multilabel", "regression")

_OF_ONE_LABEL = (
    *("f1", "accuracy", "precision", "recall", "balanced_accuracy", "micro_f1", "weighted_f1", "mcc"),
    *("log_loss", "brier", "calibration_error", "roc_auc", "average_precision", "loss"),
)

METRICS: Mapping[str, tuple[str, ...]] = {
    "multiclass": _OF_ONE_LABEL,
    "binary": _OF_ONE_LABEL,
    "multilabel": tuple(name for name in _OF_ONE_LABEL if name not in {"balanced_accuracy", "mcc"}),
    "regression": ("rmse", "mae", "r2", "spearman", "loss"),
}
"""The metrics of each task; the first decides which epoch is best, unless a config says otherwise."""

LOWER_IS_BETTER = frozenset({"loss", "log_loss", "brier", "calibration_error", "rmse", "mae"})

NEED_ALL_LABELS = frozenset({"roc_auc", "average_precision"})
"""Metrics of how examples with a label are ranked before those without: there must be some of both for each label."""

LOSSES: Mapping[str, tuple[str, ...]] = {
    "multiclass": ("cross_entropy", "focal"),
    "binary": ("cross_entropy", "focal", "bce"),
    "multilabel": ("bce", "focal"),
    "regression": ("mse", "mae", "huber"),
}
"""The losses of each task, the usual one first."""
