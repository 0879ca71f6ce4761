"""Why a search ended before its runs were done, and what to write so that it goes on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.markup import escape

from gridfold.core.errors import nearest
from gridfold.records.objective import Objective, listed
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.search.collect import read_again
from gridfold.search.hyperparam_search import SearchOutcome
from gridfold.search.pending import Pending
from gridfold.trainers.metrics.printed import MetricsUnreadable

_MOST_SEEN = 8  # numbers that are no metrics
_WIDTH = 100  # of one of them
_NUMBER = r"([-+.\deE]+)"
_EXAMPLE = "val_loss"


def unfinished(left: Pending, outcome: SearchOutcome, again: str) -> str:
    """Why a search ended, and how to continue it, as markup.

    Args:
        left: what is left of it.
        outcome: how it ended.
        again: the command that continues a search.
    """
    search, choices = left.search, outcome.choices
    lines = [f"Stopped: {outcome.stopped or 'interrupted; finished runs are kept'}"]
    if outcome.unmeasured:
        objective = Objective.said(search.facts())
        lines += no_metric(*outcome.unmeasured, objective, search.name)
        choices = _nearest(*outcome.unmeasured, objective)
    if left.has_more:
        choice = f" --metric {shlex.quote(choices[0])}" if choices else ""
        lines.append(f"To continue: {again} {search.name}{choice}")
    return escape("\n".join(lines))


def no_metric(run: Run, record: Record, objective: Objective, search: str = "") -> list[str]:
    """What there is instead of the metric in a run, and what to write.

    Args:
        run: the run.
        record: what came of it.
        objective: what runs are compared by.
        search: the name of its search; "" for a run of its own.
    """
    is_function = isinstance(record.trainer, str)
    advice = _of_function if is_function else _of_command
    return [*_seen(run, record, objective), *advice(objective.metric or _EXAMPLE, search)]


def _seen(run: Run, record: Record, objective: Objective) -> Iterator[str]:
    """The metrics that a run has, and the numbers that it printed or wrote."""
    if names := _names(run, record):
        hint = nearest(objective.metric or "", names)
        yield f"It has {listed(names)}{f': {hint}' if hint.startswith('did') else ''}"
    seen = _candidates(run, record)
    if seen:
        yield f"Numbers that it printed or wrote, and that are not known to be metrics (see {run.log_path}):"
        yield from (f"  {each[:_WIDTH]}" for each in seen[:_MOST_SEEN])
        if len(seen) > _MOST_SEEN:
            yield f"  and {len(seen) - _MOST_SEEN} more"
    elif not names:
        yield f"No number was found in what it printed or wrote (see {run.log_path})"


def _candidates(run: Run, record: Record) -> Sequence[str]:
    """What may be meant, and is not taken."""
    if record.candidates:
        return record.candidates
    try:
        found = read_again(run, record, {})
    except (MetricsUnreadable, OSError):
        return ()
    printed = [f"{name} {value:g}" for name, value in found.metrics.items() if name not in record.metrics]
    return [*printed, *found.candidates]


def _names(run: Run, record: Record) -> list[str]:
    return list(dict.fromkeys([*record.metrics, *(name for report in run.reports() for name in report)]))


def _nearest(run: Run, record: Record, objective: Objective) -> Sequence[str]:
    """The metric that may be meant, if a run has others than the one that was named."""
    names = _names(run, record)
    near = nearest(objective.metric or "", names)
    return [name for name in names if near == f"did you mean '{name}'?"] or names[:1]


def _of_function(name: str, search: str) -> Iterator[str]:
    yield "A function returns its metrics, or reports them:"
    yield f'  return {{"{name}": 0.31}}'
    yield f"  run.report(epoch=1, {name}=0.31)" if name.isidentifier() else f'  run.report(**{{"{name}": 0.31}})'
    if search:
        yield "After a change of the function, start the search again"


def _of_command(name: str, search: str) -> Iterator[str]:
    pattern = f"{name.replace('_', ' ')} {_NUMBER}"
    yield "A program prints its metrics as a line of JSON, or writes them to metrics.json in {run_dir}:"
    yield f'  {{"{name}": 0.31}}'
    if search:
        yield "After a change of the program, start the search again"
        yield "If the log has the metric in other words, a pattern finds it; then continue:"
        yield f"  gridfold collect {search} --metrics {shlex.quote(f'{name}={pattern}')}"
    yield f"In the config, for other searches: gridfold: {{metrics: {{{name}: '{pattern}'}}}}"
