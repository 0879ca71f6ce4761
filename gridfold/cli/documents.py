"""What commands print with ``--json``: one document on standard output, whatever happens."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.export.json import best as best_document
from gridfold.export.json import document, listing
from gridfold.export.json import results as results_document
from gridfold.export.json import status as status_document
from gridfold.records.objective import Objective
from gridfold.records.selection import Selection
from gridfold.runs.store import Store


def status(options: argparse.Namespace) -> int:
    """Tell how far a search is."""
    return say(status_document.document(Store().find(options.search)))


def results(options: argparse.Namespace) -> int:
    """Tell the results of searches."""
    if options.format or options.output:
        given = "--format" if options.format else "--output"
        raise ConfigError(f"--json and {given} exclude each other", hint="--format jsonl writes a line for each row")
    searches = {search.dir.resolve(): search for search in map(Store().find, options.searches)}
    said, asked = (
        Objective(options.metric, options.maximize),
        Selection(options.where, options.sort, options.columns or ()),
    )
    made = results_document.document([*searches.values()], said, asked, by_run=options.runs, count=options.count)
    return say(made)


def best(options: argparse.Namespace) -> int:
    """Tell the best run of a search."""
    said = Objective(options.metric, options.maximize)
    return say(best_document.document(Store().find(options.search), said))


def list_searches(options: argparse.Namespace) -> int:
    """Tell the searches."""
    store = Store()
    searches = store.searches() or [store.find("last")]  # which says what to do where there is none
    return say(listing.document(searches, None if options.all else options.count))


def say(said: Mapping[str, Any]) -> int:
    """Print a document: in one line, or so that a person can read it."""
    print(document.dumps(said, indent=2 if sys.stdout.isatty() else None))  # noqa: T201
    return 0
