"""What the commands do that tell how to write a config: ``explain``, ``guide``."""

from __future__ import annotations

import argparse
import json
import sys

from gridfold.cli.options import COMMANDS
from gridfold.config.known import SECTION
from gridfold.core.errors import ConfigError, visible
from gridfold.show import keys
from gridfold.trainers.explain import all_keys, explained

_INSIDE = {"strategy.trials": "trials", "strategy.seed": "strategy_seed"}


def explain(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Say what keys of a config are for."""
    known = _options()
    try:
        found = explained(options.key) if options.key else all_keys()
    except ConfigError as error:
        if option := known.get(options.key.replace("-", "_")):
            error.hint = f"it is an option of the command line: gridfold search {option}"
        raise
    by_path = {key.path: known.get(_dest(key.path), "") for key in found}
    if options.json:
        from gridfold.export.json.explain import document

        sys.stdout.write(json.dumps(document(found, by_path), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write(visible(keys.render(found, by_path)) + "\n")
    return 0


def _dest(path: str) -> str:
    name = path.removeprefix(f"{SECTION}.")
    return _INSIDE.get(name, name) if name != path else ""


def _options() -> dict[str, str]:
    """How each option of a search is written on the command line, by the name that it has in the code."""
    parser = argparse.ArgumentParser(add_help=False)
    COMMANDS["search"][0](parser)
    found: dict[str, str] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse tells it nowhere else
        if action.option_strings:
            value = "" if action.nargs == 0 else f" {action.metavar}"
            written = f"{action.option_strings[-1]}{value}"
            found[action.dest] = f"{found[action.dest]}, {written}" if action.dest in found else written
    return found


def guide(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Print the guide for agents."""
    from importlib.resources import files

    sys.stdout.write(files("gridfold.show").joinpath("assets/agents.md").read_text(encoding="utf-8"))
    return 0
