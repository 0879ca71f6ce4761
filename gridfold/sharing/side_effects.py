"""Whether a function of other people's code gives a value and does nothing else: found without calling it.

The answer is no wherever that cannot be told.
"""

from __future__ import annotations

import ast
import builtins
import dis
import enum
import json
import math
import os.path
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from types import BuiltinFunctionType, CodeType, FunctionType, GenericAlias, MethodDescriptorType, ModuleType
from typing import Any, get_origin

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_CLASSES = (
    *_PLAIN,
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
    enumerate,
    filter,
    map,
    reversed,
    zip,
    Path,
    PurePath,
    PosixPath,
    PurePosixPath,
)
_CLASSES_BY_NAME = ("decimal.Decimal", "fractions.Fraction")  # to import them takes longer than all else here
_BUILT_IN = (
    *(abs, all, any, bin, chr, divmod, format, hex, isinstance, issubclass, len, max, min, oct, ord, pow, repr, round),
    *(sorted, sum),
)
_PATHS = ("basename", "dirname", "expanduser", "isabs", "join", "normpath", "split", "splitext")
_FUNCTIONS = (
    *(json.loads, ast.literal_eval, re.compile, re.fullmatch, re.match, re.search, re.split, re.sub, re.findall),
    *(getattr(os.path, name) for name in _PATHS),
)
_OF_PATHS = ("expanduser", "is_absolute", "joinpath", "name", "parent", "stem", "suffix", "with_suffix")
_OF_TYPES = {name for kind in (str, list, dict, tuple, set, int, float) for name in dir(kind) if name[0] != "_"}
_ATTRIBUTES = {*_OF_TYPES, *_OF_PATHS, "group", "groups", "match", "fullmatch", "value", "dest", "const", "default"}
_ATTRIBUTES |= {"__name__", "_value2member_map_"}
_CHANGES = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault"),
    *("sort", "update", "difference_update", "intersection_update", "symmetric_difference_update"),
}
_NEVER = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "STORE_NAME", "LOAD_NAME", "LOAD_BUILD_CLASS")
_GENERATORS = 0x20 | 0x80 | 0x200  # and coroutines
_LEAVES = ("IMPORT_", "SEND", "GET_AWAITABLE", "BEFORE_WITH", "BEFORE_ASYNC", "LOAD_SUPER", "LOAD_FROM_DICT")


def only_gives_a_value(function: Any) -> bool:
    """Whether a call does nothing but give a value, or raise, that depends on its arguments alone."""
    return _Look().at(function)


def sets_only(function: Any, target: str) -> bool:
    """The same of a function that may set attributes of one of its arguments."""
    return isinstance(function, FunctionType) and _Look(target).at(function)


class _Look:
    """A look at a function, and at all that it uses."""

    def __init__(self, target: str = "") -> None:
        self._target = target
        self._seen: dict[int, Any] = {}

    def at(self, value: Any, *, changes: bool = False) -> bool:
        """Whether code may use a value without an effect; ``changes``: though it changes lists and the like."""
        if id(value) in self._seen and not changes:
            return True
        self._seen[id(value)] = value
        if isinstance(value, (type, GenericAlias)):
            kind: Any = get_origin(value) or value
            name = f"{kind.__module__}.{kind.__qualname__}"
            return kind in _CLASSES or name in _CLASSES_BY_NAME or _is_error(kind) or self._at_enumeration(kind)
        if isinstance(value, FunctionType):
            return value in _FUNCTIONS or self._at_function(value)
        if isinstance(value, (BuiltinFunctionType, MethodDescriptorType)):
            of = getattr(value, "__objclass__", None)
            return value in (*_BUILT_IN, *_FUNCTIONS) or of in _PLAIN or getattr(math, value.__name__, None) is value
        if type(value) is partial:
            return all(map(self.at, (value.func, *value.args, *value.keywords.values())))
        return self._at_data(value, changes=changes)

    def _at_data(self, value: Any, *, changes: bool) -> bool:
        kind = type(value)
        if kind in (tuple, frozenset):
            return all(self.at(item, changes=changes) for item in value)
        if kind in (list, set, dict):
            items = [*value.keys(), *value.values()] if kind is dict else value
            return not changes and all(map(self.at, items))
        return kind in (*_PLAIN, re.Pattern, range) or isinstance(value, enum.Enum)

    def _at_enumeration(self, kind: type) -> bool:
        own = [base for base in kind.__mro__ if base.__module__ not in ("enum", "builtins")]
        missing = [vars(base)["_missing_"].__func__ for base in own if "_missing_" in vars(base)]
        return (
            type(kind) is enum.EnumType
            and not any("__init__" in vars(base) for base in own)
            and all(map(self._at_function, missing))
        )

    def _at_function(self, function: FunctionType) -> bool:
        codes = list(_codes(function.__code__))
        changes = any(map(_changes, codes))
        used = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        try:
            used += [cell.cell_contents for cell in function.__closure__ or ()]
            used += [value for code in codes for value in self._globals(code, function)]
        except (ValueError, AttributeError):  # a variable has no value yet
            return False
        return (
            not function.__code__.co_flags & _GENERATORS
            and not (changes and self._target)  # what an action changes may be its own
            and not any(_has_effect(code, function.__code__.co_freevars) for code in codes)
            and all(self.at(value, changes=changes) for value in used)
        )

    def _globals(self, code: CodeType, function: FunctionType) -> Iterator[Any]:
        """What code takes from its module and from modules there; its attributes must be known otherwise."""
        steps = iter(_steps(code))
        for step in steps:
            if _takes_attribute(step) and step.argval not in _ATTRIBUTES:
                raise AttributeError(step.argval)
            if step.opname == "LOAD_GLOBAL":
                value = function.__globals__[step.argval] if step.argval in function.__globals__ else _built_in(step)
                while isinstance(value, ModuleType):
                    value = getattr(value, str(next(steps).argval))
                if not (value is setattr and self._target and next(steps).argval == self._target):
                    yield value


def _built_in(step: dis.Instruction) -> Any:
    return getattr(builtins, step.argval)


def _steps(code: CodeType) -> list[dis.Instruction]:
    return [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "PRECALL", "PUSH_NULL")]


def _takes_attribute(step: dis.Instruction) -> bool:
    return step.opname in ("LOAD_ATTR", "LOAD_METHOD")


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _changes(code: CodeType) -> bool:
    """Whether code may change a list or the like."""
    steps = _steps(code)
    names = {step.argval for step in steps if _takes_attribute(step)}
    return not names.isdisjoint(_CHANGES) or any(
        step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE") for step in steps
    )


def _has_effect(code: CodeType, outer: Sequence[str]) -> bool:
    return any(
        step.opname in _NEVER
        or step.opname.startswith(_LEAVES)
        or (step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in outer)
        for step in _steps(code)
    )


def _is_error(kind: type) -> bool:
    return issubclass(kind, Exception) and kind.__module__ in ("builtins", "argparse", "json.decoder")
