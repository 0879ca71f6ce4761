"""What a function refers to: variables of modules, defaults, closures and class attributes, with their values now.

The way leads from its code to the functions and classes of the user's own modules that its code names, and on from
theirs. What is installed counts by its version, and is not looked into.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import functools
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import (
    BuiltinFunctionType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from gridfold.identity.data import hash_of
from gridfold.identity.packages import is_installed
from gridfold.identity.values import UnknownError, of_value
from gridfold.stages.bytecode import Code, look
from gridfold.stages.content import digest
from gridfold.stages.packing import is_data, name_of
from gridfold.stages.trace import texts_in

_STATELESS = (logging.Logger, type(threading.Lock()), type(threading.RLock()))
_STATELESS_MODULES = ("dataclasses", "torch.autograd.grad_mode", "types", "typing")
_COMPILED = ("ufunc", "cython_function_or_method")
_OF_CLASSES = ("member_descriptor", "getset_descriptor", "_tuplegetter")  # say where a value is, and have none
_ARGUMENTS = frozenset({"argv", "orig_argv", "parse_args", "parse_known_args", "parse_args_into_dataclasses"})
_FOLDER = frozenset({"getcwd", "getcwdb", "cwd", "abspath", "realpath", "absolute", "resolve"})


@dataclass
class References:
    """What a function refers to.

    Attributes:
        values: hashes of the values of variables, by their names; "" for a name that has no value.
        classes: data classes and named tuples among it, by their names.
        held: what variables hold.
        texts: texts in its code, and those that variables hold.
        remembers: whether a function among it may give what it has read before.
    """

    values: dict[str, str] = field(default_factory=dict)
    classes: dict[str, type] = field(default_factory=dict)
    held: list[object] = field(default_factory=list)
    texts: set[str] = field(default_factory=set)
    remembers: bool = False
    _looked_into: set[tuple[int, frozenset[str] | None]] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _alive: list[object] = field(default_factory=list)  # what is seen: its number must not be given again

    def function(self, function: FunctionType) -> None:
        """Follow a function.

        Raises:
            UnknownError: it refers to an object of which nothing tells what it is.
        """
        if self._is_new(function):
            name = f"{function.__module__}.{function.__qualname__}"
            if wrapped := getattr(function, "__wrapped__", None):
                self.value(name, wrapped)
            if is_installed(function.__code__.co_filename):
                self._wrapper(name, function)
            else:
                self._own(name, function)

    def class_names(self, function: FunctionType) -> None:
        """Note no more than the classes that a function's module names."""
        for kind in vars(sys.modules[function.__module__]).values():
            if isinstance(kind, type) and is_data(kind):
                self.classes[name_of(kind)] = kind

    def argument(self, name: str, value: object) -> None:
        """Follow the class of an argument, and those of what is in it."""
        if isinstance(value, (list, tuple)):
            for part in {type(part): part for part in value}.values():
                self.argument(name, part)
        elif isinstance(value, Mapping):
            self.argument(name, list(value.values()))
        elif _is_own(type(value)):
            self._class(type(value))

    def value(self, name: str, value: Any, named: frozenset[str] | None = None) -> None:
        """Note the value of a variable, or follow it; of a module, to what is named, or to all if nothing says what."""
        if isinstance(value, FunctionType):
            self.function(value)
        elif isinstance(value, ModuleType):
            self._module(value, named)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, SimpleNamespace):
            self.value(name, vars(value))
        elif _is_stateless(value):
            pass
        elif inner := _inner(value):
            self.remembers |= hasattr(value, "cache_info") and value.cache_info().currsize > 0
            self._values(name, inner)
        else:
            self._state(name, value)

    def _state(self, name: str, value: Any) -> None:
        self.held.append(value)
        self.texts.update(texts_in(_plain(value)))
        try:
            self.values[name] = of_value(_plain(value), digest)
        except UnknownError:
            if not isinstance(value, (list, tuple, Mapping)) and not _is_own(type(value)):
                raise UnknownError(f"what the variable {name} is, a {type(value).__qualname__}") from None
            self._parts(name, value)
            return
        if _is_own(type(value)) and self._is_new(value):  # its fields are not all that its methods see
            self._class(type(value))
            self._values(f"{name} of", [part for _, part in _attributes(value)])

    def _parts(self, name: str, value: Any) -> None:
        if not self._is_new(value):
            return
        if isinstance(value, Mapping):
            for key, part in value.items():
                self.value(f"{name}[{key!r}]", part)
        elif isinstance(value, (list, tuple)):
            for number, part in enumerate(value):
                self.value(f"{name}[{number}]", part)
        if _is_own(type(value)):
            self._class(type(value))
            for attribute, part in _attributes(value):
                self.value(f"{name}.{attribute}", part)
        self.values[name] = f"{name_of(type(value))} {len(value) if isinstance(value, (list, tuple, Mapping)) else ''}"

    def _own(self, name: str, function: FunctionType) -> None:
        code = look(function.__code__)
        self.values[f"{name}()"] = code.digest
        self.texts |= code.names
        self._values(f"{name} default", [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()])
        self._values(f"{name} around", _cells(function))
        self._values(f"{name} beside", [part for key, part in sorted(vars(function).items()) if key != "__wrapped__"])
        module = function.__globals__
        for variable in code.variables:
            if variable in module:
                named = None if variable in code.handed_on else code.names
                self.value(f"{function.__module__}.{variable}", module[variable], named)
            elif not hasattr(builtins, variable):
                self.values[f"{function.__module__}.{variable}"] = ""
        self._around(code)
        if code.reads_own and function.__module__ in sys.modules:
            self._module(sys.modules[function.__module__], None if code.reads_any else code.names)
        for reached in code.imported(str(module.get("__package__") or "")):
            self.value(reached, sys.modules[reached], None if code.hands_on(reached) else code.names)

    def _around(self, code: Code) -> None:
        """What the code of a function looks for without naming it."""
        if not _ARGUMENTS.isdisjoint(code.names):
            self.value("sys.argv", [*sys.argv])
        if not _FOLDER.isdisjoint(code.names):
            self.values["the working directory"] = os.getcwd()  # noqa: PTH109
        if code.imports_by_name:
            for other, file in _own_modules():
                self.values[f"the source of {other}"] = str(hash_of(file))

    def _wrapper(self, name: str, function: FunctionType) -> None:
        """An installed one, such as a decorator makes: what it calls is around it."""
        kinds = (FunctionType, MethodType, functools.partial)
        parts = _with_registered(_cells(function))
        self._values(name, [part for part in parts if isinstance(part, kinds) or _is_own(part)])

    def _values(self, name: str, values: list[Any]) -> None:
        for number, value in enumerate(values):
            self.value(f"{name} {number}", value)

    def _module(self, module: ModuleType, named: frozenset[str] | None) -> None:
        """What is named of a module, and all its variables with plain values; all of it where nothing says what."""
        file = getattr(module, "__file__", None)
        is_of_code = getattr(module, "__spec__", None) is None  # and no module of Python's own
        if (file and is_installed(file)) or not (file or hasattr(module, "__path__") or is_of_code):
            return
        if (id(module), named) in self._looked_into:
            return
        self._looked_into.add((id(module), named))
        self._alive.append(module)
        self._class(type(module))
        inside = f"{module.__name__}."
        for name, value in list(vars(module).items()):
            if named is None and isinstance(value, ModuleType) and not value.__name__.startswith(inside):
                continue
            if name == "__getattr__" or (not name.startswith("__") if named is None else name in named):
                self.value(f"{module.__name__}.{name}", value, named)
            elif not name.startswith("__") and not callable(value):
                with contextlib.suppress(UnknownError):
                    self.values[f"{module.__name__}.{name}"] = of_value(_plain(value), digest)

    def _class(self, kind: type) -> None:
        meta: type = type(kind)
        for base in (*kind.__mro__, *meta.__mro__):
            if _is_own(base) and self._is_new(base):
                if is_data(base):
                    self.classes[name_of(base)] = base
                self._attributes(base)

    def _attributes(self, kind: type) -> None:
        hidden = "_" if issubclass(kind, enum.Enum) else ("__", "_abc_")
        for name, value in list(vars(kind).items()):
            code = isinstance(value, (FunctionType, classmethod, staticmethod, property))
            if code or not (name.startswith(hidden) or type(value).__name__ in _OF_CLASSES):
                self.value(f"{name_of(kind)}.{name}", value)

    def _is_new(self, thing: object) -> bool:
        if id(thing) in self._seen:
            return False
        self._seen.add(id(thing))
        self._alive.append(thing)
        return True


