"""What happened epoch by epoch: reported, judged, and remembered where it was best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gridfold.text.early_stopping import EarlyStopping
from gridfold.text.loss import Loss
from gridfold.text.metrics import compute_metrics
from gridfold.text.objectives import LOWER_IS_BETTER
from gridfold.text.outputs import Outputs
from gridfold.text.tasks import Floats, Targets, Task
from gridfold.text.thresholds import choose

if TYPE_CHECKING:
    from gridfold.runs.run import Run


@dataclass(frozen=True)
class Epoch:
    """One epoch.

    Attributes:
        number: 1 for the first.
        train_loss: mean over the examples as they were trained on, dropout and label smoothing included.
        metrics: of the validation examples, ``val_loss`` first.
        logits: of the validation examples, shape ``(n, out_features)``.
        thresholds: as `Outputs` has them.
    """

    number: int
    train_loss: float
    metrics: Mapping[str, float]
    logits: Floats
    thresholds: tuple[float, ...] = ()


class History:
    """The epochs of a run.

    Both ways of training feed it, so that both report, choose the best epoch and stop early alike.

    Args:
        run: gets a report every epoch, and the progress of every step.
        stopping: when the training ends, and which epoch counts.
        epochs: how many there will be at most.
        loss: what is made small, and read of the validation examples without label smoothing.
        task: what is predicted.
        targets: the truth of the validation examples.
    """

    def __init__(
        self, run: Run, stopping: EarlyStopping, epochs: int, loss: Loss, task: Task, targets: Targets
    ) -> None:
        self._run = run
        self._stopping = stopping
        self._most = epochs
        self._loss = loss.unsmoothed
        self._outputs = Outputs(task, center=loss.center, scale=loss.scale)
        self._targets = targets
        self._losses: list[tuple[float, int]] = []
        self.epochs: list[Epoch] = []

    def step(self, number: int, steps: int, loss: float, examples: int) -> None:
        """Note the loss of a batch.

        Args:
            number: the optimiser step that the batch belongs to, 1 for the first of the run.
            steps: optimiser steps of the whole run.
            loss: the mean loss of the batch.
            examples: its size.

        Raises:
            FloatingPointError: the loss is nan or infinite.
        """
        epoch = len(self.epochs) + 1
        if not math.isfinite(loss):
            raise FloatingPointError(f"the training loss became {loss} in epoch {epoch} at step {number}")
        self._losses.append((loss, examples))
        self._run.progress(epoch=epoch, epochs=self._most, step=number, steps=steps, loss=loss)

    def end_epoch(self, logits: Tensor) -> set[str]:
        """Judge an epoch by the validation logits, shape ``(n, out_features)``.

        Returns:
            The metrics by which it is the best so far, of those that may decide.

        Raises:
            FloatingPointError: the validation loss is nan or infinite.
        """
        number = len(self.epochs) + 1
        logits = logits.detach().float().cpu()
        loss = self._loss(logits, torch.from_numpy(self._targets)).item()
        if not math.isfinite(loss):
            raise FloatingPointError(f"the validation loss became {loss} after epoch {number}")
        train_loss = sum(mean * size for mean, size in self._losses) / sum(size for _, size in self._losses)
        epoch = self._judged(number, train_loss, logits.double().numpy(), loss)
        self._losses.clear()
        self._add(epoch)
        return {metric for metric in self._stopping.metrics if self._best(metric) is epoch}

    def _judged(self, number: int, train_loss: float, logits: Floats, loss: float) -> Epoch:
        outputs, thresholds = self._outputs, tuple[float, ...]()
        if outputs.task.name in {"binary", "multilabel"}:
            thresholds = choose(self._stopping.threshold, outputs, self._targets, logits)
        metrics = compute_metrics(replace(outputs, thresholds=thresholds), self._targets, logits, loss)
        return Epoch(number, train_loss, metrics, logits, thresholds)

    def _add(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self._run.report(epoch=epoch.number, train_loss=epoch.train_loss, **epoch.metrics)

    def state(self) -> dict[str, Any]:
        """All that happened, in numbers, texts and tensors, for a checkpoint."""
        epochs = [vars(epoch) | {"logits": torch.from_numpy(epoch.logits)} for epoch in self.epochs]
        return {"losses": list(self._losses), "epochs": epochs}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; its epochs are reported to this run, too."""
        self._losses = [(mean, size) for mean, size in state["losses"]]
        for epoch in state["epochs"]:
            self._add(Epoch(**epoch | {"logits": epoch["logits"].numpy()}))

    @property
    def metric(self) -> str:
        """The metric that decides."""
        return self._stopping.metric

    @property
    def outputs(self) -> Outputs:
        """How the outputs of the head are read, by the thresholds of the best epoch."""
        return replace(self._outputs, thresholds=self.best.thresholds)

    @property
    def best(self) -> Epoch:
        """The best epoch by the metric that decides; the first of equals."""
        return self._best(self.metric)

    def _best(self, metric: str) -> Epoch:
        sign = -1 if metric.removeprefix("val_") in LOWER_IS_BETTER else 1
        return max(self.epochs, key=lambda epoch: (sign * epoch.metrics[metric], -epoch.number))

    @property
    def is_over(self) -> bool:
        """Whether the training ends here: by its settings, or as the run was told to stop."""
        if not self.epochs:
            return False
        is_over = self._stopping.is_over(len(self.epochs), lambda metric: self._best(metric).number)
        return is_over or self._run.should_stop()

    def metrics(self) -> dict[str, Any]:
        """The final metrics: those of the best epoch, the chosen one first, then its number and that of all epochs."""
        best, metric = self.best, self.metric
        return {
            metric: best.metrics[metric],
            **best.metrics,
            "train_loss": best.train_loss,
            "best_epoch": best.number,
            "epochs": len(self.epochs),
        }
