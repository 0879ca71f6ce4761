"""What a trainer changes on the disk by itself, while its process stands for several runs.

Alone, each run would open that file, or make that directory. So the process splits just before: what was read and
computed until then is shared, and each run then does its own writing.

What is done past Python's functions, as ``torch.save`` does it, is not seen. Folders that are caches do not count, and
neither does what gridfold itself writes.
"""

from __future__ import annotations

import builtins
import contextlib
import fcntl
import functools
import io
import os
import stat
import sys
from collections.abc import Callable
from typing import Any

from gridfold.identity.reads import spared_folders
from gridfold.sharing.call_site import is_core
from gridfold.stages import STAGES

_OPEN = ((builtins, "open"), (io, "open"), (os, "open"))
_CHANGE = tuple((os, name) for name in ("mkdir", "remove", "rename", "replace", "rmdir", "symlink", "link", "unlink"))
_PATHS = ("file", "path", "src")  # as these functions call what comes first
_TRIES = "_get_default_tempdir"  # of `tempfile`: whether it can write into a folder
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class WriteGuard:
    """Says what is about to be written, until it is told to stop.

    Args:
        tell: called with ``writing PATH`` before anything is written.
        within: the folder in which writing matters; None for anywhere.
    """

    def __init__(self, tell: Callable[[str], object], within: str | None = None) -> None:
        self._tell, self._within = tell, within
        self._spared = spared_folders()
        self._originals = [(module, name, getattr(module, name)) for module, name in (*_OPEN, *_CHANGE)]
        for module, name, original in self._originals:
            setattr(module, name, self._watched(original, opens=name == "open"))

    def look(self) -> None:
        """Tell of a file that is open for writing already, as a log that a module opens."""
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers, not paths
            with contextlib.suppress(OSError):
                descriptor = int(name)
                writes = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
                path = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
                if writes and stat.S_ISREG(os.fstat(descriptor).st_mode) and self._matters(path):
                    self._tell(f"writing {path}")

    def stop(self) -> None:
        """Watch no longer."""
        while self._originals:
            setattr(*self._originals.pop())

    def _watched(self, original: Callable[..., Any], *, opens: bool) -> Callable[..., Any]:
        @functools.wraps(original)
        def watched(*arguments: Any, **named: Any) -> Any:
            caller = sys._getframe(1).f_code
            own = is_core(caller.co_filename) or caller.co_name == _TRIES  # what it writes there it removes
            path: Any = arguments[0] if arguments else next((named[name] for name in _PATHS if name in named), None)
            if not own and (not opens or _writes(*arguments[1:], **named)) and self._matters(path):
                self._tell(f"writing {os.fsdecode(path)}")
            return original(*arguments, **named)

        return watched

    def _matters(self, path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False  # a file that is open already
        real = os.fsdecode(path)
        real = real if real.startswith("/memfd:") else os.path.realpath(real)
        if self._within:
            return f"{real}{os.sep}".startswith(f"{self._within}{os.sep}")
        return not real.startswith(self._spared) and f"{os.sep}{STAGES}{os.sep}" not in real + os.sep


def _writes(mode: object = "r", *_: object, flags: int = 0, **__: object) -> bool:
    """Whether a file is opened to be changed; the mode of ``open`` is letters, that of ``os.open`` is flags."""
    if isinstance(mode, str):
        return not set(mode).isdisjoint("wax+") or bool(flags & _WRITING)
    return isinstance(mode, int) and bool(mode & _WRITING)
