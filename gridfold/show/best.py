"""The run that is chosen: where it is, its metrics, its config beside the base, and how to use it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from rich.console import Group
from rich.markup import escape
from rich.table import Column, Table

from gridfold.core.values import render as value_text
from gridfold.records.best import best_of, directory_of, of_test, remarks, uses
from gridfold.records.numbers import number, plus_minus
from gridfold.records.reach import is_early
from gridfold.records.table import Row
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.names import label_parameters
from gridfold.runs.run import Run

_COLORS = {"+": "green", "-": "red", "@": "cyan"}
_CONTEXT = 1  # lines around a change


def render(results: Results) -> Group:
    """The best run of some results.

    Raises:
        ConfigError: no run is completed and has the metric.
    """
    trial, run = best_of(results)
    directory = directory_of(run)
    row = Row.of_trial(trial, {})
    return Group(
        f"[bold]{escape(_headline(results, trial, row))}",
        *map(escape, remarks(results)),
        f"Run: {escape(str(directory))}{_which(trial)}{_early(results, run)}",
        _metrics(run, row, of_test(run)),
        *_config(run, Run(directory)),
        "[bold]To use it",
        *(f"  {escape(line)}" for line in uses(run)),
    )


def _headline(results: Results, trial: TrialResult, row: Row) -> str:
    objective, total = results.objective, len(results.trials)
    metric = objective.metric or ""
    value = plus_minus(trial.mean, row.deviations.get(metric))
    if metric in row.deviations:
        value += f" (n = {row.n})"
    settings = zip(label_parameters(list(trial.params)), trial.params.values(), strict=True)
    listed = ", ".join(f"{label} {value_text(value)}" for label, value in settings)
    which = (
        f"Best of {total:,} trials, {'highest' if objective.maximize else 'lowest'} " if total > 1 else "One trial, "
    )
    if tie := results.tie:
        return f"{which}{metric} {value}: {tie.count:,} trials tie; {tie.settled(listed or row.runs[0])}"
    return f"{which}{metric} {value}" + (f": {listed}" if listed else "")


def _which(trial: TrialResult) -> str:
    """Which of the trial's runs it is."""
    return f" (the best of its {len(trial.runs)} runs)" if len(trial.runs) > 1 else ""


def _early(results: Results, run: RunResult) -> str:
    """That the run was stopped early, and where."""
    if not is_early(run):
        return ""
    return ", stopped early" + ("" if run.step is None else f" at {results.course} {run.step:g}")


def _metrics(run: RunResult, row: Row, tested: Mapping[str, float]) -> Table:
    """The metrics of the run, and of all repeats; those of the test set too, now that it is chosen."""
    table = Table("metric", Column("value", justify="right"))
    if row.n > 1:
        table.add_column(f"mean ± std of {row.n} runs", justify="right")
    for name, value in {**run.metrics, **tested}.items():
        cells = [name, number(value)]
        if row.n > 1 and name in row.metrics:
            cells.append(plus_minus(row.metrics[name], row.deviations.get(name)))
        table.add_row(*map(escape, cells))
    return table


def _config(run: RunResult, directory: Run) -> Iterator[str]:
    """What of the base config is otherwise in that of the run."""
    base = run.search.base().splitlines()
    config = directory.read_config().splitlines()
    lines = list(difflib.unified_diff(base, config, n=_CONTEXT, lineterm=""))[2:]  # without the names of the files
    title = f"[bold]Config, against {escape(str(run.search.base_path))}"
    yield title if lines else f"{title}[/]: the same"
    for line in lines:
        color = _COLORS.get(line[:1])
        yield f"[{color}]{escape(line)}[/]" if color else escape(line)
