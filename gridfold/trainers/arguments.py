"""Values as arguments of a program: alone, and as options with the names of their paths, as parsers take them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import render

# Without quotes, Hydra reads other texts as something else than themselves.
_WORD = re.compile(r"(?!(?:true|false|null|inf|nan)$)[a-z_][\w./-]*", re.IGNORECASE)


def as_argument(value: Any) -> str:
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


def option(style: str, path: str, value: Any) -> list[str]:
    """The arguments that give a value its name.

    Args:
        style: one of ``STYLES``.
        path: of the value in the config.
        value: the value.
    """
    return STYLES[style](path, value)


def _plain(name: str, value: Any) -> list[str]:
    """For argparse, click, typer and tyro: a flag for a boolean, several arguments for a list, nothing for null."""
    if value is None:
        return []
    if isinstance(value, bool):
        section, dot, last = name.rpartition(".")
        return [f"--{name}" if value else f"--{section}{dot}no-{last}"]
    return _with_values(name, value)


def _dash(path: str, value: Any) -> list[str]:
    return _plain(path.replace("_", "-"), value)


def _underscore(path: str, value: Any) -> list[str]:
    """For absl, HfArgumentParser, jsonargparse and simple_parsing: a boolean is a value."""
    name = path.replace("-", "_")
    if value is None:
        return []
    return [f"--{name}={as_argument(value)}"] if isinstance(value, bool) else _with_values(name, value)


def _with_values(name: str, value: Any) -> list[str]:
    if isinstance(value, list) and not any(isinstance(item, (list, Mapping)) for item in value):
        return [f"--{name}", *map(as_argument, value)]
    text = as_argument(value)
    # A parser may take -1.0e-05 for an option of that name.
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]


def flags(path: str, value: Any) -> list[str]:
    """Flags with ``=``, which need no second argument: a list is the same flag again and again."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [f"--{path}={as_argument(each)}" for each in values]


def _hydra(path: str, value: Any) -> list[str]:
    return [f"{path}={_of_hydra(value)}"]


def _of_hydra(value: Any) -> str:
    """A value in the grammar of Hydra's overrides."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_of_hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_of_hydra, value)) + "]"
    if isinstance(value, str) and not _WORD.fullmatch(value):
        return '"' + re.sub(r'(\\*)("|$)', _escaped, value) + '"'
    return str(value) if isinstance(value, float) and not math.isfinite(value) else render(value)


def _escaped(found: re.Match[str]) -> str:
    return found[1] * 2 + ('\\"' if found[2] else "")


STYLES: Mapping[str, Callable[[str, Any], list[str]]] = {
    "plain": _plain,
    "dash": _dash,
    "underscore": _underscore,
    "hydra": _hydra,
}
