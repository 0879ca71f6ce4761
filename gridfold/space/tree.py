"""The axes of a space as a list of decisions, of which a trial makes those that its branches have (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, render
from gridfold.space.axes import Axis, Linked, Union, name_of
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter

Choice = Any
"""What a trial decides at one place: a position; a number of a range that has no list; None where it does not decide.

The choices of a trial are a list with one for each decision.
"""


@dataclass(frozen=True)
class Decision:
    """One thing to decide.

    Attributes:
        axis: what it is about.
        index: where it stands among all decisions; those of a branch come after the one that chooses it.
        parent: the decision and the choice that it depends on; None if every trial makes it.
        key: what a chooser calls it, unlike any other.
    """

    axis: Axis
    index: int
    parent: tuple[int, int] | None
    key: str

    @cached_property
    def parameters(self) -> tuple[ListedParameter | RangeParameter, ...]:
        """What gets a value by it."""
        if isinstance(self.axis, Union):
            return (self.axis.selector,)
        return self.axis.parameters if isinstance(self.axis, Linked) else (self.axis,)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(parameter.path for parameter in self.parameters)

    @cached_property
    def rows(self) -> Sequence[Sequence[Any]] | None:
        """The alternatives: the values that the parameters get; None for a range without a list."""
        if isinstance(self.axis, Linked):
            return self.axis.rows
        values = self.parameters[0].values
        return None if values is None else [(value,) for value in values]

    @cached_property
    def size(self) -> int | None:
        """How many alternatives there are; None for a range without a list."""
        return None if self.rows is None else len(self.rows)

    @cached_property
    def branches(self) -> int:
        """How many of them are branches."""
        return len(self.axis.branches) if isinstance(self.axis, Union) else 0

    @cached_property
    def first(self) -> Choice:
        """The choice that gives the first values: of a range its lower end, of a normal distribution its mean."""
        if self.rows is not None:
            return 0
        assert isinstance(self.axis, RangeParameter)
        return self.axis.distribution.at(0.0 if isinstance(self.axis.distribution, Interval) else 0.5)

    @cached_property
    def is_ordered(self) -> bool:
        """Whether the alternatives are numbers that ascend or descend; of linked parameters, those of each."""
        columns = zip(*(self.rows or ()), strict=True)
        return not self.branches and all(map(_is_monotone, columns))

    def values(self, choice: Choice) -> Sequence[Any]:
        """The values that its parameters get."""
        return (choice,) if self.rows is None else self.rows[choice]

    def choice(self, values: Sequence[Any]) -> Choice:
        """The choice that gives these values; None if there is none."""
        if self.rows is not None:
            return self._positions.get(canonical(list(values)))
        assert isinstance(self.axis, RangeParameter)
        return values[0] if self.axis.distribution.contains(values[0]) else None

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {canonical(list(row)): position for position, row in enumerate(self.rows or ())}


@dataclass(frozen=True)
class Tree:
    """All decisions, in an order in which the last varies fastest.

    Attributes:
        axes: those of the space.

    Raises:
        ConfigError: a path is in two axes that a trial has together.
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        _check_paths(self.axes, {})

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """All of them."""
        places = list(_places(self.axes, (), 0))
        names = Counter(name_of(axis) for axis, _ in places)
        found: list[Decision] = []
        for index, (axis, chain) in enumerate(places):
            name = name_of(axis)
            if names[name] > 1:
                said = ", ".join(f"{found[at].paths[0]}={render(found[at].values(b)[0])}" for at, b in chain)
                name += f" ({said})" if said else ""
            found.append(Decision(axis, index, chain[-1] if chain else None, name))
        return tuple(found)

    @cached_property
    def children(self) -> Mapping[tuple[int, int], Sequence[int]]:
        """The decisions of each branch: those that depend on a decision and a choice."""
        found: dict[tuple[int, int], list[int]] = {}
        for decision in self.decisions:
            if decision.parent:
                found.setdefault(decision.parent, []).append(decision.index)
        return found

    @cached_property
    def by_path(self) -> Mapping[str, Sequence[Decision]]:
        """Where each path gets its value: in one place, or in several branches."""
        found: dict[str, list[Decision]] = {}
        for decision in self.decisions:
            for path in decision.paths:
                found.setdefault(path, []).append(decision)
        return found

    @property
    def is_listed(self) -> bool:
        """Whether there is no range without a list of values."""
        return all(decision.rows is not None for decision in self.decisions)

    @staticmethod
    def is_made(decision: Decision, choices: Sequence[Choice]) -> bool:
        """Whether a trial makes a decision, as far as it has chosen branches."""
        return decision.parent is None or choices[decision.parent[0]] == decision.parent[1]

    def params(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Path and value of each parameter that a trial has."""
        found: dict[str, Any] = {}
        for (path, rows, decision), choice in zip(self._columns, choices, strict=True):
            if choice is not None:
                if path and rows is not None:
                    found[path] = rows[choice][0]
                else:
                    found.update(zip(decision.paths, decision.values(choice), strict=True))
        return found

    @cached_property
    def _columns(self) -> Sequence[tuple[str, Sequence[Sequence[Any]] | None, Decision]]:
        """Of each decision the path, "" if it has several, and the alternatives."""
        return [(each.paths[0] if len(each.paths) == 1 else "", each.rows, each) for each in self.decisions]

    def choices(self, params: Mapping[str, Any]) -> list[Choice]:
        """The choices that give exactly these values.

        Raises:
            ConfigError: there are none: says which path or value is not of the space.
        """
        if unknown := [path for path in params if path not in self.by_path]:
            raise ConfigError("does not vary", path=unknown[0], hint=nearest(unknown[0], self.by_path))
        choices: list[Choice] = [None] * len(self.decisions)
        taken: set[str] = set()
        for decision in self.decisions:
            if self.is_made(decision, choices):
                choices[decision.index] = _choice(decision, params)
                taken.update(decision.paths)
        if others := [path for path in params if path not in taken]:
            raise self.elsewhere(others[0])
        return choices

    def elsewhere(self, path: str) -> ConfigError:
        """What to say of a path that is in no branch that is chosen."""
        said = [
            f"{at.paths[0]}: {render(at.values(each.parent[1])[0])}"
            for each in self.by_path[path]
            if each.parent
            for at in [self.decisions[each.parent[0]]]
        ]
        hint = f"it has a value where {' or '.join(dict.fromkeys(said))}"
        return ConfigError("is in another branch than the one that is chosen", path=path, hint=hint)


def _choice(decision: Decision, params: Mapping[str, Any]) -> Choice:
    if missing := [path for path in decision.paths if path not in params]:
        raise ConfigError("no value is given", path=missing[0])
    choice = decision.choice([params[path] for path in decision.paths])
    if choice is not None:
        return choice
    parameter = decision.parameters[0]
    if decision.rows is None:
        problem = f"{render(params[parameter.path])} is no value of the range"
        raise ConfigError(problem, path=parameter.path, where=parameter.where)
    if isinstance(decision.axis, Linked):
        problem = f"the values {render([params[path] for path in decision.paths])} do not come together"
        raise ConfigError(problem, path=", ".join(decision.paths), where=decision.axis.where)
    listed = render([row[0] for row in decision.rows[:1000]])
    problem = f"{render(params[parameter.path])} is none of the values {listed:.200}"
    raise ConfigError(problem, path=parameter.path, where=parameter.where)


def _is_monotone(values: Sequence[Any]) -> bool:
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return False
    steps = {(one < other) - (one > other) for one, other in pairwise(values)}
    return len(steps) == 1 and 0 not in steps


def _places(
    axes: Sequence[Axis], chain: tuple[tuple[int, int], ...], start: int
) -> Iterator[tuple[Axis, tuple[tuple[int, int], ...]]]:
    """Each axis with the decisions and choices that it depends on, the outermost first."""
    index = start
    for axis in axes:
        yield axis, chain
        own = index
        index += 1
        for branch, inner in enumerate(axis.branches if isinstance(axis, Union) else ()):
            for place in _places(inner, (*chain, (own, branch)), index):
                yield place
                index += 1


def _check_paths(axes: Sequence[Axis], outer: Mapping[str, str]) -> None:
    """Whether every path stands once, as far as a trial has it.

    Args:
        axes: those of a branch, or of the space.
        outer: the paths that every trial of the branch has besides, and where they stand.
    """
    seen = dict(outer)
    for axis in axes:
        own = (axis.selector,) if isinstance(axis, Union) else axis.parameters if isinstance(axis, Linked) else (axis,)
        for parameter in own:
            _check_path(parameter.path, parameter.where, seen)
            seen[parameter.path] = parameter.where
    for axis in axes:
        found: dict[str, str] = {}
        for branch in axis.branches if isinstance(axis, Union) else ():
            found |= _checked_branch(branch, seen)
        seen |= found


def _checked_branch(branch: Sequence[Axis], outer: Mapping[str, str]) -> dict[str, str]:
    """The paths of a branch."""
    _check_paths(branch, outer)
    return {parameter.path: parameter.where for parameter in _parameters(branch)}


def _parameters(axes: Sequence[Axis]) -> Iterator[ListedParameter | RangeParameter]:
    for axis in axes:
        if isinstance(axis, Union):
            yield axis.selector
            for branch in axis.branches:
                yield from _parameters(branch)
        elif isinstance(axis, Linked):
            yield from axis.parameters
        else:
            yield axis


def _check_path(path: str, where: str, seen: Mapping[str, str]) -> None:
    if path in seen:
        hint = f"it varies at {seen[path]} already" if seen[path] else "give all its values at once"
        raise ConfigError("varies twice", path=path, where=where, hint=hint)
