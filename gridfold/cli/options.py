"""The options of the commands: their names, what they take, what they say of themselves."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable

from gridfold.core.limits import (
    MOST_FOLDS,
    MOST_PARALLEL,
    MOST_REPEATS,
    MOST_RUNS,
    MOST_RUNS_PER_GPU,
    MOST_SECONDS,
    MOST_THREADS,
    USUAL_RUNS,
)

LOOKING = ("status", "fold", "results", "best", "diff", "report", "logs", "stop")  # actions that run nothing
_MOST, _MOST_DIGITS = 10**9, 20  # of any other number
_SHOWN = 40  # characters of what was found
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def hyper_main_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``hyper_main.py``, which begins a search or continues one."""
    _search_options(parser)
    parser.add_argument(
        "--resume", metavar="SEARCH", type=_text, help="continue a search, by name, or the last one: last"
    )
    parser.add_argument("--failed", action="store_true", help="with --resume: only the runs that failed")
    _top_option(parser, "with --resume and --repeats")


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run every combination of the values in a config: one directory under runs/ for each."
    parser.epilog = (
        "After --, a command that trains: hyper_main.py --config c.yaml -- python train.py --lr {training.lr}. "
        "{config}, {run_dir}, {index}, {seed}, {fold} and {folds} stand for what the run has."
    )
    _plan_options(parser)
    parser.add_argument("--no-execute", action="store_true", help="create the directories and configs only")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and create nothing")
    _execution_options(parser)
    parser.set_defaults(action="search")


def _plan_search_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Say what a search would run, what is done already, and what it would take. Creates nothing."
    _plan_options(parser)
    _execution_options(parser)
    parser.set_defaults(action="plan")


def _resume_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run what is not completed of a search; several processes may do so at once and share the runs. "
        "What is not said here is as it was said when the search began, but for --budget."
    )
    _search_argument(parser, required=True)
    parser.add_argument("--failed", action="store_true", help="only the runs that failed")
    parser.add_argument(
        "--gone",
        metavar="HOST",
        type=_text,
        action="append",
        default=[],
        help="a machine or container that is gone, with its runs",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would run")
    parser.add_argument("--reuse", action="store_true", help="take results that other searches have of the same config")
    parser.add_argument("--repeats", metavar="N", type=_repeats, help="let each combination have N repeats")
    parser.add_argument(
        "--max-runs",
        metavar="N",
        type=_runs,
        help="with --repeats: the search may have N runs",
    )
    _top_option(parser, "with --repeats")
    _metric_options(parser)
    _execution_options(parser)
    parser.set_defaults(action="resume")


def _top_option(parser: argparse.ArgumentParser, where: str) -> None:
    parser.add_argument("--top", metavar="K", type=_count, help=f"{where}: only the best K combinations")


def _confirm_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train the best combination and the second best again, on seeds that they were not chosen by: the best of many"
        " noisy results looks better than it is."
    )
    _search_argument(parser, required=False)
    parser.add_argument("--repeats", metavar="N", type=_repeats, default=5, help="fresh seeds (default: 5)")
    _execution_options(parser)
    parser.set_defaults(action="confirm", reuse=False)


def _status_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "How far a search is; it may be running in another process."
    _search_argument(parser, required=False)
    parser.set_defaults(action="status")


def _fold_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What the runs of a search shared, what that saved, what they did not share and why, and what to change."
    )
    _search_argument(parser, required=False)
    parser.set_defaults(action="fold")


def _report_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Write report.html into the directory of a search: what came out, in words and figures."
    _search_argument(parser, required=False)
    _metric_options(parser)
    parser.set_defaults(action="report")


def _logs_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "What a run printed."
    _run_argument(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    parser.set_defaults(action="logs")


def _stop_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Tell a run to stop. It ends with the value that it has reached, which counts as a result, when its trainer "
        "next asks run.should_stop(). The built-in trainer asks after each evaluation. A run that does not ask goes on."
    )
    _run_argument(parser)
    parser.set_defaults(action="stop")


def _reproduce_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run a run again, in a fresh directory, and compare the metrics."
    _run_argument(parser)
    parser.add_argument("--quiet", action="store_true", help="print the differences only")
    parser.set_defaults(action="reproduce")


def _verify_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run some completed runs of a search again, each alone, in a new process that shares nothing with the others, "
        "and compare metrics and files. Exit code 1 if one comes out otherwise; its new directory is then kept."
    )
    _search_argument(parser, required=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-n", dest="count", metavar="N", type=_count, default=5, help="how many, spread over the search (default: 5)"
    )
    which.add_argument("--all", dest="count", action="store_const", const=None, help="all that are completed")
    which.add_argument("--runs", metavar="NUMBER", nargs="+", type=_whole, help="these")
    parser.add_argument("--parallel", metavar="N", type=_parallel, help="runs at a time (default: as in the search)")
    parser.add_argument(
        "--timeout", metavar="TIME", type=_duration, help="stop a run after this time, such as 2h or 90s"
    )
    parser.add_argument("--quiet", action="store_true", help="print the comparison only")
    parser.set_defaults(action="verify")


