"""What the commands do that look at what is there, or read it again: nothing is run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from gridfold.core.errors import EXIT_FAILED, ConfigError, nearest, visible
from gridfold.export import formats
from gridfold.records.objective import Objective
from gridfold.records.selection import Selection
from gridfold.records.table import Table, differing
from gridfold.records.trials import compare, objective_of, write_results
from gridfold.runs.run import Run
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.collect import Collected, Patterns, patterns_of
from gridfold.search.collect import collect as read_metrics
from gridfold.search.status import Status, is_worked_on
from gridfold.show import best as chosen
from gridfold.show import collected, search_list, terminal
from gridfold.show import diff as apart
from gridfold.show import sharing as shared_work
from gridfold.show.trial_table import TrialTable


def status(options: argparse.Namespace, again: str) -> int:
    """Say how far a search is."""
    directory = Store().find(options.search)
    said, has_jobs = _workers(directory) if Workers(directory.dir).folder.is_dir() else ([], False)
    found = terminal.status(Status.read(directory), again, said, has_jobs=has_jobs or is_worked_on(directory))
    terminal.console().print(found, soft_wrap=True)
    return 0


def _workers(directory: SearchDirectory) -> tuple[list[str], bool]:
    """Lines about the workers of a search, and whether jobs of it are not over."""
    from gridfold.search.placement import SilentWorkers, jobs_of  # most searches have no jobs
    from gridfold.show import workers

    jobs = jobs_of(directory)
    return workers.status(directory, jobs, SilentWorkers.read(directory)), any(each.living for each in jobs)


def sharing(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Say what the runs of a search shared."""
    terminal.console().print(shared_work.render(Store().find(options.search)), soft_wrap=True)
    return 0


def report(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Write the report of a search."""
    compared = compare(Store(), [options.search], Objective(options.metric, options.maximize))
    from gridfold.show import summary  # tables need no page

    terminal.console().print(summary.write(compared), soft_wrap=True)
    return 0


def logs(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Print what a run printed."""
    store = Store()
    run = store.find_run(options.run)
    record = run.read()
    if record and record.reused:  # it was not executed; what it stands for was
        run = store.run(record.reused)
    is_terminal = sys.stdout.isatty()
    for text in run.follow_log() if options.follow else [run.read_log()]:
        # A terminal gets each state of a progress bar as a line.
        sys.stdout.write(visible(text.replace("\r\n", "\n").replace("\r", "\n")) if is_terminal else text)
        sys.stdout.flush()
    return 0


def stop(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Tell a run to stop."""
    run = Store().find_run(options.run)
    record, attempt = run.judged(), run.claims.count(run.read())
    if record is not None and record.state != "running":
        raise ConfigError(f"is {record.state}, so there is nothing to stop", where=run.dir.name)
    run.tell_to_stop(attempt or 1)
    asks = "as soon as its trainer asks run.should_stop(); a trainer that does not ask goes on"
    terminal.console().print(escape(f"{run.dir.name} will stop {asks}"), soft_wrap=True)
    return 0


def collect(options: argparse.Namespace, again: str) -> int:
    """Read the metrics of runs that are done again, and say what has changed."""
    return show_collected(*collected_of(options), again)


def collected_of(options: argparse.Namespace) -> tuple[SearchDirectory, list[Collected], Patterns]:
    """Read the metrics of the runs of a search again; what became of each, and the patterns of its logs."""
    search = Store().find(options.search)
    patterns = patterns_of(search, dict(options.metrics))
    found = list(read_metrics(search, patterns))
    write_results(search)
    return search, found, patterns


def show_collected(search: SearchDirectory, found: Sequence[Collected], patterns: Patterns, again: str) -> int:
    """Say what has changed; gives the exit code."""
    said = collected.render(search, found, objective_of(search), patterns, again)
    terminal.console().print(escape(said), soft_wrap=True)
    return EXIT_FAILED if any(each.problem for each in found) else 0


def results(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Show the results of searches as a table, or write them as data."""
    form = options.format or _format_of(options.output)
    if form == "parquet" and not options.output:
        raise ConfigError("--format parquet cannot be printed", hint="name a file: --output results.parquet")
    compared = compare(Store(), options.searches, Objective(options.metric, options.maximize))
    for difference in differing(compared):
        terminal.console(stderr=True).print(terminal.warning(difference), soft_wrap=True)
    table = Table.of(compared, by_run=options.runs)
    known = table.columns if form in formats.DATA else table.shown
    table, columns = Selection(options.where, options.sort, options.columns or ()).of(table, known)
    is_whole = options.all or (options.output and options.count is None)  # a file has room for all
    count = sys.maxsize if is_whole else options.count
    listed = TrialTable(table, form, columns, options.sort, count)
    if options.output is None:
        output = terminal.console()
        listed.print(output)
        if form == "table" and compared.caveat:
            output.print(compared.caveat, style="yellow", markup=False, soft_wrap=True)
        return 0
    listed.write(Path(options.output))
    terminal.console(stderr=True).print(terminal.written(options.output, len(listed.shown)), soft_wrap=True)
    return 0


def _format_of(output: str | None) -> str:
    """The format that the name of a file says, or the table that people read if there is no file."""
    if output is None:
        return "table"
    suffix = Path(output).suffix.lower()
    if suffix not in formats.SUFFIXES:
        hint = f"{nearest(suffix, formats.SUFFIXES)}\nor set the format: --format csv"
        raise ConfigError(f"unknown file extension '{suffix}'", where=f"--output {output}", hint=hint)
    return formats.SUFFIXES[suffix]


def best(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Show the best run of a search, and how to use it."""
    compared = compare(Store(), [options.search], Objective(options.metric, options.maximize))
    terminal.console().print(chosen.render(compared), soft_wrap=True)
    return 0


def diff(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Show in what two runs differ."""
    terminal.console().print(apart.render(*pair(options)), soft_wrap=True)
    return 0


def pair(options: argparse.Namespace) -> tuple[Run, Run]:
    """The two runs that a command compares."""
    store, names = Store(), [options.run, options.other]
    if options.number is not None:
        store.find(options.run)  # what is wrong with its name is said of it
        names = [f"{options.run}:{number}" for number in (options.other, options.number)]
    one, other = map(store.find_run, names)
    return one, other


def list_searches(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """List the searches."""
    store = Store()
    searches = store.searches() or [store.find("last")]  # which says what to do where there is none
    terminal.console().print(search_list.render(searches, sys.maxsize if options.all else options.count))
    return 0
