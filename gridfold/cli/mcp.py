"""The command ``gridfold mcp``: a server of the Model Context Protocol on standard input and output."""

from __future__ import annotations

import argparse
from pathlib import Path

from gridfold.export.mcp.server import server


def mcp(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Serve until standard input ends."""
    server(Path(options.runs_dir), allow_run=options.allow_run).run()
    return 0
