"""The commands: their names, the functions that add their options, and what they do in a line."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from gridfold.cli import config_options, look_options, options, use_options

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
    "figures": (look_options.figures_options, "draw the figures of the report for print, and a LaTeX table"),
    "serve": (look_options.serve_options, "show searches on a live page"),
    "logs": (look_options.logs_options, "print the log of a run"),
    "collect": (look_options.collect_options, "read the metrics of completed runs again"),
    "stop": (look_options.stop_options, "stop a run early and keep its result"),
    "verify": (options.verify_options, "repeat some runs, each alone, and compare"),
    "reproduce": (options.reproduce_options, "repeat a run and compare"),
    "train": (options.train_options, "train one config"),
    "predict": (use_options.predict_options, "predict new data by a run"),
    "test": (use_options.test_options, "measure the best run on the test set, once"),
    "export": (use_options.export_options, "write a search for another tool, or the model of a run"),
    "init": (config_options.init_options, "write a config to start from"),
    "explain": (config_options.explain_options, "explain a key of a config"),
    "guide": (config_options.guide_options, "print a guide for coding agents"),
    "mcp": (look_options.mcp_options, "serve searches to an agent"),
    "import": (config_options.import_options, "write a config from a W&B sweep, a Hydra sweeper or an Optuna study"),
}
