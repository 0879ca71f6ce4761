"""The options that several commands take."""

from __future__ import annotations

import argparse

from gridfold.cli import values
from gridfold.config.trackers import TRACKERS


def patterns_option(parser: argparse._ActionsContainer, default: str) -> None:
    """Add ``--metrics``; ``default`` says what it is without."""
    parser.add_argument(
        "--metrics",
        metavar="NAME=PATTERN",
        nargs="+",
        action="extend",
        default=[],
        type=values.pattern,
        help=f"regular expression for a metric in the logs, with its number in parentheses (default: {default})",
    )


def track_option(parser: argparse._ActionsContainer, default: str) -> None:
    """Add ``--track``; ``default`` says what it is without."""
    parser.add_argument(
        "--track",
        metavar="TOOL,...",
        type=values.trackers,
        action="extend",
        help=f"let {', '.join(TRACKERS[:-1])} or {TRACKERS[-1]} see the runs; none: no tool (default: {default})",
    )


def search_argument(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the search that a command is about."""
    text = "name or path of a search, or last" + ("" if required else " (the default)")
    parser.add_argument(
        "search", metavar="SEARCH", nargs=None if required else "?", default="last", type=values.text, help=text
    )


def searches_argument(parser: argparse.ArgumentParser) -> None:
    """Add the searches that a command is about."""
    text = "names or paths of searches, or last (the default)"
    parser.add_argument("searches", metavar="SEARCH", nargs="*", default=["last"], type=values.text, help=text)


def metric_options(parser: argparse._ActionsContainer) -> None:
    """Add what to compare runs by."""
    text = "metric to compare runs by (default: from the config, or the first one)"
    parser.add_argument("--metric", metavar="NAME", type=values.text, help=text)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--maximize", action="store_true", default=None, help="higher is better")
    direction.add_argument(
        "--minimize",
        dest="maximize",
        action="store_false",
        default=None,
        help="lower is better (default: depends on the name of the metric)",
    )


def run_argument(parser: argparse.ArgumentParser) -> None:
    """Add the run that a command is about."""
    parser.add_argument(
        "run", metavar="RUN", type=values.text, help="path of a run, its number in the last search, or SEARCH:NUMBER"
    )


def strategy_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how trials are chosen."""
    group = parser.add_argument_group("strategy")
    group.add_argument(
        "--strategy",
        metavar="NAME",
        type=values.text,
        help="how trials are chosen: grid (the default) makes all, random and sobol draw some; "
        "tpe, gp, cmaes and nsga learn from results",
    )
    group.add_argument(
        "--trials", metavar="N", type=values.runs, help="with a strategy that is no grid: number of trials"
    )
    group.add_argument(
        "--strategy-seed", metavar="N", type=values.whole, help="seed of the strategy (default: the config's, or 0)"
    )
    group.add_argument(
        "--learn-from",
        metavar="SEARCH",
        action="append",
        type=values.text,
        default=[],
        help="let the strategy learn from the results of an earlier search, too",
    )


def trials_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets a search have more trials."""
    parser.add_argument("--trials", metavar="N", type=values.runs, help="let its strategy go on up to N trials")


def json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a command prints a document for programs."""
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document on standard output, also for an error; all else goes to standard error",
    )
