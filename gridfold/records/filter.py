"""Conditions on rows, such as ``val_f1 > 0.8 and batch_size == 32``: names of columns, numbers, texts, operators.

A library evaluates them, and gets nothing but the values of the columns and a few harmless functions.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical
from gridfold.records.table import ABSENT, OF_TEST, Column, Row
from gridfold.trainers.metrics.names import is_of_test

_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min, "round": round}
_CONSTANTS = {"null": None, "true": True, "false": False, "nan": math.nan, "inf": math.inf}  # as tables show them
_NO_NAME = re.compile(r"and|or|not|in|is|if|else|True|False|None|\d[\d._]*(e\d+)?")  # of a column, but of the language
_NODES = (
    *(ast.Expr, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.Subscript),
    *(ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Load, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)
_STAND_IN = "column_{}_"  # a name of Python in place of a column's, which may be no such name
_TEXTS = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_FORM = "such as: val_f1 > 0.8 and batch_size == 32"
_MAX_LENGTH = 10_000


class Filter:
    """What is to hold of a row.

    Args:
        text: the condition.
        columns: what it may name, by name or label.

    Raises:
        ConfigError: it cannot be read, names an unknown column, or is more than a condition.
    """

    def __init__(self, text: str, columns: Sequence[Column]) -> None:
        self._text = text
        by_name = {column.label: column for column in columns} | {column.name: column for column in columns}
        names = [name for name in sorted(by_name, key=len, reverse=True) if not _NO_NAME.fullmatch(name)]
        self._columns: dict[str, Column] = {}
        replaced = _pattern(names).sub(lambda found: self._stand_in(found, by_name), text)
        self._tree = _parsed(replaced, text)
        self._check(names)
        self._evaluator = _evaluator()
        self._evaluator.nodes[ast.Compare] = self._compare
        self._known: dict[str, _Known] = {}

    def select(self, rows: Sequence[Row]) -> list[Row]:
        """The rows of which it holds. A comparison with a value that is not there, or of another kind, does not hold.

        Raises:
            ConfigError: it makes sense for no row, as ``batch_size > "a"``.
        """
        self._known = {
            name: _Known([column.value(row) for row in rows])
            for name, column in self._columns.items()
            if column.kind == "parameter"
        }
        wrong: list[Exception] = []
        found = [row for row in rows if self._holds(row, wrong)]
        if wrong and len(wrong) == len(rows):
            raise ConfigError(f"cannot be evaluated for any row: {wrong[0]}", where=f"--where {self._text!r}") from None
        return found

    def _holds(self, row: Row, wrong: list[Exception]) -> bool:
        self._evaluator.names = _CONSTANTS | {name: _value(column, row) for name, column in self._columns.items()}
        try:
            return bool(self._evaluator.eval(self._text, previously_parsed=self._tree))
        except Exception as error:  # whatever operators and functions raise on such values
            wrong.append(error)
            return False

    def _compare(self, node: ast.Compare) -> bool:
        """A comparison, or a chain of some; the values of a parameter are told apart as the trials are."""
        place, value = node.left, self._evaluator._eval(node.left)
        for operator, other_place in zip(node.ops, node.comparators, strict=True):
            before, value = value, self._evaluator._eval(other_place)
            relation = self._evaluator.operators[type(operator)]
            names = (getattr(each, "id", "") for each in (place, other_place))
            if known := next((self._known[name] for name in names if name in self._known), None):
                relation = known.relation(operator, relation)
            if not relation(before, value):
                return False
            place = other_place
        return True

    def _stand_in(self, found: re.Match[str], columns: dict[str, Column]) -> str:
        if found["name"] is None:
            return found[0]  # a text
        name = _STAND_IN.format(list(columns).index(found["name"]))
        self._columns[name] = columns[found["name"]]
        return name

    def _check(self, names: Sequence[str]) -> None:
        """Nothing but columns, numbers, texts, operators and the functions."""
        called = {node.func for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        known = {*self._columns, *_CONSTANTS}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id not in known):
                self._check_name(node, names, is_called=node in called)
            elif not isinstance(node, _NODES) or (node in called and not isinstance(node, ast.Name)):
                raise ConfigError("more than a condition", where=f"--where {self._text!r}", hint=_FORM)

    def _check_name(self, node: ast.expr, names: Sequence[str], *, is_called: bool) -> None:
        name = ast.unparse(node)
        if is_called and name not in _FUNCTIONS:
            hint = nearest(name, _FUNCTIONS)
            raise ConfigError(f"unknown function '{name:.80}'", where=f"--where {self._text!r}", hint=hint)
        if not is_called:
            hint = OF_TEST if is_of_test(name) else nearest(name, names)
            if isinstance(node, ast.Name) and hint.startswith("valid"):
                hint = f"a text is in quotes: '{name:.80}'\n{hint}"
            raise ConfigError(f"unknown name '{name:.80}'", where=f"--where {self._text!r}", hint=hint)


def _equal(one: Any, other: Any) -> Any:
    """Equality in which nan equals itself."""
    return (_is_nan(one) and _is_nan(other)) or one == other


def _unequal(one: Any, other: Any) -> Any:
    return not (_is_nan(one) and _is_nan(other)) and one != other


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


class _Known:
    """The values that a parameter has in all rows, which decide what a value in a condition means.

    If the parameter has 1 as well as 1.0 or true, ``x == 1`` takes nothing but 1; if it has only 1.0, it takes that. A
    boolean is no number, unless all values are booleans.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        present = [value for value in values if value is not ABSENT]
        self._texts = set(map(canonical, present))
        self._are_booleans = all(isinstance(value, bool) for value in present)

    def relation(self, operator: ast.cmpop, usual: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """The relation that an operator stands for."""

        def among(value: Any, others: Any) -> bool:
            if not isinstance(others, (list, tuple, set)):
                return bool(usual(value, others)) == isinstance(operator, ast.In)
            return any(self._same(value, other) for other in others)

        if isinstance(operator, (ast.Eq, ast.NotEq)):
            relation: Callable[[Any, Any], bool] = self._same
        elif isinstance(operator, (ast.In, ast.NotIn)):
            relation = among
        elif isinstance(operator, (ast.Is, ast.IsNot)):
            return usual
        else:
            return lambda one, other: self._are_alike(one, other) and usual(one, other)
        wanted = isinstance(operator, (ast.Eq, ast.In))
        return lambda one, other: one is not _NOTHING and other is not _NOTHING and relation(one, other) == wanted

    def _same(self, one: Any, other: Any) -> bool:
        try:
            texts = {canonical(one), canonical(other)}
        except (TypeError, ValueError):  # computed, and no value of a config
            return bool(one == other)
        if len(texts) == 1:
            return True
        return not texts <= self._texts and self._are_alike(one, other) and bool(one == other)

    def _are_alike(self, one: Any, other: Any) -> bool:
        """Whether they may be compared: a boolean and a number may not."""
        return self._are_booleans or isinstance(one, bool) == isinstance(other, bool)


class _Nothing:
    """In place of a value that is not there: no comparison with it holds, nothing can be computed from it."""

    def _no(self, *_: object) -> bool:
        return False

    def _itself(self, *_: object) -> _Nothing:
        return self

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _no
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = _itself
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _itself
    __neg__ = __pos__ = __abs__ = __round__ = __getitem__ = _itself
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return False


_NOTHING = _Nothing()


def _value(column: Column, row: Row) -> Any:
    """What a column's name stands for: the names of a trial's runs are one text."""
    value = column.value(row)
    if value is ABSENT:
        return _NOTHING
    return ", ".join(value) if column.kind == "fact" and isinstance(value, list) else value


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Texts in quotes, and the names of columns outside of them."""
    either = "|".join(map(re.escape, names)) or r"(?!)"
    return re.compile(rf"{_TEXTS}|(?<![\w.])(?P<name>{either})(?![\w.(])")


def _parsed(expression: str, text: str) -> ast.stmt:
    where = f"--where {text!r:.200}"
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"longer than {_MAX_LENGTH:,} characters", where=where)
    try:
        with warnings.catch_warnings(action="ignore"):  # of an unknown escape in a text
            body = ast.parse(expression.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ConfigError(f"not a condition: {said}", where=where, hint=_FORM) from None
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        hint = f"to compare, write ==\n{_FORM}" if body and isinstance(body[0], ast.Assign) else _FORM
        raise ConfigError("not a condition", where=where, hint=hint)
    return body[0]


def _evaluator() -> Any:
    try:
        from simpleeval import EvalWithCompoundTypes
    except ModuleNotFoundError:
        hint = 'pip install "gridfold[report]"'
        raise ConfigError("--where needs the package simpleeval", hint=hint) from None
    evaluator = EvalWithCompoundTypes()
    evaluator.functions = dict(_FUNCTIONS)
    evaluator.operators |= {ast.Eq: _equal, ast.NotEq: _unequal}
    return evaluator
