"""A function whose parameters stand for those of many trials, as a command of click is called with them.

A local variable cannot be watched. So the function is compiled again, from its text, with an attribute of an object in
the place of each parameter in which trials differ: to read one then splits, as it does for any such object.
"""

from __future__ import annotations

import ast
import contextlib
import types
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

_OBJECT = "_gridfold_parameters"
_FUTURE = 0xFF0000 | 0x1000000  # compiler flags of ``from __future__``
# What may see local variables by itself.
_LOOKS = (
    *("locals", "vars", "eval", "exec", "dir", "super", "breakpoint", "__class__", "inspect", "_getframe", "pdb"),
    *("set_trace", "embed", "query", "evaluate", "get_ipython"),
)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp)


class Parameters:
    """Has a parameter as each of its attributes."""


def with_parameters(function: Any, names: Collection[str]) -> Callable[[Parameters], Any] | None:
    """What makes a function that takes some of its parameters from an object; None if that cannot be done.

    Args:
        function: a function of a module, in Python.
        names: of the parameters; the object has others, too, if it likes.
    """
    if type(function) is not types.FunctionType or function.__code__.co_freevars or "<" in function.__qualname__:
        return None
    if not set(names).issubset(_parameters(function.__code__)):  # the others come in ``**kwargs``
        return None
    try:
        tree = ast.parse(Path(function.__code__.co_filename).read_text("utf-8"))
        code = compile(tree, function.__code__.co_filename, "exec", _flags(function), dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    definition = _definition(tree, function.__code__)
    if function.__code__ not in code.co_consts or definition is None or not _is_plain(definition, names):
        return None
    return _compiled(function, definition, names)


def _parameters(code: types.CodeType) -> tuple[str, ...]:
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _flags(function: Any) -> int:
    """What its module imports from ``__future__``."""
    return int(function.__code__.co_flags) & _FUTURE


def _definition(tree: ast.Module, code: types.CodeType) -> ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def _is_plain(definition: ast.FunctionDef, names: Collection[str]) -> bool:
    """Whether nothing but reads and writes of variables is done to the parameters."""
    nodes = [node for statement in definition.body for node in ast.walk(statement)]
    return not any(_hinders(node, names) for node in nodes) and not any(
        _binds(inner, names)
        for node in nodes
        if isinstance(node, (*_SCOPES, ast.GeneratorExp))
        for inner in ast.walk(node)
    )


def _hinders(node: ast.AST, names: Collection[str]) -> bool:
    if isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)):
        return True
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return isinstance(node.target, ast.Name) and node.target.id in names
    if isinstance(node, ast.Name):
        return node.id in _LOOKS or (node.id in names and isinstance(node.ctx, ast.Del))
    return not set(_names_in(node)).isdisjoint((*_LOOKS, *names) if not isinstance(node, ast.Attribute) else _LOOKS)


def _names_in(node: ast.AST) -> Iterator[str]:
    """The names that a node has as text, but for those of variables that are read or written."""
    for field, value in ast.iter_fields(node):
        if field in ("name", "names", "asname", "rest", "attr", "arg", "kind") and not isinstance(node, ast.keyword):
            yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))


def _binds(node: ast.AST, names: Collection[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Load)


class _Attributes(ast.NodeTransformer):
    """Puts attributes in the place of variables."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable."""
        if node.id not in self._names:
            return node
        holder = ast.copy_location(ast.Name(_OBJECT, ast.Load()), node)
        return ast.copy_location(ast.Attribute(holder, node.id, node.ctx), node)


def _compiled(function: Any, definition: ast.FunctionDef, names: Collection[str]) -> Callable[[Parameters], Any]:
    transform = _Attributes(names)
    inner = ast.parse("def function(): pass").body[0]
    assert isinstance(inner, ast.FunctionDef)
    arguments = definition.args
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if each:
            each.annotation = None
    arguments.defaults, arguments.kw_defaults = [], [None for _ in arguments.kwonlyargs]
    inner.name, inner.args = definition.name, arguments
    inner.body = [transform.visit(statement) for statement in definition.body]
    ast.copy_location(inner, definition)
    outer = ast.parse(f"def make({_OBJECT}):\n    return {definition.name}").body[0]
    assert isinstance(outer, ast.FunctionDef)
    outer.body.insert(0, inner)
    module = ast.fix_missing_locations(ast.Module([outer], []))
    made: dict[str, Any] = {}
    exec(
        compile(module, function.__code__.co_filename, "exec", _flags(function), dont_inherit=True),
        function.__globals__,
        made,
    )
    return lambda parameters: _like(function, made["make"](parameters))


def _like(function: Any, made: Any) -> Any:
    for name in ("__defaults__", "__kwdefaults__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        with contextlib.suppress(AttributeError):
            setattr(made, name, getattr(function, name))
    made.__dict__.update(function.__dict__)
    return made
