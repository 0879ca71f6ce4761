"""How the first run of a command is started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gridfold.runs.names import RunNames
from gridfold.runs.run import Run
from gridfold.search.plan import Plan

if TYPE_CHECKING:
    from gridfold.trainers.constants import Change


@dataclass(frozen=True)
class FirstCall:
    """How the first run of a command is started.

    Attributes:
        arguments: the command.
        changes: the lines of its script that are others.
    """

    arguments: Sequence[str]
    changes: Sequence[Change]

    @classmethod
    def of(cls, plan: Plan, names: RunNames) -> FirstCall | None:
        """The call that a plan begins with; None if its trainer is a function."""
        if isinstance(plan.trainer, str):
            return None
        from gridfold.trainers.command import CommandTrainer  # a function needs nothing of it
        from gridfold.trainers.constants import changes

        first, params = plan.repetitions[0], plan.first_trials[0].params
        config = plan.renderer.config(params)
        run = Run(Path("runs") / names.name(params, first), plan.seeds[0], 0, first.fold)
        return cls(CommandTrainer(plan.trainer).call(config, run)[0], [*changes(plan.trainer, config)])
