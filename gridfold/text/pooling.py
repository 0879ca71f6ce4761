"""Pooling: the states of a text's tokens become one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def pooled(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector a text.

    Args:
        states: shape ``(n, tokens, hidden)``.
        mask: 1 for a token, 0 for padding, on whichever side it is: shape ``(n, tokens)``.
        pooling: a name of ``POOLINGS``, or several joined by ``+``, whose vectors are put one after the other.

    Returns:
        Shape ``(n, hidden × number of poolings)``, of the type of ``states``.
    """
    parts = [_POOLED[name](states, mask) for name in pooling.split("+")]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def _mean_sqrt_len(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1).sqrt()


def _weighted_mean(states: Tensor, mask: Tensor) -> Tensor:
    """Later tokens weigh more: the first 1, the second 2, and so on."""
    weights = (mask.cumsum(1) * mask).unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def _max(states: Tensor, mask: Tensor) -> Tensor:
    return states.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).max(1).values


def _first(states: Tensor, mask: Tensor) -> Tensor:
    return _at(states, mask.argmax(1))


def _last(states: Tensor, mask: Tensor) -> Tensor:
    return _at(states, mask.shape[1] - 1 - mask.flip(1).argmax(1))


def _at(states: Tensor, places: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), places]


_POOLED: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": _mean,
    "cls": _first,
    "max": _max,
    "mean_sqrt_len": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
