"""The trainer: what turns a config into metrics."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

from gridfold.errors import ConfigError
from gridfold.run import Run

BUILT_IN = "gridfold.text:trainer"


class Trainer(Protocol):
    """Turns a config into metrics."""

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse a config that cannot be trained, before any run of the search starts.

        Raises:
            ConfigError: what is wrong, with the dotted path.
        """

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Train, and return the final metrics; the first is the one to compare runs by."""


@dataclass(frozen=True)
class FunctionTrainer:
    """A function ``train(config, run)`` or ``train(config)`` that returns a mapping of numbers, or a number."""

    function: Callable[..., Any]

    def check(self, config: Mapping[str, Any]) -> None:
        """Nothing is known of what the function reads."""

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Call the function.

        Raises:
            TypeError: it returned something else than numbers.
        """
        result = self.function(config, run) if self._takes_run() else self.function(config)
        if isinstance(result, Real):
            return {"result": float(result)}
        if not isinstance(result, Mapping) or not all(isinstance(value, Real) for value in result.values()):
            raise TypeError(f"a trainer returns a mapping of numbers, or a number; this one returned {result!r:.200}")
        return {str(name): value for name, value in result.items()}

    def _takes_run(self) -> bool:
        return len(inspect.signature(self.function).parameters) > 1


def resolve(name: str) -> Trainer:
    """The trainer that ``module:name`` names: a trainer object, or a function.

    The working directory is searched for the module first, as ``python script.py`` does for the script's.

    Raises:
        ConfigError: there is no such module or name.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError(f"not a trainer: '{name}'", path="gridfold.trainer", hint="expected 'module:function'")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path has strings
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(f"no module '{error.name}'", path="gridfold.trainer", hint=f"needed for '{name}'") from error
    except AttributeError:
        problem = f"the module '{module_name}' has no '{attribute}'"
        raise ConfigError(problem, path="gridfold.trainer") from None
    return found if hasattr(found, "train") else FunctionTrainer(found)
