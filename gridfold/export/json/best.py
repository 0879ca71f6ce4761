"""The best run, as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gridfold.config.config import Config
from gridfold.export.json.document import document as new
from gridfold.export.json.document import exact, exact_all
from gridfold.records.best import best_of, directory_of, of_test, remarks, uses
from gridfold.records.objective import Objective
from gridfold.records.reach import is_early
from gridfold.records.table import Row
from gridfold.records.trials import Results, TrialResult, compared
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory

_MOST_TIED = 100


def document(search: SearchDirectory, said: Objective = Objective()) -> dict[str, Any]:  # noqa: B008
    """The best trial of a search, and the best of its runs: metrics, config, how to use it.

    Args:
        search: the search.
        said: what to compare by; for what it leaves open counts what the search says.

    Raises:
        ConfigError: no run is completed and has the metric, or its config cannot be read.
    """
    results = compared([search], said)
    trial, run = best_of(results)
    row, directory = Row.of_trial(trial, {}), Run(directory_of(run))
    metric = results.objective.metric or ""
    return new(
        "best/1",
        search=search.name,
        dir=str(search.dir),
        metric=metric,
        maximize=results.objective.maximize,
        trials=len(results.trials),
        index=trial.runs[0].entry.index,
        params=exact_all(trial.params),
        value=trial.mean,
        std=row.deviations.get(metric),
        n=row.n,
        means=row.metrics,
        stds=row.deviations,
        runs=[each.entry.run for each in trial.runs],
        tie=asdict(results.tie) if results.tie else None,
        tied=[_tied(each) for each in results.tied[:_MOST_TIED]] if results.tie else [],
        confirmation=_confirmation(results),
        run={
            "index": run.entry.index,
            "run": run.entry.run,
            "dir": str(directory.dir),
            "state": run.state,
            "stopped_early": is_early(run),
            "step": run.step,
            "metrics": {**run.metrics, **of_test(run)},
            "config": exact(Config.parse(directory.read_config(), str(directory.config_path)).data),
            "config_path": str(directory.config_path),
        },
        remarks=remarks(results),
        commands=list(uses(run)),
    )


def _tied(trial: TrialResult) -> Mapping[str, Any]:
    return {"index": trial.runs[0].entry.index, "params": exact_all(trial.params)}


def _confirmation(results: Results) -> list[dict[str, Any]]:
    """What ``gridfold confirm`` found: trials on fresh seeds, which had no part in the choice, the best first."""
    sign = -1 if results.objective.maximize else 1
    metric = results.objective.metric or ""
    found = [each for trial in results.ranked if (each := _confirmed(trial, metric))["n"]]
    return sorted(found, key=lambda each: sign * each["mean"])


def _confirmed(trial: TrialResult, metric: str) -> dict[str, Any]:
    fresh = TrialResult(trial.params, trial.confirming)
    row = Row.of_trial(fresh, {}) if trial.confirming else None
    return {
        "index": trial.runs[0].entry.index,
        "params": exact_all(trial.params),
        "chosen_by": trial.mean,
        "mean": fresh.mean,
        "std": row.deviations.get(metric) if row else None,
        "n": len(fresh.values),
    }
