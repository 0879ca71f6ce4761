"""Runs that are added to a search, judged by those that it has: those of a race, more repeats, fresh seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gridfold.config.strategy import Strategy
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.limits import MOST_REPEATS
from gridfold.propose.protocol import Nothing, Proposer, runs_of
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, TrialResult
from gridfold.runs.search import SearchDirectory
from gridfold.search.directories import extend
from gridfold.search.plan import Plan, plan_of
from gridfold.space.repeats import repetitions

if TYPE_CHECKING:
    from gridfold.propose.race import Told

Contention = Callable[[Results], Sequence[TrialResult]]
"""The trials of a search that cannot be told apart from the best, with the best itself."""


def results_of(search: SearchDirectory) -> Results:
    """The results of a search, compared by what it says."""
    return Results.read([search], Objective.said(search.facts()))


def adds_runs(facts: Mapping[str, Any]) -> bool:
    """Whether a search lists runs while it goes on, as ``search.json`` tells."""
    strategy = _strategy(facts)
    return bool(facts.get("race")) or strategy.learns or (not strategy.is_grid and strategy.trials is None)


def expected_runs(facts: Mapping[str, Any]) -> int:
    """How many runs a strategy makes that lists them while the search goes on; 0 if there is none."""
    strategy = _strategy(facts)
    return (
        (strategy.trials or 1) * (facts.get("repeats") or 1) * (facts.get("folds") or 1)
        if adds_runs(facts) and not facts.get("race")
        else 0
    )


def _strategy(facts: Mapping[str, Any]) -> Strategy:
    return Strategy.read(facts.get("strategy"))


def proposer_of(search: SearchDirectory, contention: Callable[[], Contention] | None = None) -> Proposer:
    """What says which runs a search makes, beside those that it began with.

    Args:
        search: the search.
        contention: gives what tells which trials may still be the best; called for a race only. Without it, a race is
            not gone on with.
    """
    facts = search.facts()
    is_race = bool(facts.get("race")) and contention is not None
    if not is_race and _strategy(facts).is_grid:
        return Nothing()  # a grid was listed when the search was created
    plan = plan_of(search)
    if not is_race or contention is None:
        from gridfold.search.learning import sample_of  # most searches need neither

        return sample_of(search, plan)
    from gridfold.propose.race import Race

    judge = partial(_in_contention, search, Objective.said(facts), contention())
    return Race(plan.grid, judge, plan.most_repeats, plan.folds, waits=facts.get("race_waits") is not False)


def _in_contention(
    search: SearchDirectory, objective: Objective, contention: Contention, runs: Sequence[Told]
) -> list[Mapping[str, Any]]:
    results = Results.of([search], [(search, *run) for run in runs], objective)
    return [trial.params for trial in contention(results)]


def add_repeats(search: SearchDirectory, repeats: int, top: int | None = None, max_runs: int | None = None) -> int:
    """Let the best trials of a search have that many repeats; how many runs that adds.

    Args:
        search: the search.
        repeats: how many each shall have; those that have more keep them.
        top: how many trials; None for all, whatever came of them.
        max_runs: how many runs that may be; None for as many as the search may have.

    Raises:
        ConfigError: none is completed, so nothing is known of which are the best; or there would be too many runs.
    """
    plan, results = plan_of(search), results_of(search)
    chosen = results.trials if top is None else results.ranked[:top]
    if not chosen:
        raise _nothing_to_compare(search, results)
    if (count := len(chosen) * repeats * (plan.folds or 1)) > (limit := max_runs or plan.limit):
        problem = f"{len(chosen):,} trials × {repeats:,} repeats are {count:,} runs, more than the limit of {limit:,}"
        raise ConfigError(problem, where=search.name, hint=f"to run them all: --max-runs {count}")
    return _extend(search, plan, chosen, range(repeats))


def add_fresh_seeds(search: SearchDirectory, repeats: int) -> list[TrialResult]:
    """Add repeats of the two best trials on seeds that no run was chosen by, which do not count in the comparison.

    They are the same seeds each time, so what was interrupted goes on.

    Returns:
        The trials as they were compared, the best first.

    Raises:
        ConfigError: no trial is completed.
    """
    plan, results = plan_of(search), results_of(search)
    best = results.ranked[:2]
    if not best:
        raise _nothing_to_compare(search, results)
    _extend(search, plan, best, range(MOST_REPEATS, MOST_REPEATS + repeats))
    return best


def _extend(search: SearchDirectory, plan: Plan, trials: Sequence[TrialResult], repeats: range) -> int:
    in_order = sorted(trials, key=lambda trial: min(run.entry.index for run in trial.runs))
    those = [plan.space.trial(trial.params) for trial in in_order]
    return extend(search, plan, runs_of(those, repetitions(repeats, plan.folds)))


def _nothing_to_compare(search: SearchDirectory, results: Results) -> ConfigError:
    metric, hint = results.objective.metric or "", f"gridfold resume {search.name}"
    completed = [run for trial in results.trials for run in trial.runs if run.is_done]
    if completed:
        hint = nearest(metric, {name for run in completed for name in run.metrics})
        return ConfigError(f"no run has a finite {metric or 'metric'} to compare by", where=search.name, hint=hint)
    return ConfigError("no run is completed, so nothing can be compared", where=search.name, hint=hint)
