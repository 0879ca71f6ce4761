"""Execute what is left of a search, show that, and say how it ended."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from rich.console import Console, RenderableType

from gridfold.core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_LEFT, ConfigError
from gridfold.executors.protocol import Executor
from gridfold.identity.fingerprint import Code
from gridfold.records.objective import Objective
from gridfold.records.trials import write_results
from gridfold.runs.entries import RunEntry
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.execution import Execution
from gridfold.search.hyperparam_search import Outcome, execute_search
from gridfold.search.loop import Policy
from gridfold.search.more_runs import Contention, next_round
from gridfold.search.pending import Backlog
from gridfold.search.reuse import find_reusable, reuse
from gridfold.show import live, terminal
from gridfold.show import sharing as folding

_PATIENCE = (3.0, 30.0)  # seconds, at least and at most, to wait for runs that others execute


def execute(
    backlog: Backlog,
    executor: Executor,
    execution: Execution,
    options: argparse.Namespace,
    again: str,
    show: Callable[[SearchDirectory], RenderableType] = folding.results,
) -> int:
    """Execute what is left of a search, show its results, and give the exit code.

    Args:
        backlog: what is left.
        executor: executes it.
        execution: how.
        options: of the command.
        again: the command that continues a search.
        show: what is shown in the end.
    """
    directory, output = backlog.search, output_of(options)
    directory.update(execution=vars(execution))
    left = None
    try:
        outcome = _execute_rounds(backlog, executor, execution, options)
        with _whatever_was_removed():
            is_over = not (outcome.interrupted or outcome.stopped)
            left = left_in_the_end(directory) if is_over else Backlog.read(directory)
    finally:
        with _whatever_was_removed():
            if not options.quiet:
                output.print(show(directory), soft_wrap=True)
    with _whatever_was_removed():
        _say_the_end(Backlog.read(directory) if left is None else left, outcome, options, again)
    if outcome.interrupted:
        return EXIT_INTERRUPTED
    if outcome.failed or outcome.choices:
        return EXIT_FAILED
    return EXIT_LEFT if left is not None and left.held and not outcome.stopped else 0


def left_in_the_end(directory: SearchDirectory) -> Backlog:
    """What is left of a search, after a wait for runs of other processes that will soon be done."""
    backlog, (least, most) = Backlog.read(directory), _PATIENCE
    if not backlog.held:
        return backlog
    left = backlog.left_to_others(min(most, max(least, 3 * backlog.longest)))
    if len(left) < len(backlog.held):
        with contextlib.suppress(OSError):
            write_results(directory)
    return Backlog.read(directory)


def contention() -> Contention:
    """What tells which trials may still be the best."""
    from gridfold.analysis.significance import in_contention  # it imports scipy

    return in_contention


def first_of_last(directory: SearchDirectory, count: int) -> int:
    """The index of the first of the last so many runs of a search."""
    return sum(1 for _ in directory.entries()) - count


def runs_from(first: int) -> Callable[[RunEntry], bool]:
    """Whether a run is one of those from an index on."""
    return lambda entry: entry.index >= first


def warn(*sentences: str) -> None:
    """Print warnings to standard error."""
    for sentence in sentences:
        terminal.console(stderr=True).print(terminal.warning(sentence), soft_wrap=True)


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


def _say_the_end(left: Backlog, outcome: Outcome, options: argparse.Namespace, again: str) -> None:
    directory, output, errors = left.search, output_of(options), terminal.console(stderr=True)
    say_where(options, directory)
    for line in terminal.unrecorded(outcome.unrecorded):
        errors.print(line, soft_wrap=True)
    if not outcome.interrupted:  # else somebody waits for it to end
        from gridfold.show import summary  # a plan needs no page

        output.print(summary.conclusion(directory, confirms=options.action == "confirm"), soft_wrap=True)
    for line in terminal.failures(directory) if options.quiet else []:
        errors.print(line, soft_wrap=True)
    if left.held:
        output.print(terminal.held(left), soft_wrap=True)
    if len(left) and (outcome.stopped or outcome.interrupted):
        errors.print(terminal.unfinished(directory, outcome, again), soft_wrap=True)


def _execute_rounds(backlog: Backlog, executor: Executor, execution: Execution, options: argparse.Namespace) -> Outcome:
    """Execute what is left of a search; of a race, one round after the other."""
    directory, begin = backlog.search, time.monotonic()
    races = directory.facts().get("race") and options.action != "confirm"
    outcome = _execute_round(backlog, executor, execution.policy(), execution, options)
    while races and not (outcome.stopped or outcome.interrupted) and (added := next_round(directory, contention())):
        first = first_of_last(directory, added)
        backlog = Backlog.read(directory, backlog.code, only=runs_from(first))
        output_of(options).print(terminal.next_round(backlog))
        policy = replace(execution.policy(), spent=time.monotonic() - begin)
        outcome += _execute_round(backlog, executor, policy, execution, options)
    return outcome


def _execute_round(
    backlog: Backlog, executor: Executor, policy: Policy, execution: Execution, options: argparse.Namespace
) -> Outcome:
    directory, output = backlog.search, output_of(options)
    store = Store(directory.dir.parent)
    wants, sources = getattr(options, "reuse", False), directory.codes().get(backlog.code or "")
    code = Code(backlog.code, sources) if backlog.code and sources else None
    ids = (entry.id for entry in backlog.entries())
    reusable = find_reusable(ids, directory.facts(), code, store, explain=wants)
    if wants and (reusable.runs or reusable.left or (sources and sources.untold)):
        output.print(terminal.reused(reuse(backlog, reusable.runs), reusable, sources), soft_wrap=True)
    elif reusable.runs:
        output.print(terminal.could_be_reused(len(reusable.runs)), soft_wrap=True)
    objective, parallel = Objective.said(directory.facts()), executor.parallel
    policy = policy if policy.keep_going else replace(policy, objective=objective)
    with live.live(output, backlog.total, backlog.completed, objective, parallel) as view:
        return execute_search(backlog, executor, view, policy, execution.keep(directory))
