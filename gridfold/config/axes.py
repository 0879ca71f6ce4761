"""What varies when values are laid over a config, as the axes of a space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import yaml

from gridfold.config.changes import with_changes
from gridfold.config.config import Config, is_within
from gridfold.config.document import Place, holders
from gridfold.config.forms import Branches, Taken
from gridfold.config.overrides import Variation
from gridfold.config.unions import chosen_branches, selector_of
from gridfold.core.errors import ConfigError
from gridfold.space.axes import Axis, Union
from gridfold.space.parameters import ListedParameter


def axes_of(config: Config, variations: Sequence[Variation]) -> tuple[Axis, ...]:
    """What varies when variations, none of which is a union, are laid over a config.

    What varies in the file keeps its order; what only a variation makes vary follows in its order: in each branch that
    has the path, and behind all others where no branch has it.

    Raises:
        ConfigError: two values of a list, or two branches, are equal; or a variation chooses no branch.
    """
    return tuple(_axes(config, variations, None))


def _axes(config: Config, variations: Sequence[Variation], within: Sequence[str] | None) -> Iterator[Axis]:
    """What varies, or what of it is at and below some paths."""
    given = {variation.path: variation for variation in variations}
    seen = set()
    for each in _in_file_order(config, variations):
        if (within is not None and not is_within(each.path, within)) or not given.keys().isdisjoint(holders(each.path)):
            continue
        seen.add(each.path)
        if isinstance(each, Place):
            yield from _of_union(config, each, variations)
        elif each.path not in given:
            yield each
        elif not given[each.path].is_pin:
            yield _axis(given[each.path].parameter)
    for variation in variations:
        is_here = within is None or any(variation.path.startswith(f"{path}.") for path in within)
        if is_here and variation.path not in seen and not variation.is_pin and _applies(config, variation, within):
            yield _axis(variation.parameter)


def _axis(parameter: Taken) -> Axis:
    assert not isinstance(parameter, Branches)  # it is in the config
    return parameter


def _in_file_order(config: Config, variations: Sequence[Variation]) -> Sequence[Any]:
    """Parameters and unions outside of branches, and what ``gridfold.space`` makes vary, each where its path stands."""
    order = {path: position for position, path in enumerate(config.document.places)}
    own = {each.path: each for each in (*config.parameters, *config.unions)}
    laid = {each.path: _axis(each.parameter) for each in variations if each.in_file and not each.is_pin}
    here = {path: axis for path, axis in laid.items() if path in order and config.union_around(path) is None}
    return sorted((here | own).values(), key=lambda each: order[each.path])


def _of_union(config: Config, union: Place, variations: Sequence[Variation]) -> Iterator[Axis]:
    """The axis of a union, or of the values that replace it."""
    given = {variation.path: variation for variation in variations}
    selector = selector_of(config, union)
    chosen = chosen_branches(selector, union, {path: each.parameter for path, each in given.items()})
    if chosen is None and union.path in given:
        if not given[union.path].is_pin:
            yield _axis(given[union.path].parameter)
        return
    others = [variation for variation in variations if variation.path not in (selector.path, union.path)]
    indices = range(len(selector.values)) if chosen is None else chosen
    branches = [settled(config.branches(union)[index], others) for index in indices]
    axes = tuple(tuple(_axes(branch, others, config.union_paths(union))) for branch in branches)
    left = ListedParameter(selector.path, tuple(selector.values[index] for index in indices), selector.where)
    constants = (constants_of(branch, others, config.union_paths(union)) for branch in branches)
    yield Union(left, axes, tuple(constants))


def settled(config: Config, variations: Sequence[Variation]) -> Config:
    """The config without unions of which only one branch is left."""
    given = {variation.path: variation.parameter for variation in variations}
    while True:
        single = {}
        for union in config.unions:
            if given.keys().isdisjoint(holders(union.path)):
                chosen = chosen_branches(selector_of(config, union), union, given)
                if len(chosen or ()) == 1 or (
                    chosen is None and len(union.node.value) == 1 and union.path not in given
                ):
                    single[union.path] = chosen[0] if chosen else 0
        if not single:
            return config
        config = config.with_branches(single)


def constants_of(
    config: Config, variations: Sequence[Variation], within: Sequence[str] | None = None
) -> Mapping[str, Any]:
    """What a config has where nothing varies, or what of it is at some paths: by dotted path, values inside values."""
    pins = [each for each in variations if each.is_pin and _applies(config, each, within)]
    data: dict[str, Any] = config.data
    for pin in pins:
        with suppress(ConfigError):  # whoever writes the config says that it cannot be placed
            data = with_changes(data, [(_keys(config, pin.path), pin.values[0])])
    if within is None:
        return data
    return {path: _at(data, _keys(config, path)) for path in within}


def _keys(config: Config, path: str) -> list[Any]:
    """The keys and positions that lead to a path of a config, or to one that is added."""
    keys: list[Any] = []
    while path and (place := config.document.places.get(path)) is None:
        path, _, key = path.rpartition(".")
        keys.append(key)
    while path:
        place = config.document.places[path]
        keys.append(
            int(path[len(place.holder) :].removeprefix(".")) if place.key is None else config.document.key(place.key)
        )
        path = place.holder
    return keys[::-1]


def _at(data: Any, keys: Sequence[Any]) -> Any:
    for key in keys:
        data = data[key]
    return data


def _applies(config: Config, variation: Variation, within: Sequence[str] | None) -> bool:
    """Whether a variation is about what a config has, and not about a branch that it leaves open."""
    return config.union_around(variation.path) is None and (within is None or applies(config, variation))


def applies(config: Config, variation: Variation) -> bool:
    """Whether a variation can be laid over a config whose branches are chosen: others may lack its path."""
    if variation.path in config.document.places:
        return True
    if not variation.add:
        return False
    known = next(path for path in (*holders(variation.path), "") if path in config.document.places)
    node = config.document.places[known].node
    return isinstance(node, yaml.MappingNode)
