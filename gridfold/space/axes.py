"""What a trial decides, one decision for each axis (pure).

A space is a product of axes. An axis is a parameter; or parameters that are linked, which take their values together;
or a union, of which a trial takes one branch, with the axes of that branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from gridfold.core.errors import ConfigError
from gridfold.core.values import first_repeat, render
from gridfold.space.parameters import Distribution, ListedParameter, RangeParameter


@dataclass(frozen=True)
class Linked:
    """Parameters that take their values together: the first of each, the second of each, and so on.

    Attributes:
        parameters: at least two, with as many values each. Those of one may be equal (``is_linked``), if others differ.
        where: ``file:line:column`` of what links them.

    Raises:
        ConfigError: one has more values than another, or two places have the same values.
    """

    parameters: tuple[ListedParameter, ...]
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        paths = ", ".join(each.path for each in self.parameters)
        first = self.parameters[0]
        for other in self.parameters[1:]:
            if len(other.values) != len(first.values):
                problem = f"{first.path} has {len(first.values)} values, {other.path} has {len(other.values)}"
                hint = f"lists that vary together are equally long\n{first.path}: {render(list(first.values))}"
                hint = f"{hint:.300}\n{other.path}: {render(list(other.values)):.200}"
                raise ConfigError(f"cannot be linked: {problem}", path=paths, where=self.where, hint=hint)
        position = first_repeat(self.rows)
        if position is not None:
            problem = f"the values {render(self.rows[position])} come together twice"
            raise ConfigError(problem, path=paths, where=self.where, hint="remove them once from each list")

    @cached_property
    def rows(self) -> list[list[Any]]:
        """The values that they take together, one of each."""
        return [list(row) for row in zip(*(each.values for each in self.parameters), strict=True)]


@dataclass(frozen=True)
class Union:
    """Branches, of which a trial takes one.

    Attributes:
        selector: the path at which a trial says which one it takes, and what it says there for each branch.
        branches: the axes that each of them has; no two paths of one branch are the same.
        constants: what else each of them has: its values by dotted path, for conditions that name them.
    """

    selector: ListedParameter
    branches: tuple[tuple[Axis, ...], ...]
    constants: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)


Axis: TypeAlias = "ListedParameter | RangeParameter | Linked | Union"


def name_of(axis: Axis) -> str:
    """The path that stands for an axis: of linked parameters the first."""
    if isinstance(axis, Union):
        return axis.selector.path
    return axis.parameters[0].path if isinstance(axis, Linked) else axis.path


class Chooser(Protocol):
    """Makes the decisions of a trial, and is asked for those only that the trial has.

    They come in the order of the axes, but for a parameter with a condition (``when``): it is asked for after those
    that the condition is about, and not at all where the condition does not hold.
    """

    def position(self, path: str, count: int, *, ordered: bool) -> int:
        """Which of some alternatives, from 0.

        Args:
            path: stands for the axis: see ``name_of``. Where several branches have an axis of that name, the branch
                follows, as in ``optimizer.lr (optimizer.name=sgd)``, so that one name has always the same alternatives.
            count: how many alternatives there are.
            ordered: whether they are numbers, in ascending or descending order.
        """
        ...

    def value(self, path: str, distribution: Distribution) -> float | int:
        """A value of a range, to the digits that ``at`` gives."""
        ...


Decisions: TypeAlias = "dict[str, float | int]"
"""The decisions that make a trial: for each path a position, or a value of a range."""


def paths_of(axes: Sequence[Axis]) -> list[str]:
    """The paths of all parameters, each once, in the order of the axes."""
    found: dict[str, None] = {}
    for axis in axes:
        if isinstance(axis, Union):
            found[axis.selector.path] = None
            for branch in axis.branches:
                found.update(dict.fromkeys(paths_of(branch)))
        elif isinstance(axis, Linked):
            found.update(dict.fromkeys(each.path for each in axis.parameters))
        else:
            found[axis.path] = None
    return list(found)


def constants_in_branches(axes: Sequence[Axis]) -> list[str]:
    """The paths of values that are constant in a branch, so trials of other branches lack them or have others."""
    unions = list(_unions(axes))
    selectors = {union.selector.path for union in unions}
    varied = paths_of(axes)
    found = dict.fromkeys(path for union in unions for constants in union.constants for path in _leaves(constants, ""))
    return [
        path
        for path in found
        if not any(
            path == other or other.startswith(f"{path}.") or (path.startswith(f"{other}.") and other not in selectors)
            for other in varied
        )
    ]


def _unions(axes: Sequence[Axis]) -> Iterator[Union]:
    """All unions, also those in branches."""
    for axis in axes:
        if isinstance(axis, Union):
            yield axis
            for branch in axis.branches:
                yield from _unions(branch)


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
