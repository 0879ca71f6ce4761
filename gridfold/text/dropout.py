"""Dropout on a CPU, whose random numbers cost a fifth of what torch's cost.

A number of 16 bits decides whether a value is dropped. They come from torch's own random stream, so that a seed and a
checkpoint mean what they always do; other values are dropped than by torch's dropout of the same seed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_CHOICES = 2**16


class FastDropout(nn.Dropout):
    """Dropout with random numbers of 16 bits, on a CPU."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (the signature of torch)
        """The values, of any shape, less those that are dropped."""
        is_ours = input.device.type == "cpu" and 0 < self.p < 1 and not self.inplace
        if not self.training or not is_ours or torch.compiler.is_compiling():
            return super().forward(input)
        values: Tensor = _Dropout.apply(input, Dropped(self.p))  # type: ignore[no-untyped-call]
        return values


def use_fast_dropout(model: nn.Module) -> None:
    """Have a model drop values by `FastDropout`."""
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = FastDropout


class Dropped:
    """Which values are dropped: a share as close to ``p`` as 16 bits can say."""

    def __init__(self, p: float) -> None:
        self._count = min(round(p * _CHOICES), _CHOICES - 1)
        self._scale = _CHOICES / (_CHOICES - self._count)  # of the share itself: the mean stays what it is

    def draw(self, shape: torch.Size) -> Tensor:
        """Draw which values to keep: booleans of a shape."""
        bits = torch.empty(-(-shape.numel() // 4), dtype=torch.int64)
        bits.random_(-(2**63), None)  # all 64 of them
        return bits.view(torch.int16)[: shape.numel()].view(shape) >= self._count - _CHOICES // 2

    def factors(self, kept: Tensor, dtype: torch.dtype) -> Tensor:
        """What the values are multiplied by, and their gradients."""
        return kept.view(torch.uint8).to(dtype).mul_(self._scale)  # booleans are converted slowly


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, dropped: Dropped) -> Tensor:
        kept = dropped.draw(values.shape)
        ctx.save_for_backward(kept)
        ctx.dropped = dropped
        return dropped.factors(kept, values.dtype).mul_(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return ctx.dropped.factors(kept, gradient.dtype).mul_(gradient), None
