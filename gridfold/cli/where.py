"""Whether the runs of a search execute elsewhere, as its command, its config or its directory says: cheap to ask."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gridfold.cli.execution import warn
from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.search.plan import Plan

if TYPE_CHECKING:  # most searches execute here
    from gridfold.cli.placement import ByHand, Elsewhere

_OF_WORKERS = ("on", "workers", "slurm", "sbatch_file", "ray", "address", "workers_by_hand")


def where_of_new(planned: Plan, options: argparse.Namespace) -> ByHand | Elsewhere | None:
    """Where the workers of a new search run; None if its runs execute here."""
    settings = planned.config.settings
    if not (settings.on or _says_where(options)):
        if settings.workers:
            warn("gridfold.workers is for an engine that starts them, and none is named: the runs execute here")
        return None
    from gridfold.cli.placement import chosen_in

    return chosen_in(options, settings)


def where_before(directory: SearchDirectory, options: argparse.Namespace) -> ByHand | Elsewhere | None:
    """Where a search is continued: as it began, unless that is said.

    Raises:
        ConfigError: workers cannot do what is asked for.
    """
    facts = directory.facts()
    if not (facts.get("on") or _says_where(options)):
        return None
    from gridfold.cli.placement import chosen_before

    where = chosen_before(options, facts)
    if where and options.failed and not options.dry_run:
        problem = "--failed is for runs that execute here: workers execute whatever is left"
        raise ConfigError(problem, hint="leave it out; or run here: --on local")
    return where


def note_where(directory: SearchDirectory, where: ByHand | Elsewhere | None) -> None:
    """Let a new search know where it executes, for whoever continues it."""
    if where:
        where.note(directory)


def needs(directory: SearchDirectory) -> tuple[int, dict[str, Any]]:
    """The threads of each run of a search, and what else it needs."""
    facts = directory.facts()
    return facts.get("threads", 1), facts.get("resources") or {}


def _says_where(options: argparse.Namespace) -> bool:
    """Whether a command says something of workers."""
    return any(getattr(options, name) for name in _OF_WORKERS)
