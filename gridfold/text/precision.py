"""Half precision: whether the machine computes in it, and what training with it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

_CPU_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx10_2", "bf16")


def computes_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is computed by the device's own instructions; without them it is emulated, and slow."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch cannot tell
    return known is None or any(known().get(name, False) for name in _CPU_INSTRUCTIONS)


def usable_precision(asked: str | None, device: torch.device) -> str | None:
    """The mixed precision that is computed in: ``fp16`` is for GPUs alone, on a CPU it is float32, None."""
    return None if asked == "fp16" and device.type == "cpu" else asked


@contextlib.contextmanager
def attention_in_bf16(*, enabled: bool) -> Iterator[None]:
    """Keep attention with dropout in bfloat16.

    Only the plain kernel of ``scaled_dot_product_attention`` has dropout on a CPU, and by itself it computes in
    float32 whatever it is given.
    """
    backend: Any = torch.backends.cuda  # where the switch is, for every device
    before = backend.fp16_bf16_reduction_math_sdp_allowed()
    backend.allow_fp16_bf16_reduction_math_sdp(enabled or before)
    try:
        yield
    finally:
        backend.allow_fp16_bf16_reduction_math_sdp(before)
