"""The options of ``gridfold serve``."""

from __future__ import annotations

import argparse

from gridfold.cli import values


def serve_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.description = (
        "Show searches on a live page, on this machine only. The address holds a token; whoever has it may look, and "
        "stop or continue searches."
    )
    what = "name or path of a search, or last (default: all searches in runs/)"
    parser.add_argument("search", metavar="SEARCH", nargs="?", type=values.text, help=what)
    parser.add_argument(
        "--port", metavar="N", type=values.port, help="port of 127.0.0.1 (default: 8157, or any if that is taken)"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    parser.set_defaults(action="serve")
