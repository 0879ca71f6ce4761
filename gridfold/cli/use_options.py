"""The options of the commands that use what runs have saved."""

from __future__ import annotations

import argparse

from gridfold.cli import values


def predict_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold predict``."""
    parser.description = (
        "Predict new data by what a run has saved. All rows and columns of the file are kept; the prediction and the "
        "probability of each label are added."
    )
    _run_argument(parser)
    what = "CSV, TSV, JSON, JSON lines, Parquet, .txt with a text in every line, or - for such lines on standard input"
    parser.add_argument("file", metavar="FILE", type=values.text, help=what)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=values.text,
        help="write to this file, by its extension: .csv, .tsv, .jsonl, .parquet (default: print CSV)",
    )
    parser.add_argument(
        "--column",
        metavar="A,B",
        type=values.names,
        default=[],
        help="column of the texts, or two for pairs (default: as in training)",
    )
    parser.add_argument("--cpu", action="store_true", help="use no GPU")
    parser.set_defaults(action="predict")


def test_options(parser: argparse.ArgumentParser) -> None:
    """Add those of ``gridfold test``."""
    parser.description = (
        "Measure the best run of a search on its test set (data.test), which had no part in choosing it. Once: the "
        "result is kept with the search, and shown by best, results and report. A second look is refused without "
        "--again, and said wherever results are shown."
    )
    what = "name or path of a search, or last (the default): its best run; or a run, as `gridfold logs` takes it"
    parser.add_argument("run", metavar="SEARCH", nargs="?", default="last", type=values.text, help=what)
    parser.add_argument(
        "--again", action="store_true", help="look although the test set was looked at, or runs are left to be done"
    )
    parser.set_defaults(action="test")


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


def _run_argument(parser: argparse.ArgumentParser) -> None:
    what = "path of a run, its number in the last search, or SEARCH:NUMBER; or a search, such as last: its best run"
    parser.add_argument("run", metavar="RUN", type=values.text, help=what)
