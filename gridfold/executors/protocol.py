"""Where runs execute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from gridfold.core.process.interrupt import Interrupt
from gridfold.runs.entries import RunEntry
from gridfold.runs.failure import describe
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run


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

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added to the search while it ran."""


class SafeWatcher:
    """A watcher that cannot end what it watches: the first exception of another one is logged, and no later one.

    Args:
        watcher: the other one.
        log: takes a line.
    """

    def __init__(self, watcher: Watcher, log: Callable[[str], None]) -> None:
        self._watcher, self._log = watcher, log
        self._has_failed = False

    def running(self, run: Run) -> None:
        """The run is under way."""
        self._show(self._watcher.running, run)

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """An attempt has ended."""
        self._show(self._watcher.ended, run, record, again=again)

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Runs were added to the search."""
        self._show(self._watcher.added, entries)

    def _show(self, show: Callable[..., None], *seen: Any, **more: Any) -> None:
        try:
            show(*seen, **more)
        except (Exception, SystemExit) as error:  # rich exits where nobody reads any more
            if not self._has_failed:
                self._has_failed = True
                said = describe(error)
                self._log(f"not all was shown: {said['type']} at {said['place']}: {said['message']}")


class Executor(Protocol):
    """Executes runs whose directories hold ``config.yaml``."""

    def execute(
        self, attempts: Iterable[Attempt | None], watcher: Watcher, interrupt: Interrupt
    ) -> Iterator[tuple[Attempt, Record]]:
        """Execute the attempts, and give the record of each as it ends. A run that fails is a record like any other.

        An attempt is asked for when there is room for it; None means that there is none now, but may be one later. An
        attempt that another process has taken is not executed; it comes back with the record as it stands.
        """
