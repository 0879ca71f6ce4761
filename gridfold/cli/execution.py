"""Execute what is left of a search, show that, and say how it ended."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape

from gridfold.core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_LEFT, ConfigError
from gridfold.executors.protocol import Executor
from gridfold.identity.fingerprint import Code
from gridfold.records.objective import Objective
from gridfold.records.trials import write_results
from gridfold.runs.entries import RunEntry
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.execute import SearchOutcome, execute_search
from gridfold.search.execution import Execution
from gridfold.search.more_runs import Contention, expected_runs, proposer_of
from gridfold.search.pending import Pending
from gridfold.search.reuse import find_reusable, reuse
from gridfold.search.tracking import tracked
from gridfold.show import live, terminal
from gridfold.show import sharing as shared_work
from gridfold.show.unfinished import unfinished
from gridfold.trainers.protocol import Remark

_MOST_REMARKS = 20


def execute(
    pending: Pending,
    executor: Executor,
    execution: Execution,
    options: argparse.Namespace,
    again: str,
    show: Callable[[SearchDirectory], RenderableType] = shared_work.results,
) -> int:
    """Execute what is left of a search, show its results, and give the exit code.

    Args:
        pending: what is left.
        executor: executes it.
        execution: how.
        options: of the command.
        again: the command that continues a search.
        show: what is shown in the end.
    """
    pending.search.update(execution=vars(execution))
    Workers(pending.search.dir).allow()
    return to_the_end(pending.search, lambda: _execute(pending, executor, execution, options), options, again, show)


def to_the_end(
    directory: SearchDirectory,
    executed: Callable[[], SearchOutcome],
    options: argparse.Namespace,
    again: str,
    show: Callable[[SearchDirectory], RenderableType] = shared_work.results,
) -> int:
    """Have a search executed, show its results, and give the exit code.

    Args:
        directory: the search.
        executed: executes it, here or by workers.
        options: of the command.
        again: the command that continues a search.
        show: what is shown in the end.
    """
    output, left = output_of(options), None
    try:
        outcome = executed()
        with _whatever_was_removed():
            is_over = not (outcome.interrupted or outcome.stopped)
            left = left_in_the_end(directory) if is_over else read_pending(directory)
    finally:
        with _whatever_was_removed():
            if not options.quiet:
                output.print(show(directory), soft_wrap=True)
    with _whatever_was_removed():
        _say_the_end(read_pending(directory) if left is None else left, outcome, options, again)
    if outcome.interrupted:
        return EXIT_INTERRUPTED
    if outcome.failed or outcome.asks:
        return EXIT_FAILED
    return EXIT_LEFT if left is not None and left.held and not outcome.stopped else 0


def left_in_the_end(directory: SearchDirectory) -> Pending:
    """What is left of a search, after a wait for runs of other processes that will soon be done."""
    pending = read_pending(directory)
    while pending.wait_for_others():  # some may have failed, and be tried again
        with contextlib.suppress(OSError):
            write_results(directory)
        pending = read_pending(directory)
    return pending


def contention() -> Contention:
    """What tells which trials may still be the best."""
    from gridfold.analysis.significance import in_contention  # it imports scipy

    return in_contention


def read_pending(directory: SearchDirectory, code: str | None = None, **how: Any) -> Pending:
    """What is left of a search; a race or a strategy may add to it."""
    return Pending.read(directory, code, proposer_of(directory, contention), **how)


def warn(*sentences: str) -> None:
    """Print warnings to standard error."""
    for sentence in sentences:
        terminal.console(stderr=True).print(terminal.warning(sentence), soft_wrap=True)


def telling(output: Console, heard: list[Remark] | None = None) -> Callable[[Sequence[Remark]], None]:
    """Prints what a trainer has to say of a search, warnings to standard error; adds it to what is heard."""

    def tell(remarks: Sequence[Remark]) -> None:
        if heard is not None:
            heard.extend(remarks)
        for remark in remarks[:_MOST_REMARKS]:
            if remark.is_warning:
                warn(remark.text)
            else:
                output.print(escape(remark.text), soft_wrap=True)
        if len(remarks) > _MOST_REMARKS:
            output.print(f"… and {len(remarks) - _MOST_REMARKS:,} more remarks of the trainer")

    return tell


def telling_of_trackers(output: Console) -> Callable[[str], None]:
    """Prints where trackers have written."""
    return lambda line: output.print(escape(line), soft_wrap=True)


def output_of(options: argparse.Namespace) -> Console:
    """Where a command prints what is no error."""
    return terminal.console(quiet=options.quiet)


def say_where(options: argparse.Namespace, directory: SearchDirectory) -> None:
    """Print nothing but the directory of the search, if the command is to be quiet."""
    if options.quiet:
        sys.stdout.write(f"{directory.dir}\n")


@contextlib.contextmanager
def _whatever_was_removed() -> Iterator[None]:
    """Say the end of a search as far as can be, although files of it were removed while it ran."""
    try:
        yield
    except ConfigError as error:
        warn(f"not all can be shown: {error}")


def _say_the_end(left: Pending, outcome: SearchOutcome, options: argparse.Namespace, again: str) -> None:
    directory, output, errors = left.search, output_of(options), terminal.console(stderr=True)
    say_where(options, directory)
    for line in terminal.unrecorded(outcome.unrecorded):
        errors.print(line, soft_wrap=True)
    if not outcome.interrupted:  # else somebody waits for it to end
        from gridfold.show import summary  # a plan needs no page

        output.print(summary.conclusion(directory, confirms=options.action == "confirm"), soft_wrap=True)
    for line in terminal.failures(directory) if options.quiet and left.failed else []:
        errors.print(line, soft_wrap=True)
    if left.held:
        output.print(terminal.held(left), soft_wrap=True)
    if outcome.asks or (left.has_more and (outcome.stopped or outcome.interrupted)):
        options.unfinished = unfinished(left, outcome, again)  # a document has it, too
        errors.print(options.unfinished, soft_wrap=True)


def _execute(pending: Pending, executor: Executor, execution: Execution, options: argparse.Namespace) -> SearchOutcome:
    directory, output, policy = pending.search, output_of(options), execution.policy()
    facts = directory.facts()
    objective, races = Objective.said(facts), bool(facts.get("race"))
    policy = replace(policy, objective=objective)
    reuse_results(pending, pending.entries, options)
    if getattr(options, "reuse", False):
        pending.on_added.append(lambda added: reuse_results(pending, lambda: added, options))
    with live.live(output, pending.total, pending.completed, objective, executor.parallel, races=races) as view:
        view.warns = policy.keep_going
        if expected := expected_runs(facts):
            view.expects(expected)
        with tracked(directory, view, telling_of_trackers(output)) as watcher:
            return execute_search(pending, executor, watcher, policy, execution.keep(directory))


def reuse_results(pending: Pending, entries: Callable[[], Iterable[RunEntry]], options: argparse.Namespace) -> None:
    """Take what other searches have of some runs, if the user wants that, or say that it is there."""
    directory, wants = pending.search, getattr(options, "reuse", False)
    sources = directory.codes().get(pending.code or "")
    code = Code(pending.code, sources) if pending.code and sources else None
    ids = (entry.id for entry in entries())
    found = find_reusable(ids, directory.facts(), code, Store(directory.dir.parent), explain=wants)
    if wants and (found.runs or found.left or (sources and sources.untold)):
        said = terminal.reused(reuse(pending, entries(), found.runs), found, sources)
    elif found.runs:
        said = terminal.could_be_reused(len(found.runs))
    else:
        return
    with contextlib.suppress(OSError, SystemExit):  # whoever reads this does not end the search
        output_of(options).print(said, soft_wrap=True)
