"""What is written in C and cannot be replaced from outside, changed in place, while a process stands for many runs."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any

_HEAD = object.__basicsize__  # of every object; its type stands at the end of it
_POINTER = ctypes.sizeof(ctypes.c_void_p)
_CODE = ctypes.PYFUNCTYPE(ctypes.py_object)  # of a function without arguments; to make the type takes long


def become_dict(mapping: dict[Any, Any]) -> None:
    """Make an instance of a subclass of dict an exact dict; see `become`."""
    become(dict, mapping)


def become(target: type, instance: Any) -> None:
    """Make an instance of a subclass of dict or list an exact one, where it is.

    Python's C code goes by the very type: pickles, ``marshal``, pytrees and checkpoints of a subclass differ from those
    of a dict, and no method of the subclass can change that. Python itself refuses to set ``__class__`` to a type that
    it has built in, because it cannot know that the instance is laid out and freed alike. Here it is: the subclass adds
    slots behind the dict, which must be empty, and neither ``__dict__`` nor ``__weakref__``, which stand before it.
    """
    kind = type(instance)
    if not (kind.__dictoffset__ == kind.__weakrefoffset__ == 0):
        raise TypeError(f"{kind} is not laid out as a {target.__name__}")
    own_type = ctypes.c_void_p.from_address(id(instance) + _HEAD - _POINTER)
    if own_type.value == id(kind):  # else this Python lays objects out in another way
        own_type.value = id(target)
        ctypes.pythonapi.Py_DecRef(ctypes.py_object(kind))  # the instance held its type


def hide_from_gc(instance: Any) -> None:
    """Let ``gc.get_objects()`` not give an object, which refers to no other that could refer to it."""
    ctypes.pythonapi.PyObject_GC_UnTrack(ctypes.py_object(instance))


def set_attribute(kind: type, name: str, value: object) -> Callable[[], None]:
    """Set an attribute of a type that is built in; gives what undoes that."""
    attributes = next(found for found in gc.get_referents(kind.__dict__) if type(found) is dict)
    before = attributes.get(name)

    def put(value: object) -> None:
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))

    put(value)
    return lambda: put(before)


class _Method(ctypes.Structure):
    """A ``PyMethodDef``: how C says what a function is."""

    _fields_ = (("name", ctypes.c_char_p), ("code", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


class Function:
    """A function in C without arguments, whose code can be exchanged: for whoever has it already, too. See `function`.

    Attributes:
        original: the function as it is by itself.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._method = ctypes.POINTER(_Method).from_address(id(function) + _HEAD).contents
        self._own = _Method.from_buffer_copy(self._method)
        make = ctypes.pythonapi.PyCFunction_NewEx
        make.argtypes, make.restype = (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p), ctypes.py_object
        self.original: Callable[[], Any] = make(ctypes.addressof(self._own), function.__self__, None)
        self._code: Any = None

    def exchange(self, code: Callable[[], Any] | None) -> None:
        """Let it do something else; None: what it does by itself.

        Args:
            code: a callable that is written in C itself: in the midst of one in Python a signal handler could run,
                whose exception would be lost.
        """
        replaced = self._code  # which is freed when it is no longer called
        self._code = code and _CODE(code)
        self._method.code = ctypes.cast(self._code, ctypes.c_void_p).value if self._code else self._own.code
        del replaced


_functions: dict[int, Function] = {}  # for ever, as originals refer to them without a reference that Python counts


def function(built_in: Any) -> Function:
    """A function, to exchange its code."""
    if id(built_in) not in _functions:  # it is equal to itself only until its code is exchanged
        _functions[id(built_in)] = Function(built_in)
    return _functions[id(built_in)]