def _is_stateless(value: Any) -> bool:
    """Whether nothing of it can change, or nothing that a result could depend on; or it is installed."""
    kind = type(value)
    if isinstance(value, BuiltinFunctionType):  # what draws random numbers is found out otherwise
        drawn = getattr(sys.modules.get("random"), "_inst", None)
        return isinstance(value.__self__, (ModuleType, type, type(None))) or value.__self__ is drawn
    if isinstance(value, _STATELESS) or kind.__module__ in _STATELESS_MODULES or kind.__name__ in _COMPILED:
        return True
    module = sys.modules.get(str(getattr(value, "__module__", "")))
    file = str(getattr(module, "__file__", None) or "")
    return is_installed(file) and getattr(module, str(getattr(value, "__name__", "")), None) is value


def _inner(value: Any) -> list[Any]:
    """What is called by what is called."""
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords, vars(value)]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, BuiltinFunctionType):
        return [value.__self__]
    if isinstance(value, property):
        return [part for part in (value.fget, value.fset) if part]
    if isinstance(value, functools.cached_property):
        return [value.func]
    wrapped = getattr(type(value), "__get__", None) and getattr(value, "__wrapped__", getattr(value, "__func__", None))
    return [wrapped] if isinstance(wrapped, (FunctionType, type)) else []


def _with_registered(parts: list[Any]) -> Iterator[Any]:
    """These, and what is in mappings among them, as ``functools.singledispatch`` has one."""
    for part in parts:
        yield from part.values() if isinstance(part, Mapping) else [part]


def _plain(value: Any) -> Any:
    """A variable that holds a path is no more than a text: what is in the file counts where it is opened."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, re.Pattern):
        return value.pattern, value.flags
    if isinstance(value, enum.Enum):
        return name_of(type(value)), value.name
    return repr(value) if type(value).__name__ in ("dtype", "device") else value


def _cells(function: FunctionType) -> list[Any]:
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # it has no value yet
            continue
    return found


def _attributes(value: object) -> list[tuple[str, Any]]:
    known = (item for kind in type(value).__mro__ for item in vars(kind).items())
    slots = [name for name, part in known if isinstance(part, MemberDescriptorType)]
    return [*getattr(value, "__dict__", {}).items(), *((name, getattr(value, name, None)) for name in slots)]


def _own_modules() -> Iterator[tuple[str, str]]:
    """The user's modules that are loaded, with their files."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and not is_installed(file):
            yield name, file


def _is_own(kind: object) -> bool:
    """Whether it is a class of one of the user's modules."""
    if not isinstance(kind, type):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return bool(file) and not is_installed(str(file))
