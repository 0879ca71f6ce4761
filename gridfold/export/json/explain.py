"""Keys of a config, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridfold.config.key import REQUIRED, Key
from gridfold.export.json.document import document as new


def document(keys: Sequence[Key], options: Mapping[str, str]) -> dict[str, Any]:
    """What keys of a config are for.

    Args:
        keys: the keys.
        options: what sets some of them on the command line, by path.
    """
    return new("explain/1", keys=[_key(each, options.get(each.path, "")) for each in keys])


def _key(key: Key, option: str) -> dict[str, Any]:
    is_required = key.default == REQUIRED
    return {
        "path": key.path,
        "meaning": key.meaning,
        "type": key.expected,
        "required": is_required,
        "default": None if is_required else key.default,
        "example": key.snippet if key.example else None,
        "choices": list(key.choices),
        "other_names": list(key.others),
        "option": option or None,
    }