def _results_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The results of searches as a table, the best first: a row for each trial, with the mean and the sample "
        "standard deviation of its repeats. Metrics are those of a run's best epoch; those of the test set are in the "
        "data formats (csv, parquet, jsonl) only, which have all rows and columns, and every digit."
    )
    _searches_argument(parser)
    _metric_options(parser)
    parser.add_argument(
        "--sort", metavar="COLUMN", type=_text, help="order by this: a metric from the best, all else ascending"
    )
    parser.add_argument(
        "--where",
        metavar="EXPR",
        type=_text,
        help="only rows of which this holds, such as 'val_f1 > 0.8 and batch_size == 32'",
    )
    parser.add_argument("--columns", metavar="A,B,...", type=_names, help="these columns, in this order")
    parser.add_argument("--runs", action="store_true", help="a row for each run")
    parser.add_argument(
        "--format",
        choices=("table", "csv", "parquet", "jsonl", "markdown", "latex"),
        help="default: by the name of the --output file, else table",
    )
    parser.add_argument("--output", metavar="FILE", type=_text, help="write there instead of printing")
    count = parser.add_mutually_exclusive_group()
    count.add_argument("-n", dest="count", metavar="N", type=_count, help="so many rows (default for people: 20)")
    count.add_argument("--all", action="store_true", help="all rows")
    parser.set_defaults(action="results")


def _best_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "The best run of a search: where it is, its metrics, its config, and how to use it."
    _search_argument(parser, required=False)
    _metric_options(parser)
    parser.set_defaults(action="best")


