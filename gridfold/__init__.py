"""gridfold: one YAML file, many runs.

Write a list where a value stood, and get every combination: one directory per run with the exact config that ran.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gridfold.errors import ConfigError

if TYPE_CHECKING:
    from gridfold.search import HyperParamSearch

__all__ = ["ConfigError", "HyperParamSearch"]
__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # who uses the library decides what is shown


def __getattr__(name: str) -> Any:
    if name == "HyperParamSearch":  # imported when asked for: the processes of runs need little of the package
        from gridfold.search import HyperParamSearch

        return HyperParamSearch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
