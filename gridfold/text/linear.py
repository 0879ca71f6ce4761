"""Linear layers in float32, by the library that is fastest on the processor.

torch multiplies float32 matrices by MKL, which has its AVX-512 kernels for Intel's processors only. oneDNN, which comes
with torch as well, has them for every processor that knows the instructions: on a core of an AMD EPYC of 2024 it
computes 230 GFLOP/s, MKL 100. Both multiply and add in float32; the order of the additions, and so the last bits, are
not the same.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class OneDnnLinear(nn.Linear):
    """A linear layer that oneDNN computes, wherever it can: on a CPU, in float32."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (the signature of torch)
        """States ``(..., out_features)`` of states ``(..., in_features)``."""
        if not is_plain(input, self.weight):
            return super().forward(input)
        rows = input.reshape(-1, input.shape[-1])
        product: Tensor = _Product.apply(rows, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return product.view(*input.shape[:-1], -1)  # here: DeBERTa v1 writes to what a function must not have viewed


def use_fastest_linear(model: nn.Module) -> None:
    """Have oneDNN compute a model's linear layers where it is faster. Their names and weights stay what they are."""
    if prefers_onednn():
        for module in model.modules():
            if type(module) is nn.Linear:
                module.__class__ = OneDnnLinear


@cache
def prefers_onednn() -> bool:
    """Whether this processor has AVX-512, and MKL would not use it. It depends on nothing but the machine."""
    has_avx512 = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return has_avx512 and hasattr(torch.ops.mkldnn, "_linear_pointwise") and "GenuineIntel" not in _processor()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "GenuineIntel"  # not Linux: as torch does it
    return next((line for line in lines if line.startswith("vendor_id")), "")


def is_plain(states: Tensor, weight: Tensor) -> bool:
    """Whether they are to be multiplied on a CPU, in float32."""
    is_float32 = states.dtype == weight.dtype == torch.float32
    is_on_cpu = states.device.type == weight.device.type == "cpu"
    is_free = not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()
    return is_float32 and is_on_cpu and is_free and states.numel() > 0


class _Product(torch.autograd.Function):
    """``rows @ weight.T + bias``, and its gradients."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return multiply(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        by_rows, by_weight, by_bias = ctx.needs_input_grad
        return (
            multiply(gradient, weight.t()) if by_rows else None,
            multiply(gradient.t(), rows.t()) if by_weight else None,
            gradient.sum(0) if by_bias else None,
        )


def multiply(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """``left @ right.T + bias`` by oneDNN, which torch's own compiler calls by this name."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return product
