"""The options of the commands: their names, what they take, what they say of themselves."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from gridfold.cli import values
from gridfold.core.limits import USUAL_RUNS

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


def hyper_main_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``hyper_main.py``, which begins a search or continues one."""
    _search_options(parser)
    parser.add_argument(
        "--resume", metavar="SEARCH", type=values.text, help="continue a search, by name, or the last one: last"
    )
    parser.add_argument("--failed", action="store_true", help="with --resume: only the runs that failed")
    _top_option(parser, "with --resume and --repeats")


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run every combination of the values in a config. Each run gets its own directory under runs/."
    parser.epilog = (
        "To sweep your own script, put its command after --: "
        "hyper_main.py -- python train.py --lr '{lr=0.1,0.2}', or with a config: --lr {training.lr}. "
        "Each run fills in its value; {args}, {config}, {run_dir}, {index}, {seed}, {fold} and {folds} work too."
    )
    _plan_options(parser)
    parser.add_argument("--no-execute", action="store_true", help="create the directories and configs only")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and create nothing")
    _execution_options(parser)
    parser.set_defaults(action="search")


def _plan_search_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Show what a search would run, what is done already, and the time and disk it would take. Creates nothing."
    )
    _plan_options(parser)
    _execution_options(parser)
    parser.set_defaults(action="plan")


def _resume_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run the unfinished runs of a search. Several processes can do so at the same time; they share the runs. "
        "All options but --budget default to those that the search was started with."
    )
    _search_argument(parser, required=True)
    parser.add_argument("--failed", action="store_true", help="only the runs that failed")
    parser.add_argument(
        "--gone",
        metavar="HOST",
        type=values.text,
        action="append",
        default=[],
        help="a machine or container that no longer exists; its runs are started again",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would run")
    parser.add_argument(
        "--reuse", action="store_true", help="reuse results of other searches where config, code and data are the same"
    )
    parser.add_argument("--repeats", metavar="N", type=values.repeats, help="give each combination N repeats")
    parser.add_argument(
        "--max-runs",
        metavar="N",
        type=values.runs,
        help="with --repeats: allow the search up to N runs",
    )
    _top_option(parser, "with --repeats")
    _metric_options(parser)
    _execution_options(parser)
    parser.set_defaults(action="resume")


def _top_option(parser: argparse.ArgumentParser, where: str) -> None:
    parser.add_argument("--top", metavar="K", type=values.count, help=f"{where}: only the best K combinations")


def _confirm_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train the best two combinations again on fresh seeds. The best of many noisy results looks better than it is;"
        " fresh seeds show how good it really is."
    )
    _search_argument(parser, required=False)
    parser.add_argument("--repeats", metavar="N", type=values.repeats, default=5, help="fresh seeds (default: 5)")
    _execution_options(parser)
    parser.set_defaults(action="confirm", reuse=False)


def _status_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Show the progress of a search. The search may be running in another process."
    _search_argument(parser, required=False)
    parser.set_defaults(action="status")


def _sharing_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Show what the runs of a search shared, what that saved, what was not shared and why, and what to change."
    )
    _search_argument(parser, required=False)
    parser.set_defaults(action="sharing")


def _report_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Write report.html, the results of a search in words and figures, into its directory."
    _search_argument(parser, required=False)
    _metric_options(parser)
    parser.set_defaults(action="report")


def _logs_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print the log of a run."
    _run_argument(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing until the run ends")
    parser.set_defaults(action="logs")


def _stop_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Tell a run to stop. It ends with the value that it has reached, which counts as a result, when its trainer "
        "next asks run.should_stop(). The built-in trainer asks after each evaluation. A run that does not ask goes on."
    )
    _run_argument(parser)
    parser.set_defaults(action="stop")


def _collect_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Read the metrics of the completed runs of a search again, from their logs and files: with other patterns, or "
        "after metrics.json was put into run directories. Runs that are under way are left alone. Nothing is run."
    )
    _search_argument(parser, required=False)
    _patterns_option(parser, "those of the search, and of gridfold.metrics in the config that it was made from")
    parser.set_defaults(action="collect")


def _patterns_option(parser: argparse._ActionsContainer, default: str) -> None:
    parser.add_argument(
        "--metrics",
        metavar="NAME=PATTERN",
        nargs="+",
        action="extend",
        default=[],
        type=values.pattern,
        help=f"regular expression for a metric in the logs, with its number in parentheses (default: {default})",
    )


def _reproduce_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Repeat a run in a fresh directory and compare the metrics."
    _run_argument(parser)
    parser.add_argument("--quiet", action="store_true", help="print only the differences")
    parser.set_defaults(action="reproduce")


