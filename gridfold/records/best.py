"""The run that is chosen, and what is to know of the choice."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from gridfold.core.errors import ConfigError
from gridfold.records import front, looks, reach
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.run import Run
from gridfold.trainers.protocol import BUILT_IN


def best_of(results: Results) -> tuple[TrialResult, RunResult]:
    """The best trial, and the best of its runs.

    Raises:
        ConfigError: no run is completed and has the metric.
    """
    objective = results.objective
    if not results.ranked:
        where = ", ".join(str(search.dir) for search in results.searches)
        what = f"with the metric '{objective.metric}'" if objective.metric else "with a metric to compare by"
        hint = results.caveat or "gridfold status says how far it is"
        raise ConfigError(f"no run is completed {what}", where=where, hint=hint)
    trial = results.ranked[0]
    sign = -1 if objective.maximize else 1
    known = [(run, run.value) for run in trial.runs if run.value is not None]
    return trial, min(known, key=lambda each: (sign * each[1], objective.beside(each[0].metrics)))[0]


def directory_of(run: RunResult) -> Path:
    """The directory that has the result, which may be that of the run whose result was reused."""
    name = run.record.reused if run.record and run.record.reused else run.entry.run
    return run.search.dir.parent / name


def remarks(results: Results) -> list[str]:
    """What is to know of the choice, in sentences."""
    said = results.caveat, reach.said(results), front.said(results), looks.said(results), looks.awaited(results)
    return [each for each in said if each]


def of_test(run: RunResult) -> Mapping[str, float]:
    """The metrics of the run on a test set, if somebody has looked."""
    name = directory_of(run).name
    return next((look.metrics for look in looks.read(run.search.dir) if look.run == name), {})


def uses(run: RunResult) -> Iterator[str]:
    """Commands that use the run."""
    directory = directory_of(run)
    if run.record and run.record.trainer == BUILT_IN:
        yield f"gridfold.text.load({json.dumps(str(directory), ensure_ascii=False)})  # after: import gridfold.text"
        yield f"gridfold predict {shlex.quote(str(directory))} FILE -o predictions.csv"
        yield f"gridfold export {shlex.quote(str(directory))} DIR  # for transformers, with a model card"
    yield f"gridfold reproduce {shlex.quote(str(directory))}"
    yield f"gridfold train --config {shlex.quote(str(Run(directory).config_path))}"
