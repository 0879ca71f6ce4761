"""Files that code looks at unheard: asks about, as ``os.path.exists`` does, or lets a library read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gridfold.identity.literals import content_of

if TYPE_CHECKING:
    import ast

_ASKS = re.compile(r"access|exists|getsize|is_dir|is_file|is_symlink|isdir|isfile|islink|lexists|l?stat")
_READS = re.compile(r"(?:read|scan)_\w+")  # as pandas, polars and DuckDB call it
_CALL = re.compile(rf"\b(?:{_ASKS.pattern}|{_READS.pattern})\(")
_SAME = (
    "Path",
    "abspath",
    "absolute",
    "expanduser",
    "fspath",
    "join",
    "joinpath",
    "normpath",
    "realpath",
    "resolve",
    "str",
)


@dataclass(frozen=True)
class Look:
    """A look at a file or folder.

    Attributes:
        path: from the root, or from the working directory; None if it is known only when the code runs.
        reads: whether it is read, and not only asked about.
    """

    path: str | None
    reads: bool


def looked_at(sources: Iterable[str], here: str) -> tuple[list[str], bool]:
    """The files that sources of Python look at, there or not, and whether they ask about others, as of the config."""
    looks = set[Look]()
    for source in sources:
        with suppress(OSError):  # it is gone
            stat = os.stat(source)
            looks |= _looks(source, stat.st_size, stat.st_mtime_ns)
    paths = ((look, os.path.normpath(os.path.join(here, look.path))) for look in looks if look.path)
    found = {path for look, path in paths if look.reads or not os.path.isdir(path)}  # what is in that is not asked
    return sorted(found), Look(None, reads=False) in looks


@cache
def _looks(source: str, *_stamp: int) -> frozenset[Look]:
    content = content_of(source)
    if not _CALL.search(content):
        return frozenset()
    import ast  # which few runs need

    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset([Look(None, reads=False)])
    nodes = [*ast.walk(tree)]
    values: dict[str, ast.expr | None] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            values[name] = None if name in values else node.value  # one that is set twice is not known
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return frozenset(look for call in calls if (look := _look(call, source, values)))


def _look(call: ast.Call, source: str, values: Mapping[str, ast.expr | None]) -> Look | None:
    """What a call looks at, as ``os.path.exists(path)``, ``path.exists()`` or ``read_csv(path)`` does."""
    name = _name(call)
    reads = _READS.fullmatch(name) is not None
    if not (reads or _ASKS.fullmatch(name)):
        return None
    return Look(_text(call.args[0] if call.args else getattr(call.func, "value", None), source, values), reads)


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _text(node: ast.AST | None, source: str, values: Mapping[str, ast.expr | None]) -> str | None:
    """The path that an expression stands for, as far as it is plain."""
    import ast

    parts: list[ast.AST | None] = []
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id="__file__"):
            return os.path.abspath(source)
        case ast.Name(id=name):
            return _text(values.get(name), source, {**values, name: None})
        case ast.Attribute(value=path, attr="parent") | ast.Call(func=ast.Attribute(attr="dirname"), args=[path]):
            return os.path.dirname(_text(path, source, values) or "") or None
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            parts = [left, right]
        case ast.Call(func=func, args=args) if (name := _name(node)) in _SAME:
            parts = [*args] if args and name != "joinpath" else [getattr(func, "value", None), *args]
    known = [each for part in parts if (each := _text(part, source, values)) is not None]
    return os.path.join(*known) if known and len(known) == len(parts) else None
