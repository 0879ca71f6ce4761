"""Hears what the Python programs of a command read: a module that Python loads when it starts tells a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridfold.identity import reads


@contextmanager
def reads_of_programs(path: str | None = None) -> Iterator[dict[str, str]]:
    """The environment variables by which Python programs tell what they read; in the end it is taken in.

    Args:
        path: the ``PYTHONPATH`` that the programs are to have; that of this process unless it is given.
    """
    before = path or os.environ.get("PYTHONPATH")
    with tempfile.NamedTemporaryFile(prefix="gridfold-reads-") as told:
        path = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
        yield {"PYTHONPATH": path, reads.TOLD: told.name}
        heard = reads.start()
        heard.forget("program")  # the command itself
        heard.take_in(Path(told.name).read_bytes())
