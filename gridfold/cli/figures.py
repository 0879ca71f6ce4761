"""What ``gridfold figures`` does."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.markup import escape

from gridfold.analysis.summary import Summary
from gridfold.records.objective import Objective
from gridfold.records.trials import compare
from gridfold.runs.store import Store
from gridfold.show import terminal
from gridfold.show.paper.write import MANUSCRIPT, Paper, write


def figures(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Write the figures of a search for print, and its table."""
    compared = compare(Store(), [options.search], Objective(options.metric, options.maximize))
    search = compared.searches[0]
    folder = Path(options.output) if options.output else search.dir / "figures"
    paper = Paper(options.format, options.column, options.page, options.rows)
    written = write(Summary.of(compared), search.name, folder, paper)
    said = [*written.files, *written.remarks, f"In {folder}; {MANUSCRIPT} has them with captions."]
    terminal.console().print(escape("\n".join(said)), soft_wrap=True)
    return 0
