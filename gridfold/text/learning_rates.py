"""Learning rates apart: one for the head, and lower ones for lower layers of the encoder."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gridfold.core.errors import ConfigError
from gridfold.text.encoder import PooledEncoder
from gridfold.text.layers import below_and_layers
from gridfold.text.settings import TrainingSettings


def learning_rates(training: TrainingSettings, encoder: PooledEncoder, head: nn.Module) -> dict[Tensor, float]:
    """The learning rate of every weight that has another one than ``training.learning_rate``.

    Args:
        training: with ``layer_decay``, the topmost layer, and what comes after it, has ``learning_rate``, each layer
            below it that of the one above times the decay, and the embeddings the lowest.
        encoder: whole, before anything of it is frozen.
        head: has ``head_learning_rate``, if that is given.

    Raises:
        ConfigError: there is a decay, and the layers of the encoder cannot be told apart.
    """
    rates: dict[Tensor, float] = {}
    if training.layer_decay != 1:
        parts = below_and_layers(encoder)
        if parts is None:
            problem = f"the layers of a {type(encoder.model).__name__} cannot be told apart"
            raise ConfigError(problem, path="training.layer_decay", hint="leave it out")
        for depth, weights in enumerate(reversed(parts)):
            rates |= dict.fromkeys(weights, training.learning_rate * training.layer_decay**depth)
    if training.head_learning_rate is not None:
        rates |= dict.fromkeys(head.parameters(), training.head_learning_rate)
    return rates


def set_learning_rates(optimizer: torch.optim.Optimizer, rates: Mapping[Tensor, float]) -> None:
    """Give weights their own learning rates, in an optimiser that has made no step and has no schedule."""
    groups = optimizer.param_groups
    optimizer.param_groups = [part for group in groups for part in _by_rate(group, rates)]


def _by_rate(group: dict[str, object], rates: Mapping[Tensor, float]) -> list[dict[str, object]]:
    parts: dict[object, list[Tensor]] = {}
    weights: list[Tensor] = group["params"]  # type: ignore[assignment]
    for weight in weights:
        parts.setdefault(rates.get(weight, group["lr"]), []).append(weight)
    return [{**group, "params": part, "lr": rate} for rate, part in parts.items()]
