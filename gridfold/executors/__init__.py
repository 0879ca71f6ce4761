"""Where runs execute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from gridfold.run import Record, Run


class Watcher(Protocol):
    """Sees what an executor does, to show it to somebody."""

    def running(self, run: Run) -> None:
        """The run is under way; called now and then."""

    def ended(self, run: Run, record: Record) -> None:
        """The run has ended, one way or another."""


class Executor(Protocol):
    """Executes runs whose directories hold ``config.yaml`` and a record in state ``created``."""

    def execute(self, runs: Iterable[Run], watcher: Watcher) -> Iterator[Record]:
        """Execute the runs, and give the record of each as it ends. A run that fails is a record like any other."""
