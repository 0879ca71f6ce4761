"""Why a search ended before its runs were done, and what to write so that it goes on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from rich.markup import escape

from gridfold.core.errors import ConfigError, cut, nearest
from gridfold.records.objective import Objective, listed
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.search.execute import SearchOutcome
from gridfold.search.pending import Pending

_MOST_LINES = 3  # of its log
_LOG_BYTES = 64 << 10
_WIDTH = 100
_DIGIT, _WORDS = re.compile(r"\d"), re.compile(r"[a-zA-Z]\w*")
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
    lines, named = [], _candidates(run, record)
    if names := _names(run, record):
        hint = nearest(objective.metric or "", names)
        lines.append(f"It has {listed(names)}{f': {hint}' if hint.startswith('did') else ''}")
    if named or not names:
        lines += _seen(run, record, named)
    if isinstance(record.trainer, str):
        return [*lines, *_of_function(objective.metric or _EXAMPLE, search)]
    return [*lines, *_of_command(objective.metric, search, named)]


def _candidates(run: Run, record: Record) -> Sequence[str]:
    """The names of numbers that may be meant, and are not taken."""
    if record.candidates:
        return record.candidates
    from gridfold.search.collect import read_again  # few searches come here
    from gridfold.trainers.metrics.printed import MetricsUnreadable

    try:
        found = read_again(run, record, {})
    except (MetricsUnreadable, ConfigError, OSError):
        return ()
    return [name for name in (*found.metrics, *found.candidates) if name not in record.metrics]


def _seen(run: Run, record: Record, named: Sequence[str]) -> Iterator[str]:
    """The numbers in what a run printed and wrote."""
    from gridfold.trainers.metrics.printed import Mark  # as above

    lines = [line for line in Mark(run.log_path, record.log_start).shown_after(_LOG_BYTES) if _DIGIT.search(line)]
    if named:
        yield f"Names of numbers that it printed or wrote, none known as a metric: {', '.join(named)}"
        yield f"Its log: {run.log_path}"
    elif lines:
        yield f"Numbers that it printed, none known as a metric (see {run.log_path}):"
        yield from (f"  {cut(line.strip(), _WIDTH)}" for line in lines[-_MOST_LINES:])
    else:
        yield f"It printed no number (see {run.log_path})"


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


def _of_command(metric: str | None, search: str, named: Sequence[str]) -> Iterator[str]:
    name = metric or next((_word(each) for each in reversed(named) if _word(each)), _EXAMPLE)
    before = next(
        (re.escape(each).replace("\\ ", " ") + "[:= ]+" for each in reversed(named) if _word(each) == name), ""
    )
    pattern = f"{before or name.replace('_', ' ') + ' '}{_NUMBER}"
    yield "A program prints its metrics as a line of JSON, or writes them to metrics.json in {run_dir}:"
    yield f'  {{"{metric or _EXAMPLE}": 0.31}}'
    if search:
        yield "After a change of the program, start the search again"
        yield "If the metric is in the log, a pattern finds it; then continue:"
        yield f"  gridfold collect {search} --metrics {shlex.quote(f'{name}={pattern}')}"
    yield f"In the config, for other searches: gridfold: {{metrics: {{{name}: '{pattern}'}}}}"


def _word(said: str) -> str:
    """A name that was seen as metrics are called; "" if it is none."""
    return "_".join(_WORDS.findall(said.lower())) if _WORDS.findall(said) and "/" not in said else ""
