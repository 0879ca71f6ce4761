"""Values as gridfold's own JSON files have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridfold.core.values import WRITERS

TAGGED = "!yaml"  # the only key of a mapping that stands for a value in JSON: its text in YAML


def to_record(value: Any) -> Any:
    """The value as gridfold's own JSON files have it; a mapping with a key that is no text becomes tagged YAML.

    Nan and infinity stay: Python's ``json`` writes and reads them as ``NaN`` and ``Infinity``.
    """
    if _has_text_keys(value):
        return value
    from gridfold.core.scalars import render  # with PyYAML, which the processes of runs need not have

    return {TAGGED: render(value)}


def from_record(said: Any) -> Any:
    """The value that ``to_record`` has written.

    Raises:
        ValueError: the tagged text is no YAML.
    """
    if not isinstance(said, dict) or [*said] != [TAGGED]:
        return said
    import yaml  # as above

    from gridfold.core.scalars import Loader

    try:
        return yaml.load(said[TAGGED], Loader=Loader)
    except (yaml.YAMLError, AttributeError) as error:
        raise ValueError(f"not a value: {said!r:.200}") from error


def to_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What varies in a run, path and value, as ``to_record`` has each value."""
    return {path: value if type(value) in WRITERS else to_record(value) for path, value in params.items()}


def from_params(said: Any) -> Any:
    """What varies in a run, as ``to_params`` has written it; what is no mapping stays as it is.

    Raises:
        ValueError: a value cannot be read.
    """
    if not isinstance(said, dict) or dict not in map(type, said.values()):
        return said
    return {path: from_record(value) for path, value in said.items()}


def _has_text_keys(value: Any) -> bool:
    if type(value) in WRITERS:
        return True
    if isinstance(value, Mapping):
        return [*value] != [TAGGED] and all(
            isinstance(key, str) and _has_text_keys(item) for key, item in value.items()
        )
    return not isinstance(value, (list, tuple)) or all(map(_has_text_keys, value))
