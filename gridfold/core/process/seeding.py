"""The random numbers of a run start from its seed, in every library that has a global stream.

NumPy and torch begin with a seed of their own when they are imported: a trainer that imports them when it is called
would get other numbers each time. So they are seeded then, too.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Container, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_SEEDERS: dict[str, Callable[[Any, int], object]] = {
    "random": lambda python, seed: python.seed(seed),
    "numpy": lambda numpy, seed: numpy.random.seed(seed),
    "torch": lambda torch, seed: torch.manual_seed(seed),
}


def _state(numpy_random: Any) -> object:
    name, keys, *rest = numpy_random.get_state(legacy=True)
    return name, keys.tobytes(), *rest


_AT_RANDOM: dict[str, Callable[[Any], object]] = {"random": lambda python: python.getstate(), "numpy.random": _state}
_STATES: dict[str, Callable[[Any], object]] = {
    "random": _AT_RANDOM["random"],
    "numpy": lambda numpy: _state(numpy.random),
    "torch": lambda torch: torch.get_rng_state().numpy().tobytes(),
}
_began: dict[str, object] = {}  # the states of streams as `begin_at_random` has left them
_seeded: dict[str, object] = {}  # the states of libraries that were imported after the start, as they began


def states() -> dict[str, object]:
    """The states of all global streams there are."""
    return {name: state(sys.modules[name]) for name, state in _STATES.items() if name in sys.modules}


def has_drawn(before: Mapping[str, object]) -> bool:
    """Whether something has drawn from a global stream since `states` gave these; a new stream began when seeded."""
    known = {**_seeded, **before}
    return any(known.get(name, state) != state for name, state in states().items())


def begin_at_random(modules: Container[str]) -> None:
    """Begin the streams at random that do so when some modules are imported; those of torch begin with a number."""
    for name, state in _AT_RANDOM.items():
        if name in modules:
            sys.modules[name].seed()
            _began[name] = state(sys.modules[name])


def restart() -> None:
    """Begin those streams at random once more that nobody has used since, in a process that was forked."""
    for name, began in list(_began.items()):
        if name in sys.modules and _AT_RANDOM[name](sys.modules[name]) == began:
            begin_at_random([name])


def start(seed: int) -> None:
    """Start the random numbers from a seed; those of a library that is not loaded when it is."""
    for name, seeder in _SEEDERS.items():
        if name in sys.modules:
            seeder(sys.modules[name], seed)
        else:
            sys.meta_path.insert(0, _Seeding(name, seed))


class _Seeding:
    """Finds one module as everybody else does, and seeds it once it is loaded."""

    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """As of a finder: the module's own spec, whose loader seeds it."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)  # whoever asks may only want to know whether there is such a module
        if spec and spec.loader:
            load = spec.loader.exec_module

            def load_and_seed(module: ModuleType) -> None:
                with contextlib.suppress(ValueError):
                    sys.meta_path.remove(self)
                load(module)
                _SEEDERS[fullname](module, self._seed)
                _seeded[fullname] = _STATES[fullname](module)

            spec.loader.exec_module = load_and_seed  # type: ignore[method-assign]
        return spec
