"""A document: plain data that any reader of JSON takes, with the name of its schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from gridfold.core.values import TAGGED, encodable, render


def document(name: str, **facts: Any) -> dict[str, Any]:
    """A document of ``gridfold/<name>``, such as ``status/1``."""
    return {"schema": f"gridfold/{name}", **held(facts)}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of ``gridfold/<name>``, such as ``status/1``."""
    file = files("gridfold.export.json").joinpath("schemas", f"{name.replace('/', '-')}.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def dumps(said: Mapping[str, Any], *, indent: int | None = None, ascii_only: bool = False) -> str:
    """A document as text."""
    return json.dumps(said, ensure_ascii=ascii_only, allow_nan=False, indent=indent)


def held(value: Any) -> Any:
    """Data in which only what JSON cannot hold is replaced: a number that is not finite is its name.

    So it is for what can be nothing but a number. What people put into a config is ``exact``.
    """
    if isinstance(value, Mapping):
        return {encodable(str(key)): held(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(held, value))
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return encodable(value) if isinstance(value, str) else value


def exact(value: Any) -> Any:
    """A value of a config; what JSON cannot hold is tagged YAML, ``{"!yaml": ".nan"}``, as in ``run.json``."""
    if isinstance(value, Mapping):
        if [*value] == [TAGGED] or not all(isinstance(key, str) for key in value):
            return {TAGGED: render(value)}
        return {key: exact(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(exact, value))
    if isinstance(value, float) and not math.isfinite(value):
        return {TAGGED: render(value)}
    return value


def exact_all(params: Mapping[str, Any]) -> dict[str, Any]:
    """What varies, path and value."""
    return {path: exact(value) for path, value in params.items()}
