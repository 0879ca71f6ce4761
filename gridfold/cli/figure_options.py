"""The options of ``gridfold figures``."""

from __future__ import annotations

import argparse

from gridfold.cli import values
from gridfold.cli.arguments import metric_options, search_argument
from gridfold.core.errors import nearest

_FORMATS = ("pdf", "svg", "png")
_NARROWEST, _WIDEST = 70, 600  # millimetres


def figures_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold figures``."""
    parser.description = (
        "Draw the figures of the report for print, and write a LaTeX table of the best trials. figures.tex has all of "
        "them with captions. What an earlier call wrote is replaced, and no other file."
    )
    search_argument(parser, required=False)
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=values.text,
        help="write into this folder (default: figures/ in the directory of the search)",
    )
    parser.add_argument(
        "--format",
        metavar="pdf,svg,png",
        type=_formats,
        default=("pdf",),
        help="one or several; PNG has 300 dots per inch (default: pdf)",
    )
    parser.add_argument(
        "--column", metavar="MM", type=_millimetres, default=84, help="width of a column in millimetres (default: 84)"
    )
    parser.add_argument(
        "--page",
        metavar="MM",
        type=_millimetres,
        default=174,
        help="width of figures that go across the page, in millimetres (default: 174)",
    )
    parser.add_argument(
        "--rows", metavar="N", type=values.count, default=10, help="trials in the table, the best (default: 10)"
    )
    metric_options(parser)
    parser.set_defaults(action="figures")


def _formats(said: str) -> tuple[str, ...]:
    """Formats with commas between them, each once."""
    found = tuple(dict.fromkeys(name.lower() for name in values.names(said)))
    for name in found:
        if name not in _FORMATS:
            raise argparse.ArgumentTypeError(f"unknown format '{name:.20}'\n  {nearest(name, _FORMATS)}")
    if not found:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(_FORMATS)}")
    return found


def _millimetres(said: str) -> float:
    try:
        found = float(said)
    except ValueError:
        found = 0.0
    if not _NARROWEST <= found <= _WIDEST:
        problem = f"expected millimetres, a number from {_NARROWEST} to {_WIDEST}, found '{said:.40}'"
        raise argparse.ArgumentTypeError(problem)
    return found
