"""Which engines there are: gridfold's own, and those that other packages register.

A package registers one by an entry point of the group ``gridfold.engines``: a function that takes a mapping of options,
as the user gave them, and gives an `Engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from gridfold.core import plugins
from gridfold.core.errors import ConfigError
from gridfold.engines.protocol import Engine, OwnJob

GROUP = "gridfold.engines"

_JOBS = {"slurm": "gridfold.engines.slurm_end:SlurmJob"}
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


def job_here(name: str) -> OwnJob | None:
    """The job of an engine that this process is in; None if it is in none, or its jobs have no end.

    Args:
        name: of the engine that has started this process.
    """
    try:
        return cast(OwnJob, plugins.load("gridfold.jobs", "engine", name, _JOBS)())
    except ConfigError:
        return None
