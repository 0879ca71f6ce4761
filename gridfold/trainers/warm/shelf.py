"""Modules that are there already, and are not seen before somebody imports them."""

from __future__ import annotations

import copy
import itertools
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from gridfold.core.process import seeding
from gridfold.identity import reads

_OWN = f"{Path(__file__).parents[2]}{os.sep}"
Noted = Mapping[tuple[str, Any], Any]


@dataclass(frozen=True)
class _Put:
    """Modules that come back together.

    Attributes:
        modules: by name.
        noted: what importing them reads.
    """

    modules: Mapping[str, ModuleType]
    noted: Noted


class Shelf:
    """Finds the modules that it holds, before anything else does."""

    def __init__(self) -> None:
        self._held: dict[str, _Put] = {}
        self._specs: dict[str, ModuleSpec | None] = {}
        self._known: Collection[str] = ()
        self._new: list[str] = []
        self._mark = ""

    def put(self, names: Collection[str], noted: Noted) -> None:
        """Take modules away until one of them is imported.

        Args:
            names: the modules; all that import each other.
            noted: what was read when they were imported.
        """
        modules = {name: sys.modules[name] for name in names if isinstance(sys.modules.get(name), ModuleType)}
        together = _Put(modules, noted)
        for name in modules:
            del sys.modules[name]
            parent, _, own = name.rpartition(".")
            if parent and parent not in modules:
                vars(sys.modules.get(parent, ModuleType(parent))).pop(own, None)
            self._held[name] = together
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def begin(self) -> None:
        """From now on, see which modules come beside those that it holds."""
        self._known = frozenset(sys.modules)
        self._set_mark()

    def new(self) -> list[str]:
        """The names of the modules that have come since it began, the first one first.

        The others are not touched: a process that was forked would copy the memory that they are in.
        """
        later = [*itertools.takewhile(lambda name: name is not self._mark, reversed(sys.modules))]
        return [*self._new, *(name for name in reversed(later) if name not in self._known)]

    def _set_mark(self) -> None:
        """Let a module of gridfold be the last one, under a name that is no other's object."""
        self._mark = "".join([__name__[:1], __name__[1:]])
        sys.modules[self._mark] = sys.modules.pop(__name__)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """As of a finder."""
        known = self._held[fullname].modules[fullname].__spec__ if fullname in self._held else None
        if known is None:
            return None
        found = copy.copy(known)
        found.loader = self  # type: ignore[assignment]
        return found

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """As of a loader: bring the module back, with those that it belongs to."""
        together = self._held[spec.name]
        module = together.modules[spec.name]
        self._specs[spec.name] = module.__spec__
        if self._mark:
            self._new = self.new()
        for name, each in together.modules.items():
            del self._held[name]
            sys.modules[name] = each
            parent, _, own = name.rpartition(".")
            if parent in sys.modules and parent not in together.modules:
                setattr(sys.modules[parent], own, each)
        if self._mark:
            self._set_mark()
        seeding.begin_at_random(together.modules)
        if not _is_for_gridfold():
            for (kind, name), known in together.noted.items():
                reads.start().note(kind, name, known)
        if not self._held:
            sys.meta_path.remove(self)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As of a loader: nothing more is to be done."""
        module.__spec__ = self._specs.pop(module.__name__)


def _is_for_gridfold() -> bool:
    """Whether it is gridfold's own code that imports now."""
    frame: FrameType | None = sys._getframe(2)
    while frame and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_OWN)
