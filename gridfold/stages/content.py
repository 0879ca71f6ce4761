"""What an array or a tensor is known by, and where in memory lies what can be changed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from gridfold.stages.packing import is_array, is_scalar, is_tensor

_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})  # one object may be in many places


def digest(value: Any) -> str | None:
    """A hash of what is in an array, a number of NumPy or a tensor, and of how it lies in memory; None for all else."""
    if type(value) in _SCALARS:
        return None
    if (is_array(value) or is_scalar(value)) and not value.dtype.hasobject and not value.dtype.metadata:
        return _hash(f"{value.dtype!r} {value.shape} {value.strides}", value)
    if is_tensor(value) and value.layout is _torch().strided and not value.is_quantized and not vars(value):
        told = f"{value.dtype} {tuple(value.shape)} {value.stride()} {value.device.type} {value.requires_grad}"
        whole = value.detach().resolve_conj().resolve_neg().contiguous().cpu()
        flat = whole.as_strided((whole.numel(),), (1,))  # that of one number may have any stride
        return _hash(told, flat.view(_torch().uint8).numpy())
    return None


def has_in_common(one: object, other: object) -> bool:
    """Whether what is changed in one is changed in the other, too."""
    places = sorted([(*place, 0) for place in _places(one, set())] + [(*place, 1) for place in _places(other, set())])
    ends = [0, 0]
    for start, end, side in places:
        if start < ends[1 - side]:
            return True
        ends[side] = max(ends[side], end)
    return False


def _places(value: Any, seen: set[int]) -> Iterator[tuple[int, int]]:
    """From where to where in memory lies what can be changed."""
    if type(value) in _SCALARS or is_scalar(value) or id(value) in seen:
        return
    seen.add(id(value))
    if is_array(value):
        start = value.__array_interface__["data"][0]
        yield start, start + value.nbytes
    elif is_tensor(value):
        storage = value.untyped_storage()
        yield storage.data_ptr(), storage.data_ptr() + storage.nbytes()
    elif type(value) is not tuple:
        yield id(value), id(value) + 1
    for part in _parts(value):
        yield from _places(part, seen)


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, (list, tuple)):
        yield from value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from (getattr(value, field.name) for field in dataclasses.fields(value))


def _hash(told: str, array: Any) -> str:
    import numpy

    known = hashlib.sha256(told.encode())
    if array.nbytes:
        known.update(numpy.ascontiguousarray(array).reshape(-1).view("u1").data)
    return known.hexdigest()


def _torch() -> Any:
    import torch

    return torch
