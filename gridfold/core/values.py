"""What a YAML scalar means, and how a value is written so that every loader reads it alike.

Three loaders matter: PyYAML's ``safe_load`` (YAML 1.1), OmegaConf, and YAML 1.2 loaders. They disagree about ``1e-7``,
``no``, ``010``, ``12:30``, ``2024-01-01`` and more. gridfold reads what OmegaConf reads, and writes only what all three
read alike.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from gridfold.core.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
_NUMBER_START = list("-+.0123456789_")
TAGGED = "!yaml"  # the only key of a mapping that stands for a value in JSON: its text in YAML
_MOST_REMEMBERED = 100_000  # values, in a `Memo`
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


class Tagged(dict[str, Any]):
    """A value with a tag for another loader: the tag, as people write it, and the value. It is written with its tag."""


def fixed(values: Sequence[Any]) -> Tagged:
    """A list that stays as it is in a config from Python, as ``!fixed`` says it in YAML.

    Example::

        gridfold.search(train, {"lr": [0.1, 0.2], "layers": gridfold.fixed([64, 32])})
    """
    return Tagged({"!fixed": list(values)})


def _represent_tagged(dumper: yaml.SafeDumper, tagged: Tagged) -> yaml.Node:
    ((tag, value),) = tagged.items()
    node = dumper.represent_data(value)
    node.tag = f"{_TAG}{tag[2:]}" if tag.startswith("!!") else tag[2:-1] if tag.startswith("!<") else tag
    return node


_Dumper.add_representer(Tagged, _represent_tagged)


def writable(scalar: Any) -> Any:
    """The scalar in a form that can be written: surrogate pairs, as JSON escapes have them, become characters.

    Raises:
        ValueError: half of a surrogate pair, or a number of more digits than Python writes.
    """
    if isinstance(scalar, str) and not scalar.isascii():
        return scalar.encode("utf-16", "surrogatepass").decode("utf-16")
    str(scalar)
    return scalar


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


def canonical(value: Any) -> str:
    """One text for each value: equal exactly for equal values of equal types, whatever their spelling or key order.

    1e-5, 0.00001 and 1.0e-05 are one value; 1, 1.0 and true are three; NaN equals itself.
    """
    if write := _WRITERS.get(type(value)):
        return write(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{canonical(key)}:{canonical(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value)


def to_json(values: Iterable[Any]) -> list[str]:
    """What ``json.dumps`` gives for each of some values, sooner for what most are."""
    return [_WRITERS.get(type(value), json.dumps)(value) for value in values]


# What json.dumps gives, in a fraction of the time: every value of every run is asked for.
_WRITERS: dict[type, Callable[[Any], str]] = {
    str: json.encoder.encode_basestring_ascii,
    int: int.__repr__,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}


@dataclass(frozen=True)
class Exact:
    """A value as the key of a mapping or a cache, equal only to itself: 1 is not 1.0, and 0.0 is not -0.0."""

    value: Any = field(compare=False)
    _text: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_text", canonical(self.value))


class Memo:
    """What a function makes of each value, found again by the object: no two values are taken for one.

    So it costs less than to compare values, of which ``1 == True``. It keeps a limited number.
    """

    def __init__(self, function: Callable[[Any], str]) -> None:
        self._function = function
        self._found: dict[int, str] = {}
        self._held: list[Any] = []  # else another object could get the same id

    def __call__(self, value: Any) -> str:
        """What the function makes of the value."""
        found = self._found.get(id(value))
        return self._remember(value) if found is None else found

    def _remember(self, value: Any) -> str:
        if len(self._held) >= _MOST_REMEMBERED:
            self._found.clear()
            self._held.clear()
        self._held.append(value)
        self._found[id(value)] = made = self._function(value)
        return made


def is_json(value: Any) -> bool:
    """Whether JSON can hold the value: it has neither nan nor infinity, nor keys that are not texts."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_json, value))
    return not isinstance(value, float) or math.isfinite(value)


