"""Where a process works while it stands for runs that each work in a folder of their own.

Theirs are empty at first, so its own is empty, too, as deep in the tree. It splits where a name of it is asked for, and
where something would be written in it, whatever else is trusted.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gridfold.identity import reads
from gridfold.runs.run import Attempt, Run
from gridfold.sharing.call_site import caller_beyond_library, is_core
from gridfold.sharing.write_guard import WriteGuard

_NAMES = ("getcwd", "getcwdb")


class SharedWorkDir:
    """Where this process works from now on.

    Args:
        tell: called before the name of the folder is told to anybody, or something is written.
        parent: a folder as deep as the directory of a run; None to stay, where all runs work there.
    """

    def __init__(self, tell: Callable[[str], object], parent: Path | None = None) -> None:
        self._pid, self._tell = os.getpid(), tell
        self._path = parent and parent.absolute() / f"work-{os.getpid()}"
        self._originals = {name: getattr(os, name) for name in _NAMES} if parent else {}
        if self._path:
            os.mkdir(self._path)  # noqa: PTH102 - called from here, it is not taken for what the trainer does
            os.chdir(self._path)
            reads.start().leave_out(str(self._path))
        for name, original in self._originals.items():
            setattr(os, name, self._watched(name, original))

    @classmethod
    def of(cls, first: Attempt, tell: Callable[[str], object]) -> SharedWorkDir:
        """Where to work for runs of which this is the first."""
        return cls(tell, first.run.dir.parent / (first.record.search or "") if first.record.cwd else None)

    def guard(self) -> WriteGuard | None:
        """What tells before something is written here, though the runs are trusted to write together."""
        return WriteGuard(self._tell, str(self._path)) if self._path else None

    def change_to(self, run: Run) -> None:
        """In a process that has become a run: work in its folder, unless the trainer has gone elsewhere."""
        for name, original in self._originals.items():
            setattr(os, name, original)
        if self._path and os.path.samefile(".", self._path):  # noqa: PTH121
            os.chdir(run.work_dir)

    def remove(self) -> None:
        """In the process that made it, when those that were forked have ended: remove it, if nobody has used it."""
        if self._path and os.getpid() == self._pid:
            with contextlib.suppress(OSError):
                os.rmdir(self._path)  # noqa: PTH106 - as above

    def _watched(self, name: str, original: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(original)
        def watched() -> Any:
            if not is_core(caller_beyond_library(sys._getframe(1))):
                self._tell(f"os.{name}")
            return original()

        return watched
