"""The options of the commands that run something: what they take, what they say of themselves."""

from __future__ import annotations

import argparse

from gridfold.cli import values
from gridfold.cli.arguments import (
    json_option,
    metric_options,
    patterns_option,
    run_argument,
    search_argument,
    strategy_options,
    track_option,
    trials_option,
)
from gridfold.core.limits import USUAL_RUNS


def hyper_main_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``hyper_main.py``, which begins a search or continues one."""
    search_options(parser)
    parser.add_argument(
        "--resume", metavar="SEARCH", type=values.text, help="continue a search, by name, or the last one: last"
    )
    parser.add_argument("--failed", action="store_true", help="with --resume: only the runs that failed")
    _top_option(parser, "with --resume and --repeats")


def search_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold search``."""
    parser.description = "Run every combination of the values in a config. Each run gets its own directory under runs/."
    parser.epilog = (
        "To sweep your own script, put its command after --: "
        "%(prog)s -- python train.py --lr '{lr=0.1,0.2}', or with a config: --lr {training.lr}. "
        "Each run fills in its value; {args}, {config}, {run_dir}, {index}, {seed}, {fold} and {folds} work too."
    )
    _plan_options(parser)
    parser.add_argument("--no-execute", action="store_true", help="create the directories and configs only")
    parser.add_argument("--dry-run", action="store_true", help="show what would run, and create nothing")
    _execution_options(parser)
    _placement_options(parser)
    json_option(parser)
    parser.set_defaults(action="search")


def plan_search_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold plan``."""
    parser.description = (
        "Show what a search would run, what is done already, and the time and disk it would take. Creates nothing."
    )
    _plan_options(parser)
    _execution_options(parser)
    _placement_options(parser)
    json_option(parser)
    parser.set_defaults(action="plan")


def resume_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold resume``."""
    parser.description = (
        "Run the unfinished runs of a search. Several processes can do so at the same time; they share the runs. "
        "All options but --budget default to those that the search was started with."
    )
    search_argument(parser, required=True)
    parser.add_argument("--failed", action="store_true", help="only the runs that failed")
    _gone_option(parser)
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
    trials_option(parser)
    metric_options(parser)
    track_option(parser, "as before")
    _execution_options(parser)
    _placement_options(parser)
    json_option(parser)
    parser.set_defaults(action="resume")


def work_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold work``."""
    parser.description = (
        "Execute runs of a search until none is left, together with any number of others, on machines that share the "
        "folder. Failed runs are left. Prints no tables. All options default to those that the search was started with."
    )
    search_argument(parser, required=True)
    _gone_option(parser)
    parser.add_argument(
        "--grace",
        metavar="TIME",
        type=values.duration,
        help="in a job with a time limit: time that runs have to stop before its end "
        "(default: a tenth of the limit, from 15s to 60s)",
    )
    _execution_options(parser)
    parser.set_defaults(action="work")


def _gone_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gone",
        metavar="HOST",
        type=values.text,
        action="append",
        default=[],
        help="a machine or container that no longer exists; its runs are started again",
    )


def cancel_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold cancel``."""
    parser.description = (
        "End all workers of a search, on whatever machines: runs under way are interrupted and may write a checkpoint, "
        "jobs that wait are taken back. Finished runs are kept, and gridfold resume goes on."
    )
    search_argument(parser, required=True)
    parser.set_defaults(action="cancel")


def _top_option(parser: argparse.ArgumentParser, where: str) -> None:
    parser.add_argument("--top", metavar="K", type=values.count, help=f"{where}: only the best K combinations")


def confirm_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold confirm``."""
    parser.description = (
        "Train the best two combinations again on fresh seeds. The best of many noisy results looks better than it is;"
        " fresh seeds show how good it really is."
    )
    search_argument(parser, required=False)
    parser.add_argument("--repeats", metavar="N", type=values.repeats, default=5, help="fresh seeds (default: 5)")
    _execution_options(parser)
    json_option(parser)
    parser.set_defaults(action="confirm", reuse=False)


def reproduce_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold reproduce``."""
    parser.description = "Repeat a run in a fresh directory and compare the metrics."
    run_argument(parser)
    parser.add_argument("--quiet", action="store_true", help="print only the differences")
    parser.set_defaults(action="reproduce")


