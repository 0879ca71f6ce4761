"""A worker: one of any number of processes that execute the runs of a search, and what it prints."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gridfold.cli.execution import read_pending
from gridfold.cli.run import continued, describe, start_again
from gridfold.core.errors import EXIT_INTERRUPTED
from gridfold.core.process.liveness import engine_here
from gridfold.engines.registry import job_here
from gridfold.records.objective import Objective
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.directories import complete
from gridfold.search.execute import SearchOutcome, execute_search
from gridfold.search.execution import Execution
from gridfold.search.job_end import JobEnd
from gridfold.search.pending import Pending


@dataclass(frozen=True)
class Lines:
    """A watcher that prints a line for each run that has ended.

    Attributes:
        session: of the runs of this process; others may have had one.
    """

    session: str | None

    def running(self, run: Run) -> None:
        """Nothing."""

    def waits(self, run: Run) -> None:
        """Nothing."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """Say how it ended."""
        if record.is_final and record.session == self.session:
            error = f": {record.error['type']}: {record.error['message']:.200}" if record.error else ""
            say(f"{run.dir.name}: {record.state}{error}{' (tried again)' if again else ''}")

    def added(self, entries: Sequence[RunEntry]) -> None:
        """Nothing."""

    def warned(self, sentence: str) -> None:
        """Say it."""
        say(f"warning: {sentence}")


def say(line: str) -> None:
    """Print a line, which is then in the log of the job."""
    print(line, flush=True, file=sys.stdout)  # noqa: T201


def work(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Execute runs of a search until none is left."""
    signal.signal(signal.SIGUSR1, signal.default_int_handler)
    directory = Store().find(options.search)
    complete(directory)
    workers, execution = Workers(directory.dir), continued(directory, options)
    if workers.is_cancelled:
        say("the search was cancelled")
        return 0
    pending = read_pending(directory, tried_again=workers.tried_again(), gone=options.gone)
    if not (pending.has_more or pending.awaits_others("done")):
        return 0
    job = job_here(engine_here())
    end = JobEnd(job, pending.asks, workers, options.grace) if job else None
    try:
        outcome = _execute(pending, execution, options, end)
    except KeyboardInterrupt:  # before it could begin anything
        if end:
            say(end.leave(signal.SIGTERM, lambda: True, has_begun=False))
        raise
    if outcome.aborted:
        workers.cancel(outcome.stopped)
    for line in filter(None, (outcome.stopped, outcome.following)):
        say(line)
    return EXIT_INTERRUPTED if outcome.interrupted else 0


def _execute(pending: Pending, execution: Execution, options: argparse.Namespace, end: JobEnd | None) -> SearchOutcome:
    directory = pending.search
    with start_again(execution, directory, options) as executor:
        describe(pending, executor)
        policy = replace(execution.policy(), objective=Objective.said(directory.facts()), end=end)
        return execute_search(
            pending, executor, Lines(getattr(executor, "session", None)), policy, execution.keep(directory)
        )
