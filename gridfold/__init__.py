"""gridfold: one YAML file, many runs.

Write a list where a value stood, and get every combination: one directory per run with the exact config that ran.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gridfold.core.errors import ConfigError

if TYPE_CHECKING:
    from gridfold.config.forms import choice, integers, log, log_integers, normal, one_of, uniform
    from gridfold.core.values import fixed
    from gridfold.export.array import to_xarray
    from gridfold.export.frame import results
    from gridfold.interactive.run import search
    from gridfold.interactive.search import Search
    from gridfold.runs.run import Run
    from gridfold.search.hyperparam_search import HyperParamSearch
    from gridfold.sharing.questions import alternatives, ask, count
    from gridfold.stages import stage

__all__ = [
    "ConfigError",
    "HyperParamSearch",
    "Run",
    "Search",
    "alternatives",
    "ask",
    "choice",
    "count",
    "fixed",
    "integers",
    "log",
    "log_integers",
    "normal",
    "one_of",
    "results",
    "search",
    "stage",
    "to_xarray",
    "uniform",
]
__version__ = "0.1.0"

_HOMES = {
    "HyperParamSearch": "gridfold.search.hyperparam_search",
    "Run": "gridfold.runs.run",
    "Search": "gridfold.interactive.search",
    "alternatives": "gridfold.sharing.questions",
    "ask": "gridfold.sharing.questions",
    "count": "gridfold.sharing.questions",
    "choice": "gridfold.config.forms",
    "fixed": "gridfold.core.values",
    "integers": "gridfold.config.forms",
    "log": "gridfold.config.forms",
    "log_integers": "gridfold.config.forms",
    "normal": "gridfold.config.forms",
    "one_of": "gridfold.config.forms",
    "results": "gridfold.export.frame",
    "stage": "gridfold.stages",
    "to_xarray": "gridfold.export.array",
    "uniform": "gridfold.config.forms",
}


def __getattr__(name: str) -> Any:
    if name == "search":  # the room, which can be called
        return importlib.import_module("gridfold.search")
    if name in _HOMES:  # imported when asked for: the processes of runs need little of the package
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
