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
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_CLASSES = (*_PLAIN, list, tuple, dict, set, frozenset, range, Decimal, Fraction, Path, PurePath, PosixPath, PurePosixPath)
_BUILT_IN = (
    *(abs, all, any, bin, chr, divmod, format, hex, isinstance, issubclass, len, max, min, oct, ord, pow, repr, round),
    *(sorted, sum, enumerate, filter, map, reversed, zip, slice, object),
)
_PATHS = "abspath basename dirname exists expanduser isabs isdir isfile join normpath realpath split splitext".split()
_FUNCTIONS = (
    *(json.loads, ast.literal_eval, re.compile, re.fullmatch, re.match, re.search, re.split, re.sub, re.findall),
    *(getattr(os.path, name) for name in _PATHS),
)
_OF_PATHS = "expanduser exists is_absolute is_dir is_file joinpath name parent resolve stem suffix with_suffix".split()
_OF_TYPES = {name for kind in (str, list, dict, tuple, set, int, float) for name in dir(kind) if name[0] != "_"}
_ATTRIBUTES = {*_OF_TYPES, *_OF_PATHS, "group", "groups", "match", "fullmatch", "value", "dest", "const", "default"}
_CHANGES = {
    *("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault"),
    *("sort", "update", "difference_update", "intersection_update", "symmetric_difference_update"),
}
_NEVER = ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "STORE_NAME", "LOAD_NAME", "LOAD_BUILD_CLASS")
_LEAVES = ("IMPORT_", "SEND", "GET_AWAITABLE", "BEFORE_WITH", "BEFORE_ASYNC", "LOAD_SUPER", "LOAD_FROM_DICT")


def only_gives_a_value(function: Any) -> bool:
    """Whether a call does nothing but give a value, or raise, that depends on its arguments alone."""
    return _is_harmless(function, set())


def sets_only(function: Any, target: str) -> bool:
    """The same of a function that may set attributes of one of its arguments."""
    return isinstance(function, FunctionType) and _is_harmless_function(function, set(), target)


def _is_harmless(value: Any, seen: set[int], *, changes: bool = False) -> bool:
    """Whether code may use a value without an effect; ``changes``: if it may change lists and the like, too."""
    if id(value) in seen:
        return True
    seen.add(id(value))
    if isinstance(value, type):
        return value in _CLASSES or _is_error(value) or _is_enumeration(value)
    if isinstance(value, FunctionType):
        return value in _FUNCTIONS or _is_harmless_function(value, seen)
    if isinstance(value, (BuiltinFunctionType, MethodDescriptorType)):
        of = getattr(value, "__objclass__", None)
        return value in (*_BUILT_IN, *_FUNCTIONS) or of in _PLAIN or getattr(math, value.__name__, None) is value
    if isinstance(value, partial):
        parts = (value.func, *value.args, *value.keywords.values())
        return type(value) is partial and all(_is_harmless(part, seen) for part in parts)
    return _is_data(value, seen, changes=changes)


def _is_data(value: Any, seen: set[int], *, changes: bool) -> bool:
    if type(value) in (tuple, frozenset):
        return all(_is_harmless(item, seen, changes=changes) for item in value)
    if type(value) in (list, set):
        return not changes and all(_is_harmless(item, seen) for item in value)
    if type(value) is dict:
        return not changes and all(_is_harmless(item, seen) for pair in value.items() for item in pair)
    return type(value) in (*_PLAIN, re.Pattern, range) or isinstance(value, enum.Enum)


def _is_error(kind: type) -> bool:
    return issubclass(kind, Exception) and kind.__module__ in ("builtins", "argparse", "json.decoder")


def _is_enumeration(kind: type) -> bool:
    own = ("__new__", "__init__", "_missing_", "__call__")
    methods = [name for base in kind.__mro__ if base.__module__ not in ("enum", "builtins") for name in vars(base)]
    return type(kind) is enum.EnumType and not set(own) & set(methods) - {"__new__"}


def _is_harmless_function(function: FunctionType, seen: set[int], target: str = "") -> bool:
    codes = list(_codes(function.__code__))
    changes = any(_changes(code) for code in codes)
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    cells = function.__closure__ or ()
    closure = all(_holds(cell) and _is_harmless(cell.cell_contents, seen, changes=changes) for cell in cells)
    return (
        closure
        and not function.__code__.co_flags & _GENERATORS
        and all(_is_harmless(value, seen, changes=changes) for value in defaults)
        and all(_is_harmless_code(code, function, seen, changes, target) for code in codes)
    )


_GENERATORS = 0x20 | 0x80 | 0x200  # generator, coroutine, asynchronous generator


def _holds(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # it is empty
        return False


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _changes(code: CodeType) -> bool:
    names = {step.argval for step in dis.get_instructions(code) if "ATTR" in step.opname or "METHOD" in step.opname}
    return bool(names & _CHANGES) or any("_SUBSCR" in s.opname and s.opname[0] in "SD" for s in dis.get_instructions(code))


def _is_harmless_code(code: CodeType, function: FunctionType, seen: set[int], changes: bool, target: str) -> bool:
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "PRECALL", "PUSH_NULL")]
    position = 0
    while position < len(steps):
        step = steps[position]
        position += 1
        if step.opname in _NEVER or step.opname.startswith(_LEAVES):
            return False
        if step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in function.__code__.co_freevars:
            return False
        if "LOAD_GLOBAL" in step.opname:
            value = _global(function, step.argval)
            if value is setattr and target and steps[position].argval == target:
                continue
            while isinstance(value, ModuleType) and "LOAD_" in steps[position].opname:
                value = getattr(value, steps[position].argval, _Missing)
                position += 1
            if not _is_harmless(value, seen, changes=changes):
                return False
        elif ("LOAD_ATTR" in step.opname or "LOAD_METHOD" in step.opname) and step.argval not in _ATTRIBUTES:
            return False
    return True


class _Missing:
    pass


def _global(function: FunctionType, name: str) -> Any:
    return function.__globals__.get(name, getattr(builtins, name, _Missing))
