"""How far runs came that were stopped early, and what all had reached at one step, to compare like with like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gridfold.records.objective import is_finite
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.steps import Steps


def is_early(run: RunResult) -> bool:
    """Whether a run has a value that is not its last word: it was stopped before it was completed."""
    return run.state == "stopped" and run.value is not None


def early(results: Results) -> list[TrialResult]:
    """The trials of which a run was stopped early."""
    return [trial for trial in results.trials if any(map(is_early, trial.runs))]


def reached(trial: TrialResult) -> float | None:
    """The step that all runs of a trial came to, or all that have a value; None where nothing tells."""
    steps = [run.step for run in trial.runs if run.value is not None or not trial.values]
    return min((step for step in steps if step is not None), default=None)


def came_as_far(trial: TrialResult, other: TrialResult) -> bool:
    """Whether no run of a trial was stopped before another trial was as far as it is."""
    far = reached(other) or 0.0
    return all((run.step or 0.0) >= far for run in trial.runs if is_early(run))


def alike(results: Results) -> Results:
    """Each trial as it was at the last step that all came to; all as they are, if none was stopped early.

    Else a trial that was stopped at step 1 would be compared by its value there with the values of others at step 27. A
    run that reported nothing is left out then.
    """
    stopped = [run.step for trial in results.trials for run in trial.runs if is_early(run)]
    step = min((each for each in stopped if each is not None), default=None)
    if step is None:
        return results
    return replace(results, trials=tuple(_trial_at(trial, results, step) for trial in results.trials), step=step)


def said(results: Results) -> str:
    """That some were stopped early, in a sentence; "" if none was."""
    count = len(early(results))
    if not count:
        return ""
    steps = [step for trial in early(results) if (step := reached(trial)) is not None]
    where = f" at {results.course} {_from_to(steps)}" if steps else ""
    which = f"{count:,} of {len(results.trials):,} trials were" if len(results.trials) > 1 else "It was"
    return f"{which} stopped early{where}: their values are those that they had reached."


def _from_to(steps: Sequence[float]) -> str:
    low, high = min(steps), max(steps)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _trial_at(trial: TrialResult, results: Results, step: float) -> TrialResult:
    return replace(trial, runs=tuple(_run_at(run, results, step) for run in trial.runs))


def _run_at(run: RunResult, results: Results, step: float) -> RunResult:
    """A run with its best value up to a step."""
    if run.record is None or run.value is None:
        return run
    steps, reports = Steps(), run.reports()
    until = [report for report in reports if steps.add(report) <= step]
    metrics = results.objective.at_best(replace(run.record, metrics={}), until).metrics
    value = metrics.get(results.objective.metric or "")
    return replace(run, metrics=metrics, value=value if is_finite(value) else None)
