"""Whether each tag of a document can stand where it does."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from gridfold.config.document import PLAIN_COLLECTIONS, PLAIN_SCALARS, Document, Place, holders, is_foreign, nodes
from gridfold.config.ranges import read_range
from gridfold.config.tags import (
    CHOICE_TAG,
    EXAMPLES,
    FIXED_TAG,
    OWN_TAGS,
    RANGE_TAGS,
    UNION_TAG,
    is_structure,
    is_union,
    is_varying,
    shown,
)
from gridfold.core.errors import ConfigError, nearest

_SECTION = "gridfold"
_BY_PATH = f"{_SECTION}.space"  # what varies, by its path
_PASS_ON = "to pass tags on to a loader of your own, write gridfold: {tags: keep}"
TYPED = f"tags for another loader only stand in the config (gridfold: {{tags: keep}}), to vary in {UNION_TAG} [...]"


def check_tags(document: Document, *, keep: bool = False, foreign: str = _PASS_ON) -> None:
    """Check all of them.

    Args:
        document: holds them.
        keep: whether tags are allowed that are for another loader.
        foreign: what to do about such a tag, if they are not.

    Raises:
        ConfigError: one cannot stand where it does.
    """
    for place in document.places.values():
        for node in filter(None, (place.key, place.node)):
            if not (_is_plain(node) or (keep and is_foreign(node) and node is not place.key)):
                raise _bad_tag(document, node, place, foreign)
        if is_varying(place.node):
            _check_varying(document, place)
            if keep and place.node.tag == CHOICE_TAG:
                check_plain(document, place.node, place.path)


def check_plain(document: Document, values: yaml.Node, path: str) -> None:
    """Whether values of which a run gets one have no tag for another loader, which is lost outside of the text.

    Raises:
        ConfigError: one has such a tag.
    """
    for node in nodes(values):
        if is_foreign(node):
            problem = f"values with {shown(node.tag)}, a tag for another loader, vary only as branches"
            hint = f"write them as {UNION_TAG} [...]"
            raise ConfigError(problem, path=path, where=document.where(values), hint=hint)


def _is_plain(node: yaml.Node) -> bool:
    """Whether a node is a value as every loader knows it, or has a tag of gridfold that suits it."""
    if not isinstance(node, yaml.CollectionNode):
        return node.tag in PLAIN_SCALARS
    suits = isinstance(node, yaml.SequenceNode) or node.tag == FIXED_TAG
    return node.tag in PLAIN_COLLECTIONS or (suits and node.tag in OWN_TAGS)


def _bad_tag(document: Document, node: yaml.Node, place: Place, foreign: str) -> ConfigError:
    tag = shown(node.tag)
    problem = f"the tag {tag} cannot stand here"
    if node is place.key:
        hint = "write the key without it"
    elif tag in EXAMPLES:
        found = (
            "a mapping" if isinstance(node, yaml.MappingNode) else f"{node.value!r:.60}" if node.value else "nothing"
        )
        hint = f"it stands before a list, such as {EXAMPLES[tag]}; found {found}"
    else:
        hint = _hint(tag, node, foreign)
    return ConfigError(problem, path=place.path, where=document.where(node), hint=hint)


def _hint(tag: str, node: yaml.Node, foreign: str) -> str:
    word, words = tag.lstrip("!"), [own[1:] for own in OWN_TAGS]
    near = nearest(word, words) if word in words or not tag.startswith("!!") else ""  # those are tags of YAML
    near = near.replace("'", "'!", 1) if near.startswith("did you mean") else ""
    if not is_foreign(node):
        return near or f"configs hold plain values; tags of gridfold are {', '.join(sorted(OWN_TAGS))}, before a list"
    first = (
        f"for a list that is one value, write {FIXED_TAG} [...]\n" if tag == "!!python/tuple" else near and f"{near}\n"
    )
    return f"{first}{foreign}"


def _check_varying(document: Document, place: Place) -> None:
    """Whether a range, a choice or a union can stand here.

    Raises:
        ConfigError: it cannot.
    """
    tag = place.node.tag
    where = document.where(place.node)
    for problem, hint in _problems(document, place):
        raise ConfigError(f"{tag} {problem}", path=place.path, where=where, hint=hint)
    if tag in RANGE_TAGS:
        read_range(tag[1:], document.value(place.node), place.path, where)
    elif not place.node.value:
        problem = f"{tag} has no {'branches' if is_union(place.node) else 'values'}"
        raise ConfigError(problem, path=place.path, where=where, hint=f"such as {EXAMPLES[tag]}")


def _problems(document: Document, place: Place) -> Iterator[tuple[str, str]]:
    if place.path.split(".")[0] == _SECTION and not place.path.startswith(f"{_BY_PATH}."):
        yield "cannot stand in a setting of gridfold", f"write it where the value stands, or in {_BY_PATH}"
    for path in holders(place.path):
        holder = document.places[path].node
        if is_union(holder):
            yield from _of_branch(place, path)
            return
        if holder.tag in OWN_TAGS:
            yield f"cannot stand inside {holder.tag}", "its values are taken as they are"
        if isinstance(holder, yaml.SequenceNode) and not is_structure(holder):
            what = f"cannot stand inside a list of values, of {path}"
            yield what, f"write it before the whole list: {place.node.tag} [...]"


def _of_branch(place: Place, union: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a tag in a branch: a branch cannot itself vary, but what is in it can."""
    if place.holder != union:
        return
    if place.node.tag == CHOICE_TAG:
        yield "cannot be a branch", f"write its values as branches of the {UNION_TAG}"
    elif is_union(place.node):
        yield "cannot be a branch", f"write its branches among those of the outer {UNION_TAG}"
    else:
        yield "cannot be a branch", "a branch is a value, or a mapping in which values vary: {rate: !uniform [0, 0.5]}"
