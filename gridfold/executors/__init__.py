"""Where runs execute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from gridfold.process.interrupt import Interrupt
from gridfold.run import Attempt, Record, Run


class Watcher(Protocol):
    """Sees what an executor does, to show it to somebody."""

    def running(self, run: Run) -> None:
        """The run is under way; called now and then."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended; in state ``created`` or ``running`` if another process has the run.

        Args:
            run: the run.
            record: its record.
            again: the run will be tried again.
        """


class Executor(Protocol):
    """Executes runs whose directories hold ``config.yaml``."""

    def execute(
        self, attempts: Iterable[Attempt | None], watcher: Watcher, interrupt: Interrupt
    ) -> Iterator[tuple[Attempt, Record]]:
        """Execute the attempts, and give the record of each as it ends. A run that fails is a record like any other.

        An attempt is asked for when there is room for it; None means that there is none now, but may be one later. An
        attempt that another process has taken is not executed; it comes back with the record as it stands.
        """
