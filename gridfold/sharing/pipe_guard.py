"""Pipes that a script makes, for programs that it starts or its workers, belong to one run."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from gridfold.sharing.call_site import is_core, is_import_of_package

_MAKERS = ((subprocess.Popen, "__init__"), (os, "pipe"), (os, "pipe2"), (os, "openpty"), (socket, "socketpair"))


class PipeGuard:
    """Says that a pipe is about to be made, until it is told to stop.

    Installed modules may make pipes when they are imported: they start programs that say what the machine has.

    Args:
        tell: called before.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell = tell
        self._originals = [(owner, name, getattr(owner, name)) for owner, name in _MAKERS if hasattr(owner, name)]
        for owner, name, original in self._originals:
            setattr(owner, name, self._watched(original))

    def stop(self) -> None:
        """Watch no longer."""
        while self._originals:
            setattr(*self._originals.pop())

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def watched(*arguments: Any, **named: Any) -> Any:
            if not is_core(sys._getframe(1).f_code.co_filename) and not is_import_of_package():
                self._tell()
            return original(*arguments, **named)

        return watched
