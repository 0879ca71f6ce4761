"""Conditions, such as ``batch_size > 64 and lr >= 1e-3``: names, numbers, texts, operators, a few functions (pure).

One language says which rows of a table are shown (``--where``) and which trials are made. A library evaluates it, and
gets nothing but the values of the names and a few harmless functions.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical

_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "len": len, "max": max, "min": min, "round": round}
_CONSTANTS = {"null": None, "true": True, "false": False, "nan": math.nan, "inf": math.inf}  # as tables show them
_NO_NAME = re.compile(r"and|or|not|in|is|if|else|True|False|None|\d[\d._]*(e\d+)?")  # a word of the language
_NODES = (
    *(ast.Expr, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.Subscript),
    *(ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.Load, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)
_STAND_IN = "name_{}_"  # a name of Python in place of one that may be no such name
_TEXTS = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""
_MAX_LENGTH = 10_000
_MOST_CASES = 50  # in which a condition holds, that are told apart


class Condition:
    """What is to hold of some values that have names.

    Args:
        text: the condition.
        names: what it may name.
        where: how messages begin.
        form: an example, for messages.
        hint: what a message says of a name that is unknown; the nearest one, if this gives nothing.

    Attributes:
        names: those that it uses, each once, in the order of the text.

    Raises:
        ConfigError: it cannot be read, uses an unknown name, or is more than a condition.
    """

    def __init__(
        self,
        text: str,
        names: Iterable[str],
        where: str,
        form: str,
        hint: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._text, self._where, self._form = text, where, f"such as: {form}"
        known = sorted((name for name in names if not _NO_NAME.fullmatch(name)), key=len, reverse=True)
        self._stand_ins: dict[str, str] = {}
        pattern = _pattern([name for name in known if name in text])
        self._tree = self._parsed(pattern.sub(self._stand_in, text))
        self._check(known, hint)
        self.names = tuple(self._stand_ins)
        self._relations: dict[str, Known] = {}
        self._evaluator = _evaluator()
        self._evaluator.nodes[ast.Compare] = self._compare

    def tell_apart(self, known: Mapping[str, Known]) -> None:
        """Let comparisons tell the values of these names apart as they are."""
        self._relations = {self._stand_ins[name]: values for name, values in known.items() if name in self._stand_ins}

    def cases(self, *, hold: bool) -> list[list[tuple[Condition, bool]]]:
        """The cases in which it holds, or does not: in each of them some conditions of fewer names hold, or do not.

        That is so for all values, also for those of which a part makes no sense.
        """
        found = _cases(self._tree.value, self._is_safe, hold=hold)
        return [[(self._part(tree), wanted) for tree, wanted in case] for case in found]

    def _is_safe(self, tree: ast.expr) -> bool:
        """Whether an expression makes sense for all values of its names, as far as that can be seen."""
        if isinstance(tree, ast.BoolOp):
            return all(map(self._is_safe, tree.values))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
            return self._is_safe(tree.operand)
        if not isinstance(tree, ast.Compare):
            return isinstance(tree, (ast.Name, ast.Constant))
        sides = zip([tree.left, *tree.comparators], tree.ops, tree.comparators, strict=False)
        return all(self._is_safe_relation(*side) for side in sides)

    def _is_safe_relation(self, one: ast.expr, operator: ast.cmpop, other: ast.expr) -> bool:
        simple = (ast.Name, ast.Constant)
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            return isinstance(one, simple) and isinstance(other, simple)
        if isinstance(operator, (ast.In, ast.NotIn)):
            items = other.elts if isinstance(other, (ast.List, ast.Tuple)) else [other]
            return isinstance(other, (ast.List, ast.Tuple)) and all(isinstance(each, simple) for each in (one, *items))
        return not isinstance(operator, (ast.Is, ast.IsNot)) and self._is_number(one) and self._is_number(other)

    def _is_number(self, tree: ast.expr) -> bool:
        if isinstance(tree, ast.Constant):
            return isinstance(tree.value, (int, float))
        known = self._relations.get(tree.id) if isinstance(tree, ast.Name) else None
        return known is not None and known.are_numbers

    def value(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds of these values.

        Args:
            values: one for each of ``names``; ``NOTHING`` where there is none.

        Raises:
            Exception: whatever operators and functions raise on such values.
        """
        stood_for = {stand_in: values[name] for name, stand_in in self._stand_ins.items()}
        self._evaluator.names = _CONSTANTS | stood_for
        return bool(self._evaluator.eval(self._text, previously_parsed=self._tree))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds of these values; it does not where it makes no sense, as ``"a" > 3``."""
        try:
            return self.value(values)
        except Exception:  # whatever operators and functions raise on such values
            return False

    def _part(self, tree: ast.expr) -> Condition:
        part = object.__new__(Condition)
        part._text, part._where, part._form = self._text, self._where, self._form
        part._tree = ast.Expr(tree)
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        part._stand_ins = {name: stand_in for name, stand_in in self._stand_ins.items() if stand_in in used}
        part.names = tuple(part._stand_ins)
        part._relations = self._relations
        part._evaluator = _evaluator()
        part._evaluator.nodes[ast.Compare] = part._compare
        return part

    def _compare(self, node: ast.Compare) -> bool:
        """A comparison, or a chain of some; values are told apart as the trials are."""
        place, value = node.left, self._evaluator._eval(node.left)
        for operator, other_place in zip(node.ops, node.comparators, strict=True):
            before, value = value, self._evaluator._eval(other_place)
            relation = self._evaluator.operators[type(operator)]
            names = (getattr(each, "id", "") for each in (place, other_place))
            if known := next((self._relations[name] for name in names if name in self._relations), None):
                relation = known.relation(operator, relation)
            if not relation(before, value):
                return False
            place = other_place
        return True

    def _stand_in(self, found: re.Match[str]) -> str:
        if found["name"] is None:
            return found[0]  # a text
        return self._stand_ins.setdefault(found["name"], _STAND_IN.format(len(self._stand_ins)))

    def _check(self, names: Sequence[str], hint: Callable[[str], str]) -> None:
        """Nothing but names, numbers, texts, operators and the functions."""
        called = {node.func for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        known = {*self._stand_ins.values(), *_CONSTANTS}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id not in known):
                self._check_name(node, names, hint, is_called=node in called)
            elif not isinstance(node, _NODES) or (node in called and not isinstance(node, ast.Name)):
                raise ConfigError("more than a condition", where=self._where, hint=self._form)

    def _check_name(self, node: ast.expr, names: Sequence[str], hint: Callable[[str], str], *, is_called: bool) -> None:
        name = ast.unparse(node)
        if is_called and name not in _FUNCTIONS:
            raise ConfigError(f"unknown function '{name:.80}'", where=self._where, hint=nearest(name, _FUNCTIONS))
        if not is_called:
            said = hint(name) or nearest(name, names)
            if isinstance(node, ast.Name) and said.startswith("valid"):
                said = f"a text is in quotes: '{name:.80}'\n{said}"
            raise ConfigError(f"unknown name '{name:.80}'", where=self._where, hint=said)

    def _parsed(self, expression: str) -> ast.Expr:
        if len(self._text) > _MAX_LENGTH:
            raise ConfigError(f"longer than {_MAX_LENGTH:,} characters", where=self._where)
        try:
            with warnings.catch_warnings(action="ignore"):  # of an unknown escape in a text
                body = ast.parse(expression.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            said = error.msg if isinstance(error, SyntaxError) else str(error)
            raise ConfigError(f"not a condition: {said}", where=self._where, hint=self._form) from None
        if len(body) != 1 or not isinstance(body[0], ast.Expr):
            compare = body and isinstance(body[0], ast.Assign)
            hint = f"to compare, write ==\n{self._form}" if compare else self._form
            raise ConfigError("not a condition", where=self._where, hint=hint)
        return body[0]


class Known:
    """All values that a name has, which decide what a value in a condition means.

    If it has 1 as well as 1.0 or true, ``x == 1`` takes nothing but 1; if it has only 1.0, it takes that. A boolean is
    no number, unless all values are booleans.

    Attributes:
        are_numbers: whether all are numbers or booleans.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        present = [value for value in values if value is not NOTHING]
        self._texts = set(map(canonical, present))
        self.are_numbers = all(isinstance(value, (int, float)) for value in present)
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
        return lambda one, other: one is not NOTHING and other is not NOTHING and relation(one, other) == wanted

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


