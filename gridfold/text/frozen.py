"""Training of a head on the features of a frozen encoder: a lean loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import TrainingArguments

from gridfold.text.history import History
from gridfold.text.loss import Loss
from gridfold.text.optimization import (
    example_share,
    optimizer_and_schedule,
    steps_with_metric,
    total_steps,
)


@dataclass(frozen=True)
class Features:
    """What the frozen encoder made of the examples.

    Attributes:
        train: shape ``(n, hidden)``.
        targets: what is to be predicted of the same examples.
        validation: shape ``(m, hidden)``.
    """

    train: Tensor
    targets: Tensor
    validation: Tensor


def train_head(head: nn.Module, features: Features, args: TrainingArguments, loss: Loss, history: History) -> None:
    """Train a head; at the end it has the weights of its best epoch.

    It goes through the examples as ``transformers.Trainer`` does, with the same optimiser, schedule, clipping and
    accumulation of gradients.
    """
    order = _Order(len(features.train), args)
    steps = total_steps(len(features.train), args)
    optimizer, schedule = optimizer_and_schedule(head, args, steps)
    per_step = not steps_with_metric(schedule)
    step, best = 0, dict[str, dict[str, Tensor]]()
    while step < steps:
        head.train()
        for batches in itertools.islice(order.epoch(), steps - step):
            step += 1
            examples = sum(len(batch) for batch in batches)
            for batch in batches:
                mean = loss(head(features.train[batch]), features.targets[batch])
                history.step(step, steps, mean.item(), len(batch))
                share = example_share(len(batch), len(batches), examples)
                (mean * share / len(batches)).backward()  # type: ignore[no-untyped-call]
            _update(head, optimizer, args.max_grad_norm)
            if per_step:
                schedule.step()
        if metrics := history.end_epoch(head_logits(head, features.validation)):
            weights = {name: weight.clone() for name, weight in head.state_dict().items()}
            best |= dict.fromkeys(metrics, weights)
        if not per_step:
            schedule.step(history.epochs[-1].metrics["val_loss"])
        if history.is_over:
            break
    head.load_state_dict(best[history.metric])


def head_logits(head: nn.Module, features: Tensor) -> Tensor:
    """Logits ``(n, out_features)`` of features ``(n, hidden)``, in eval mode and without gradients."""
    head.eval()
    with torch.no_grad():
        logits: Tensor = head(features)
        return logits


def _update(head: nn.Module, optimizer: torch.optim.Optimizer, max_grad_norm: float) -> None:
    if max_grad_norm > 0:
        nn.utils.clip_grad_norm_(head.parameters(), max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()


class _Order:
    """Which examples make up each step of an epoch, from a random stream of its own."""

    def __init__(self, examples: int, args: TrainingArguments) -> None:
        self._examples = examples
        self._size = args.per_device_train_batch_size
        self._group = args.gradient_accumulation_steps
        self._drop_last = args.dataloader_drop_last
        self._generator = torch.Generator().manual_seed(args.seed)

    def epoch(self) -> Iterator[list[Tensor]]:
        """The batches of every step, rows in random order."""
        rows = torch.randperm(self._examples, generator=self._generator)
        batches = list(torch.split(rows, self._size))
        if self._drop_last and len(batches[-1]) < self._size:
            batches.pop()
        for start in range(0, len(batches), self._group):
            yield batches[start : start + self._group]
