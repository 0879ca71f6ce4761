"""Where code that reads a config needs what it has read: found in its text, without running it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

_QUESTIONS = ("ask", "count", "alternatives")  # of gridfold: they read no value
_CONVERSIONS = ("bool", "dict", "float", "int", "list", "str", "tuple")
_PARTS_OF_READS = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Call, ast.keyword, ast.expr_context),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)


def first_use(text: str, line: int, path: str) -> int | None:
    """The line of the statement that first uses a value, if other statements come before it.

    Args:
        text: Python code.
        line: where it reads the value.
        path: dotted path of the value in the config.

    Returns:
        None if that line is no plain ``name = config[...]`` of this value in a function, if the name is used at once,
        or if that cannot be told.
    """
    blocks = _blocks(text, line)
    if not blocks:
        return None
    assignment, *between = blocks[0]
    name = _name_of_read(assignment, path)
    if name is None:
        return None
    following = [*between, *itertools.chain.from_iterable(blocks[1:])]
    position = next((index for index, statement in enumerate(following) if _uses(statement, name)), None)
    if position is None or all(map(_is_read, following[:position])):
        return None
    return following[position].lineno


def is_question(text: str, line: int) -> bool:
    """Whether a line asks about a config (see ``gridfold.sharing.questions``), which tells less than a read."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(_called(call) in _QUESTIONS and call.lineno <= line <= (call.end_lineno or 0) for call in calls)


def _blocks(text: str, line: int) -> list[list[ast.stmt]]:
    """The innermost statement at a line and those that follow it, then those that follow the one around it, and so on.

    They end with the function; empty if the line is in none.
    """
    try:
        inside: ast.AST | None = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: list[list[ast.stmt]] = []
    in_function = False
    while inside is not None:
        if isinstance(inside, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found, in_function = [], not isinstance(inside, ast.ClassDef)
        inside = next(_at(line, inside, found), None)
    return [found[-1], *(block[1:] for block in reversed(found[:-1]))] if in_function and found else []


def _at(line: int, inside: ast.AST, found: list[list[ast.stmt]]) -> Iterator[ast.stmt]:
    """The statement at a line directly inside of another; the block is noted from there on."""
    for block in _bodies(inside):
        for position, statement in enumerate(block):
            if statement.lineno <= line <= (statement.end_lineno or 0):
                found.append(block[position:])
                yield statement


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value:
            if isinstance(value[0], ast.stmt):
                yield value
            elif isinstance(value[0], (ast.ExceptHandler, ast.match_case)):
                yield from (part.body for part in value)


def _name_of_read(statement: ast.stmt, path: str) -> str | None:
    """The name that a statement gives to what stands at a path, if it does nothing else."""
    targets: Sequence[ast.expr] = ()
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    if len(targets) != 1 or not isinstance(targets[0], ast.Name) or not _is_read(statement):
        return None
    keys = [node.value for node in ast.walk(statement) if isinstance(node, ast.Constant)]
    keys += [node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)]
    is_meant = any(isinstance(key, str) and f".{path}".endswith(f".{key}") for key in keys)
    return targets[0].id if is_meant else None


def _is_read(statement: ast.stmt) -> bool:
    """Whether a statement takes next to no time, such as one that names a value of a mapping, converted maybe."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr)) or statement.value is None:
        return isinstance(statement, (ast.FunctionDef, ast.Pass))
    nodes = list(ast.walk(statement.value))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    plain = all(_called(call) in (*_CONVERSIONS, "get") for call in calls)
    return plain and all(isinstance(node, _PARTS_OF_READS) for node in nodes)


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _uses(statement: ast.stmt, name: str) -> bool:
    nodes = ast.walk(statement)
    return any(isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) for node in nodes)
