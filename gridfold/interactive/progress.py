"""The progress of a search that was begun from Python: bars on a terminal, or one output of a notebook's cell."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from gridfold.executors.protocol import Watcher
from gridfold.records.objective import Objective
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.search.hyperparam_search import Silent
from gridfold.search.pending import Pending
from gridfold.show import terminal
from gridfold.show.console import VisibleConsole
from gridfold.show.live import Live, live

_SECONDS = 0.3  # between two pictures, each of which goes through the notebook's connection
_LINES = 5  # about runs that have ended
_WIDTH = 100


def shown(pending: Pending, objective: Objective, parallel: int, *, quiet: bool) -> AbstractContextManager[Watcher]:
    """A view of a search where it was begun."""
    if quiet:
        return contextlib.nullcontext(Silent())
    total, done = pending.total, pending.completed
    if is_notebook():
        return _in_cell(total, done, objective, parallel)
    return live(terminal.console(stderr=True), total, done, objective, parallel)


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@contextlib.contextmanager
def _in_cell(total: int, done: int, objective: Objective, parallel: int) -> Iterator[Watcher]:
    from IPython.display import display

    # Plain text, which every front end shows; rich's own bars need the package ipywidgets in a notebook.
    output: Any = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    lines = VisibleConsole(file=io.StringIO(), width=_WIDTH, force_terminal=True, force_jupyter=False, no_color=True)
    with live(lines, total, done, objective, parallel, is_drawn=False) as view:
        cell = _Cell(view, lambda text: output.update({"text/plain": text}, raw=True))
        cell.draw()
        try:
            yield cell
        finally:
            cell.draw(is_last=True)


class _Cell:
    """A live view, drawn into a cell now and then."""

    def __init__(self, view: Live, show: Callable[[str], Any]) -> None:
        self._view, self._show = view, show
        self._last = float("-inf")

    def running(self, run: Run) -> None:
        """The run is under way."""
        self._view.running(run)
        self._draw_soon()

    def waits(self, run: Run) -> None:
        """The run waits until it may go on."""
        self._view.waits(run)
        self._draw_soon()

    def warned(self, sentence: str) -> None:
        """Something is probably not as it was meant."""
        self._view.warned(sentence)
        self._draw_soon()

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended."""
        self._view.ended(run, record, again=again)
        self._draw_soon()

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added."""
        self._view.added(entries)

    def draw(self, *, is_last: bool = False) -> None:
        """Show how far it is; in the end without what was said of single runs."""
        self._last = time.monotonic()
        lines, bars = self._view.text()
        self._show("\n".join([*([] if is_last else lines[-_LINES:]), bars]))

    def _draw_soon(self) -> None:
        if time.monotonic() - self._last >= _SECONDS:
            self.draw()
