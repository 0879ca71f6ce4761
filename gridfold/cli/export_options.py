"""The options of ``gridfold export``."""

from __future__ import annotations

import argparse

from gridfold.cli import values


def export_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold export``."""
    parser.description = (
        "With the name of a tool, write a search for it: tensorboard, mlflow, optuna, wandb (offline) or trackio. "
        "Nothing leaves this machine, and nothing is there twice if it is exported again. With a run, write its model "
        "into a new folder, in a form that other tools load without gridfold, with a model card that says how it was "
        "chosen and how good it is. A text classifier becomes a model of transformers."
    )
    parser.usage = "%(prog)s [-h] (TOOL [SEARCH] [-o DIR] | RUN DIR)"
    which = "a tool; or a run: its path, its number in the last search, or SEARCH:NUMBER; or a search: its best run"
    parser.add_argument("what", metavar="TOOL", type=values.text, help=which)
    other = "name or path of a search (default: the last one); after a run, a new folder"
    parser.add_argument("other", metavar="SEARCH", nargs="?", type=values.text, help=other)
    folder = "write into this folder (default: where the tool has its data, or else beside the runs)"
    parser.add_argument("-o", "--output", metavar="DIR", type=values.text, help=folder)
    parser.set_defaults(action="export")