def _verify_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Repeat some completed runs of a search, each alone in a new process that shares nothing, and compare metrics "
        "and files. The exit code is 1 if a run differs; its new directory is then kept."
    )
    _search_argument(parser, required=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-n",
        dest="count",
        metavar="N",
        type=values.count,
        default=5,
        help="number of runs, spread over the search (default: 5)",
    )
    which.add_argument("--all", dest="count", action="store_const", const=None, help="all completed runs")
    which.add_argument("--runs", metavar="NUMBER", nargs="+", type=values.whole, help="only these runs")
    parser.add_argument(
        "--parallel", metavar="N", type=values.parallel, help="number of runs at a time (default: as in the search)"
    )
    parser.add_argument(
        "--timeout", metavar="TIME", type=values.duration, help="stop a run after this time, such as 2h or 90s"
    )
    parser.add_argument("--quiet", action="store_true", help="print only the comparison")
    parser.set_defaults(action="verify")


def _results_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Show the results of searches as a table, best first, with one row per trial: the mean and the sample standard "
        "deviation of its repeats. Metrics are those of the best epoch. The data formats (csv, parquet, jsonl) have "
        "all rows, columns and digits; only they have test-set metrics."
    )
    _searches_argument(parser)
    _metric_options(parser)
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
    parser.set_defaults(action="results")


def _best_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Show the best run of a search: its directory, metrics, config, and how to use it."
    _search_argument(parser, required=False)
    _metric_options(parser)
    parser.set_defaults(action="best")


def _diff_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Show how two runs differ: config, metrics, environment, code."
    parser.usage = "%(prog)s [-h] (RUN RUN | SEARCH NUMBER NUMBER)"
    which = "path of a run, its number in the last search, or SEARCH:NUMBER; or a search"
    parser.add_argument("run", metavar="RUN", type=values.text, help=which)
    parser.add_argument("other", metavar="RUN", type=values.text, help="the other run; or the number of a run")
    parser.add_argument("number", metavar="NUMBER", nargs="?", type=values.text, help="the number of the other run")
    parser.set_defaults(action="diff")


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "List the searches, the latest first: runs done of all, best value, what is running or left."
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-n", dest="count", metavar="N", type=values.count, default=20, help="number of searches (default: 20)"
    )
    which.add_argument("--all", action="store_true", help="all searches")
    parser.set_defaults(action="list_searches")


