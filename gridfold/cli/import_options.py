"""The options of ``gridfold import``."""

from __future__ import annotations

import argparse

from gridfold.cli import values


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
