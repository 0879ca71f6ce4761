"""Linked parameters: which of a space's parameters take their values together (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gridfold.core.errors import ConfigError, nearest
from gridfold.space.axes import Axis, Linked, Union, paths_of
from gridfold.space.parameters import ListedParameter


@dataclass(frozen=True)
class Link:
    """Paths whose parameters vary together, value by value.

    Attributes:
        paths: at least two.
        where: ``file:line:column``.
    """

    paths: tuple[str, ...]
    where: str = field(default="", compare=False)


def link(axes: Sequence[Axis], links: Sequence[Link]) -> tuple[Axis, ...]:
    """The axes, with those parameters as one axis that vary together; it stands where the first of them stood.

    Raises:
        ConfigError: a path is in two links, does not vary, is a range or chooses a branch; parameters of several
            branches are linked; lists have different lengths.
    """
    _check(axes, links)
    found, left = _linked(tuple(axes), links)
    for each in left:
        raise ConfigError(
            "cannot be linked: they are not in the same branch",
            path=", ".join(each.paths),
            where=each.where,
            hint="link parameters that trials have together: all of one branch, or all outside of branches",
        )
    return found


def _linked(axes: tuple[Axis, ...], links: Sequence[Link]) -> tuple[tuple[Axis, ...], list[Link]]:
    """The axes with the links between them made, and the links that are not."""
    here = {axis.path: axis for axis in axes if isinstance(axis, ListedParameter)}
    made = {
        each: Linked(tuple(parameter for path, parameter in here.items() if path in each.paths), each.where)
        for each in links
        if here.keys() >= {*each.paths}
    }
    left = [each for each in links if each not in made]
    of_path = {path: linked for each, linked in made.items() for path in each.paths}
    found: list[Axis] = []
    for axis in axes:
        if isinstance(axis, Union):
            branches = []
            for branch in axis.branches:
                inner, left = _linked(branch, left)
                branches.append(inner)
            found.append(Union(axis.selector, tuple(branches), axis.constants))
        elif isinstance(axis, ListedParameter) and axis.path in of_path:
            linked = of_path[axis.path]
            found += [linked] if axis is linked.parameters[0] else []
        else:
            found.append(axis)
    return tuple(found), left


def _check(axes: Sequence[Axis], links: Sequence[Link]) -> None:
    kinds = _kinds(axes)
    seen: dict[str, Link] = {}
    for each in links:
        if len(each.paths) < 2:
            raise ConfigError("a link is of two paths or more", path=", ".join(each.paths), where=each.where)
        for path in each.paths:
            if path in seen:
                hint = "write it once" if seen[path] is each else "put all that vary together into one link"
                raise ConfigError("is linked twice", path=path, where=each.where, hint=hint)
            seen[path] = each
            if path not in kinds:
                raise ConfigError("does not vary", path=path, where=each.where, hint=nearest(path, paths_of(axes)))
            if kinds[path]:
                raise ConfigError(f"{kinds[path]}, so it cannot be linked", path=path, where=each.where)


def _kinds(axes: Sequence[Axis]) -> dict[str, str]:
    """Every path, and what it is if it cannot be linked."""
    found: dict[str, str] = {}
    for axis in axes:
        if isinstance(axis, Union):
            found[axis.selector.path] = "says which branch a trial takes"
            for branch in axis.branches:
                found |= _kinds(branch)
        elif isinstance(axis, Linked):
            found |= {each.path: "is linked already" for each in axis.parameters}
        else:
            found[axis.path] = "" if isinstance(axis, ListedParameter) else "is a range without a list of values"
    return found
