"""The commands: their names, the functions that add their options, and what they do in a line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from gridfold.cli import look_options, options, use_options
from gridfold.cli.explain_options import explain_options, guide_options, init_options
from gridfold.cli.export_options import export_options
from gridfold.cli.figure_options import figures_options
from gridfold.cli.import_options import import_options
from gridfold.cli.mcp_options import mcp_options
from gridfold.cli.serve_options import serve_options

COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "search": (options.search_options, "run every combination of a config's values"),
    "plan": (options.plan_search_options, "show what a search would run"),
    "resume": (options.resume_options, "continue a search; several processes can share it"),
    "work": (options.work_options, "execute runs of a search as one of several workers"),
    "cancel": (options.cancel_options, "end all workers of a search"),
    "confirm": (options.confirm_options, "train the best two again on fresh seeds"),
    "list": (look_options.list_options, "list the searches"),
    "status": (look_options.status_options, "show the progress of a search"),
    "sharing": (look_options.sharing_options, "show what the runs of a search shared"),
    "results": (look_options.results_options, "show results as a table, or export them"),
    "best": (look_options.best_options, "show the best run of a search and how to use it"),
    "diff": (look_options.diff_options, "show how two runs differ"),
    "report": (look_options.report_options, "write the results of a search as an HTML page"),
    "figures": (figures_options, "draw the figures of the report for print, and a LaTeX table"),
    "serve": (serve_options, "show searches on a live page"),
    "logs": (look_options.logs_options, "print the log of a run"),
    "collect": (look_options.collect_options, "read the metrics of completed runs again"),
    "stop": (look_options.stop_options, "stop a run early and keep its result"),
    "verify": (options.verify_options, "repeat some runs, each alone, and compare"),
    "reproduce": (options.reproduce_options, "repeat a run and compare"),
    "train": (options.train_options, "train one config"),
    "predict": (use_options.predict_options, "predict new data by a run"),
    "test": (use_options.test_options, "measure the best run on the test set, once"),
    "export": (export_options, "write a search for another tool, or the model of a run"),
    "init": (init_options, "write a config to start from"),
    "explain": (explain_options, "explain a key of a config"),
    "guide": (guide_options, "print a guide for coding agents"),
    "mcp": (mcp_options, "serve searches to an agent"),
    "import": (import_options, "write a config from a W&B sweep, a Hydra sweeper or an Optuna study"),
}
