"""Values that do not vary, by dotted path, with values inside of values (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gridfold.core.errors import nearest
from gridfold.space.conditions import NOTHING

_MOST_ITEMS = 1000  # of a list, that are named one by one


def hint_of(path: str, varying: Iterable[str], constants: Mapping[str, Any]) -> str:
    """What to say of a path that does not vary: the nearest that does, or how it would."""
    if lookup(constants, path) is not NOTHING:
        return "it has one value; to vary it, write a list of values"
    return nearest(path, varying)


def lookup(values: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted path, where keys may be dotted paths themselves; NOTHING if there is none."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in values and (found := inner(values[key], parts[length:])) is not NOTHING:
            return found
    return NOTHING


def inner(value: Any, keys: Sequence[str]) -> Any:
    """What is inside of a value at some keys, one after the other; NOTHING if there is nothing."""
    for key in keys:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return NOTHING
    return value


def inside(value: Any, path: str) -> Iterator[str]:
    """The dotted paths of a value and of all that is inside of it, but for mappings."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    else:
        yield path
        if isinstance(value, list) and len(value) <= _MOST_ITEMS:
            items = enumerate(value)
    for key, item in items:
        yield from inside(item, f"{path}.{key}")
