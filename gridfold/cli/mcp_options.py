"""The options of ``gridfold mcp``."""

from __future__ import annotations

import argparse

from gridfold.cli import values


def mcp_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.description = (
        "Serve searches to an agent by the Model Context Protocol (stdio): list_searches, status, results, "
        "best, logs, plan. It reads nothing outside of the folder, and changes nothing unless it is allowed to run."
    )
    parser.add_argument(
        "--runs-dir", metavar="DIR", default="runs", type=values.text, help="folder of the searches (default: runs)"
    )
    parser.add_argument(
        "--allow-run", action="store_true", help="let the agent start, continue, confirm and stop searches, too"
    )
    parser.set_defaults(action="mcp")
