"""Which engines there are: gridfold's own, and those that other packages register.

A package registers one by an entry point of the group ``gridfold.engines``: a function that takes a mapping of options,
as the user gave them, and gives an `Engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gridfold.core import plugins
from gridfold.engines.protocol import Engine

GROUP = "gridfold.engines"

_OWN = {"ray": "gridfold.engines.ray:Ray", "slurm": "gridfold.engines.slurm:Slurm"}


def engine(name: str, options: Mapping[str, str]) -> Engine:
    """The engine of a name.

    Args:
        name: of it.
        options: what the user said of its jobs, such as ``{"partition": "gpu"}``.

    Raises:
        ConfigError: there is none of that name, which then names the nearest; or an option is none of its own.
    """
    return cast(Engine, plugins.load(GROUP, "engine", name, _OWN)(options))
