"""What a YAML scalar means, and how a value is written so that every loader reads it alike.

Three loaders matter: PyYAML's ``safe_load`` (YAML 1.1), OmegaConf, and YAML 1.2 loaders. They disagree about ``1e-7``,
``no``, ``010``, ``12:30``, ``2024-01-01`` and more. gridfold reads what OmegaConf reads, and writes only what all three
read alike.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from gridfold.core.values import Tagged, is_json, plain, writable

_TAG = "tag:yaml.org,2002:"
_NUMBER_START = list("-+.0123456789_")
_NOTHING = frozenset({"none", "na", "n/a", "#n/a", "<na>", "nan", "-nan"})  # besides YAML's null, to readers of CSV

# An exponent makes a float, also without a dot or a sign (1e-7), as in YAML 1.2 and OmegaConf.
_EXPONENT_FLOAT = re.compile(r"[-+]?[0-9](?:_?[0-9])*(?:\.[0-9_]*)?[eE][-+]?[0-9]+$")
# What at least one loader may read as a number: a string of this form is written in quotes.
_NUMBER_LIKE = re.compile(
    r"""(?:[-+]?(?=\.?[0-9_])[0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?0[box][0-9a-fA-F_]+
    |[-+]?[0-9_]+(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)$""",
    re.VERBOSE,
)
_PORTABLE = {
    f"{_TAG}int": re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"),
    f"{_TAG}float": re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"),
    f"{_TAG}bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"),
    f"{_TAG}null": re.compile(r"(?:~|null|Null|NULL|)$"),
    f"{_TAG}merge": re.compile(r"<<$"),
}


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with OmegaConf's reading of scalars: ``1e-7`` is a float, a date is a string."""

    # Dates and a lone "=" are strings here; "=" has no constructor in PyYAML and raises.
    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to configure a loader
        first: [(tag, regexp) for tag, regexp in resolvers if tag not in (f"{_TAG}timestamp", f"{_TAG}value")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


Loader.add_implicit_resolver(f"{_TAG}float", _EXPONENT_FLOAT, list("-+0123456789"))


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper that quotes every string which some loader reads as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_implicit_resolver(f"{_TAG}float", _NUMBER_LIKE, _NUMBER_START)
_Dumper.add_implicit_resolver(f"{_TAG}bool", re.compile(r"[yYnN]$"), list("yYnN"))


def _represent_str(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Line breaks and unprintable characters survive every loader in double quotes only.
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _represent_str)


def _represent_tagged(dumper: yaml.SafeDumper, tagged: Tagged) -> yaml.Node:
    ((tag, value),) = tagged.items()
    node = dumper.represent_data(value)
    node.tag = f"{_TAG}{tag[2:]}" if tag.startswith("!!") else tag[2:-1] if tag.startswith("!<") else tag
    return node


_Dumper.add_representer(Tagged, _represent_tagged)


def is_portable(node: yaml.ScalarNode) -> bool:
    """Whether every loader reads this scalar, as it stands in the text, as the same value of the same type."""
    if node.style is not None:  # quoted, or a block: a string everywhere, but for escapes that not all loaders join
        return bool(writable(node.value) == node.value)
    if node.tag == f"{_TAG}str":
        others = yaml.SafeLoader.yaml_implicit_resolvers.get(node.value[:1], [])
        return not _NUMBER_LIKE.match(node.value) and not any(regexp.match(node.value) for _, regexp in others)
    return bool(_PORTABLE[node.tag].match(node.value))


# A string that stands for itself, unless it is a word such as "no"; short enough to be a key.
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,99}\Z")


def render(value: Any) -> str:
    """The value as one line of YAML that fits anywhere in a document, also inside ``[...]`` and ``{...}``."""
    try:
        return _render(value)
    except LookupError:
        text: str = yaml.dump(
            [value], Dumper=_Dumper, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
        )
        return text.strip()[1:-1]


def _render(value: Any) -> str:
    """What PyYAML makes of a simple value, many times faster; LookupError if it is not simple."""
    return _RENDER[type(value)](value)


def _render_float(value: float) -> str:
    if not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[repr(value)]
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e", 1)


def _render_str(text: str) -> str:
    resolvers = _Dumper.yaml_implicit_resolvers.get(text[:1], [])
    if not _WORD.match(text) or any(regexp.match(text) for _, regexp in resolvers):
        raise LookupError(text)
    return text


_RENDER: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: str,
    float: _render_float,
    str: _render_str,
    list: lambda values: f"[{', '.join(map(_render, values))}]",
    dict: lambda items: "{" + ", ".join(f"{_render(key)}: {_render(value)}" for key, value in items.items()) + "}",
}


def render_block(mapping: Mapping[str, Any]) -> str:
    """A mapping as a YAML document, a key on each line."""
    text: str = yaml.dump(
        plain(mapping),
        Dumper=_Dumper,
        default_flow_style=False,
        width=float("inf"),
        allow_unicode=True,
        sort_keys=False,
    )
    return text


def cell(value: Any) -> Any:
    """The value as a cell of a table that has nothing but texts.

    Numbers and booleans are as Python writes them, null is ``null``, a list or a mapping is JSON, or YAML where JSON
    cannot hold it. A text stands as it is, but in quotes if it would be read as something else: ``'1'``, ``'null'``.
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(value, ensure_ascii=False) if is_json(value) else render(value)
    return "null" if value is None else value


def quoted(text: str) -> str:
    """The text, in quotes as YAML has them if it could be taken for another value: a number, a list, nothing."""
    if not _reads_otherwise(text):
        return text
    return "'" + text.replace("'", "''") + "'" if text.isprintable() else render(text)


def _reads_otherwise(text: str) -> bool:
    if text[:1] in ("", "'", '"', "[", "{") or text.casefold() in _NOTHING or _NUMBER_LIKE.match(text):
        return True
    resolvers = Loader.yaml_implicit_resolvers
    if any(regexp.match(text) for _, regexp in (*resolvers.get(text[0], ()), *resolvers.get(None, ()))):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
