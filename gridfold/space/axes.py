"""What a trial decides, one decision for each axis (pure).

A space is a product of axes. An axis is a parameter; or parameters that are linked, which take their values together;
or a union, of which a trial takes one branch, with the axes of that branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gridfold.space.parameters import Distribution, ListedParameter, RangeParameter


@dataclass(frozen=True)
class Linked:
    """Parameters that take their values together: the first of each, the second of each, and so on.

    Attributes:
        parameters: at least two, with as many values each.
    """

    parameters: tuple[ListedParameter, ...]


@dataclass(frozen=True)
class Union:
    """Branches, of which a trial takes one.

    Attributes:
        selector: the path at which a trial says which one it takes, and what it says there for each branch.
        branches: the axes that each of them has; no two paths of one branch are the same.
    """

    selector: ListedParameter
    branches: tuple[tuple[Axis, ...], ...]


Axis: TypeAlias = "ListedParameter | RangeParameter | Linked | Union"


def name_of(axis: Axis) -> str:
    """The path that stands for an axis: of linked parameters the first."""
    if isinstance(axis, Union):
        return axis.selector.path
    return axis.parameters[0].path if isinstance(axis, Linked) else axis.path


class Chooser(Protocol):
    """Makes the decisions of a trial; is asked for those only that the trial has, in the order of the axes."""

    def position(self, path: str, count: int, *, ordered: bool) -> int:
        """Which of some alternatives, from 0.

        Args:
            path: stands for the axis (see ``name_of``).
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
