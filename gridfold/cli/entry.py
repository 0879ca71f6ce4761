"""The command line: parse, call, and end with an exit code (see ``EXIT_CODES``)."""

from __future__ import annotations

import argparse
import gc
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from gridfold import __version__
from gridfold.cli.commands import COMMANDS
from gridfold.cli.options import hyper_main_options, train_options
from gridfold.core.errors import EXIT_BAD_INPUT, EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, nearest, visible

_NEW_OBJECTS = 100_000  # before Python looks for cycles: at its 700, a small search spends a tenth of its time so
_OLD_OPTIONS = {"--fold": "--share", "--no-fold": "--no-share"}  # still understood, and in no help
_LOOKING = "list_searches status sharing results best diff report logs stop collect"
_MODULES = {
    **dict.fromkeys(_LOOKING.split(), "look"),
    "work": "work",
    "cancel": "placement",
    "figures": "figures",
    "import_search": "importing",
    "explain": "explain",
    "guide": "explain",
    "mcp": "mcp",
    "init": "init",
    "predict": "use",
    "export": "exporting",
    "test": "use",
    "serve": "serve",
}  # that hold an action, if it is not in ``run``


class _Parser(argparse.ArgumentParser):
    """argparse, naming the nearest option for an unknown one."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown:
            hint = nearest(unknown[1], (name for name in self._option_string_actions if name.startswith("--")))
            message = f"unknown option {unknown[1]}\n  {hint}"
        elif wrong := re.search(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.*)\)", message):
            what = "unknown command" if wrong[1] == "COMMAND" else f"{wrong[1]}: unknown"
            message = f"{what} '{wrong[2]}'\n  {nearest(wrong[2], re.findall(r'[a-z]+', wrong[3]))}"
        elif stray := re.match(r"unrecognized arguments: (\S+\.ya?ml)", message):
            message += f"\n  did you mean --config {stray[1]}?"
        problem, _, hint = message.partition("\n  ")
        raise ConfigError(problem, hint=f"{hint}\nsee {self.prog} --help".strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``gridfold``."""
    parser = _Parser(prog="gridfold", description="One YAML file, many runs.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"gridfold {__version__}")
    commands = parser.add_subparsers(dest="command_name", required=True, metavar="COMMAND")
    for name, (add_options, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, allow_abbrev=False)
        command.set_defaults(parser=command)
        add_options(command)
    return _run(parser, arguments)


def search(arguments: Sequence[str] | None = None) -> int:
    """The command ``hyper_main.py``, the same as ``gridfold search``."""
    parser = _Parser(prog="hyper_main.py", allow_abbrev=False)
    parser.set_defaults(parser=parser)
    hyper_main_options(parser)
    return _run(parser, arguments)


def train(arguments: Sequence[str] | None = None) -> int:
    """The command ``main.py``, the same as ``gridfold train``."""
    parser = _Parser(prog="main.py", allow_abbrev=False)
    parser.set_defaults(parser=parser)
    train_options(parser)
    return _run(parser, arguments)


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    command, words = None, given
    gc.set_threshold(_NEW_OBJECTS)
    _open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # whatever a name or an old record holds, it can be printed
    if "--" in given:
        given, command = given[: given.index("--")], given[given.index("--") + 1 :]
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup has it ignored, and means it
            signal.signal(ending, signal.default_int_handler)  # as Ctrl-C
    try:
        options = _parse(parser, _renamed(given))
        options.trainer_command = command
        options.words = words[1:] if hasattr(options, "command_name") else words
        return _act(parser.prog, options)
    except (Exception, KeyboardInterrupt) as error:
        return _say(error, tells="--json" in given)


def _open_standard_streams() -> None:
    """Open what was closed (``>&-``): the next file would get its number, and with it whatever is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None and os.open(os.devnull, os.O_RDWR) == number:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


def _say(error: BaseException, *, tells: bool) -> int:
    """Say what went wrong, with ``--json`` by a document, too; the exit code."""
    exit_code, said = EXIT_FAILED, f"error: {error}"
    if isinstance(error, ConfigError):
        exit_code = EXIT_BAD_INPUT
    elif isinstance(error, KeyboardInterrupt):
        exit_code, said = EXIT_INTERRUPTED, "interrupted; finished runs are kept"
        error = ConfigError(said)
    if tells:
        import_module("gridfold.cli.documents").tell_error(error, exit_code)
    if not isinstance(error, (ConfigError, OSError)):
        raise error
    if not isinstance(error, BrokenPipeError):  # whoever read the output, such as `head`, has what it wants
        print(visible(said), file=sys.stderr)  # noqa: T201
    return exit_code


def _renamed(given: Sequence[str]) -> list[str]:
    """The same in the words of today, in their order: scripts that were written for older ones go on."""
    words = [_OLD_OPTIONS.get(word, word) for word in given]
    if words[:1] == ["--json"]:  # before the command, as other programs have it
        words = [*words[1:], "--json"]
    return ["sharing", *words[1:]] if words[:1] == ["fold"] else words


def _parse(parser: argparse.ArgumentParser, given: list[str]) -> argparse.Namespace:
    """The options; what is unknown is an error of the command that it was given to, which knows the nearest."""
    options, unknown = parser.parse_known_args(given)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _act(prog: str, options: argparse.Namespace) -> int:
    # Numbers of a search are few: a second thread would only cost the time to start it. Runs have their own setting.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if options.trainer_command is not None:
        if not hasattr(options, "trainer"):
            raise ConfigError("only commands that train take a command after --", where=prog)
        if options.trainer is not None or not options.trainer_command:
            problem = "both --trainer and a command after --" if options.trainer else "no command after --"
            raise ConfigError(problem, hint="expected one of them, such as: -- python train.py --config {config}")
        options.trainer = tuple(options.trainer_command)
    again = "python hyper_main.py --resume" if prog.endswith(".py") else "gridfold resume"
    options.called = prog if prog.endswith(".py") else f"{prog} {options.command_name}"
    # Imported here, so that --help and a typo in an option answer at once.
    if getattr(options, "json", False):
        return int(import_module("gridfold.cli.documents").act(options, again))
    module = import_module(f"gridfold.cli.{_MODULES.get(options.action, 'run')}")
    return int(getattr(module, options.action)(options, again))
