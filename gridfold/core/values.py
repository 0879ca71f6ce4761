"""The values of configs and records: when two are the same, and how JSON writes them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.errors import ConfigError

_MOST_REMEMBERED = 100_000  # values, in a `Memo`


class Tagged(dict[str, Any]):
    """A value with a tag for another loader: the tag, as people write it, and the value. It is written with its tag."""


def fixed(values: Sequence[Any]) -> Tagged:
    """A list that stays as it is in a config from Python, as ``!fixed`` says it in YAML.

    Example::

        gridfold.search(train, {"lr": [0.1, 0.2], "layers": gridfold.fixed([64, 32])})
    """
    return Tagged({"!fixed": list(values)})


def writable(scalar: Any) -> Any:
    """The scalar in a form that can be written: surrogate pairs, as JSON escapes have them, become characters.

    Raises:
        ValueError: half of a surrogate pair, or a number of more digits than Python writes.
    """
    if isinstance(scalar, str) and not scalar.isascii():
        return scalar.encode("utf-16", "surrogatepass").decode("utf-16")
    str(scalar)
    return scalar


def canonical(value: Any) -> str:
    """One text for each value: equal exactly for equal values of equal types, whatever their spelling or key order.

    1e-5, 0.00001 and 1.0e-05 are one value; 1, 1.0 and true are three; NaN equals itself.
    """
    if write := WRITERS.get(type(value)):
        return write(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{canonical(key)}:{canonical(item)}" for key, item in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value)


def to_json(values: Iterable[Any]) -> list[str]:
    """What ``json.dumps`` gives for each of some values, sooner for what most are."""
    return [WRITERS.get(type(value), json.dumps)(value) for value in values]


# By type, what json.dumps gives, in a fraction of the time: every value of every run is asked for.
WRITERS: dict[type, Callable[[Any], str]] = {
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
