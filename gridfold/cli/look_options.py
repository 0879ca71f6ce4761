"""The options of the commands that look at what runs gave, and run nothing."""

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

LOOKING = (
    "list_searches",
    "status",
    "sharing",
    "results",
    "best",
    "diff",
    "report",
    "logs",
    "stop",
    "collect",
)  # actions that run nothing


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
        "next asks run.should_stop(). The built-in trainer asks after each evaluation. A run that does not ask goes on."
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
