"""The tags of the config language: what keeps a list as it is, and what varies."""

from __future__ import annotations

import yaml

from gridfold.config.ranges import KINDS

_YAML = "tag:yaml.org,2002:"
FIXED_TAG = "!fixed"
CHOICE_TAG = "!choice"
UNION_TAG = "!one_of"
RANGE_TAGS = frozenset(f"!{word}" for word in KINDS)
VARYING_TAGS = RANGE_TAGS | {CHOICE_TAG, UNION_TAG}
OWN_TAGS = VARYING_TAGS | {FIXED_TAG}
WORDS = frozenset(tag[1:] for tag in VARYING_TAGS)  # the same, as keys of a mapping

# What is to follow each tag.
EXAMPLES = {
    **{f"!{word}": kind.example for word, kind in KINDS.items()},
    FIXED_TAG: "!fixed [0.9, 0.999]",
    CHOICE_TAG: "!choice [[64, 32], [128]]",
    UNION_TAG: "!one_of [{name: adamw}, {name: sgd, momentum: [0, 0.9]}]",
}


def is_union(node: yaml.Node) -> bool:
    """Whether a node is a union: branches, of which a trial takes one."""
    return bool(node.tag == UNION_TAG)


def is_varying(node: yaml.Node) -> bool:
    """Whether a node varies by its tag: a range, a choice, or a union."""
    return node.tag in VARYING_TAGS


def shown(tag: str) -> str:
    """A tag as people write it."""
    if tag.startswith(_YAML):
        return f"!!{tag.removeprefix(_YAML)}"
    return tag if tag.startswith("!") else f"!<{tag}>"


def is_structure(node: yaml.SequenceNode) -> bool:
    """Whether a list has a mapping directly in it, or a union of some: what varies is looked for inside."""
    return any(isinstance(item, yaml.MappingNode) or _is_of_structure(item) for item in node.value)


def _is_of_structure(item: yaml.Node) -> bool:
    return is_union(item) and isinstance(item, yaml.SequenceNode) and is_structure(item)
