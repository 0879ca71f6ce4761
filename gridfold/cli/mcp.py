"""The command ``gridfold mcp``: a server of the Model Context Protocol on standard input and output."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gridfold.core.errors import EXIT_INTERRUPTED, ConfigError, nearest_file
from gridfold.export.mcp.server import server


def mcp(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Serve until standard input ends."""
    runs_dir = Path(options.runs_dir).resolve()
    folder = runs_dir.parent
    if not folder.is_dir():
        raise ConfigError("no such folder", where=str(folder), hint=nearest_file(folder))
    served = server(runs_dir, allow_run=options.allow_run)
    os.chdir(folder)  # scripts are named from there
    if sys.stdin.isatty():
        print("This is for a program that speaks the Model Context Protocol; Ctrl-C ends it", file=sys.stderr)  # noqa: T201
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _end)
    served.run()
    return 0


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """End at once: a thread of the package waits for a line of standard input, and nothing else would end it."""
    os._exit(EXIT_INTERRUPTED)
