"""What the outputs of a head say: probabilities, and a label, some labels, or a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gridfold.text.tasks import Floats, Label, Targets, Task

Prediction: TypeAlias = "Label | list[Label]"
"""A label, the labels that hold, or a number."""


@dataclass(frozen=True)
class Outputs:
    """How the logits of a head are read.

    Attributes:
        task: what is predicted.
        thresholds: the probabilities above which labels hold: one for each label where several may hold, that of the
            second where there are two; () stands for 0.5.
        center: the number that an output of 0 stands for, and
        scale: how much an output of 1 adds to it; of a number that is predicted.
    """

    task: Task
    thresholds: tuple[float, ...] = ()
    center: float = 0.0
    scale: float = 1.0

    def probabilities(self, logits: Floats) -> Floats:
        """The probability of every label.

        Args:
            logits: shape ``(n, labels)``, or ``(n, 1)`` where one logit stands for two labels, or for a number.

        Returns:
            Shape ``(n, labels)``; where one label holds, rows add up to 1. A number has no columns.
        """
        if self.task.name == "regression":
            return logits[:, :0]
        if self.task.name == "multilabel":
            return _logistic(logits)
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def predict(self, logits: Floats) -> tuple[Targets, Floats]:
        """What is predicted, as `gridfold.text.tasks.Targets` has it, and the probabilities."""
        if self.task.name == "regression":
            return logits[:, 0] * self.scale + self.center, self.probabilities(logits)
        chances = self.probabilities(logits)
        if self.task.name == "multilabel":
            return (chances > (self.thresholds or 0.5)).astype(np.float32), chances
        if self.thresholds:
            return (chances[:, 1] > self.thresholds[0]).astype(np.int64), chances
        return chances.argmax(axis=1), chances

    def named(self, targets: Targets) -> list[Prediction]:
        """Targets as people know them: the label of each, the list of its labels, or the number."""
        labels = self.task.labels
        if self.task.name == "regression":
            return [float(str(value)) for value in targets]  # of float32: as it was written
        if self.task.name == "multilabel":
            return [[labels[place] for place in np.flatnonzero(row)] for row in targets]
        return [labels[place] for place in targets]

    def as_json(self) -> dict[str, Any]:
        """What `Outputs.of` takes."""
        return {
            "task": self.task.name,
            "labels": list(self.task.labels),
            "thresholds": list(self.thresholds),
            **({"center": self.center, "scale": self.scale} if self.task.name == "regression" else {}),
        }

    @classmethod
    def of(cls, said: dict[str, Any]) -> Outputs:
        """The outputs of a saved description; of one that tells of labels only, too, as all once were."""
        labels = tuple(said["labels"])
        task = Task(said.get("task") or ("binary" if len(labels) == 2 else "multiclass"), labels)
        return cls(task, tuple(said.get("thresholds", ())), said.get("center", 0.0), said.get("scale", 1.0))


def _logistic(logits: Floats) -> Floats:
    """Of large negative numbers, too, without an overflow."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))
