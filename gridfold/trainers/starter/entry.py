"""An entry of a config to start from."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

UNKNOWN = object()


@dataclass(frozen=True)
class Entry:
    """A value that a program takes.

    Attributes:
        path: where it stands in the config.
        words: what passes it to the program; none for a function, which gets the config.
        value: its default; `UNKNOWN` if it must be given, so that its line is only a comment.
        said: what is to know of it.
        is_required: whether the program asks for it.
    """

    path: str
    words: tuple[str, ...] = ()
    value: Any = UNKNOWN
    said: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Found:
    """What the source of a program or a function tells.

    Attributes:
        entries: what it takes.
        remarks: what could not be read, or is to be known.
        more: words that end the command.
    """

    entries: tuple[Entry, ...] = ()
    remarks: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """The source of a program.

    Attributes:
        tree: the whole of it.
        constants: the names that are assigned constants at its top level.
    """

    tree: ast.Module
    constants: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module) -> Source:
        """With its constants; of a name that is assigned twice, the last."""
        constants: dict[str, Any] = {}
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                value = cls(tree, constants).value(statement.value)
                constants[statement.targets[0].id] = value
        return cls(tree, {name: value for name, value in constants.items() if value is not UNKNOWN})

    @cached_property
    def functions(self) -> Mapping[str, ast.FunctionDef]:
        """The functions at its top level."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """The classes there."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    def value(self, node: ast.expr | None) -> Any:
        """The constant that an expression is; `UNKNOWN` if its value is computed."""
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, UNKNOWN)
        try:
            value = ast.literal_eval(node) if node is not None else UNKNOWN
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return UNKNOWN
        return list(value) if isinstance(value, tuple) else value

    def text(self, node: ast.expr | None) -> str:
        """The text that an expression is, in one line; "" if it is none."""
        value = self.value(node)
        return " ".join(value.split()) if isinstance(value, str) else ""


def named(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    return last_name(call.func)


def last_name(node: ast.expr | None) -> str:
    """The last part of a dotted name; "" if an expression is none."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """The keyword arguments of a call."""
    return {each.arg: each.value for each in call.keywords if each.arg}
