"""Runs that are added to a search, judged by those that it has: more repeats, a round of a race, fresh seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.limits import MOST_REPEATS
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, TrialResult
from gridfold.runs.search import SearchDirectory
from gridfold.search.plan import Plan, extend, plan_of
from gridfold.space.repeats import repetitions

Contention = Callable[[Results], Sequence[TrialResult]]
"""The trials of a search that cannot be told apart from the best, with the best itself."""

_OVER = ("completed", "stopped", "failed")


def results_of(search: SearchDirectory) -> Results:
    """The results of a search, compared by what it says."""
    return Results.read([search], Objective.said(search.facts()))


def add_repeats(search: SearchDirectory, repeats: int, top: int | None = None, max_runs: int | None = None) -> int:
    """Let the best trials of a search have so many repeats; how many runs that adds.

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
        problem = f"{len(chosen):,} trials × {repeats:,} repeats are {count:,} runs, and a search has {limit:,} at most"
        raise ConfigError(problem, where=search.name, hint=f"to run them all: --max-runs {count}")
    return _extend(search, plan, chosen, range(repeats))


def next_round(search: SearchDirectory, contention: Contention) -> int:
    """Give the trials of a race that may still be the best one more repeat; how many runs that adds, 0 if it is over.

    It is over when one is left, or those that are left have all the repeats that there may be. Who has fewest repeats
    of them comes first: a trial that was left behind may come into question again.

    Args:
        search: the search, a race.
        contention: tells which trials may still be the best.
    """
    plan, results = plan_of(search), results_of(search)
    if any(run.state not in _OVER for trial in results.trials for run in trial.runs):
        return 0  # another process works on this round
    left = list(contention(results))
    have = [_repeats(trial) for trial in left]
    fewest = min(have, default=plan.most_repeats)
    if len(left) < 2 or fewest >= plan.most_repeats:
        return 0
    behind = [trial for trial, count in zip(left, have, strict=True) if count == fewest]
    return _extend(search, plan, behind, range(fewest, fewest + 1))


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
    indices = sorted(min(run.entry.index for run in trial.runs) for trial in trials)  # as the first runs have them
    return extend(search, plan, indices, repetitions(repeats, plan.folds))


def _repeats(trial: TrialResult) -> int:
    return 1 + max(run.entry.repeat for run in trial.runs)


def _nothing_to_compare(search: SearchDirectory, results: Results) -> ConfigError:
    metric, hint = results.objective.metric or "", f"gridfold resume {search.name}"
    completed = [run for trial in results.trials for run in trial.runs if run.is_done]
    if completed:
        hint = nearest(metric, {name for run in completed for name in run.metrics})
        return ConfigError(f"no run has a finite {metric or 'metric'} to compare by", where=search.name, hint=hint)
    return ConfigError("no run is completed, so nothing can be compared", where=search.name, hint=hint)
