"""Hears what the Python programs of a command read: a module that Python loads when it starts tells a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gridfold.core.files import contents
from gridfold.identity import reads

_HERE = os.path.dirname(__file__)


@contextmanager
def reads_of_programs(path: str | None = None) -> Iterator[dict[str, str]]:
    """The environment variables by which Python programs tell what they read; in the end it is taken in.

    Args:
        path: the ``PYTHONPATH`` that the programs are to have; that of this process unless it is given.
    """
    before = path or os.environ.get("PYTHONPATH")
    told = f"{tempfile.gettempdir()}/gridfold-reads-{os.urandom(8).hex()}"
    os.close(os.open(told, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield {"PYTHONPATH": os.pathsep.join([_HERE, *([before] if before else [])]), reads.TOLD: told}
        heard = reads.start()
        heard.noted = {key: known for key, known in heard.noted.items() if key[0] != "program"}  # the command itself
        heard.take_in(contents(told))
    finally:
        with suppress(OSError):
            os.unlink(told)
