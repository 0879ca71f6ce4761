"""A worker: one of any number of processes that execute the runs of a search, and what it prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from gridfold.cli.execution import read_pending
from gridfold.cli.run import continued, describe, start_again
from gridfold.core.errors import EXIT_INTERRUPTED
from gridfold.records.objective import Objective
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.run import Run
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.directories import complete
from gridfold.search.hyperparam_search import execute_search


class Lines:
    """A watcher that prints a line for each run that has ended."""

    def running(self, run: Run) -> None:
        """Nothing."""

    def ended(self, run: Run, record: Record, *, again: bool = False) -> None:
        """Say how it ended."""
        if record.is_final:
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
    directory = Store().find(options.search)
    complete(directory)
    execution = continued(directory, options)
    pending = read_pending(directory, tried_again=Workers(directory.dir).tried_again(), gone=options.gone)
    if not pending.has_more:
        return 0
    with start_again(execution, directory, options) as executor:
        describe(pending, executor)
        policy = replace(execution.policy(), objective=Objective.said(directory.facts()))
        outcome = execute_search(pending, executor, Lines(), policy, execution.keep(directory))
    return EXIT_INTERRUPTED if outcome.interrupted else 0
