"""Linear layers with an adapter, in fewer passes over memory than ``peft`` makes: its own products are small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from gridfold.text.linear import OneDnnLinear, is_plain, multiply


class _Base(NamedTuple):
    """What is not learned: a layer, by what it is multiplied, and how much the adapter counts."""

    layer: nn.Linear
    product: Callable[..., Tensor]
    scaling: float


class FusedLoraLinear(LoraLinear):
    """A layer of ``peft`` that computes ``base(x) + scaling × B A x`` as one function of autograd, wherever it can.

    That is on a CPU, in float32, with one plain adapter, and without its dropout. The sum is the same up to rounding.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """States ``(..., out_features)`` of states ``(..., in_features)``."""
        layer: Any = self.base_layer
        names = self.active_adapters
        if args or kwargs or len(names) != 1 or not self._is_plain(x, names[0]):
            return super().forward(x, *args, **kwargs)
        product = multiply if type(layer) is OneDnnLinear else functional.linear
        weights = self.lora_A[names[0]].weight, self.lora_B[names[0]].weight
        base = _Base(layer, product, self.scaling[names[0]])
        summed: Tensor = _Sum.apply(x.reshape(-1, x.shape[-1]), *weights, base)  # type: ignore[no-untyped-call]
        return summed.view(*x.shape[:-1], -1)

    def _is_plain(self, x: Tensor, name: str) -> bool:
        if self.disable_adapters or self.merged or name in self.lora_variant or name not in self.lora_A:
            return False
        layer, first, second, dropout = self.base_layer, self.lora_A[name], self.lora_B[name], self.lora_dropout[name]
        if type(layer) not in (nn.Linear, OneDnnLinear) or layer.weight.requires_grad or second.bias is not None:
            return False
        drops = dropout.training and not isinstance(dropout, nn.Identity)
        return not drops and is_plain(x, layer.weight) and is_plain(x, first.weight)


def use_fused_linear(model: nn.Module) -> None:
    """Have a model's linear layers with an adapter computed so. Names, weights and what is saved stay what they are."""
    for module in model.modules():
        if type(module) is LoraLinear:
            module.__class__ = FusedLoraLinear


class _Sum(torch.autograd.Function):
    """``base(rows) + scaling × rows @ first.T @ second.T``, and its gradients."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, first: Tensor, second: Tensor, base: _Base) -> Tensor:
        low = base.product(rows, first)
        ctx.base = base
        ctx.save_for_backward(rows, low, first, second)
        product = base.product(rows, base.layer.weight, base.layer.bias)
        return product.addmm_(low, second.t(), alpha=base.scaling)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, low, first, second = ctx.saved_tensors
        base, by_rows = ctx.base, None
        by_low = base.product(gradient, second.t()).mul_(base.scaling)
        if ctx.needs_input_grad[0]:
            by_rows = base.product(gradient, base.layer.weight.t()).addmm_(by_low, first)
        by_second = (low.t() @ gradient).mul_(base.scaling).t()  # faster by far than gradient.t() @ low
        return by_rows, base.product(by_low.t(), rows.t()), by_second, None
