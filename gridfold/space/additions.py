"""Trials that are added to a space: values of some paths, the first values of the others (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, render
from gridfold.space.constants import hint_of
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.space.rules import Addition
from gridfold.space.tree import Choice, Decision, Tree

_KINDS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("true or false", lambda value: isinstance(value, bool)),
    ("a number", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)),
    ("a text", lambda value: isinstance(value, str)),
    ("a list", lambda value: isinstance(value, list)),
    ("a mapping", lambda value: isinstance(value, Mapping)),
)


def completed(addition: Addition, tree: Tree, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Path and value of every parameter that an added trial has.

    Linked parameters of which some are given follow them, if these values come together; else they have their first.

    Args:
        addition: what is given.
        tree: the decisions of the space.
        constants: values that do not vary.

    Raises:
        ConfigError: a path does not vary or is in a branch that is not chosen; a value is of another kind than those
            that the path has.
    """
    given, choices = addition.params, list[Choice]([None] * len(tree.decisions))
    if unknown := [path for path in given if path not in tree.by_path]:
        hint = hint_of(unknown[0], tree.by_path, constants)
        raise ConfigError("is to be added, but does not vary", path=unknown[0], where=addition.where, hint=hint)
    found: dict[str, Any] = {}
    for decision in tree.decisions:
        if tree.is_made(decision, choices):
            values = _values(decision, given, addition.where)
            found.update(zip(decision.paths, values, strict=True))
            choices[decision.index] = decision.choice(values)
    for path in given:
        if path not in found:
            error = tree.elsewhere(path)
            error.where, error.hint = addition.where, f"{error.hint}; add that, too"
            raise error
    return found


def _values(decision: Decision, given: Mapping[str, Any], where: str) -> Sequence[Any]:
    own = {path: given[path] for path in decision.paths if path in given}
    if not own:
        return decision.values(decision.first)
    for parameter in decision.parameters:
        if parameter.path in own:
            _check_kind(parameter, own[parameter.path], where)
    if decision.branches and decision.choice([*own.values()]) is None:
        names = [str(row[0]) for row in decision.rows or ()]
        (path, value), *_ = own.items()
        raise ConfigError(f"no branch {render(value):.80}", path=path, where=where, hint=nearest(str(value), names))
    places = [place for place, path in enumerate(decision.paths) if path in own]
    wanted = canonical([*own.values()])
    rows = (decision.rows or ()) if len(decision.paths) > 1 else ()
    follow = next((row for row in rows if canonical([row[place] for place in places]) == wanted), None)
    others = follow or decision.values(decision.first)
    return [own.get(path, value) for path, value in zip(decision.paths, others, strict=True)]


def _check_kind(parameter: ListedParameter | RangeParameter, value: Any, where: str) -> None:
    """Whether a value is of a kind that the parameter has: a number among numbers; null is of every kind."""
    if isinstance(parameter, RangeParameter):
        is_whole = isinstance(parameter.distribution, Interval) and parameter.distribution.whole
        is_fine = type(value) is int or (type(value) is float and not is_whole)
        expected = "a whole number" if is_whole else "a number"
    else:
        kinds = [(name, is_one) for name, is_one in _KINDS if any(map(is_one, parameter.values))]
        is_fine = value is None or not kinds or any(is_one(value) for _, is_one in kinds)
        expected = " or ".join(name for name, _ in kinds)
    if not is_fine:
        raise ConfigError(f"{render(value):.80} is to be added, expected {expected}", path=parameter.path, where=where)
