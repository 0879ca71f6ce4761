"""A command that works in a folder of its own finds all that it would find where the search was started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridfold.core.files import replace_file
from gridfold.core.values import render_block
from gridfold.identity.paths import absolute
from gridfold.runs.run import ABSOLUTE_CONFIG, Run

_MODULES = ("-m", "-c")  # what follows is looked for, or imports, where Python is started


@dataclass(frozen=True)
class WorkDir:
    """The folder of a run, for a command that somebody wrote for another folder.

    Attributes:
        run: the run.
        origin: the folder that the command was written for.
    """

    run: Run
    origin: str

    def arguments(self, given: Sequence[str]) -> list[str]:
        """The arguments, with the files and folders that they name named from the root."""
        is_looked_up = os.sep not in given[0]  # among the programs of the system
        befores = ("", *given)
        pairs = [*zip(given, befores, strict=False)][is_looked_up:]
        return [*given[:is_looked_up], *(absolute(each, self.origin, before) for each, before in pairs)]

    def variables(self) -> dict[str, str]:
        """Environment variables that say where it works."""
        return {"PWD": str(self.run.work_dir.absolute())}

    def python_path(self, arguments: Sequence[str]) -> str | None:
        """Where Python looks for modules beside the script's folder; None for where it would anyway."""
        before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        there = [os.path.join(self.origin, each) if each else "" for each in before]  # noqa: PTH118
        own = [self.origin] if set(_MODULES).intersection(arguments) else []
        return os.pathsep.join([*own, *filter(None, there)]) or None


def config_for(run: Run, config: Mapping[str, Any]) -> Path:
    """The file that a command reads its config from: with paths from the root if it works in a folder of its own.

    Args:
        run: the run.
        config: the config as the command is to see it.
    """
    if not run.cwd:
        return run.config_path.absolute()
    from gridfold.config.config import Config  # a run is told its config, and need not read it

    if (written := Config.load(run.config_path)).keeps_tags or written.data == config:
        return run.config_path.absolute()
    replace_file(run.dir / ABSOLUTE_CONFIG, render_block(config))
    return run.dir.absolute() / ABSOLUTE_CONFIG
