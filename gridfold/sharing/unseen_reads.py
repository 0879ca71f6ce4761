"""Where code may read what is in its config without being seen: in the file, in another program, in a child process."""

from __future__ import annotations

import os
from typing import Any

from gridfold.identity import reads
from gridfold.runs.run import CONFIG

_PROGRAMS = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system")


def forget_unseen_reads(unread: set[str]) -> None:
    """Take all paths out of a set as soon as this process does what may read any of them, unseen."""
    if not unread:
        return

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if unread and (event in _PROGRAMS or (event == "open" and _is_config(arguments[0]))):
            unread.clear()

    reads.start().listen(hear)
    os.register_at_fork(before=unread.clear)


def _is_config(path: Any) -> bool:
    return isinstance(path, (str, bytes)) and os.path.basename(os.fsdecode(path)) == CONFIG  # noqa: PTH119
