"""What commands do with ``--json``: they print one document, and all that people read goes to standard error."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from importlib import import_module
from typing import Any, TextIO

from gridfold.core.errors import EXIT_FAILED, ConfigError, visible
from gridfold.export.json.document import dumps
from gridfold.records.objective import Objective
from gridfold.records.selection import Selection
from gridfold.runs.store import Store

Told = tuple[Mapping[str, Any], int]
"""A document, and the exit code."""


def act(options: argparse.Namespace, again: str) -> int:
    """Do what a command does, and print its document."""
    with _all_else_to_stderr() as output:
        said, exit_code = _ACTIONS[options.action](options, again)
        say(said, output)
    return exit_code


def say(said: Mapping[str, Any], output: TextIO) -> None:
    """Print a document: in one line, or so that a person can read it."""
    is_terminal = output.isatty()
    indent, text = (2 if is_terminal else None), dumps(said)
    is_safe = (output.encoding or "").lower() == "utf-8" and not (is_terminal and visible(text) != text)
    output.write(dumps(said, indent=indent, ascii_only=not is_safe) + "\n")
    output.flush()


@contextmanager
def _all_else_to_stderr() -> Iterator[TextIO]:
    """Standard output, for a document; what is printed meanwhile, by other processes too, goes to standard error."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        _let_stdout_be_stderr()
        try:
            with redirect_stdout(sys.stderr or io.StringIO()):
                yield output
        finally:
            sys.stdout.flush()
            os.dup2(output.fileno(), 1)


def _let_stdout_be_stderr() -> None:
    try:
        os.dup2(2, 1)
    except OSError:  # it is closed: nobody reads it
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def _status(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.export.json import status

    return status.document(Store().find(options.search)), 0


def _sharing(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.export.json import sharing

    return sharing.document(Store().find(options.search)), 0


def _results(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.export.json import results

    if options.format or options.output:
        given = "--format" if options.format else "--output"
        raise ConfigError(f"--json and {given} exclude each other", hint="--format jsonl writes a line for each row")
    searches = {search.dir.resolve(): search for search in map(Store().find, options.searches)}
    asked = Selection(options.where, options.sort, options.columns or ())
    said = _objective(options), asked
    return results.document([*searches.values()], *said, by_run=options.runs, count=options.count), 0


def _best(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.export.json import best

    return best.document(Store().find(options.search), _objective(options)), 0


def _diff(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.cli.look import pair
    from gridfold.export.json import diff

    return diff.document(*pair(options)), 0


def _list(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.export.json import listing

    store = Store()
    searches = store.searches() or [store.find("last")]  # which says what to do where there is none
    return listing.document(searches, None if options.all else options.count), 0


def _explain(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.cli.explain import asked
    from gridfold.export.json import explain

    return explain.document(*asked(options.key)), 0


def _collect(options: argparse.Namespace, again: str) -> Told:
    from gridfold.cli.look import collected_of, show_collected
    from gridfold.export.json import collect
    from gridfold.records.trials import objective_of

    search, found, patterns = collected_of(options)
    exit_code = show_collected(search, found, patterns, again)
    return collect.document(search, found, objective_of(search), patterns, exit_code), exit_code


def _plan(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.cli.planning import foresee
    from gridfold.export.json import plan

    found = foresee(options)
    return plan.document(found.plan, found.names, found.forecast, found.remarks), 0


def _verify(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.cli.run import ended, verified
    from gridfold.export.json import verify

    found, changes = verified(options)
    return verify.document(found, changes, ended(found)), ended(found)


def _search(options: argparse.Namespace, again: str) -> Told:
    """Run a search, continue or confirm one, and tell how it ended."""
    from rich.text import Text

    from gridfold.export.json import search
    from gridfold.show import summary

    if options.action == "search" and options.dry_run and getattr(options, "resume", None) is None:
        return _plan(options, again)
    exit_code = getattr(import_module("gridfold.cli.run"), options.action)(options, again)
    directory, unfinished = Store().find(options.search), Text.from_markup(getattr(options, "unfinished", "")).plain
    answer = summary.answer(directory, confirms=options.action == "confirm")
    return search.document(directory, exit_code, answer, unfinished), exit_code


def _report(options: argparse.Namespace, again: str) -> Told:  # noqa: ARG001
    from gridfold.analysis.summary import Summary
    from gridfold.export.json import report
    from gridfold.records.trials import compare
    from gridfold.show import page

    compared = compare(Store(), [options.search], _objective(options))
    (directory,), found = compared.searches, Summary.of(compared)
    return report.document(directory, found, page.write(found, directory)), 0


def _objective(options: argparse.Namespace) -> Objective:
    return Objective(options.metric, options.maximize)


_ACTIONS = {
    "status": _status,
    "sharing": _sharing,
    "results": _results,
    "best": _best,
    "diff": _diff,
    "list_searches": _list,
    "explain": _explain,
    "collect": _collect,
    "plan": _plan,
    "report": _report,
    "verify": _verify,
    "search": _search,
    "resume": _search,
    "confirm": _search,
}


def tell_error(error: BaseException, exit_code: int = EXIT_FAILED) -> None:
    """Print the document of an error."""
    from gridfold.export.json import error as error_document

    with suppress(OSError):  # whoever reads is gone
        say(error_document.document(error, exit_code), sys.stdout)