NOTHING: Any = _Nothing()


def _cases(tree: ast.expr, is_safe: Callable[[ast.expr], bool], *, hold: bool) -> list[list[tuple[ast.expr, bool]]]:
    """The cases in which an expression holds, or does not: expressions in each of them, and whether they hold.

    What raises an error does not hold. So ``not a`` does not hold where ``a`` raises one, and ``a or b`` does not where
    ``a`` does, whatever ``b`` is: these are taken apart only where that cannot be.
    """
    if isinstance(tree, ast.BoolOp):
        is_and = isinstance(tree.op, ast.And)
        if is_and or all(map(is_safe, tree.values[:-1])):
            parts = [_cases(value, is_safe, hold=hold) for value in tree.values]
            found = list(itertools.chain.from_iterable(parts)) if is_and != hold else _together(parts)
            return found if len(found) <= _MOST_CASES else [[(tree, hold)]]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not) and is_safe(tree.operand):
        return _cases(tree.operand, is_safe, hold=not hold)
    return [[(tree, hold)]]


def _together(parts: Sequence[Sequence[list[tuple[ast.expr, bool]]]]) -> list[list[tuple[ast.expr, bool]]]:
    """The cases in which one case of each part is so; too many, if they are more than are of use."""
    if math.prod(map(len, parts)) > _MOST_CASES:
        return [[]] * (_MOST_CASES + 1)
    return [list(itertools.chain.from_iterable(case)) for case in itertools.product(*parts)]


def _equal(one: Any, other: Any) -> Any:
    """Equality in which nan equals itself."""
    return (_is_nan(one) and _is_nan(other)) or one == other


def _unequal(one: Any, other: Any) -> Any:
    return not (_is_nan(one) and _is_nan(other)) and one != other


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    """Texts in quotes, and names outside of them."""
    either = "|".join(map(re.escape, names)) or r"(?!)"
    return re.compile(rf"{_TEXTS}|(?<![\w.])(?P<name>{either})(?![\w.(])")


def _evaluator() -> Any:
    from simpleeval import EvalWithCompoundTypes  # where there is a condition

    evaluator = EvalWithCompoundTypes()
    evaluator.functions = dict(_FUNCTIONS)
    evaluator.operators |= {ast.Eq: _equal, ast.NotEq: _unequal}
    return evaluator
