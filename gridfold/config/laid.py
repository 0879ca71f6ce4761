"""A config with what is laid over it: what the command line says, and what ``gridfold.space`` says by path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import yaml

from gridfold.config.config import Config
from gridfold.config.document import Document, holders
from gridfold.config.forms import Branches, taken
from gridfold.config.known import SECTION
from gridfold.config.origin import Origin
from gridfold.config.overrides import Variation, check_known, check_paths, check_settable, from_file
from gridfold.config.syntax import EMPTY
from gridfold.config.tag_checks import check_plain
from gridfold.config.tags import WORDS
from gridfold.config.text_edits import replaced
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import Tagged
from gridfold.space.parameters import ListedParameter

_SPACE = f"{SECTION}.space"


def lay(config: Config, variations: Sequence[Variation]) -> tuple[Config, tuple[Variation, ...]]:
    """The config with the unions that are laid over it in place, and all else that is laid over it.

    What is given for a path, or for what holds it, counts instead of what ``gridfold.space`` says of it.

    Raises:
        ConfigError: a variation does not fit the config.
    """
    given = {variation.path for variation in variations}
    own = [each for each in of_space(config) if given.isdisjoint((each.path, *holders(each.path)))]
    everything = [_checked(config, each) for each in (*own, *variations)]
    unions = {each.path: each.parameter.union for each in everything if isinstance(each.parameter, Branches)}
    others = tuple(each for each in everything if each.path not in unions)
    if unions:
        placed = [each for each in everything if each.path in unions]
        check_known(placed, config)
        check_settable(placed)
        config = _with_unions(config, unions)
    check_paths(others, config)
    return config, others


def of_space(config: Config) -> tuple[Variation, ...]:
    """What ``gridfold.space`` says.

    Raises:
        ConfigError: a path takes nothing that varies.
    """
    place = config.document.places.get(_SPACE)
    return () if place is None or config.settings.space is None else tuple(_below(config, place.node, ""))


def _below(config: Config, node: yaml.Node, prefix: str) -> Iterator[Variation]:
    document = config.document
    assert isinstance(node, yaml.MappingNode)
    for key, inner in document.items(node):
        name = f"{document.key(key)}"
        path = f"+{prefix}{name[1:]}" if name.startswith("+") else f"{prefix}{name}"
        where, value = document.where(inner), document.tagged(inner)
        found = taken(path.removeprefix("+"), value, where)
        if isinstance(found, ListedParameter) or (found is None and isinstance(value, list)):
            check_plain(document, inner, f"{_SPACE}.{path}")
        if found is None and isinstance(value, list):
            found = ListedParameter(path.removeprefix("+"), tuple(document.value(inner)), where, is_linked=True)
        if found is not None:
            yield from_file(path, found)
        elif isinstance(inner, yaml.MappingNode) and inner.value and not isinstance(value, Tagged):
            _check_word(config, path, value, where)
            yield from _below(config, inner, f"{path}.")
        else:
            hint = "such as [1e-4, 1e-5], or !log [1e-6, 1e-3], or the same in words: {log: [1e-6, 1e-3]}"
            problem = "expected a list of values, a range, or a union"
            raise ConfigError(problem, path=f"{_SPACE}.{path}", where=where, hint=hint)


def _check_word(config: Config, path: str, value: Mapping[str, Any], where: str) -> None:
    """Whether a mapping is a section of the config, and not a range in a word that is misspelt.

    Raises:
        ConfigError: it is such a range.
    """
    word, *others = value
    near = nearest(str(word), WORDS)
    if not others and not config.has(f"{path}.{word}") and near.startswith("did you mean"):
        raise ConfigError(f"no such word: '{word}'", path=f"{_SPACE}.{path}", where=where, hint=near)


def _checked(config: Config, variation: Variation) -> Variation:
    """A variation whose values differ, unless they are linked to those of others."""
    parameter = variation.parameter
    if not isinstance(parameter, ListedParameter) or not parameter.is_linked:
        return variation
    return replace(variation, parameter=replace(parameter, is_linked=parameter.path in config.linked))


def _with_unions(config: Config, unions: Mapping[str, Any]) -> Config:
    text, origin = replaced(config.document, unions)
    return replace(config, document=parse_edited(text, config, list(unions), origin))


def parse_edited(text: str, config: Config, given: Sequence[str], origin: Origin | None = None) -> Document:
    """The document that a config's text is with other values in it.

    Args:
        text: the text.
        config: the config.
        given: the paths of the values.
        origin: where the text comes from.

    Raises:
        ConfigError: it is none; says which value cannot stand there.
    """
    try:
        return Document.parse(text, config.document.name, origin)
    except ConfigError as error:
        undefined = re.search(r"undefined alias '([^']+)'", error.problem)
        if error.problem == EMPTY:
            hint = "write what a run is to get beside it, such as 'lr: [0.1, 0.2]'"
            raise ConfigError(f"there is nothing but the section {SECTION}", where=error.where, hint=hint) from None
        if undefined is None:
            raise _unwritable(config, given) from None
        raise ConfigError(
            f"the anchor &{undefined[1]} stands inside a value that is replaced, but *{undefined[1]} uses it elsewhere",
            where=config.document.name,
            hint="move the anchor out of the swept list" + (f", or vary a path inside {given[0]}" if given else ""),
        ) from None


def _unwritable(config: Config, given: Sequence[str]) -> ConfigError:
    """A change that is not YAML any more where it stands: what gridfold made of the text is nobody's concern."""
    paths = given or config.varied_paths
    for place in filter(None, map(config.document.places.get, given)):
        into = None if place.spot else next(config.document.merging(place.node), None)
        if into is not None:
            first = next((inner.path for inner in config.document.below(place.path)), f"+{place.path}.key")
            problem = f"is merged (<<) into {into.path or 'the top level'}, so it takes no other values as a whole"
            where = config.document.where(place.node)
            return ConfigError(problem, path=place.path, where=where, hint=f"vary what is in it, such as {first}")
    hint = "write each as 'key: value' on a line of its own"
    where = config.where(paths[0]) if paths else config.document.name
    return ConfigError("cannot place values here", path=", ".join(paths[:3]), where=where, hint=hint)