def train_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``main.py``, which trains one config."""
    parser.description = "Train one config, into runs/YYYY-MM-DD_HHMMSS."
    parser.add_argument("--config", metavar="FILE", type=values.text, help="a config without lists to sweep")
    _set_option(parser)
    _trainer_options(parser)
    parser.add_argument(
        "--timeout", metavar="TIME", type=values.duration, help="stop after this time, such as 2h or 90s"
    )
    parser.add_argument("--quiet", action="store_true", help="print only the directory of the run")
    parser.set_defaults(action="train")


def _plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=values.text, help="base config (default: the first in config/, alphabetically)"
    )
    parser.add_argument(
        "--no-config", action="store_true", help="no base config, although there is a folder config/: values alone"
    )
    parser.add_argument(
        "--param-variations",
        metavar="PATH=V1,V2,...",
        nargs="+",
        action="extend",
        default=[],
        help="replace the values at PATH; a single value fixes it, +PATH=... adds a path",
    )
    _set_option(parser)
    parser.add_argument(
        "--vary",
        metavar="PATH",
        nargs="+",
        action="extend",
        type=values.text,
        help="sweep only these lists, or the lists in these sections (default: all lists)",
    )
    parser.add_argument(
        "--max-runs", metavar="N", type=values.runs, help=f"allow up to N runs (default: {USUAL_RUNS:,})"
    )
    parser.add_argument(
        "--run-prefix", metavar="NAME", default="run", help="prefix of the directory names (default: run)"
    )
    _trainer_options(parser)
    _comparison_options(parser)
    parser.add_argument(
        "--reuse", action="store_true", help="reuse results of other searches where config, code and data are the same"
    )


def _set_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        metavar="NAME=V1,V2,...",
        nargs="+",
        action="extend",
        default=[],
        help="replace the value of a constant of the Python script after --, such as lr or params.lr",
    )


def _comparison_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparison")
    group.add_argument(
        "--repeats", metavar="N", type=values.repeats, help="run each combination with N seeds (default: 1)"
    )
    group.add_argument(
        "--folds",
        metavar="K",
        type=values.parts,
        help="cross-validation: hold out each of K parts of the training data in turn",
    )
    group.add_argument(
        "--race",
        action="store_true",
        help="with --repeats: start with few repeats, and add more only where a combination may still be the best",
    )
    group.add_argument(
        "--metric", metavar="NAME", type=values.text, help="metric to compare runs by (default: the first one)"
    )
    direction = group.add_mutually_exclusive_group()
    direction.add_argument(
        "--maximize",
        action="store_true",
        default=None,
        help="higher is better (default: depends on the name of the metric)",
    )
    direction.add_argument("--minimize", dest="maximize", action="store_false", help="lower is better")
    _patterns_option(group, "those of gridfold.metrics in the config")


def _trainer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trainer",
        metavar="MODULE:FUNCTION",
        type=values.text,
        help="training function (default: from the config, or the built-in trainer)",
    )
    parser.add_argument(
        "--threads", metavar="N", type=values.threads, help="CPU threads per run (default: from the config, or 1)"
    )
    parser.add_argument(
        "--cwd",
        metavar="run",
        type=values.cwd,
        help="run: each run works in a folder of its own, RUN_DIR/work (default: from the config, or where you are)",
    )


def _execution_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("execution")
    group.add_argument(
        "--executor", metavar="NAME", type=values.text, help="where the runs execute (default: the config's, or local)"
    )
    group.add_argument(
        "--parallel",
        metavar="N",
        type=values.parallel,
        help="number of runs at a time (default: one per GPU, or per CPU core)",
    )
    group.add_argument(
        "--runs-per-gpu",
        metavar="K",
        type=values.per_gpu,
        help="number of runs that share a GPU (default: 1; 0: use no GPU)",
    )
    group.add_argument(
        "--timeout", metavar="TIME", type=values.duration, help="stop a run after this time, such as 2h or 90s"
    )
    group.add_argument(
        "--budget", metavar="TIME", type=values.duration, help="start no run that would not finish within this time"
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=values.whole,
        help="retry runs that were killed, timed out or lost, up to N times",
    )
    group.add_argument("--fail-fast", action="store_true", default=None, help="stop at the first failure")
    group.add_argument(
        "--keep-going",
        action="store_true",
        default=None,
        help="continue even if the first runs all fail in the same way, or the first one has no metric",
    )
    group.add_argument(
        "--keep-checkpoints",
        metavar="best:K|all|none",
        type=values.kept,
        help="which runs keep their weights (default: all)",
    )
    group.add_argument(
        "--share",
        action=argparse.BooleanOptionalAction,
        help="compute once what runs have in common (default: until a function of your own first writes a file;"
        " --share: beyond that, --no-share: not at all)",
    )
    group.add_argument("--quiet", action="store_true", help="print only the directory of the search")


def _search_argument(parser: argparse.ArgumentParser, *, required: bool) -> None:
    text = "name or path of a search, or last" + ("" if required else " (the default)")
    parser.add_argument(
        "search", metavar="SEARCH", nargs=None if required else "?", default="last", type=values.text, help=text
    )


def _searches_argument(parser: argparse.ArgumentParser) -> None:
    text = "names or paths of searches, or last (the default)"
    parser.add_argument("searches", metavar="SEARCH", nargs="*", default=["last"], type=values.text, help=text)


def _metric_options(parser: argparse.ArgumentParser) -> None:
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


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", type=values.text, help="path of a run, its number in the last search, or SEARCH:NUMBER"
    )


COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "search": (_search_options, "run every combination of a config's values"),
    "plan": (_plan_search_options, "show what a search would run"),
    "resume": (_resume_options, "continue a search; several processes can share it"),
    "confirm": (_confirm_options, "train the best two again on fresh seeds"),
    "list": (_list_options, "list the searches"),
    "status": (_status_options, "show the progress of a search"),
    "sharing": (_sharing_options, "show what the runs of a search shared"),
    "results": (_results_options, "show results as a table, or export them"),
    "best": (_best_options, "show the best run of a search and how to use it"),
    "diff": (_diff_options, "show how two runs differ"),
    "report": (_report_options, "write the results of a search as an HTML page"),
    "logs": (_logs_options, "print the log of a run"),
    "collect": (_collect_options, "read the metrics of completed runs again"),
    "stop": (_stop_options, "stop a run early and keep its result"),
    "verify": (_verify_options, "repeat some runs, each alone, and compare"),
    "reproduce": (_reproduce_options, "repeat a run and compare"),
    "train": (train_options, "train one config"),
}
