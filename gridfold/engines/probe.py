"""A file by which a machine shows that it sees the folder of a search."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridfold.engines.protocol import Order


@contextmanager
def new_token(order: Order) -> Iterator[tuple[Path, str]]:
    """A new file that nobody can know from before, and what is in it; in the search's folder or the first above it."""
    folder = next(folder for folder in (order.logs, *order.logs.parents) if folder.is_dir())
    token = secrets.token_hex(8)
    path = folder / f".gridfold-check-{token}"
    path.write_text(token)
    try:
        yield path, token
    finally:
        path.unlink(missing_ok=True)
