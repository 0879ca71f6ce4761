"""An adapter as a config describes it: small matrices, trained beside the weights of an encoder. Needs no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.text.section import BELOW_ONE, Kind, Section, choice, optional, setting, whole

_AUTO = "auto"


def _is_target(value: Any) -> bool:
    if isinstance(value, str):
        return value == _AUTO
    return isinstance(value, Sequence) and len(value) > 0 and all(isinstance(name, str) and name for name in value)


_TARGET: Kind[tuple[str, ...]] = Kind(
    "'auto' or a list of module names, kept as one value by !fixed [query, value]",
    _is_target,
    lambda value: () if value == _AUTO else tuple(value),
)
_MAPPING: Kind[Any] = Kind("a mapping", lambda value: hasattr(value, "keys"), lambda value: value, structure=True)


@dataclass(frozen=True)
class Adapter:
    """An adapter: for each module that it is of, two matrices whose product is added to what the module computes.

    No ``target`` means all linear layers.
    """

    type: str = setting(choice("an adapter", ("lora",)), "the kind of adapter", "lora")
    r: int = setting(whole(1), "the rank of the matrices", "16", 8)
    alpha: int = setting(whole(1), "their product counts alpha / r times", "32", 16)
    dropout: float = setting(BELOW_ONE, "the share of their inputs that they are not shown in training", "0.1", 0.0)
    target: tuple[str, ...] = setting(
        _TARGET,
        "the ends of the names of modules; auto: all linear layers but the pooler's",
        "!fixed [query, value]",
        (),
        _AUTO,
    )


def has_adapter(model: Section) -> bool:
    """Whether the encoder gets an adapter; ``ConfigError`` where it cannot. The adapter's values are not looked at."""
    if model.get("adapter", optional(_MAPPING), None) is None:
        return False
    if importlib.util.find_spec("peft") is None:
        problem, hint = "adapters need peft, which is not installed", 'pip install "gridfold[adapter]"'
        raise ConfigError(problem, path=model.path_of("adapter"), hint=hint)
    return True


def read_adapter(model: Section) -> Adapter | None:
    """The adapter under ``model.adapter``; None if there is none, ``ConfigError`` where a value is wrong."""
    return model.section("adapter").read(Adapter) if has_adapter(model) else None