def verify_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold verify``."""
    parser.description = (
        "Repeat some completed runs of a search, each alone in a new process that shares nothing, and compare metrics "
        "and files. The exit code is 1 if a run differs; its new directory is then kept."
    )
    search_argument(parser, required=False)
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
    json_option(parser)
    parser.set_defaults(action="verify")


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
    _space_options(parser)
    parser.add_argument(
        "--max-runs", metavar="N", type=values.runs, help=f"allow up to N runs (default: {USUAL_RUNS:,})"
    )
    parser.add_argument(
        "--run-prefix", metavar="NAME", default="run", help="prefix of the directory names (default: run)"
    )
    _trainer_options(parser)
    strategy_options(parser)
    _comparison_options(parser)
    track_option(parser, "from the config, or none")
    parser.add_argument(
        "--reuse", action="store_true", help="reuse results of other searches where config, code and data are the same"
    )


def _space_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which combinations are run, besides what the config says")
    group.add_argument(
        "--link",
        metavar="PATH,PATH",
        nargs="+",
        action="extend",
        default=[],
        help="vary these lists together, value by value",
    )
    group.add_argument(
        "--exclude",
        metavar="CONDITION",
        nargs="+",
        action="extend",
        default=[],
        help="leave out combinations of which this holds, such as 'batch_size > 64 and lr > 1e-4'",
    )
    group.add_argument(
        "--when",
        metavar="PATH=CONDITION",
        nargs="+",
        action="extend",
        default=[],
        help="vary PATH only where this holds; elsewhere it keeps its first value",
    )
    group.add_argument(
        "--add",
        metavar="PATH=VALUE,...",
        nargs="+",
        action="extend",
        default=[],
        help="one more combination; paths that are not named have their first values",
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
        "--prune",
        metavar="NAME",
        type=values.pruned,
        help="let runs wait while others were better at the same epoch: asha, hyperband or median, with options "
        "such as asha,min=1,eta=3 (default: from the config, or all runs go on)",
    )
    metric_options(group)
    patterns_option(group, "those of gridfold.metrics in the config")


def _trainer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trainer",
        metavar="MODULE:FUNCTION",
        type=values.text,
        help="training function (default: from the config, or the ready trainer)",
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
        "--finish-all",
        action="store_true",
        default=None,
        help="with --prune: in the end, continue all runs that wait; gridfold resume: also those that were stopped",
    )
    group.add_argument(
        "--frozen-memory",
        metavar="SIZE",
        type=values.size,
        help="with --prune: memory that waiting runs may hold, such as 8GB (default: half of what is free)",
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


def _placement_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("workers on other machines")
    group.add_argument(
        "--on",
        metavar="ENGINE",
        type=values.text,
        help="start workers by slurm or ray; local: here (default: the config's, or local)",
    )
    group.add_argument(
        "--workers", metavar="N", type=values.workers, help="number of workers (default: the config's, or 1)"
    )
    group.add_argument(
        "--slurm", metavar="OPTIONS", type=values.text, help='options of sbatch, such as "partition=gpu,time=4:00:00"'
    )
    group.add_argument(
        "--sbatch-file", metavar="FILE", type=values.text, help="script whose #SBATCH lines and commands come first"
    )
    group.add_argument("--ray", metavar="OPTIONS", type=values.text, help='options of a Ray worker, such as "cpus=4"')
    group.add_argument("--address", metavar="ADDRESS", type=values.text, help="of the Ray cluster")
    group.add_argument(
        "--wait", action="store_true", help="show the search until its workers are done (Ctrl-C cancels them)"
    )
    group.add_argument(
        "--workers-by-hand",
        action="store_true",
        help="start none; print the line that starts a worker on any machine that sees the folder",
    )
    group.add_argument("--no-check", action="store_true", help="do not look first whether the nodes see the folder")
