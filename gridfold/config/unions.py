"""How a trial says which branch of a union it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gridfold.config.config import Config, is_within
from gridfold.config.document import Place, holders
from gridfold.config.forms import Taken
from gridfold.config.overrides import Variation
from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, first_repeat, render
from gridfold.space.parameters import ListedParameter

_NAMES = ("name", "type", "_target_", "class", "kind", "model", "id")  # that a branch usually has


def selector_of(config: Config, union: Place) -> ListedParameter:
    """The path at which trials say which branch of a union they have, and what they say for each.

    That is a key which all branches have, each with another value, such as ``optimizer.name``. If there is none, it is
    the path of the union: a branch that is a value says it, any other has a short label.

    Raises:
        ConfigError: two branches are equal.
    """
    where = config.document.where(union.node)
    _check_distinct(config, union)
    branches = config.branches(union)
    key = next(_distinct_keys(union, branches), None)
    if key is None:
        return ListedParameter(union.path, tuple(_labels(union, branches)), where)
    path = f"{union.path}.{key}"
    return ListedParameter(path, tuple(_value(branch, path) for branch in branches), where)


def chosen_branches(selector: ListedParameter, union: Place, given: Mapping[str, Taken]) -> tuple[int, ...] | None:
    """The branches that are left where values are given for what says the branch; None if none are given.

    Raises:
        ConfigError: a value says no branch.
    """
    found = given.get(selector.path)
    if found is None or (selector.path == union.path and not _says_branches(found, selector)):
        return None
    if found.values is None:
        problem = "says which branch a trial has, so it takes no range"
        raise ConfigError(problem, path=selector.path, where=found.where)
    return tuple(map(selector.position, found.values))


def _says_branches(found: Taken, selector: ListedParameter) -> bool:
    """Whether values at the path of a union choose among its branches, instead of replacing it."""
    known = {canonical(value) for value in selector.values}
    return found.values is not None and any(canonical(value) in known for value in found.values)


def _check_distinct(config: Config, union: Place) -> None:
    branches = [config.document.tagged(node) for node in union.node.value]
    position = first_repeat(branches)
    if position is not None:
        where = config.document.where(union.node.value[position])
        problem = f"the branch {render(branches[position]):.80} appears twice"
        raise ConfigError(problem, path=union.path, where=where, hint="remove one")


def _distinct_keys(union: Place, branches: Sequence[Config]) -> Iterator[str]:
    """The keys that tell branches apart, the best first."""
    first, *others = [_scalars(union, branch) for branch in branches]
    keys = [key for key in first if all(key in other for other in others)]
    keys.sort(key=lambda key: (key not in _NAMES, not isinstance(first[key], str)))
    for key in keys:
        if first_repeat([each[key] for each in (first, *others)]) is None:
            yield key


def _scalars(union: Place, branch: Config) -> dict[str, Any]:
    """The keys of a branch that have one value."""
    node = branch.document.places[union.path].node
    if not isinstance(node, yaml.MappingNode):
        return {}
    items = branch.document.items(node)
    return {key.value: branch.document.value(value) for key, value in items if isinstance(value, yaml.ScalarNode)}


def _value(branch: Config, path: str) -> Any:
    return branch.document.value(branch.document.places[path].node)


def _labels(union: Place, branches: Sequence[Config]) -> list[Any]:
    """What says each branch: its value, or a short text."""
    labels: list[Any] = []
    for branch in branches:
        label = _label(union, branch)
        known = {canonical(each) for each in labels}
        number, text = 2, label
        while canonical(text) in known:
            text, number = f"{label}-{number}", number + 1
        labels.append(text)
    return labels


def _label(union: Place, branch: Config) -> Any:
    value = _value(branch, union.path)
    if not _varies(union, branch) and not isinstance(value, dict):
        return value
    scalars = _scalars(union, branch)
    texts = [each for each in scalars.values() if isinstance(each, str)]
    if scalars:
        return texts[0] if texts else f"{next(iter(scalars))}-{render(next(iter(scalars.values())))}"
    return str(next(iter(value), "empty")) if isinstance(value, dict) else f"list-of-{len(value)}"


def _varies(union: Place, branch: Config) -> bool:
    own = [*(each.path for each in branch.parameters), *(each.path for each in branch.unions)]
    return any(is_within(path, [union.path]) for path in own)


@dataclass(frozen=True)
class Left:
    """A union of which trials have one branch or another.

    Attributes:
        path: of the union, in the config in which the branches around it are chosen.
        selector: what says the branch.
        usual: the branch of a trial that does not say it.
        inner: the unions in each branch.
    """

    path: str
    selector: ListedParameter
    usual: int
    inner: tuple[tuple[Left, ...], ...]


Chosen = dict[tuple[str, ...], int]
"""A branch of each union, by its path; and of unions in branches, behind the paths of the unions around it."""


def unions_left(config: Config, variations: Sequence[Variation]) -> tuple[Left, ...]:
    """The unions that are not replaced by what is laid over a config.

    Raises:
        ConfigError: two branches are equal, or a variation chooses no branch.
    """
    return tuple(_left(config, config.unions, variations))


def _left(config: Config, unions: Iterable[Place], variations: Sequence[Variation]) -> Iterator[Left]:
    given = {variation.path: variation.parameter for variation in variations}
    for union in unions:
        if not given.keys().isdisjoint(holders(union.path)):
            continue
        selector = selector_of(config, union)
        indices = chosen_branches(selector, union, given)
        if indices is not None or union.path not in given:
            inner = []
            for branch in config.branches(union):
                inside = [each for each in branch.unions if is_within(each.path, [union.path])]
                inner.append(tuple(_left(branch, inside, variations)))
            yield Left(union.path, selector, indices[0] if indices else 0, tuple(inner))


def chosen(unions: Iterable[Left], params: Mapping[str, Any], around: tuple[str, ...] = ()) -> Chosen:
    """Which branches a trial has.

    Raises:
        ConfigError: it names none.
    """
    found: Chosen = {}
    for union in unions:
        path, said = (*around, union.path), union.selector.path
        found[path] = union.selector.position(params[said]) if said in params else union.usual
        found |= chosen(union.inner[found[path]], params, path)
    return found


def with_chosen(config: Config, branches: Chosen) -> Config:
    """The config with these branches instead of its unions."""
    for depth in range(1, 1 + max(map(len, branches), default=0)):
        config = config.with_branches({path[-1]: index for path, index in branches.items() if len(path) == depth})
    return config


def selectors_of(unions: Iterable[Left], branches: Chosen, around: tuple[str, ...] = ()) -> set[str]:
    """The paths that say which branches a trial has."""
    found: set[str] = set()
    for union in unions:
        path = (*around, union.path)
        found |= {union.selector.path, *selectors_of(union.inner[branches[path]], branches, path)}
    return found
