"""The options of the commands that show what runs gave."""

from __future__ import annotations

import argparse

from gridfold.cli import values
from gridfold.cli.arguments import (
    json_option,
    metric_options,
    patterns_option,
    run_argument,
    search_argument,
    searches_argument,
)
from gridfold.core.errors import nearest

_FORMATS = ("pdf", "svg", "png")  # of figures
_NARROWEST, _WIDEST = 70, 600  # millimetres


def status_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold status``."""
    parser.description = "Show the progress of a search. The search may be running in another process."
    search_argument(parser, required=False)
    json_option(parser)
    parser.set_defaults(action="status")


def sharing_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold sharing``."""
    parser.description = (
        "Show what the runs of a search shared, what that saved, what was not shared and why, and what to change."
    )
    search_argument(parser, required=False)
    json_option(parser)
    parser.set_defaults(action="sharing")


def report_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold report``."""
    parser.description = "Write report.html, the results of a search in words and figures, into its directory."
    search_argument(parser, required=False)
    metric_options(parser)
    json_option(parser)
    parser.set_defaults(action="report")


def logs_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold logs``."""
    parser.description = "Print the log of a run."
    run_argument(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing until the run ends")
    parser.set_defaults(action="logs")


def stop_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold stop``."""
    parser.description = (
        "Tell a run to stop. It ends with the value that it has reached, which counts as a result, when its trainer "
        "next asks run.should_stop(). The ready trainer asks after each evaluation. A run that does not ask goes on."
    )
    run_argument(parser)
    parser.set_defaults(action="stop")


def collect_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold collect``."""
    parser.description = (
        "Read the metrics of the completed runs of a search again, from their logs and files: with other patterns, or "
        "after metrics.json was put into run directories. Runs that are under way are left alone. Nothing is run."
    )
    search_argument(parser, required=False)
    patterns_option(parser, "those of the search, and of gridfold.metrics in the config that it was made from")
    json_option(parser)
    parser.set_defaults(action="collect")


def results_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold results``."""
    parser.description = (
        "Show the results of searches as a table, best first, with one row per trial: the mean and the sample standard "
        "deviation of its repeats. Metrics are those of the best epoch. The data formats (csv, parquet, jsonl) have "
        "all rows, columns and digits; only they have test-set metrics."
    )
    searches_argument(parser)
    metric_options(parser)
    parser.add_argument(
        "--sort", metavar="COLUMN", type=values.text, help="sort by this column: metrics best first, others ascending"
    )
    parser.add_argument(
        "--where",
        metavar="EXPR",
        type=values.text,
        help="only rows that meet this condition, such as 'val_f1 > 0.8 and batch_size == 32'",
    )
    parser.add_argument(
        "--columns", metavar="A,B,...", type=values.names, help="show only these columns, in this order"
    )
    parser.add_argument("--runs", action="store_true", help="one row per run")
    parser.add_argument(
        "--format",
        choices=("table", "csv", "parquet", "jsonl", "markdown", "latex"),
        help="default: by the extension of the --output file, else table",
    )
    parser.add_argument("--output", metavar="FILE", type=values.text, help="write to this file instead of printing")
    count = parser.add_mutually_exclusive_group()
    count.add_argument(
        "-n", dest="count", metavar="N", type=values.count, help="number of rows (default: 20; data formats: all)"
    )
    count.add_argument("--all", action="store_true", help="all rows")
    json_option(parser)
    parser.set_defaults(action="results")


def best_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold best``."""
    parser.description = "Show the best run of a search: its directory, metrics, config, and how to use it."
    search_argument(parser, required=False)
    metric_options(parser)
    json_option(parser)
    parser.set_defaults(action="best")


def diff_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold diff``."""
    parser.description = "Show how two runs differ: config, metrics, environment, code."
    parser.usage = "%(prog)s [-h] (RUN RUN | SEARCH NUMBER NUMBER)"
    which = "path of a run, its number in the last search, or SEARCH:NUMBER; or a search"
    parser.add_argument("run", metavar="RUN", type=values.text, help=which)
    parser.add_argument("other", metavar="RUN", type=values.text, help="the other run; or the number of a run")
    parser.add_argument("number", metavar="NUMBER", nargs="?", type=values.text, help="the number of the other run")
    json_option(parser)
    parser.set_defaults(action="diff")


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold list``."""
    parser.description = "List the searches, the latest first: runs done of all, best value, what is running or left."
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-n", dest="count", metavar="N", type=values.count, default=20, help="number of searches (default: 20)"
    )
    which.add_argument("--all", action="store_true", help="all searches")
    json_option(parser)
    parser.set_defaults(action="list_searches")


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


def serve_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold serve``."""
    parser.description = (
        "Show searches on a live page, on this machine only. The address holds a token; whoever has it may look, and "
        "stop or continue searches."
    )
    what = "name or path of a search, or last (default: all searches in runs/)"
    parser.add_argument("search", metavar="SEARCH", nargs="?", type=values.text, help=what)
    parser.add_argument(
        "--port", metavar="N", type=values.port, help="port of 127.0.0.1 (default: 8157, or any if that is taken)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    parser.set_defaults(action="serve")


def mcp_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold mcp``."""
    parser.description = (
        "Serve searches to an agent by the Model Context Protocol (stdio): list_searches, status, results, best, logs, "
        "plan, explain. It reads nothing but the searches and, in the folder around them, configs, and changes nothing "
        "unless it is allowed to run."
    )
    parser.add_argument(
        "--runs-dir", metavar="DIR", default="runs", type=values.text, help="folder of the searches (default: runs)"
    )
    parser.add_argument(
        "--allow-run", action="store_true", help="let the agent start, continue, confirm and stop searches, too"
    )
    parser.set_defaults(action="mcp")


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
