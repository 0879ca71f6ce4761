"""Where the names of a Python script get their values, as far as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

_PARTS = (
    *(ast.Constant, ast.UnaryOp, ast.unaryop, ast.BinOp, ast.operator),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Load),
)
_FIELDS = ("field", "Field")  # of dataclasses and attrs, of pydantic
_BLOCKS = {
    ast.If: "an 'if'",
    ast.For: "a loop",
    ast.While: "a loop",
    ast.Try: "a 'try'",
    ast.With: "a 'with'",
    ast.Match: "a 'match'",
}
_NOT_CONSTANT = "is not a constant"
_Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Binding:
    """A place where a name, an entry of a dictionary or an attribute gets a value.

    Attributes:
        path: which: ``lr``, ``params.lr``.
        line: of the statement.
        value: the value, if it is a constant that is assigned at the top level.
        why_not: why it is not.
        is_local: it is a variable of a function, which is no other's.
    """

    path: str
    line: int
    value: ast.expr | None = None
    why_not: str = ""
    is_local: bool = False


def bindings(tree: ast.Module) -> Iterator[Binding]:
    """All bindings of a script that its text tells of."""
    yield from _in_block(tree.body)
    for node in ast.walk(tree):
        if isinstance(node, _Functions):
            yield from _in_function(node)


def _in_block(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[Binding]:
    for statement in body:
        if isinstance(statement, ast.Assign):
            yield from _of_assignment(statement, prefix)
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            yield from _of_target(statement.target, statement.value, prefix)
        elif isinstance(statement, ast.AugAssign):
            yield from _not_set(statement.target, "is changed where it stands", prefix)
        elif isinstance(statement, ast.ClassDef):
            yield from _in_block(statement.body, f"{prefix}{statement.name}.")
        elif isinstance(statement, ast.If) and _is_main(statement.test):
            yield from _in_block(statement.body, prefix)
        elif type(statement) in _BLOCKS:
            yield from _inside(statement, prefix)


def _inside(statement: ast.stmt, prefix: str) -> Iterator[Binding]:
    """The bindings inside a statement that may be executed once, often or never."""
    why_not = f"is assigned inside {_BLOCKS[type(statement)]}, not at the top level"
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        for part in getattr(statement, name, ()):
            inner = part.body if isinstance(part, (ast.ExceptHandler, ast.match_case)) else [part]
            yield from (replace(each, value=None, why_not=why_not) for each in _in_block(inner, prefix))
    if isinstance(statement, ast.For):
        yield from _not_set(statement.target, why_not, prefix)
    for item in statement.items if isinstance(statement, ast.With) else ():
        yield from _not_set(item.optional_vars, why_not, prefix) if item.optional_vars else ()


def _in_function(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Binding]:
    nodes = list(ast.walk(function))
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    why_not = f"is assigned inside the function {function.name}"
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield Binding(node.id, node.lineno, None, why_not, is_local=node.id not in shared)


def _of_assignment(statement: ast.Assign, prefix: str) -> Iterator[Binding]:
    if len(statement.targets) == 1:
        yield from _of_target(statement.targets[0], statement.value, prefix)
    for target in statement.targets if len(statement.targets) > 1 else ():
        yield from _not_set(target, "is assigned together with other names", prefix)


def _of_target(target: ast.expr, value: ast.expr, prefix: str) -> Iterator[Binding]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for each, its_value in zip(target.elts, value.elts, strict=True):
            yield from _of_target(each, its_value, prefix)
    elif path := _path(target):
        yield from _of_value(f"{prefix}{path}", target.lineno, _default(value) if prefix else value)
    else:
        yield from _not_set(target, _NOT_CONSTANT, prefix)


def _of_value(path: str, line: int, value: ast.expr) -> Iterator[Binding]:
    """A binding, and those of the entries of a dictionary or of the keywords of a call that is its value."""
    is_constant = all(isinstance(node, _PARTS) for node in ast.walk(value))
    yield Binding(path, line, value if is_constant else None, "" if is_constant else _NOT_CONSTANT)
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, (str, int)):
                yield from _of_value(f"{path}.{key.value}", item.lineno, item)
    elif isinstance(value, ast.Call):
        for keyword in value.keywords:
            if keyword.arg:
                yield from _of_value(f"{path}.{keyword.arg}", keyword.value.lineno, keyword.value)


def _not_set(target: ast.expr, why_not: str, prefix: str) -> Iterator[Binding]:
    inner = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    paths = (_path(each.value if isinstance(each, ast.Starred) else each) for each in inner)
    yield from (Binding(f"{prefix}{path}", target.lineno, None, why_not) for path in paths if path)


def _path(target: ast.expr) -> str:
    """The dotted path of what is assigned; "" if it has none."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute) and (path := _path(target.value)):
        return f"{path}.{target.attr}"
    key = target.slice.value if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant) else None
    if isinstance(target, ast.Subscript) and isinstance(key, (str, int)) and (path := _path(target.value)):
        return f"{path}.{key}"
    return ""


def _default(value: ast.expr) -> ast.expr:
    """The default of a field of a dataclass."""
    called = getattr(getattr(value, "func", None), "attr", getattr(getattr(value, "func", None), "id", ""))
    if isinstance(value, ast.Call) and called in _FIELDS:
        return next((keyword.value for keyword in value.keywords if keyword.arg == "default"), value)
    return value


def _is_main(test: ast.expr) -> bool:
    return ast.unparse(test) in ("__name__ == '__main__'", "'__main__' == __name__")
