"""A bar on stderr while texts are predicted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_FEWEST = 100  # texts that take a while


@contextmanager
def bar(total: int, *, shown: bool | None = None) -> Iterator[Callable[[int], None]]:
    """A bar that vanishes in the end.

    Args:
        total: how many texts there are.
        shown: whether there is a bar; None for where stderr is a terminal and there are more than a few texts.

    Yields:
        What is to be told how many texts are done.
    """
    if not (sys.stderr.isatty() and total >= _FEWEST if shown is None else shown):
        yield lambda _: None
        return
    from rich.console import Console  # most predictions are of a few texts
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("predicting"), BarColumn(), MofNCompleteColumn(), TextColumn("texts"), TimeRemainingColumn()
    # Without a thread of its own: it is drawn when it advances.
    console = Console(stderr=True, force_terminal=shown)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("", total=total)

        def advance(count: int) -> None:
            progress.update(task, advance=count, refresh=True)

        yield advance
