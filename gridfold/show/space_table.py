"""What people see of a space: its parameters, branches and ranges, and what is left of it and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridfold.core.values import render
from gridfold.records.numbers import cut
from gridfold.space.axes import Axis, Linked, Union
from gridfold.space.explain import Branch, Explanation, Removed
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.space.product import Product
from gridfold.space.rules import Exclusion, Rule
from gridfold.space.space import size_text

_MAX_VALUES = 12
_MAX_LINES = 20  # conditions, branches, additions
_MAX_CONDITION = 200  # letters
_MAX_ADDITION = 120
_STEP = "  "  # before what is in a branch


@dataclass(frozen=True)
class SpaceRow:
    """A row of the table.

    Attributes:
        path: the parameter, further in if it is in a branch; or those that are linked.
        values: what it takes, in words.
        what: how many that are.
        guess: why it may be one value; "" if nothing says so.
    """

    path: str
    values: str
    what: str
    guess: str = ""


def space_rows(space: Product, guesses: Mapping[str, str]) -> Iterator[SpaceRow]:
    """A row for each parameter; those of a branch come after it."""
    for axis in space.axes:
        yield from _rows(axis, guesses)


def counts(found: Explanation) -> list[str]:
    """How many trials there are and why, a line for each condition and addition, and how many each branch has."""
    rules = [*map(_removed, found.removed), *map(_addition, found.added)]
    if not rules:
        return _branches(found.branches)
    if found.raw is None or found.count is None:
        conditions = [f"  {_condition(each.rule)}" for each in found.removed]
        return _some(["Conditions on what is drawn:", *conditions, *map(_addition, found.added)])
    most = "" if found.is_exact else "at most "
    total = f"{size_text(found.raw)} combinations make {most}{size_text(found.count)} trials:"
    return [total, *_some(rules), *_branches(found.branches)]


def _rows(axis: Axis, guesses: Mapping[str, str], indent: str = "") -> Iterator[SpaceRow]:
    if isinstance(axis, Union):
        yield _listed_row(axis.selector, f"{len(axis.branches)} branches", guesses, indent)
        for value, branch in zip(axis.selector.values, axis.branches, strict=True):
            for inner in branch:
                for row in _rows(inner, guesses, f"{indent}{_STEP}"):
                    yield row if row.path.startswith(f"{indent}{_STEP}{_STEP}") else _in_branch(row, value)
    elif isinstance(axis, Linked):
        paths = ", ".join(parameter.path for parameter in axis.parameters)
        rows = shortened(len(axis.rows), lambda place: f"({', '.join(map(render, axis.rows[place]))})", _MAX_VALUES)
        yield SpaceRow(f"{indent}{paths}", rows, f"{len(axis.rows)} together, linked")
    elif isinstance(axis, RangeParameter):
        yield SpaceRow(f"{indent}{axis.path}", range_text(axis), "range")
    else:
        yield _listed_row(axis, f"{len(axis.values):,} values", guesses, indent)


def _listed_row(axis: ListedParameter, what: str, guesses: Mapping[str, str], indent: str) -> SpaceRow:
    values = shortened(len(axis.values), lambda place: render(axis.values[place]), _MAX_VALUES)
    return SpaceRow(f"{indent}{axis.path}", values, what, guesses.get(axis.path, ""))


def _in_branch(row: SpaceRow, value: Any) -> SpaceRow:
    return SpaceRow(row.path, row.values, f"{row.what}, if {cut(render(value), 24)}", row.guess)


def range_text(parameter: RangeParameter) -> str:
    """A range in words: ``1e-06 … 0.001, log``."""
    found = parameter.distribution
    if not isinstance(found, Interval):
        return f"normal, mean {found.mean:g}, standard deviation {found.deviation:g}"
    kinds = [kind for kind, holds in (("log", found.log), ("whole numbers", found.whole)) if holds]
    return ", ".join([f"{found.low:g} … {found.high:g}", *kinds])


def _removed(each: Removed) -> str:
    text = _condition(each.rule)
    if each.then is None:
        return f"  not counted, {text}" if each.alone is None else f"  − at most {size_text(each.alone)}, {text}"
    more = " (removed already)" if each.alone and not each.then else ""
    return f"  − {size_text(each.then)}, {text}{more}"


def _condition(rule: Rule) -> str:
    text = cut(rule.text, _MAX_CONDITION)
    return f"exclude: {text}" if isinstance(rule, Exclusion) else f"when: {rule.path} varies only where {text}"


def _addition(params: Mapping[str, Any]) -> str:
    return f"  + 1, add: {cut(', '.join(f'{path} {render(value)}' for path, value in params.items()), _MAX_ADDITION)}"


def _branches(found: Sequence[Branch]) -> list[str]:
    """How many trials take each branch, a line for each union."""
    lines: dict[str, list[str]] = {}
    for each in found:
        if each.count is not None:
            lines.setdefault(each.path, []).append(f"{cut(render(each.value), 40)} {size_text(each.count)}")
    return _some(
        [f"Trials by {path}: {shortened(len(said), said.__getitem__, _MAX_VALUES)}" for path, said in lines.items()]
    )


def _some(found: Sequence[str]) -> list[str]:
    """The first of some lines, and how many more there are."""
    if len(found) <= _MAX_LINES + 1:
        return [*found]
    return [*found[:_MAX_LINES], f"  … {len(found) - _MAX_LINES:,} more"]


def shortened(count: int, word: Callable[[int], str], most: int) -> str:
    """The first words and the last one, in one text."""
    return ", ".join(words(count, word, most))


def words(count: int, word: Callable[[int], str], most: int) -> Sequence[str]:
    """The first words and the last one; all of them, where that would hide only one."""
    is_whole = count <= most + 2
    found = [word(place) for place in range(count if is_whole else most)]
    return found if is_whole else [*found, f"… {word(count - 1)}"]
