"""Texts that look like numbers: strings to OmegaConf and PyYAML, and numbers to other loaders, or to people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from gridfold.config.document import Document, Place
from gridfold.core.values import render

_FIRST = frozenset("+-.0123456789iInN\N{MINUS SIGN}\N{EN DASH}")
_LONGEST = 40
_STRING = "tag:yaml.org,2002:str"
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_OTHER_BASE = re.compile(r"[-+]?0[oOxXbB][0-9a-fA-F_]+", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[-+]?0,0\d+", re.ASCII)  # not 0,1: that may be two GPUs
_NOT_FINITE = re.compile(r"[-+]?(?:inf(?:inity)?)|nan", re.IGNORECASE)
_MINUS = re.compile("^[\N{MINUS SIGN}\N{EN DASH}]|(?<=[eE])[\N{MINUS SIGN}\N{EN DASH}]")


def texts_like_numbers(document: Document) -> Iterator[tuple[Place, str]]:
    """The values of a document that are texts without quotes and look like numbers, with what to say of each."""
    seen = set()
    for place in document.places.values():
        node = place.node
        if isinstance(node, yaml.ScalarNode) and node.style is None and node not in seen and _is_text(node):
            seen.add(node)
            number = number_meant(node.value)
            if number is not None:
                quoted = render(node.value)
                quoted = quoted if quoted != node.value else f"'{node.value}'"
                yield place, f"{node.value} is read as a string: write {render(number)}, or {quoted} if a text is meant"


def _is_text(node: yaml.ScalarNode) -> bool:
    return node.value[:1] in _FIRST and len(node.value) <= _LONGEST and node.tag == _STRING


def number_meant(text: str) -> Any:
    """The number that a text would be to a person or to another loader; None if it is none."""
    text = _MINUS.sub("-", text)
    if _OTHER_BASE.fullmatch(text):
        return _of_other_base(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    elif _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _of_other_base(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
