"""The keys that a training function reads of its config, as far as its source tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from gridfold.trainers.starter.entry import UNKNOWN, Entry, Source

Path = tuple[str, ...]
_MOST_CALLS = 30


def read(source: Source, function: ast.FunctionDef) -> list[Entry]:
    """What a training function reads of its first parameter, also by functions of its file that it passes it to."""
    found: dict[Path, Entry] = {}
    if function.args.args:
        for path, value in _Reader(source).reads(function, {function.args.args[0].arg: ()}):
            known = found.get(path)
            if known is None or known.value is UNKNOWN:
                found[path] = Entry(".".join(path), (), value, "", is_required=value is UNKNOWN)
    sections = {path[:end] for path in found for end in range(1, len(path))}
    return [entry for path, entry in found.items() if path not in sections]


class _Reader:
    """Follows a config through the functions of a file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = _MOST_CALLS

    def reads(self, function: ast.FunctionDef, known: Mapping[str, Path]) -> Iterator[tuple[Path, object]]:
        """Each path that is read in a function, with its default.

        Args:
            function: the function.
            known: the sections that its names stand for.
        """
        names = dict(known)
        for node in _in_order(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                path = self._path(node.value, names)
                if path is not None:
                    names[node.targets[0].id] = path
            elif isinstance(node, ast.Call):
                yield from self._called(node, names)
            elif isinstance(node, ast.Subscript) and (path := self._path(node, names)):
                yield path, UNKNOWN

    def _called(self, call: ast.Call, names: Mapping[str, Path]) -> Iterator[tuple[Path, object]]:
        if (path := self._path(call, names)) is not None:
            default = call.args[1] if len(call.args) > 1 else ast.Constant(None)
            yield path, self._source.value(default)
        elif isinstance(call.func, ast.Name) and call.func.id in self._source.functions and self._left:
            inner = self._source.functions[call.func.id]
            passed = {
                parameter.arg: path
                for parameter, argument in zip(inner.args.args, call.args, strict=False)
                if (path := self._path(argument, names)) is not None
            }
            self._left -= 1
            yield from self.reads(inner, passed) if passed else ()

    def _path(self, node: ast.expr, names: Mapping[str, Path]) -> Path | None:
        """The path in the config that an expression is; None if it is no part of the config."""
        if isinstance(node, ast.Name):
            return names.get(node.id)
        inner: ast.expr | None = None
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            inner, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            inner, key = node.func.value, node.args[0] if node.args else None
        before = self._path(inner, names) if inner else None
        if before is None or not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        return (*before, key.value)


def _in_order(function: ast.FunctionDef) -> list[ast.AST]:
    """All of a function, in the order of its text: outer expressions first."""
    inside = [node for statement in function.body for node in ast.walk(statement)]
    return sorted(inside, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