def _diff_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "In what two runs differ: config, metrics, environment, code."
    for name, which in (
        ("run", "directory of a run, or its number in the last search, or SEARCH:NUMBER"),
        ("other", ""),
    ):
        parser.add_argument(name, metavar="RUN", type=_text, help=which or "likewise")
    parser.set_defaults(action="diff")


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``main.py``, which trains one config."""
    parser.description = "Train one config, into runs/YYYY-MM-DD_HHMMSS."
    parser.add_argument("--config", metavar="FILE", type=_text, required=True, help="a config in which nothing varies")
    _trainer_options(parser)
    parser.add_argument("--timeout", metavar="TIME", type=_duration, help="stop after this time, such as 2h or 90s")
    parser.add_argument("--quiet", action="store_true", help="print the run's directory only")
    parser.set_defaults(action="train")


def _plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=_text, help="base config (default: the first in config/, alphabetically)"
    )
    parser.add_argument(
        "--param-variations",
        metavar="PATH=V1,V2,...",
        nargs="+",
        action="extend",
        default=[],
        help="values to lay over the config's; one value pins the path, +PATH=... adds it",
    )
    parser.add_argument(
        "--vary",
        metavar="PATH",
        nargs="+",
        action="extend",
        type=_text,
        help="vary these lists of the config, or those in these sections, and no others (default: all lists)",
    )
    parser.add_argument(
        "--max-runs", metavar="N", type=_runs, help=f"the search may have N runs (default: {USUAL_RUNS:,})"
    )
    parser.add_argument("--run-prefix", metavar="NAME", default="run", help="names begin with this (default: run)")
    _trainer_options(parser)
    _comparison_options(parser)
    parser.add_argument("--reuse", action="store_true", help="take results that other searches have of the same config")


def _comparison_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparison")
    group.add_argument("--repeats", metavar="N", type=_repeats, help="run each combination with N seeds (default: 1)")
    group.add_argument(
        "--folds", metavar="K", type=_parts, help="hold out each of K parts of the training data, in a run of its own"
    )
    group.add_argument(
        "--race",
        action="store_true",
        help="with --repeats: begin with few repeats, and give more to those only that may still be the best",
    )
    group.add_argument(
        "--metric", metavar="NAME", type=_text, help="what runs are compared by (default: their first metric)"
    )
    direction = group.add_mutually_exclusive_group()
    direction.add_argument(
        "--maximize", action="store_true", default=None, help="more of it is better (default: by its name)"
    )
    direction.add_argument("--minimize", dest="maximize", action="store_false", help="less of it is better")


def _trainer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trainer", metavar="MODULE:FUNCTION", type=_text, help="what trains (default: the config's, or the built-in)"
    )
    parser.add_argument(
        "--threads", metavar="N", type=_threads, help="CPU threads of a run (default: the config's, or 1)"
    )


def _execution_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("execution")
    group.add_argument(
        "--executor", metavar="NAME", type=_text, help="what executes the runs (default: the config's, or local)"
    )
    group.add_argument("--parallel", metavar="N", type=_parallel, help="runs at a time (default: GPUs, or cores)")
    group.add_argument(
        "--runs-per-gpu", metavar="K", type=_per_gpu, help="runs that share a GPU (default: 1; 0: use none)"
    )
    group.add_argument(
        "--timeout", metavar="TIME", type=_duration, help="stop a run after this time, such as 2h or 90s"
    )
    group.add_argument("--budget", metavar="TIME", type=_duration, help="start no run that would not be done by then")
    group.add_argument("--retries", metavar="N", type=_whole, help="try again runs that were killed, timed out or lost")
    group.add_argument("--fail-fast", action="store_true", default=None, help="stop at the first failure")
    group.add_argument(
        "--keep-going", action="store_true", default=None, help="go on although the first runs all fail alike"
    )
    group.add_argument(
        "--keep-checkpoints",
        metavar="best:K|all|none",
        type=_kept,
        help="which runs keep their weights (default: all)",
    )
    group.add_argument(
        "--fold",
        action=argparse.BooleanOptionalAction,
        help="compute once what runs have in common (default: until a function of your own first writes a file;"
        " --fold: beyond that, --no-fold: not at all)",
    )
    group.add_argument("--quiet", action="store_true", help="print the search's directory only")


def _search_argument(parser: argparse.ArgumentParser, *, required: bool) -> None:
    text = "name or directory of a search, or last" + ("" if required else " (the default)")
    parser.add_argument(
        "search", metavar="SEARCH", nargs=None if required else "?", default="last", type=_text, help=text
    )


def _searches_argument(parser: argparse.ArgumentParser) -> None:
    text = "names or directories of searches, or last (the default)"
    parser.add_argument("searches", metavar="SEARCH", nargs="*", default=["last"], type=_text, help=text)


def _metric_options(parser: argparse.ArgumentParser) -> None:
    text = "what to compare by (default: the config's, or the first that a run has)"
    parser.add_argument("--metric", metavar="NAME", type=_text, help=text)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--maximize", action="store_true", default=None, help="more of it is better")
    direction.add_argument(
        "--minimize", dest="maximize", action="store_false", default=None, help="less is better (default: by its name)"
    )


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", type=_text, help="directory of a run, or its number in the last search, or SEARCH:NUMBER"
    )


def _duration(text: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text, re.ASCII)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"not a time: {_quoted(text)} (such as 90s, 30m, 2h, 1h30m)")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if not 0 < seconds <= MOST_SECONDS:
        problem = "longer than ten years" if seconds else "no time at all"
        raise argparse.ArgumentTypeError(f"{problem}: {_quoted(text)}")
    return seconds


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a text, found nothing (an empty variable of the shell?)")
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in _text(text).split(",") if name.strip()]


def _number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number that is within these bounds."""

    def read(text: str) -> int:
        digits = text.lstrip("0") or "0"  # int() refuses thousands of digits
        found = int(digits) if text.isascii() and text.isdigit() and len(digits) < _MOST_DIGITS else None
        if found is None or not least <= found <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most:,}, found {_quoted(text)}")
        return found

    return read


def _quoted(text: str) -> str:
    return f"'{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}'"


_count = _number(1, _MOST)
_whole = _number(0, _MOST)
_parallel = _number(1, MOST_PARALLEL)
_threads = _number(1, MOST_THREADS)
_repeats = _number(1, MOST_REPEATS)
_parts = _number(2, MOST_FOLDS)
_per_gpu = _number(0, MOST_RUNS_PER_GPU)
_runs = _number(1, MOST_RUNS)


def _kept(text: str) -> int:
    if text in ("all", "none"):
        return 0 if text == "none" else sys.maxsize
    if found := re.fullmatch(r"best:(\d+)", text, re.ASCII):
        return _count(found[1])
    raise argparse.ArgumentTypeError(f"expected best:K with a number K, all, or none; found {_quoted(text)}")


COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "search": (_search_options, "run every combination of a config's values"),
    "plan": (_plan_search_options, "say what a search would run"),
    "resume": (_resume_options, "continue a search, or help another process with it"),
    "confirm": (_confirm_options, "train the best two again on fresh seeds, and compare"),
    "status": (_status_options, "how far a search is"),
    "fold": (_fold_options, "what the runs of a search shared"),
    "results": (_results_options, "the results of searches as a table, or as data"),
    "best": (_best_options, "the best run of a search, and how to use it"),
    "diff": (_diff_options, "in what two runs differ"),
    "report": (_report_options, "write what came of a search as one page of HTML"),
    "logs": (_logs_options, "what a run printed"),
    "stop": (_stop_options, "tell a run to stop with the value that it has reached"),
    "verify": (_verify_options, "run some runs of a search again, each alone, and compare"),
    "reproduce": (_reproduce_options, "run a run again and compare"),
    "train": (train_options, "train one config"),
}
