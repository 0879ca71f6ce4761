"""What a function is known by that is in no module, such as that of a notebook: its code and the values that it uses.

It is the same in every process: neither the order of sets, nor which objects are the same, nor line numbers count.
"""

from __future__ import annotations

import dis
import hashlib
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gridfold.core.errors import ConfigError

SAVED, FACTS = "function.pkl", "function.json"
_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis))
_GLOBALS = ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME")
# Of a class: what Python makes itself, or what only says where it stands.
_OF_CLASSES = frozenset({"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "_abc_impl"})

_MADE_BY_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE

Reducers = Mapping[type, Callable[[Any], Any]]


@dataclass(frozen=True)
class LiveCode:
    """What was found out about a function.

    Attributes:
        digest: a hash of its code and of the values that it uses.
        imports: statements that import the modules that it needs, which are known by their files or packages.
        untold: why that is not all; "" if it is.
    """

    digest: str
    imports: tuple[str, ...]
    untold: str = ""

    @classmethod
    def of(cls, value: Any, reducers: Reducers, pickled: bytes) -> LiveCode:
        """A function, or another object.

        Args:
            value: the object.
            reducers: what else can be taken apart, as `pickle` does it, by type.
            pickled: it is known by that if it cannot be taken apart.
        """
        walk = _Walk(reducers)
        try:
            digest, untold = walk.of(value), ""
        except Exception as error:  # whatever an object does that is asked for its state
            digest, untold = (
                _hash("pickled", [pickled]),
                f"all that the function uses ({type(error).__name__}: {error})",
            )
        return cls(digest.hex(), tuple(sorted(walk.imports)), untold[:300])


def file_of(trainer: str) -> str:
    """The file of a trainer that is a saved function; "" if it is one of a module."""
    file = trainer.rpartition(":")[0]
    return file if os.path.basename(file) == SAVED else ""


def facts_of(file: str) -> dict[str, Any]:
    """What is known of a saved function without loading it.

    Raises:
        ConfigError: it is not there, or cannot be read.
    """
    try:
        with open(os.path.join(os.path.dirname(file), FACTS), encoding="utf-8") as said:
            facts = json.load(said)
        if os.path.exists(file) and isinstance(facts, dict):
            return facts
        problem = "it is not there"
    except (OSError, ValueError) as error:
        problem = str(error)
    hint = "it is saved by gridfold.search, beside the runs; start again from Python, or in the folder that has runs/"
    raise ConfigError(f"the function cannot be read: {problem}", path="gridfold.trainer", where=file, hint=hint)


def variables(function: FunctionType) -> dict[str, Any]:
    """What a function takes from around it, by name: globals, variables of functions around it, defaults."""
    names = sorted({name for code in _codes(function.__code__) for name in _global_names(code)})
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return found | {f"default {place}": value for place, value in enumerate(defaults, 1)}


def is_imported(value: Any) -> bool:
    """Whether any process finds a function or a class by its name in a module."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if (
        not isinstance(name, str)
        or module in (None, "__main__")
        or getattr(sys.modules.get(module), "__spec__", None) is None
    ):
        return False
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


def _is_of_python(value: Any) -> bool:
    """Whether it is a class that is written in C, such as that of a mapping proxy, which has no name to be found by."""
    return isinstance(value, type) and not value.__flags__ & _MADE_BY_PYTHON


class _Walk:
    """Takes an object apart, down to plain values and to what is imported."""

    def __init__(self, reducers: Reducers) -> None:
        self.imports: set[str] = set()
        self._reducers = reducers
        self._above: dict[int, int] = {}  # the objects that the present one is in
        self._known: dict[int, tuple[Any, bytes]] = {}  # with the object, so that no other gets its id

    def of(self, value: Any) -> bytes:
        """A hash of an object."""
        kind, place = type(value), id(value)
        if kind in _PLAIN:
            return _hash(kind.__name__, [value if kind is bytes else value.hex() if kind is float else repr(value)])
        if place in self._known:
            return self._known[place][1]
        if place in self._above:
            return _hash("around", [str(len(self._above) - self._above[place])])
        self._above[place] = len(self._above)
        found = _hash(kind.__qualname__, self._parts(value))
        del self._above[place]
        self._known[place] = value, found
        return found

    def _parts(self, value: Any) -> Iterator[str | bytes]:
        kind = type(value)
        if kind is ModuleType or is_imported(value) or _is_of_python(value):
            yield self._import(value)
        elif kind in (set, frozenset):
            yield from sorted(map(self.of, value))
        else:
            yield from map(self.of, self._pieces(value))

    def _pieces(self, value: Any) -> Iterable[Any]:
        if type(value) in (list, tuple):
            return [*value]
        if type(value) is dict:
            return (piece for item in value.items() for piece in item)
        if type(value) is FunctionType:
            return (
                value.__code__,
                value.__name__,
                value.__dict__,
                *(each for item in variables(value).items() for each in item),
            )
        if type(value) is CodeType:
            return self._of_code(value)
        if isinstance(value, type):
            own = sorted((name, each) for name, each in vars(value).items() if name not in _OF_CLASSES)
            return (value.__qualname__, type(value), value.__bases__, *own)
        return self._reduced(value)

    def _of_code(self, code: CodeType) -> Iterator[Any]:
        self.imports.update(_imports(code))
        for name in ("code", "consts", "names", "varnames", "freevars", "cellvars", "flags", "exceptiontable"):
            yield getattr(code, f"co_{name}")
        yield code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount

    def _reduced(self, value: Any) -> Iterable[Any]:
        reduce = self._reducers.get(type(value))
        found: Any = reduce(value) if reduce else value.__reduce_ex__(4)
        if isinstance(found, str):
            module = pickle.whichmodule(value, found)  # type: ignore[attr-defined]
            self.imports.add(f"import {module}")
            return module, found
        function, arguments, *rest = found
        return (
            function,
            arguments,
            *(each if place < 1 or each is None else list(each) for place, each in enumerate(rest[:3])),
        )

    def _import(self, value: Any) -> str:
        module = value.__name__ if isinstance(value, ModuleType) else value.__module__
        if module != "builtins":
            self.imports.add(f"import {module}")
        return f"{module}:{getattr(value, '__qualname__', '')}"


def _hash(kind: str, parts: Iterable[str | bytes]) -> bytes:
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        piece = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(piece) + piece)
    return digest.digest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A piece of code, and the functions and classes in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _global_names(code: CodeType) -> Iterator[str]:
    return (step.argval for step in dis.get_instructions(code) if step.opname in _GLOBALS)


def _imports(code: CodeType) -> Iterator[str]:
    """The import statements of a piece of code."""
    module = ""
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            module = step.argval
            yield f"import {module}"
        elif step.opname == "IMPORT_FROM":
            yield f"from {module} import {step.argval}"
