"""What lets libraries that go by the very type take a config for many trials for the dict that it stands for.

A pickle is to have the bytes that it has alone. The pickler of C writes only an exact dict as one, and looks at the
type before it asks an object anything: the config must be a dict when it begins. Whatever is pickled may hold it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

from gridfold.core.process.native import set_attribute
from gridfold.sharing.call_site import is_import_of_package, is_seen_by_nobody
from gridfold.sharing.mapping import SharedDict


class Pickles:
    """Says what begins to be pickled, until it is told to stop.

    Args:
        tell: called before anything is pickled by code that is not gridfold's.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        dump = pickle.Pickler.dump

        def watched(pickler: pickle.Pickler, obj: object, /) -> None:
            if not _is_of_no_concern():
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


def _is_of_no_concern() -> bool:
    """Whether no config is in what is pickled now, or nobody sees it."""
    return is_import_of_package() or is_seen_by_nobody()


class _Looked:
    """An attribute that is not there, and tells when it is looked for."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self._tell = tell

    def __get__(self, pickler: object, _: type) -> Any:
        if pickler is not None and not _is_of_no_concern():
            self._tell()
        raise AttributeError("reducer_override")


def _pickle(pickler: Any, mapping: SharedDict) -> None:
    """Pickle, where the pickler is written in Python: for those in C see `Pickles`."""
    mapping._tracking.group.settle()
    pickler.dispatch[dict](pickler, mapping)


def teach_picklers() -> None:
    """Let picklers in Python write the config as they write a dict: those that there are by now."""
    for pickler in _picklers(pickle._Pickler):
        pickler.dispatch[SharedDict] = _pickle


def _picklers(base: Any) -> Iterator[Any]:
    """A class and those derived from it that have a table of their own; others have that of their base."""
    if "dispatch" in vars(base):
        yield base
    for derived in base.__subclasses__():
        yield from _picklers(derived)


teach_picklers()
