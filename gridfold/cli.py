"""The command line: arguments, printing, exit codes.

Exit codes: 0 all is well, 1 a run failed, 2 bad input (nothing was created), 130 interrupted.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from gridfold import __version__
from gridfold.config import Config
from gridfold.errors import ConfigError, nearest

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


class _Parser(argparse.ArgumentParser):
    """argparse, naming the nearest option for an unknown one."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            hint = nearest(unknown[1], (name for name in self._option_string_actions if name.startswith("--")))
            message = f"unknown option {unknown[1]}\n  {hint}"
        elif stray := re.match(r"unrecognized arguments: (\S+\.ya?ml)", message):
            message += f"\n  did you mean --config {stray[1]}?"
        self.exit(BAD_INPUT, f"error: {message}\n  see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``gridfold``."""
    parser = _Parser(prog="gridfold", description="One YAML file, many runs.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"gridfold {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _search_options(
        commands.add_parser("search", help="run every combination of a config's values", allow_abbrev=False)
    )
    _train_options(commands.add_parser("train", help="train one config", allow_abbrev=False))
    return _run(parser.parse_args(arguments))


def search(arguments: Sequence[str] | None = None) -> int:
    """The command ``hyper_main.py``, the same as ``gridfold search``."""
    parser = _Parser(prog="hyper_main.py", allow_abbrev=False)
    _search_options(parser)
    return _run(parser.parse_args(arguments))


def train(arguments: Sequence[str] | None = None) -> int:
    """The command ``main.py``, the same as ``gridfold train``."""
    parser = _Parser(prog="main.py", allow_abbrev=False)
    _train_options(parser)
    return _run(parser.parse_args(arguments))


def _search_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run every combination of the values in a config: one directory under runs/ for each."
    parser.add_argument("--config", metavar="FILE", help="base config (default: the first in config/, alphabetically)")
    parser.add_argument(
        "--param-variations",
        metavar="PATH=V1,V2,...",
        nargs="+",
        action="extend",
        default=[],
        help="values to lay over the config's; one value pins the path, +PATH=... adds it",
    )
    parser.add_argument("--run-prefix", metavar="NAME", default="run", help="names begin with this (default: run)")
    parser.add_argument("--no-execute", action="store_true", help="create the directories and configs only")
    parser.set_defaults(action=_search)


def _train_options(parser: argparse.ArgumentParser) -> None:
    parser.description = "Train one config, into runs/YYYY-MM-DD_HHMMSS."
    parser.add_argument("--config", metavar="FILE", required=True, help="a config in which nothing varies")
    parser.set_defaults(action=_train)


def _run(options: argparse.Namespace) -> int:
    action: Callable[[argparse.Namespace], int] = options.action
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup has it ignored, and means it
            signal.signal(ending, signal.default_int_handler)  # as Ctrl-C
    try:
        return action(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        print("interrupted; what has finished is kept", file=sys.stderr)  # noqa: T201
        return INTERRUPTED


def _search(options: argparse.Namespace) -> int:
    # Imported here, so that --help and a typo in an option answer at once.
    from gridfold.executors.local import LocalExecutor
    from gridfold.names import check_prefix
    from gridfold.report import terminal
    from gridfold.search import Plan, create, execute_search
    from gridfold.store import Store
    from gridfold.variations import parse_arguments

    check_prefix(options.run_prefix)
    plan = Plan(Config.load(options.config or _first_config()), parse_arguments(options.param_variations))
    plan.template  # noqa: B018 - errors before the first print
    output = terminal.console()
    if not options.no_execute:
        plan.check()
    output.print(terminal.plan_table(plan))
    directory, run_dirs = create(plan, options.run_prefix, Store())
    created = f"{len(run_dirs):,} run directories" if len(run_dirs) > 1 else "1 run directory"
    output.print(f"Created {created}: {run_dirs[0]}{' …' if len(run_dirs) > 1 else ''}", soft_wrap=True)
    if options.no_execute:
        return 0
    try:
        with terminal.live(output, plan.space.size) as live:
            completed = sum(record.state == "completed" for record in execute_search(directory, LocalExecutor(), live))
    finally:
        output.print(terminal.results(directory), soft_wrap=True)
    return 0 if completed == plan.space.size else FAILED


def _train(options: argparse.Namespace) -> int:
    from gridfold.report import terminal
    from gridfold.search import Plan, execute_run
    from gridfold.store import Store

    plan = Plan(Config.load(options.config))
    if plan.space.parameters:
        paths = ", ".join(parameter.path for parameter in plan.space.parameters)
        raise ConfigError(
            f"this config holds variations ({paths}), and main.py trains one config",
            where=options.config,
            hint=f"to run all {plan.space.size:,} combinations: python hyper_main.py --config {options.config}\n"
            "to keep a list as one value, write !fixed before it",
        )
    plan.check()
    output = terminal.console()
    run = Store().create_run(plan.template.text(()))
    output.print(f"Run directory: {run.dir}", soft_wrap=True)
    with terminal.live(output, 1) as live:
        record = execute_run(run, plan.config, plan.trainer, live)
    output.print(terminal.metrics_table(record))
    return 0 if record.state == "completed" else FAILED


def _first_config() -> Path:
    """The first config of ``config/``, alphabetically."""
    folder = Path("config")
    configs = sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    if not configs:
        found = "has no *.yaml or *.yml file" if folder.is_dir() else "is not there"
        raise ConfigError(f"no --config given, and the folder config/ {found}", hint="give one: --config FILE")
    return configs[0]


if __name__ == "__main__":
    sys.exit(main())
