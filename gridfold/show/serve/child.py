"""Processes of the server's own Python, which find the modules that it finds."""

from __future__ import annotations

import sys

_START = "import sys; sys.path[:] = {path!r}; from {module} import main; sys.exit(main())"


def calling(module: str, *words: str) -> list[str]:
    """The command line that calls ``main`` of a module, wherever that was found, from a checkout as well."""
    return [sys.executable, "-c", _START.format(path=sys.path, module=module), *words]
