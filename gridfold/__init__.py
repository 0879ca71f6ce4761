"""gridfold: one YAML file, many runs.

Write a list where a value stood, and get every combination: one directory per run with the exact config that ran.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from gridfold.errors import ConfigError

if TYPE_CHECKING:
    from gridfold.fold.asking import alternatives, ask, count
    from gridfold.report.frame import results
    from gridfold.search.hyperparam_search import HyperParamSearch
    from gridfold.stages import stage

__all__ = ["ConfigError", "HyperParamSearch", "alternatives", "ask", "count", "results", "stage"]
__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # who uses the library decides what is shown


_HOMES = {
    "HyperParamSearch": "gridfold.search.hyperparam_search",
    "alternatives": "gridfold.fold.asking",
    "ask": "gridfold.fold.asking",
    "count": "gridfold.fold.asking",
    "results": "gridfold.report.frame",
    "stage": "gridfold.stages",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:  # imported when asked for: the processes of runs need little of the package
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
