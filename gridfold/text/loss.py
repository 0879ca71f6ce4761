"""The loss that a training makes small: one implementation, for every task and every way of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gridfold.text.objectives import LOSSES
from gridfold.text.settings import TrainingSettings
from gridfold.text.tasks import Targets, Task

_DISTANCES: Mapping[str, Callable[..., Tensor]] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "huber": functional.huber_loss,
}
# Without it, the gradient of (1 - p) ** gamma at p = 1 is infinite where gamma is below 1.
_LEAST_DOUBT = 1e-6


@dataclass(frozen=True)
class Loss:
    """The mean loss of some examples; called with logits and targets.

    It is a plain mean over the examples, each by its own weight, so that a step of several batches, or of
    micro-batches, has the gradient of all its examples at once.

    Attributes:
        task: one of `gridfold.text.objectives.TASKS`.
        kind: one of the `gridfold.text.objectives.LOSSES` of the task.
        class_weights: how much the examples of each label count; where several labels may hold, how much it counts
            that one does, if 1 is how much it counts that it does not. None: all the same.
        smoothing: the share of certainty that is spread evenly over the classes, or over yes and no.
        gamma: of the focal loss: how much less the examples count that are right already.
        center: the number that is taken from what is to be predicted, and
        scale: by which the rest is divided: a head learns numbers around 0, whatever their unit.
    """

    task: str
    kind: str
    class_weights: tuple[float, ...] | None = None
    smoothing: float = 0.0
    gamma: float = 2.0
    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, training: TrainingSettings, task: Task, targets: Targets) -> Loss:
        """The loss that the settings describe.

        Args:
            training: settings that fit the task.
            task: what is predicted.
            targets: of the training examples, which say what is balanced.
        """
        loss = cls(task.name, training.loss or LOSSES[task.name][0], smoothing=training.label_smoothing)
        if task.name == "regression":
            deviation = float(np.std(targets, dtype=np.float64))
            return replace(loss, center=float(np.mean(targets, dtype=np.float64)), scale=deviation or 1.0)
        weights = _class_weights(training.class_weights, task, targets)
        return replace(loss, class_weights=weights, gamma=training.focal_gamma)

    @property
    def unsmoothed(self) -> Loss:
        """The same without label smoothing, which is for training only."""
        return replace(self, smoothing=0.0)

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean loss.

        Args:
            logits: shape ``(n, out_features)``, float32.
            targets: of the same examples, as `gridfold.text.tasks.Targets` has them.

        Returns:
            A scalar.
        """
        if self.kind == "cross_entropy" and self.class_weights is None and logits.shape[1] > 1:
            # The same, but for the order of the sum: one kernel, and the bits of every run so far.
            return functional.cross_entropy(logits, targets, label_smoothing=self.smoothing)
        return self.of_each(logits, targets).mean()

    def of_each(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of every example by its weight, shape ``(n,)``."""
        if self.task == "regression":
            return _DISTANCES[self.kind](logits.squeeze(1), (targets - self.center) / self.scale, reduction="none")
        if self.task == "multilabel":
            losses = self._of_yes_or_no(logits, targets)
            if self.class_weights is not None:
                losses = losses * torch.where(targets > 0, _tensor(self.class_weights, logits.device), 1.0)
            return losses.mean(dim=1)
        if logits.shape[1] == 1:
            losses = self._of_yes_or_no(logits, targets.unsqueeze(1).to(logits.dtype)).squeeze(1)
        else:
            losses = self._of_one_label(logits, targets)
        return losses if self.class_weights is None else losses * _tensor(self.class_weights, logits.device)[targets]

    def _of_yes_or_no(self, logits: Tensor, answers: Tensor) -> Tensor:
        """The logistic loss of every answer, 1 or 0, shape ``(n, out_features)``."""
        smooth = answers * (1 - self.smoothing) + self.smoothing / 2 if self.smoothing else answers
        losses = functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
        if self.kind != "focal":
            return losses
        hard = functional.binary_cross_entropy_with_logits(logits, answers, reduction="none")
        return losses * self._doubt(hard)

    def _of_one_label(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The cross entropy of every example, shape ``(n,)``."""
        losses = functional.cross_entropy(logits, labels, reduction="none", label_smoothing=self.smoothing)
        if self.kind != "focal":
            return losses
        return losses * self._doubt(functional.cross_entropy(logits, labels, reduction="none"))

    def _doubt(self, losses: Tensor) -> Tensor:
        """What the focal loss multiplies by: the probability that is not given to the truth, to the power of gamma."""
        return (-torch.expm1(-losses)).clamp_min(_LEAST_DOUBT) ** self.gamma


def _class_weights(asked: str | Mapping[str, float] | None, task: Task, targets: Targets) -> tuple[float, ...] | None:
    if asked is None:
        return None
    if isinstance(asked, Mapping):
        return tuple(asked.get(str(label), 1.0) for label in task.labels)
    examples, labels = len(targets), len(task.labels)
    if task.name == "multilabel":
        having = targets.sum(axis=0)
        weights: Any = np.maximum(examples - having, 1) / np.maximum(having, 1)
    else:
        weights = examples / (labels * np.maximum(np.bincount(targets, minlength=labels), 1))
    return tuple(weights.tolist())


@lru_cache(maxsize=4)  # it is asked for at every step
def _tensor(weights: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(weights, device=device)
