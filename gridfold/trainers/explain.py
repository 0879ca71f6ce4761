"""The keys that a config may have: the settings of gridfold, and what the ready trainer reads."""

from __future__ import annotations

from collections.abc import Sequence

from gridfold.config import known
from gridfold.config.key import ITEM, Key
from gridfold.core.errors import ConfigError, nearest
from gridfold.trainers.protocol import BUILT_IN
from gridfold.trainers.uses import Explains, able


def all_keys() -> list[Key]:
    """All of them, but the fields of ``transformers.TrainingArguments`` that gridfold has nothing to say of."""
    return [*known.keys(), *_trainer().keys()]


def explained(name: str) -> list[Key]:
    """The keys that a name means: a dotted path with all below it, or the ends of paths.

    Raises:
        ConfigError: there is none; names the nearest.
    """
    path = ".".join(ITEM if part.isdecimal() else part for part in name.strip().rstrip(":").split("."))
    keys = all_keys()
    if below := _below(keys, path):
        return [*(key for key in keys if key.path == path), *below]
    if found := [key for key in keys if any(f".{each}".endswith(f".{path}") for each in _paths(key))]:
        return [*found, *_below(keys, found[0].path)] if len(found) == 1 else found
    if key := _trainer().key(path if "." in path else f"training.{path}"):
        return [key]
    raise ConfigError(f"no key '{name:.200}'", hint=f"{_nearest(path, keys)}\nall of them: gridfold explain")


def _trainer() -> Explains:
    found: Explains = able(BUILT_IN, "keys", "")
    return found


def _paths(key: Key) -> list[str]:
    """The path of a key by all its names."""
    section = key.path.rpartition(".")[0]
    return [key.path, *(f"{section}.{other}" for other in key.others)]


def _below(keys: Sequence[Key], path: str) -> list[Key]:
    return [key for key in keys if key.path.startswith(f"{path}.")]


def _nearest(path: str, keys: Sequence[Key]) -> str:
    """The nearest path, or for a name without dots the nearest last part of one."""
    paths = [each for key in keys for each in _paths(key)]
    hint = nearest(path, paths if "." in path else [each.rpartition(".")[2] for each in paths])
    sections = "sections: gridfold, model, data, training"
    return hint if hint.startswith("did you mean") else sections
