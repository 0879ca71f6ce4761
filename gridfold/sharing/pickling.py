"""Says that something is about to be pickled, while a config stands for several trials.

A pickle is to have the bytes that it has alone. The pickler of C writes only an exact dict as one, and looks at the
type before it asks an object anything: the config must be a dict when it begins. Whatever is pickled may hold it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from gridfold.sharing.call_site import is_seen_by_nobody
from gridfold.sharing.native import set_attribute


class Pickles:
    """Says what begins to be pickled, until it is told to stop.

    Args:
        tell: called before anything is pickled by code that is not gridfold's.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        dump = pickle.Pickler.dump

        def watched(pickler: pickle.Pickler, obj: object, /) -> None:
            if not is_seen_by_nobody():
                tell()
            dump(pickler, obj)

        # Each pickle begins with a look for the first of these, in `pickle.dumps`, too, however that was imported. But
        # it is not seen where a class has its own, as that of cloudpickle, which comes by way of the second.
        changes: dict[str, Any] = {"reducer_override": _Looked(tell), "dump": watched}
        self._undo = [set_attribute(pickle.Pickler, name, change) for name, change in changes.items()]

    def stop(self) -> None:
        """Watch no longer."""
        while self._undo:
            self._undo.pop()()


class _Looked:
    """An attribute that is not there, and tells when it is looked for."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell = tell

    def __get__(self, pickler: object, _: type) -> Any:
        if pickler is not None and not is_seen_by_nobody():
            self._tell()
        raise AttributeError("reducer_override")
