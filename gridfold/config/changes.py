"""Other values in data: each with the keys that lead to it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import Tagged

Changes = list[tuple[list[Any], Any]]
"""Values with the keys that lead to each."""


def with_changes(data: Any, changes: Changes) -> Any:
    """The data with other values; what is not there is added."""
    for keys, value in changes:
        data = _with(data, keys, value)
    return data


def _with(data: Any, keys: Sequence[Any], value: Any) -> Any:
    if not keys:
        return value
    if isinstance(data, Tagged):
        return Tagged({tag: _with(inner, keys, value) for tag, inner in data.items()})
    head, rest = keys[0], keys[1:]
    if isinstance(data, list):
        return [_with(item, rest, value) if index == head else item for index, item in enumerate(data)]
    if data is not None and not isinstance(data, dict):
        raise ConfigError("cannot be given together with a variation of what holds it", path=str(head))
    known = data or {}
    return {**known, head: _with(known.get(head), rest, value)}
