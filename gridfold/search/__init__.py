"""Doing it: plan, loop of proposer and executor, what is pending, retries, reuse, verification.

``gridfold.search`` is also what people call in Python. To import any module of this room makes that name the room, so
the room can be called: it passes the call on (see ``gridfold.interactive.run``).
"""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import Any


class _CallableRoom(ModuleType):
    """A module that can be called."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run a search."""
        return _search()(*arguments, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_search())

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return inspect.getdoc(_search())  # what people ask for by ``gridfold.search?``


def _search() -> Any:
    """The function; it is above this room, so it is known by its name only."""
    return importlib.import_module("gridfold.interactive.run").search


sys.modules[__name__].__class__ = _CallableRoom
