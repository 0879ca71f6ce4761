"""A search while it runs: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from gridfold.core.errors import nearest
from gridfold.core.values import canonical
from gridfold.records.numbers import number
from gridfold.records.objective import Objective
from gridfold.records.ties import Leaders
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import headline, signature
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.search.forecast import Pace
from gridfold.search.loop import misses
from gridfold.show.plan_table import counted
from gridfold.show.terminal import console, progress_note

_MAX_BARS = 10  # of runs that run
_FEW = 100  # runs that each have a line
_MAX_NAME, _MIN_NAME = 48, 12  # of a run, beside its bar
_BESIDE = 62  # what bar, count, time left and note take in a line
_LINE_SECONDS = 1.0  # between two lines about runs that went well


@dataclass
class _Shown:
    """The bar of a run: when it was first seen to move, and where it was then."""

    task: TaskID
    since: float | None = None
    first: float = 0.0


class Live:
    """Shows a search while it runs.

    Args:
        progress: where.
        total: how many runs the search has.
        done: how many of them are done.
        objective: what they are compared by.
        parallel: how many run at a time.
        races: whether runs are added to it by what came of others.

    Attributes:
        warns: whether it goes on although the first run has nothing to be compared by, so that this has to be said.
    """

    def __init__(
        self,
        progress: Progress,
        total: int,
        done: int,
        objective: Objective,
        parallel: int,
        *,
        races: bool = False,
    ) -> None:
        self._progress = progress
        self._objective = objective
        self._races = races
        self._total = self._listed = total
        self._lists = False  # whether runs are listed all the time
        self._done = done
        self._failed = 0
        self._pace = Pace(parallel)
        self._last_line = float("-inf")
        self._signatures: set[tuple[str, str]] = set()
        self.warns = True
        self._has_first = False
        self._best: Record | None = None
        self._leaders = Leaders(objective)
        self._runs: dict[str, _Shown] = {}
        self._waiting: set[str] = set()
        self._search = progress.add_task("search", total=total, completed=done, left="", note="")

    def running(self, run: Run) -> None:
        """The run is under way."""
        self._waiting.discard(run.dir.name)
        if self._progress.disable:  # nobody sees its bar
            return
        shown = self._runs.get(run.dir.name)
        if shown is None:
            if len(self._runs) == _MAX_BARS:
                return
            name = _short(run.dir.name, self._progress.console.width - _BESIDE)
            task = self._progress.add_task(name, total=None, left="", note="preparing")
            shown = self._runs[run.dir.name] = _Shown(task)
        state = run.read_progress()
        if not state:  # not yet, or no longer
            return
        step, total = state.get("step", 0), state.get("steps")
        if shown.since is None:
            shown.since, shown.first = time.monotonic(), step
        left = _left(shown.since, step - shown.first, total - step) if total else ""
        self._progress.update(shown.task, completed=step, total=total, left=left, note=progress_note(state))

    def waits(self, run: Run) -> None:
        """The run waits until it may go on."""
        if run.dir.name not in self._waiting:
            self._waiting.add(run.dir.name)
            self._remove_bar(run)
            self._progress.update(self._search, note=escape(self._note()))

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended."""
        if record.is_done:
            record = self._objective.at_best(record, run.reports())
        self._waiting.discard(run.dir.name)
        self._remove_bar(run)
        if not record.is_final:
            self._total -= 1  # another process has it
        elif not again:
            self._done += record.is_done or record.state == "failed"
            self._failed += record.state == "failed"
            self._pace.ended(record)
            self._leaders.add(record)
            if record.metrics and (self._best is None or self._is_better(record, self._best)):
                self._best = record
        self._progress.update(
            self._search, completed=self._done, total=self._total, left=self._time_left(), note=escape(self._note())
        )
        if record.is_final and self._is_worth_a_line(record):
            self._last_line = time.monotonic()
            self._progress.console.print(escape(self._line(run, record, again)), soft_wrap=True)
        if record.is_done and not self._has_first:
            self._has_first = True
            self._say_of_first(run, record)

    def _remove_bar(self, run: Run) -> None:
        if shown := self._runs.pop(run.dir.name, None):
            self._progress.remove_task(shown.task)

    def text(self) -> tuple[list[str], str]:
        """The lines that were printed so far to a file in memory, and the bars as they are now."""
        output = self._progress.console
        with output.capture() as bars:
            output.print(self._progress.get_renderable())
        printed = output.file.getvalue() if isinstance(output.file, StringIO) else ""
        return printed.splitlines(), bars.get().rstrip()

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added to the search."""
        self._listed += len(entries)
        self._total = max(self._total, self._listed)
        self._progress.update(self._search, total=self._total)
        if not self._lists:
            self._progress.console.print(escape(_added(entries, races=self._races)), soft_wrap=True)

    def expects(self, total: int) -> None:
        """A strategy lists the runs when there is room for them: so many in the end, as far as is known."""
        self._lists, self._total = True, max(self._total, total)
        self._progress.update(self._search, total=self._total)

    def warned(self, sentence: str) -> None:
        """Something is probably not as it was meant."""
        shown = self._progress.console
        output = console(stderr=True) if shown.quiet else shown  # a command that is quiet still warns
        output.print(f"[yellow]{escape(f'warning: {sentence}')}", soft_wrap=True)

    def _say_of_first(self, run: Run, record: Record) -> None:
        """Say at the first completed run, not after hours, what its metrics are, and if it has not the right one."""
        metric = self._objective.metric
        if record.source:
            said = escape(f"Metrics of run {record.index}: {record.source}")
            self._progress.console.print(said, soft_wrap=True)
        if self.warns and misses(self._objective, run, record):
            names = {*record.metrics, *(name for report in run.reports() for name in report)}
            what = f" '{metric:.80}': {nearest(metric, names)}" if metric else ""
            self.warned(f"the first run has no metric{what}".rstrip(": "))

    def _is_better(self, record: Record, best: Record) -> bool:
        return self._objective.rank(record, 0) < self._objective.rank(best, 0)

    def _is_worth_a_line(self, record: Record) -> bool:
        if record.error and signature(record.error) not in self._signatures:
            self._signatures.add(signature(record.error))
            return True
        soon = time.monotonic() - self._last_line < _LINE_SECONDS
        return self._total <= _FEW or not soon or self._done == self._total

    def _line(self, run: Run, record: Record, again: bool) -> str:  # noqa: FBT001
        parts = [f"[{self._done}/{self._total}] {run.dir.name}: {outcome(run, record, self._objective)}"]
        if again:
            parts.append("will be tried again")
        elif left := self._time_left():
            parts.append(left)
        return ", ".join(parts)

    def _time_left(self) -> str:
        return _said(self._pace.seconds_left(self._total - self._done)) if self._done < self._total else ""

    def _note(self) -> str:
        parts = [f"{self._failed} failed"] if self._failed else []
        parts += [f"{len(self._waiting)} wait"] if self._waiting else []
        if self._best:
            name, value = self._objective.value(self._best.metrics)
            which = f"{self._leaders.count} runs tie" if self._leaders.count > 1 else f"run {self._best.index}"
            parts.append(f"best {name} {number(value)} ({which})")
        return "  ".join(parts)


def outcome(run: Run, record: Record, objective: Objective) -> str:
    """What came of a run, in some words."""
    name, value = objective.value(record.metrics) if record.metrics else ("", None)
    if record.error:
        said = headline(record.error["message"])
        result = f"{record.state}: {record.error['type']}: {said:.200} (see {run.log_path})"
    else:
        measured = f"no {name}" if value is None else f"{name} {number(value)}"
        result = f"{record.state}, {measured}" if name else record.state
    return f"{result}, {number(record.seconds, 1)} s"


def _added(entries: Sequence[RunEntry], *, races: bool) -> str:
    """Which runs were added, in some words."""
    if not races:
        return f"Added {counted(len(entries), 'run')}"
    trials, repeat = len({canonical(entry.params) for entry in entries}), max(entry.repeat for entry in entries)
    which = "1 combination that is" if trials == 1 else f"{trials:,} combinations that are"
    return f"Race: repeat {repeat + 1} for {which} in contention ({counted(len(entries), 'run')})"


def _left(start: float, done: float, remaining: float) -> str:
    """The time left if what remains goes as fast as what is done since ``start``."""
    return _said((time.monotonic() - start) / done * remaining if done > 0 else None)


def _said(seconds: float | None) -> str:
    known = seconds is not None and seconds <= timedelta.max.total_seconds()
    return f"{timedelta(seconds=round(seconds or 0))} left" if known else ""


def _short(name: str, room: int) -> str:
    width = max(_MIN_NAME, min(room, _MAX_NAME))
    return name if len(name) <= width else f"…{name[1 - width :]}"


@contextmanager
def live(
    output: Console,
    total: int,
    done: int = 0,
    objective: Objective = Objective(),  # noqa: B008 - it is frozen
    parallel: int = 1,
    *,
    races: bool = False,
    is_drawn: bool = True,
) -> Iterator[Live]:
    """A view of a search, of whose runs some are done; what is not drawn here is asked for by `Live.text`."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[note]}"),
    )
    progress = Progress(*columns, console=output, transient=True, disable=not output.is_terminal)
    with progress if is_drawn else nullcontext():
        yield Live(progress, total, done, objective, parallel, races=races)
