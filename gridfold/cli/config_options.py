"""The options of the commands that write configs, and explain them."""

from __future__ import annotations

import argparse

from gridfold.cli import values
from gridfold.cli.arguments import json_option


def init_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold init``."""
    parser.description = (
        "Write a commented config to start from. It has the options of a script with their defaults (argparse, click, "
        "typer, absl, fire, dataclasses), the keys that a function reads, or those of the ready trainer. The script is "
        "read, not run. No file is overwritten."
    )
    what = "train.py, package/train.py, or module:function; without it, an example function is written, too"
    target = parser.add_mutually_exclusive_group()
    target.add_argument("target", metavar="SCRIPT|MODULE:FUNCTION", nargs="?", type=values.text, help=what)
    target.add_argument("--text", action="store_true", help="for the ready trainer")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="config.yaml", type=values.text, help="default: config.yaml"
    )
    parser.set_defaults(action="init")


def import_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold import``."""
    parser.description = (
        "Write a config from the search space of another tool: a W&B sweep in YAML, a Hydra config with a sweeper, or "
        "an Optuna study. Says what could not be translated."
    )
    what = "sweep.yaml of W&B; a config with hydra.sweeper; an Optuna storage: a SQLite file, a journal, or an address"
    parser.add_argument("file", metavar="FILE", type=values.text, help=what)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=values.text, help="write to this new file, not to the screen"
    )
    parser.add_argument(
        "--base", metavar="FILE", type=values.text, help="a config that gets the values where it has the parameters"
    )
    parser.add_argument(
        "--study", metavar="NAME", type=values.text, help="name of the Optuna study, if there are several"
    )
    parser.set_defaults(action="import_search")


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold explain``."""
    parser.description = (
        "Explain a key of a config: what it is for, what its value must be, its default, an example. Knows the section "
        "gridfold, and the keys of the ready trainer."
    )
    what = "dotted path, section, or last part of a path, such as gridfold.repeats or batch_size; without it: all keys"
    parser.add_argument("key", metavar="KEY", nargs="?", type=values.text, help=what)
    json_option(parser)
    parser.set_defaults(action="explain")


def guide_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold guide``."""
    parser.description = "Print a short guide for coding agents: what to write, how to check it, what to report."
    parser.set_defaults(action="guide")
