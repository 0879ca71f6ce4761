"""Results as a text and buffers, and back. Reading them runs no code of theirs, whoever has written them.

The text is JSON: numbers, strings and null are themselves, whatever else is a list that begins with its kind. Arrays
and tensors have their bytes in buffers of their own.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import math
import struct
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

Buffer = bytes | memoryview
Classes = Mapping[str, type]
"""Data classes and named tuples by their names: those, and no others, that a result may be made of."""

_HEAP = 1 << 9  # the flag of classes that are written in Python
_SAME = "same"
_BYTES = {"bytes": bytes, "bytearray": bytearray}
_TEXTS: Mapping[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    int: (hex, lambda text: int(text, 16)),  # of any length; small ones are numbers of JSON
    float: (lambda value: struct.pack("<d", value).hex(), lambda text: struct.unpack("<d", bytes.fromhex(text))[0]),
    str: (  # with halves of letters in it, each of which stays one
        lambda text: text.encode("utf-32-le", "surrogatepass").hex(),
        lambda text: bytes.fromhex(text).decode("utf-32-le", "surrogatepass"),
    ),
    complex: (
        lambda value: struct.pack("<2d", value.real, value.imag).hex(),
        lambda text: complex(*struct.unpack("<2d", bytes.fromhex(text))),
    ),
    date: (date.isoformat, date.fromisoformat),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    time: (time.isoformat, time.fromisoformat),
    timedelta: (
        lambda value: json.dumps([value.days, value.seconds, value.microseconds]),
        lambda text: timedelta(*json.loads(text)),
    ),
    type(Path()): (str, Path),
}
_PARSERS = {kind.__name__: parse for kind, (_, parse) in _TEXTS.items()}


class NotKeptError(Exception):
    """What cannot be read again as it was, in words."""


def pack(value: Any, classes: Classes) -> tuple[str, Sequence[Buffer]]:
    """The text and the buffers of a value.

    Raises:
        NotKeptError: what it is made of would not come back to the bit, or not at all.
    """
    packer = _Packer(classes)
    node = packer.node(value)
    packer.check_memory()
    return json.dumps(node, allow_nan=False, separators=(",", ":")), packer.buffers


def unpack(text: str | bytes, buffers: Sequence[memoryview], classes: Classes) -> Any:
    """The value; arrays and tensors are where their buffers are.

    Raises:
        Exception: the text is none that `pack` gives.
    """
    return _Unpacker(buffers, classes).value(json.loads(text))


def is_data(kind: type) -> bool:
    """Whether objects of a class are no more than their fields, and can be made without running its code."""
    plain = all(base is object or base.__flags__ & _HEAP for base in kind.__mro__ if base is not tuple)
    return bool(plain) and not hasattr(kind, "__del__") and (_is_named_tuple(kind) or _is_dataclass(kind))


def name_of(kind: type) -> str:
    """What a class goes by."""
    return f"{kind.__module__}.{kind.__qualname__}"


def loaded(name: str) -> Any:
    """A module, if it is loaded: without it, nothing can be of its kinds."""
    return sys.modules.get(name)


def is_array(value: object) -> bool:
    """Whether it is one of NumPy, and of no subclass."""
    numpy = loaded("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def is_scalar(value: object) -> bool:
    """Whether it is a number or the like of NumPy, and of no subclass."""
    numpy = loaded("numpy")
    return numpy is not None and isinstance(value, numpy.generic) and type(value) is value.dtype.type


def is_tensor(value: object) -> bool:
    """Whether it is one of torch, and of no subclass."""
    torch = loaded("torch")
    return torch is not None and type(value) is torch.Tensor


class _Packer:
    """Makes the text of a value. What can be changed and stands in two places is one object in both."""

    def __init__(self, classes: Classes) -> None:
        self.buffers: list[Buffer] = []
        self._classes = classes
        self._numbers: dict[int, int] = {}
        self._unfinished: set[int] = set()
        self._memory: list[tuple[int, int]] = []

    def node(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool or _is_json(value):
            return value
        if kind in _TEXTS:
            return [kind.__name__, _faithful(value)]
        if kind.__name__ in _BYTES and kind is _BYTES[kind.__name__]:
            return self._changeable(value, lambda: [kind.__name__, self._buffer(value)], shared=kind is bytearray)
        if kind is tuple:
            return self._changeable(value, lambda: ["tuple", *map(self.node, value)], shared=False)
        return self._changeable(value, lambda: self._content(value))

    def check_memory(self) -> None:
        """Refuse arrays that share memory: to change one changes the other, which would be lost."""
        end = 0
        for start, stop in sorted(self._memory):
            if start < end:
                raise NotKeptError("arrays that share memory: return copies")
            end = max(end, stop)

    def _changeable(self, value: Any, content: Callable[[], Any], *, shared: bool = True) -> Any:
        if id(value) in self._unfinished:
            raise NotKeptError(f"a {type(value).__name__} that contains itself")
        if shared:
            if id(value) in self._numbers:
                return [_SAME, self._numbers[id(value)]]
            self._numbers[id(value)] = len(self._numbers)
        self._unfinished.add(id(value))
        node = content()
        self._unfinished.discard(id(value))
        return node

    def _content(self, value: Any) -> Any:
        kind = type(value)
        if kind is list:
            return ["list", *(value if _all_json(value) else map(self.node, value))]
        if kind is dict:
            return ["dict", *(self.node(part) for item in value.items() for part in item)]
        if is_array(value):
            return self._array(value)
        if is_tensor(value):
            return self._tensor(value)
        if is_scalar(value):
            return ["scalar", _dtype_text(value.dtype), value.tobytes().hex()]
        return self._object(value)

    def _object(self, value: Any) -> Any:
        kind = type(value)
        if kind in (set, frozenset):
            raise NotKeptError("a set, which would be in another order: return a sorted list")
        if not is_data(kind):
            raise NotKeptError(f"a {kind.__qualname__}, which is none of the kinds that can be kept")
        if self._classes.get(name_of(kind)) is not kind:
            raise NotKeptError(f"a {kind.__qualname__}, which the stage does not refer to by its name")
        names = _fields(kind)
        if not set(getattr(value, "__dict__", ())) <= set(names):
            raise NotKeptError(f"a {kind.__qualname__} that has more than its fields")
        return ["object", name_of(kind), *(self.node(getattr(value, name)) for name in names)]

    def _array(self, value: Any) -> Any:
        if not (value.flags.c_contiguous or value.flags.f_contiguous):
            problem = "an array that is a part of another, and lies in memory as such: return a copy of it"
            raise NotKeptError(problem)
        order = "C" if value.flags.c_contiguous else "F"
        flat = value.reshape(-1, order=order)
        self._note_memory(value.__array_interface__["data"][0], value.nbytes)
        text = _dtype_text(value.dtype)
        content = memoryview(flat.view("u1")) if value.nbytes else b""
        return ["array", text, list(value.shape), order, bool(value.flags.writeable), self._buffer(content)]

    def _tensor(self, value: Any) -> Any:
        import torch

        storage = value.untyped_storage() if value.layout is torch.strided and value.device.type == "cpu" else None
        whole = storage is not None and storage.nbytes() == value.numel() * value.element_size()
        if value.requires_grad or value.is_quantized or value.is_conj() or value.is_neg() or vars(value):
            raise NotKeptError("a tensor that is more than numbers: return tensor.detach().clone()")
        if storage is None or not whole or not _is_dense(value.shape, value.stride()):
            problem = "a tensor that is a part of another, or not in the memory of the CPU: return tensor.cpu().clone()"
            raise NotKeptError(problem)
        self._note_memory(storage.data_ptr(), storage.nbytes())
        content = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
        dtype = str(value.dtype).removeprefix("torch.")
        return ["tensor", dtype, list(value.shape), list(value.stride()), self._buffer(memoryview(content.data))]

    def _buffer(self, content: Buffer | bytearray) -> int:
        self.buffers.append(memoryview(content))
        return len(self.buffers) - 1

    def _note_memory(self, start: int, size: int) -> None:
        if size:
            self._memory.append((start, start + size))


class _Unpacker:
    """Makes the value of a text; it numbers as `_Packer` does."""

    def __init__(self, buffers: Sequence[memoryview], classes: Classes) -> None:
        self._buffers = buffers
        self._classes = classes
        self._made: list[Any] = []

    def value(self, node: Any) -> Any:
        if not isinstance(node, list):
            return node
        kind, *parts = node
        if kind in _PARSERS:
            return _PARSERS[kind](*parts)
        if kind == _SAME:
            return self._made[parts[0]]
        if kind == "tuple":
            return tuple(map(self.value, parts))
        if kind == "bytes":
            return bytes(self._buffers[parts[0]])
        number = len(self._made)
        self._made.append(None)
        made = self._made[number] = _MAKERS[kind](self, *parts)
        return made

    def list_of(self, *parts: Any) -> list[Any]:
        return list(map(self.value, parts))

    def dict_of(self, *parts: Any) -> dict[Any, Any]:
        values = map(self.value, parts)
        return dict(zip(values, values, strict=True))

    def bytearray_of(self, buffer: int) -> bytearray:
        return bytearray(self._buffers[buffer])

    def scalar(self, dtype: str, content: str) -> Any:
        import numpy

        return numpy.frombuffer(bytes.fromhex(content), _dtype(dtype), count=1)[0]

    def array(self, dtype: str, shape: Sequence[int], order: Any, writeable: object, buffer: int) -> Any:
        import numpy

        kind = _dtype(dtype)
        _check_size(shape, kind.itemsize, self._buffers[buffer])
        made: Any = numpy.ndarray(tuple(shape), kind, self._buffers[buffer], order=order)
        made.flags.writeable = bool(writeable) and not self._buffers[buffer].readonly
        return made

    def tensor(self, dtype: str, shape: Sequence[int], stride: Sequence[int], buffer: int) -> Any:
        import torch

        kind, content = getattr(torch, dtype), self._buffers[buffer]
        if not isinstance(kind, torch.dtype) or not _is_dense(shape, stride):
            raise ValueError("no tensor")
        _check_size(shape, kind.itemsize, content)
        if not content:
            return torch.empty_strided(shape, stride, dtype=kind)
        storage = torch.frombuffer(content, dtype=torch.uint8).untyped_storage()
        return torch.empty(0, dtype=kind).set_(storage, 0, tuple(shape), tuple(stride))

    def object_of(self, name: str, *parts: Any) -> Any:
        kind, values = self._classes[name], [self.value(part) for part in parts]
        if _is_named_tuple(kind):
            return tuple.__new__(kind, values)
        made: Any = object.__new__(kind)
        for field, value in zip(_fields(kind), values, strict=True):
            object.__setattr__(made, field, value)
        return made


_MAKERS: Mapping[str, Callable[..., Any]] = {
    "list": _Unpacker.list_of,
    "dict": _Unpacker.dict_of,
    "bytearray": _Unpacker.bytearray_of,
    "scalar": _Unpacker.scalar,
    "array": _Unpacker.array,
    "tensor": _Unpacker.tensor,
    "object": _Unpacker.object_of,
}


def _is_json(value: Any) -> bool:
    """Whether a number or a text comes back from JSON as it was."""
    kind = type(value)
    if kind is str:
        return _is_unicode(value)
    return bool(-(2**63) <= value < 2**63 if kind is int else kind is float and math.isfinite(value))


def _is_unicode(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _all_json(values: Collection[Any]) -> bool:
    kinds = set(map(type, values))
    return kinds <= {int, float, str} and all(map(_is_json, values))


def _faithful(value: Any) -> str:
    write, parse = _TEXTS[type(value)]
    text = write(value)
    try:
        again = parse(text)
    except ValueError:
        again = None
    if type(again) is not type(value) or repr(again) != repr(value):
        raise NotKeptError(f"{value!r}, which cannot be written without loss")
    return text


def _dtype_text(dtype: Any) -> str:
    import numpy

    text = repr(numpy.lib.format.dtype_to_descr(dtype)) if not dtype.hasobject and not dtype.metadata else ""
    if not text or repr(_dtype(text)) != repr(dtype):
        raise NotKeptError(f"an array of {dtype}")
    return text


def _dtype(text: str) -> Any:
    import numpy

    dtype = numpy.lib.format.descr_to_dtype(ast.literal_eval(text))
    if dtype.hasobject:  # its bytes would be taken for addresses
        raise ValueError("an array of objects")
    return dtype


def _check_size(shape: Sequence[int], itemsize: int, content: memoryview) -> None:
    """NumPy takes sizes below 0 for a part of the buffer, and sizes that are too small, too."""
    if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) * itemsize != len(content):
        raise ValueError("not as large as what it is made of")


def _is_dense(shape: Sequence[int], stride: Sequence[int]) -> bool:
    """Whether elements lie side by side, in whatever order of dimensions."""
    expected = 1
    for step, size in sorted(zip(stride, shape, strict=True)):
        if size != 1:
            if step != expected:
                return math.prod(shape) == 0
            expected *= size
    return True


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and kind.__base__ is tuple and isinstance(getattr(kind, "_fields", None), tuple)


def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) and not issubclass(kind, tuple)


def _fields(kind: type) -> tuple[str, ...]:
    if _is_named_tuple(kind):
        names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        return names
    return tuple(field.name for field in dataclasses.fields(kind))
