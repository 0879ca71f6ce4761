"""The live page: find what is shown, serve it, open a browser."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser

from gridfold.runs.store import Store
from gridfold.show.serve.searches import Searches
from gridfold.show.serve.server import serve as served

_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def serve(options: argparse.Namespace, again: str) -> int:  # noqa: ARG001
    """Serve a live page until Ctrl-C."""
    store = Store()
    only = store.find(options.search) if options.search else None
    if only is None and not store.searches():
        store.find("last")  # says what to do

    def told(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        sys.stderr.write("Only for you, on this machine; Ctrl-C ends the page, not the searches\n")
        if not options.no_browser and _has_screen():
            webbrowser.open(address)

    served(Searches(store, only), options.port, told)
    return 0


def _has_screen() -> bool:
    """Whether a browser would have a screen: over ssh one in the terminal would open."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in _SCREENS)
