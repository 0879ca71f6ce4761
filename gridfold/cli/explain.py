"""What the commands do that tell how to write a config: ``explain``, ``guide``."""

from __future__ import annotations

import argparse
import sys

from gridfold.cli.commands import COMMANDS
from gridfold.config.key import Key
from gridfold.config.known import SECTION
from gridfold.core.errors import ConfigError, visible
from gridfold.show import keys
from gridfold.trainers.explain import all_keys, explained

_INSIDE = {"strategy.trials": "trials", "strategy.seed": "strategy_seed"}


def explain(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Say what keys of a config are for."""
    sys.stdout.write(visible(keys.render(*asked(options.key))) + "\n")
    return 0


def asked(name: str | None) -> tuple[list[Key], dict[str, str]]:
    """The keys that a name means, or all; and what sets them on the command line, by path.

    Raises:
        ConfigError: there is none.
    """
    known = _options()
    try:
        found = explained(name) if name else all_keys()
    except ConfigError as error:
        if option := known.get(str(name).replace("-", "_")):
            error.hint = f"it is an option of the command line: gridfold search {option}"
        raise
    return found, {key.path: option for key in found if (option := known.get(_dest(key.path)))}


def _dest(path: str) -> str:
    name = path.removeprefix(f"{SECTION}.")
    return _INSIDE.get(name, name) if name != path else ""


def _options() -> dict[str, str]:
    """How each option of a search is written on the command line, by the name that it has in the code."""
    parser = argparse.ArgumentParser(add_help=False)
    COMMANDS["search"][0](parser)
    found: dict[str, str] = {}
    for action in parser._actions:
        if action.option_strings:
            value = "" if action.nargs == 0 else f" {action.metavar}"
            written = f"{action.option_strings[-1]}{value}"
            found[action.dest] = f"{found[action.dest]}, {written}" if action.dest in found else written
    return found


def guide(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Print the guide for agents."""
    from importlib.resources import files

    sys.stdout.write(files("gridfold.export").joinpath("assets/agents.md").read_text(encoding="utf-8"))
    return 0
