"""What stands in braces in the arguments of a command, and what a run puts there."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import render

SETTING = "gridfold.trainer"
RUN_NAMES = ("config", "run_dir", "index", "seed", "fold", "folds")  # what a run gives
OWN_FIRST = ("index", "seed", "fold", "folds")  # unless the config has a key of that name: then its value is meant
# {name}, and {{name}} for a literal {name}. Other braces, as in awk '{print $1}' or JSON, are left alone.
_PLACEHOLDER = re.compile(r"\{(\{[\w.-]+\})\}|\{([\w.-]+)\}")


def names_in(argument: str) -> list[str]:
    """The names of the placeholders of an argument."""
    return [name for _, name in _PLACEHOLDER.findall(argument) if name]


def filled(argument: str, config: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """An argument with the values of its placeholders: those that are known, and those of the config."""

    def replacement(match: re.Match[str]) -> str:
        literal, name = match.groups()
        return literal or (known[name] if name in known else value_of(config, name))

    return _PLACEHOLDER.sub(replacement, argument)


def value_of(config: Mapping[str, Any], name: str) -> str:
    """What a placeholder stands for; "" for what only the run knows."""
    if name in RUN_NAMES and not (name in OWN_FIRST and name in config):
        return ""
    try:
        return _as_argument(_at(config, name))
    except KeyError:
        near = _nearest(name, [*RUN_NAMES, *_paths(config)])
        raise ConfigError(
            f"the config has no '{name}', which the command takes from it",
            path=SETTING,
            hint=f"{near}\nto pass {{{name}}} as it stands, write {{{{{name}}}}}",
        ) from None


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((str(index), item) for index, item in enumerate(value))


def _at(value: Any, path: str) -> Any:
    for name, item in _items(value):
        if name == path:
            return item
        if path.startswith(f"{name}."):
            with suppress(KeyError):
                return _at(item, path.removeprefix(f"{name}."))
    raise KeyError(path)


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    for name, item in _items(value):
        yield f"{prefix}{name}"
        yield from _paths(item, f"{prefix}{name}.")


def _nearest(name: str, known: Sequence[str]) -> str:
    parent, _, end = name.rpartition(".")
    same_end = [path for path in known if path.rpartition(".")[2] == end]
    if len(same_end) == 1:
        return f"did you mean '{same_end[0]}'?"
    beside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    return nearest(name, beside or known)


def _as_argument(value: Any) -> str:
    """A value as programs take it: a string as it is, a list or mapping as JSON, others as in a config."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # inf: programs do not read YAML's .inf
    return _json(value)


def _json(value: Any) -> str:
    """JSON that YAML readers read alike: they need the dot of 1.0e-05."""
    if isinstance(value, Mapping):
        keys = (_json(key if isinstance(key, str) else render(key)) for key in value)
        return "{" + ", ".join(f"{key}: {_json(item)}" for key, item in zip(keys, value.values(), strict=True)) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_json, value)) + "]"
    return render(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def check_passable(text: str, path: str) -> None:
    """Whether a program can be given a text.

    Raises:
        ConfigError: it cannot.
    """
    problem = "holds a NUL character" if "\0" in text else ""
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        problem = f"cannot be written in this system's encoding: {error}"
    if problem:
        raise ConfigError(f"{problem}, so it cannot be passed to a program", path=path, hint="let it read {config}")