def to_record(value: Any) -> Any:
    """The value as gridfold's own JSON files have it; a mapping with a key that is no text becomes tagged YAML.

    Nan and infinity stay: Python's ``json`` writes and reads them as ``NaN`` and ``Infinity``.
    """
    return value if _has_text_keys(value) else {TAGGED: render(value)}


def from_record(said: Any) -> Any:
    """The value that ``to_record`` has written.

    Raises:
        ValueError: the tagged text is no YAML.
    """
    if not isinstance(said, dict) or [*said] != [TAGGED]:
        return said
    try:
        return yaml.load(said[TAGGED], Loader=Loader)
    except (yaml.YAMLError, AttributeError) as error:
        raise ValueError(f"not a value: {said!r:.200}") from error


def to_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What varies in a run, path and value, as ``to_record`` has each value."""
    return {path: value if type(value) in _WRITERS else to_record(value) for path, value in params.items()}


def from_params(said: Any) -> Any:
    """What varies in a run, as ``to_params`` has written it; what is no mapping stays as it is.

    Raises:
        ValueError: a value cannot be read.
    """
    if not isinstance(said, dict) or dict not in map(type, said.values()):
        return said
    return {path: from_record(value) for path, value in said.items()}


def _has_text_keys(value: Any) -> bool:
    if type(value) in _WRITERS:
        return True
    if isinstance(value, Mapping):
        return [*value] != [TAGGED] and all(
            isinstance(key, str) and _has_text_keys(item) for key, item in value.items()
        )
    return not isinstance(value, (list, tuple)) or all(map(_has_text_keys, value))


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


def encodable(text: str) -> str:
    """The text as any file can hold it: half of a surrogate pair, as of a file's name, becomes its escape sequence."""
    return text.encode("utf-8", "backslashreplace").decode()


def digest(text: str, length: int = 16) -> str:
    """A short hash of a text: ``length`` hexadecimal digits of its SHA-256."""
    import hashlib  # with OpenSSL, which the processes of runs need not have

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def plain(value: Any, path: str = "") -> Any:
    """A value from Python code as plain YAML data: None, bool, int, float, str, list, dict.

    Tuples and other sequences become lists, paths become strings, NumPy and torch scalars and arrays become numbers
    and lists.

    Raises:
        ConfigError: the value has no form in YAML.
    """
    if value is None or type(value) in (bool, int, float, str):
        return _writable(value, path)
    if isinstance(value, Mapping):
        return _plain_mapping(value, path)
    if hasattr(value, "tolist") and type(listed := value.tolist()) is not type(value):  # a long double gives itself
        return plain(listed, path)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (int, float, str)):  # subclasses, such as members of IntEnum and StrEnum
        return plain(next(kind(value) for kind in (int, float, str) if isinstance(value, kind)), path)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(item, f"{path}.{index}") for index, item in enumerate(value)]
    raise ConfigError(
        f"a {type(value).__name__} is not allowed in a config: {value!r:.80}",
        path=path,
        hint="use null, a boolean, a number, a string, a list or a mapping",
    )


def _plain_mapping(value: Mapping[Any, Any], path: str) -> dict[Any, Any]:
    if isinstance(value, Tagged):
        return Tagged({tag: plain(inner, path) for tag, inner in value.items()})
    return {_plain_key(key, path): plain(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}


def _writable(value: Any, path: str) -> Any:
    try:
        return writable(value)
    except ValueError as error:
        raise ConfigError(f"a value that cannot be written: {error}", path=path) from None


def _plain_key(key: Any, path: str) -> Any:
    if isinstance(key, (str, int, float)):
        return plain(key, path)
    raise ConfigError(f"a key must be a string, a number or a boolean; found {key!r:.80}", path=path)


def first_repeat(values: Sequence[Any]) -> int | None:
    """The position of the first value that stood before, None if all differ."""
    seen: set[str] = set()
    for position, value in enumerate(values):
        seen.add(canonical(value))
        if len(seen) == position:
            return position
    return None
