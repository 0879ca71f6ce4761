"""What a person sees in the terminal: the plan, the progress, the results."""

from __future__ import annotations

import heapq
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from math import isnan
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from gridfold.names import label_parameters
from gridfold.run import Record, Run
from gridfold.search import Plan
from gridfold.store import RunEntry, SearchDirectory
from gridfold.values import render

MAX_ROWS = 20
_MAX_VALUES = 12
_MAX_METRICS = 3  # the others are in results.csv
_LOWER_IS_BETTER = frozenset(["loss", "error", "err", "perplexity", "ppl", "nll", "mae", "mse", "rmse", "wer", "cer"])


def console() -> Console:
    """Standard output; as wide as it needs where it is no terminal, so that nothing is cut."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=160)


def plan_table(plan: Plan) -> Group:
    """What varies, what is set, what stays although it is a list, and how many runs that makes."""
    table = Table("parameter", "values", Column("", justify="right"))
    for parameter in plan.space.parameters:
        table.add_row(escape(parameter.path), escape(_listed(parameter.values)), f"{len(parameter.values)} values")
    table.add_section()
    pins = [variation for variation in plan.variations if variation.is_pin]
    for pin in pins:
        table.add_row(escape(pin.path), escape(render(pin.parameter.values[0])), "set")
    table.add_section()
    replaced = {variation.path for variation in plan.variations}
    for kept in plan.config.kept:
        if not any(kept.path == path or kept.path.startswith(f"{path}.") for path in replaced):
            table.add_row(escape(kept.path), escape(render(kept.value)), f"stays a list: {kept.reason}")
    return Group(f"[bold]{_title(plan)}", *([table] if table.row_count else []))


def _title(plan: Plan) -> str:
    size = plan.space.size
    if not plan.space.parameters:
        return f"{escape(plan.config.document.name)}: nothing varies, so this is a search of one run"
    counts = [str(len(parameter.values)) for parameter in plan.space.parameters]
    product = f" = {' × '.join(counts)}" if len(counts) > 1 else ""
    return f"{escape(plan.config.document.name)}: {size:,} run{'s' if size > 1 else ''}{product}"


def _listed(values: Sequence[Any]) -> str:
    shown = [render(value) for value in values[:_MAX_VALUES]]
    return ", ".join(shown) + (f", … {render(values[-1])}" if len(values) > _MAX_VALUES else "")


def results(search: SearchDirectory) -> Group:
    """The best runs, best first, by the first metric, those without it last; and where the results are."""
    best = heapq.nsmallest(MAX_ROWS, search.records(), key=_rank)
    lines = [f"All results: {escape(str(search.results_path))}"]
    entry, record = best[0]
    if record and record.metrics:
        lines.insert(0, f"Best run: {escape(str(search.run(entry).dir))}")
    return Group(_results_table(best), *lines)


def _results_table(best: list[tuple[RunEntry, Record | None]]) -> Table:
    entries = [entry for entry, _ in best]
    paths = list(dict.fromkeys(path for entry in entries for path in entry.params))
    metrics = list(dict.fromkeys(name for _, record in best if record for name in record.metrics))[:_MAX_METRICS]
    rule = f" ({'lowest' if lower_is_better(metrics[0]) else 'highest'} {metrics[0]})" if metrics else ""
    table = Table(title=escape(f"Results, best first{rule}"), title_justify="left", title_style="bold")
    for heading in ("run", *label_parameters(paths), *metrics, "state", "seconds"):
        table.add_column(escape(heading), justify="left" if heading == "state" else "right")
    for position, (entry, record) in enumerate(best):
        cells = [str(entry.index), *(render(entry.params[path]) if path in entry.params else "" for path in paths)]
        cells += [_number(record.metrics.get(name)) if record else "" for name in metrics]
        cells += [record.state if record else "created", _number(record.seconds, 1) if record else ""]
        table.add_row(*map(escape, cells), style="bold green" if position == 0 and record and record.metrics else "")
    return table


def metrics_table(record: Record) -> Table:
    """The metrics of one run."""
    table = Table("metric", "value")
    for name, value in record.metrics.items():
        table.add_row(escape(name), _number(value))
    return table


def _rank(row: tuple[RunEntry, Record | None]) -> tuple[bool, float, int]:
    entry, record = row
    name, value = next(iter(record.metrics.items()), ("", None)) if record else ("", None)
    if value is None or isnan(value):
        return True, 0.0, entry.index
    return False, value if lower_is_better(name) else -value, entry.index


def lower_is_better(metric: str) -> bool:
    """Whether a metric of this name gets better by getting smaller."""
    return not _LOWER_IS_BETTER.isdisjoint(re.split(r"[^a-z]+", metric.lower()))


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


class Live:
    """Shows a search while it runs: two bars on a terminal, a line per run elsewhere."""

    def __init__(self, progress: Progress, runs: int) -> None:
        self._progress = progress
        self._runs = runs
        self._done = 0
        self._failed = 0
        self._start = time.monotonic()
        self._search = progress.add_task("search", total=runs, left="", note="")
        self._run: TaskID | None = None
        self._first: tuple[float, float] | None = None  # when the run was first seen under way, and its step then

    def running(self, run: Run) -> None:
        """The run is under way."""
        state = run.read_progress()
        if self._run is None:
            self._run = self._progress.add_task(_short(run.dir.name), total=None, left="", note="preparing")
            self._first = None
        if not state:  # not yet, or no longer
            return
        step, total = state.get("step", 0), state.get("steps")
        self._first = self._first or (time.monotonic(), step)
        left = _left(self._first[0], step - self._first[1], total - step) if total else ""
        self._progress.update(self._run, completed=step, total=total, left=left, note=_note(state))

    def ended(self, run: Run, record: Record) -> None:
        """The run has ended."""
        self._done += 1
        self._failed += record.state != "completed"
        note = f"[red]{self._failed} failed" if self._failed else ""
        if self._run is not None:
            self._progress.remove_task(self._run)
            self._run = None
        left = _left(self._start, self._done, self._runs - self._done)
        self._progress.update(self._search, completed=self._done, left=left, note=note)
        self._progress.console.print(f"\\[{self._done}/{self._runs}] {escape(_outcome(run, record))}", soft_wrap=True)


def _left(start: float, done: float, remaining: float) -> str:
    """The time left if what remains goes as fast as what is done since ``start``."""
    if done <= 0:
        return ""
    seconds = (time.monotonic() - start) / done * remaining
    return f"{timedelta(seconds=round(seconds))} left"


def _outcome(run: Run, record: Record) -> str:
    name, value = next(iter(record.metrics.items()), ("", None))
    if record.error:
        said = record.error["message"].strip().partition("\n")[0]
        result = f"{record.state}: {record.error['type']}: {said:.200} (see {run.log_path})"
    else:
        result = f"{record.state}, {name} {_number(value)}" if name else record.state
    return f"{run.dir.name}: {result}, {_number(record.seconds, 1)} s"


def _note(state: Mapping[str, float]) -> str:
    parts = []
    if "epoch" in state:
        parts.append(f"epoch {state['epoch']:g}" + (f"/{state['epochs']:g}" if "epochs" in state else ""))
    if "loss" in state:
        parts.append(f"loss {state['loss']:.4f}")
    return "  ".join(parts) or "preparing"


def _short(name: str, width: int = 48) -> str:
    return name if len(name) <= width else f"…{name[1 - width :]}"


@contextmanager
def live(output: Console, runs: int) -> Iterator[Live]:
    """A view of a search of so many runs."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=output, transient=True, disable=not output.is_terminal) as progress:
        yield Live(progress, runs)
