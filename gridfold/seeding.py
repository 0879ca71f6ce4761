"""The random numbers of a run start from its seed, in every library that has a global stream.

NumPy and torch begin with a seed of their own when they are imported: a trainer that imports them when it is called
would get other numbers each time. So they are seeded then, too.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import random
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SEEDERS: dict[str, Callable[[Any, int], object]] = {
    "numpy": lambda numpy, seed: numpy.random.seed(seed),
    "torch": lambda torch, seed: torch.manual_seed(seed),
}


def start(seed: int) -> None:
    """Start the random numbers from a seed; those of a library that is not loaded when it is."""
    random.seed(seed)
    for name, seeder in _SEEDERS.items():
        if name in sys.modules:
            seeder(sys.modules[name], seed)
        else:
            sys.meta_path.insert(0, _Seeding(name, seed))


class _Seeding(importlib.abc.MetaPathFinder):
    """Finds one module as everybody else does, and seeds it once it is loaded."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """As of a finder: the module's own spec, whose loader seeds it."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec and spec.loader:
            load = spec.loader.exec_module

            def load_and_seed(module: ModuleType) -> None:
                load(module)
                _SEEDERS[fullname](module, self._seed)

            spec.loader.exec_module = load_and_seed  # type: ignore[method-assign]
        return spec
