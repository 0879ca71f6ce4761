"""A run's config in the formats of programs that do not read YAML: JSON, TOML, a file of flags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import render
from gridfold.trainers.arguments import flags
from gridfold.trainers.placeholders import FORMAT, SETTING, placeholders


def check_formats(arguments: Iterable[str], config: Mapping[str, Any]) -> None:
    """Whether the config can be written in the formats that a command takes.

    Raises:
        ConfigError: there is no such format, or it cannot hold a value.
    """
    for name in _formats(arguments):
        _text(name, config)


def write_formats(arguments: Iterable[str], config: Mapping[str, Any], folder: Path) -> None:
    """Write the files that a command takes into a folder."""
    for name in _formats(arguments):
        _path(folder, name).write_text(_text(name, config), encoding="utf-8")


def paths_of_formats(arguments: Iterable[str], folder: Path) -> dict[str, str]:
    """The paths of those files, by the names of the placeholders."""
    return {f"{FORMAT}:{name}": str(_path(folder, name)) for name in _formats(arguments)}


def _path(folder: Path, name: str) -> Path:
    return folder / f"config.{name}"


def _formats(arguments: Iterable[str]) -> list[str]:
    found = [each.name for argument in arguments for each in placeholders(argument) if each.kind == FORMAT]
    return list(dict.fromkeys(found))


def _text(name: str, config: Mapping[str, Any]) -> str:
    if name not in _WRITERS:
        raise ConfigError(f"no format '{name}' for {{{FORMAT}:{name}}}", path=SETTING, hint=nearest(name, _WRITERS))
    return _WRITERS[name](config)


def _json(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def _toml(config: Mapping[str, Any]) -> str:
    try:
        import tomli_w  # few commands need it
    except ImportError:
        problem = f"needs the package tomli-w for {{{FORMAT}:toml}}"
        raise ConfigError(problem, path=SETTING, hint="pip install tomli-w") from None
    return tomli_w.dumps(_with_text_keys(config, ""))


def _with_text_keys(value: Any, path: str) -> Any:
    """The value as TOML has it, whose keys are texts.

    Raises:
        ConfigError: it holds null.
    """
    if value is None:
        problem = f"is null, which TOML does not have ({{{FORMAT}:toml}})"
        raise ConfigError(problem, path=path, hint="leave it out, or take {config:json} or {config}")
    if isinstance(value, Mapping):
        items = ((key if isinstance(key, str) else render(key), item) for key, item in value.items())
        return {key: _with_text_keys(item, f"{path}.{key}".lstrip(".")) for key, item in items}
    if isinstance(value, list):
        return [_with_text_keys(item, f"{path}.{index}") for index, item in enumerate(value)]
    return value


def _flags(config: Mapping[str, Any]) -> str:
    """A flag on each line, as ``--flagfile`` of absl and ``fromfile_prefix_chars`` of argparse take them."""
    return "".join(f"{line}\n" for path, value in _leaves(config) for line in _flag(path, value))


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _leaves(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _flag(path: str, value: Any) -> list[str]:
    lines = flags(path, value)
    if any(len(line.splitlines()) > 1 for line in lines):
        problem = f"holds a line break, which a file of flags cannot have ({{{FORMAT}:flags}})"
        raise ConfigError(problem, path=path, hint="take {config:json} or {config}")
    return lines


_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"json": _json, "toml": _toml, "flags": _flags}
