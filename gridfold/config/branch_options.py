"""Options of a command that are there for some trials only, as their paths are: ``{args:plain-there:optimizer.lr}``.

A command is the same code whichever options of branches it can pass: what a run was passed is told by its ``id``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = "-there"
PART = ":"  # behind a path: not where the value is a mapping, of which other options have the parts
_OPTION = re.compile(rf"\{{args:[\w]+{MARK}:([^{{}}]+)\}}")


def branch_options(trainer: str | Sequence[str] | None) -> list[str]:
    """The paths of the options that a command passes where a config has them."""
    command = () if trainer is None or isinstance(trainer, str) else trainer
    return [found[1].removesuffix(PART) for found in map(_OPTION.fullmatch, command) if found]


def without_branch_options(command: Sequence[str]) -> list[str]:
    """The arguments of a command but for those options."""
    return [argument for argument in command if not _OPTION.fullmatch(argument)]
