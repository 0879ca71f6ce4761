"""What an array or a tensor is known by."""

from __future__ import annotations

import hashlib
from typing import Any

from gridfold.stages.packing import is_array, is_tensor


def digest(value: Any) -> str | None:
    """A hash of the content of an array or tensor, and of how it lies in memory; None for all else."""
    if is_array(value) and not value.dtype.hasobject:
        return _hash(f"{value.dtype!r} {value.shape} {value.strides}", value)
    if is_tensor(value) and value.layout is _torch().strided and not value.is_quantized:
        told = f"{value.dtype} {tuple(value.shape)} {value.stride()} {value.device.type} {value.requires_grad}"
        whole = value.detach().resolve_conj().resolve_neg().contiguous().cpu().reshape(-1)
        return _hash(told, whole.view(_torch().uint8).numpy())
    return None


def _hash(told: str, array: Any) -> str:
    import numpy

    known = hashlib.sha256(told.encode())
    if array.nbytes:
        known.update(numpy.ascontiguousarray(array).reshape(-1).view("u1").data)
    return known.hexdigest()


def _torch() -> Any:
    import torch

    return torch
