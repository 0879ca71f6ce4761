"""What the options say of a strategy, and what is said of what it learns from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gridfold.config.strategy import Strategy
from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan


def said_of_strategy(options: argparse.Namespace) -> dict[str, Any]:
    """The setting that the options give; empty if they give none."""
    said = {"name": options.strategy, "trials": options.trials, "seed": options.strategy_seed}
    return {name: value for name, value in said.items() if value is not None}


def checked(plan: Plan, options: argparse.Namespace) -> Plan:
    """The plan, with the searches to learn from.

    Raises:
        ConfigError: nothing says when it is over; there is no such search, or the strategy does not learn.
    """
    plan.check_end(has_budget=options.budget is not None)
    return plan.learning_from(options.learn_from, Store())


def learned(plan: Plan) -> Iterator[str]:
    """What a plan learns from earlier searches, in words."""
    if not plan.learn_from:
        return
    from gridfold.search.learning import learned_from  # it imports what reads results

    settings = plan.config.settings
    objective = Objective.said(
        {"metric": settings.metric, "maximize": settings.maximize, "strategy": plan.strategy.said}
    )
    found = learned_from(plan, Store(), objective)
    strange = f"; {found.strange:,} are not of this space" if found.strange else ""
    yield f"Learns from {len(found.known):,} trials of {', '.join(plan.learn_from)}{strange}"


def allow_trials(search: SearchDirectory, trials: int) -> None:
    """Let the strategy of a search go on.

    Raises:
        ConfigError: it is a grid, or had as many trials before.
    """
    strategy = Strategy.read(search.facts().get("strategy"))
    if strategy.is_grid:
        raise ConfigError("a grid makes every trial", where=search.name, hint="leave out --trials")
    if strategy.trials is not None and trials < strategy.trials:
        problem = f"its strategy has {strategy.trials:,} trials already"
        raise ConfigError(problem, where=search.name, hint=f"for more of them: --trials {strategy.trials + 1} or more")
    search.update(strategy=replace(strategy, trials=trials, first=strategy.first).said)
