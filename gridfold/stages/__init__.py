"""Stages: functions whose results are worth keeping, such as tokens and features.

What a result depends on in the config is recorded, not declared. The function gets a config that notes whatever is
looked at. The next time, the notes are followed: the first says what the function would look at first, what is seen
there leads to what it would look at next, and in the end to the result. So a look-up reads what the function itself
would read, in the same order, and never more: where the config stands for many runs, they are separated over that only.
"""

from __future__ import annotations

import copy
import functools
import logging
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from gridfold.errors import ConfigError
from gridfold.process import seeding

if TYPE_CHECKING:
    from types import FunctionType

    from gridfold.stages.shelf import Box, Question, Shelf

P = ParamSpec("P")
R = TypeVar("R")

STAGES = ".stages"  # the folder beside the runs
LIMIT = "GRIDFOLD_STAGES_GB"
_DEFAULT_GIGABYTES = 20.0
_LOG = logging.getLogger(__name__)
_SINGLE = frozenset({type(None), bool, int, float, str, bytes})  # one object may be in many places
_KEYS = frozenset({type(None), bool, int, float, str})  # what JSON gives back as it was

_folder: Path | None = None
_used = False
_made: dict[int, tuple[Callable[[], Any], str]] = {}  # results of this process, by identity, with their addresses


def use(runs: Path) -> None:
    """Keep the results of stages beside the runs in a folder, from now on in this process and its children."""
    global _folder  # noqa: PLW0603 - a process has one
    _folder = runs / STAGES


def shelf_in_use() -> Shelf | None:
    """Where results are kept; None outside of runs, and where it is switched off.

    Raises:
        ConfigError: the limit is not a number.
    """
    from gridfold.stages.shelf import Shelf  # the processes of runs without stages do not need it

    given = os.environ.get(LIMIT, "")
    try:
        limit = float(given) if given else _DEFAULT_GIGABYTES
    except ValueError:
        raise ConfigError(f"expected a number of gigabytes, found '{given}'", where=LIMIT) from None
    return Shelf(_folder, int(limit * 1e9)) if _folder and limit > 0 else None


def was_used() -> bool:
    """Whether this process, or one that it was forked from, was given a result that was kept."""
    return _used


@overload
def stage(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def stage(*, version: str = "", any_threads: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def stage(function: Any = None, /, *, version: str = "", any_threads: bool = False) -> Any:
    """Keep what a function returns, for all runs in the same folder.

    Example::

        @gridfold.stage
        def features(config, texts):
            ...

    The first argument, if it is a mapping, is the config or a section of it: the function may only read it, and what
    it reads is what the result depends on. It depends on the other arguments, too: plain values count by content, a
    ``Path`` by what is in the file or folder, and what another stage has made by where that is kept. It depends on
    the source of the function's module, and of those of the project that it imports; on the versions of Python and of
    the usual numerical packages; on the kind of processor and GPU, and on the number of threads.

    The result must depend on nothing else, and not be changed before it is given to another stage. Where any of this
    cannot be told, the function is called, and a line in the log says so.

    Args:
        function: a function of a module.
        version: to be changed when the function does something else that its source does not show.
        any_threads: the result is the same to the bit for any number of CPU threads.
    """
    if function is None:
        return functools.partial(stage, version=version, any_threads=any_threads)
    return _Stage(function, version, any_threads).wrapper()


class _Stage:
    """A decorated function."""

    def __init__(self, function: Callable[..., Any], version: str, any_threads: bool) -> None:  # noqa: FBT001
        self._function = cast("FunctionType", function)
        self._version = version
        self._any_threads = any_threads

    def wrapper(self) -> Callable[..., Any]:
        @functools.wraps(self._function)
        def call(*arguments: Any, **named: Any) -> Any:
            config = arguments[0] if arguments and isinstance(arguments[0], Mapping) else None
            return self._call(config, arguments if config is None else arguments[1:], named)

        return call

    def _call(self, config: Mapping[Any, Any] | None, others: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
        def compute(trace: _Trace) -> Any:
            first = () if config is None else (_Observed(config, (), trace),)
            return self._function(*first, *others, **named)

        where = shelf_in_use()
        start = where and self._start(others, named)
        if not where or not start:
            return compute(_Trace())
        return _Kept(where, self._function.__qualname__, start, config if config is not None else {}, compute).get()

    def _start(self, others: tuple[Any, ...], named: Mapping[str, Any]) -> str:
        """The key at which the way to a result begins; "" if there is none."""
        from gridfold.stages import identity  # as above

        try:
            code = identity.of_function(self._function, self._version)
            machine = identity.of_machine(threads=not self._any_threads)
            return identity.of_value((code, machine, others, sorted(named.items())), _address)
        except identity.UnknownError as error:
            _LOG.warning("the result of %s is not kept, nothing tells %s", self._function.__qualname__, error)
            return ""


class _Kept:
    """One call of a stage."""

    def __init__(
        self, shelf: Shelf, name: str, start: str, config: Mapping[Any, Any], compute: Callable[[_Trace], Any]
    ) -> None:
        self._shelf = shelf
        self._name = name
        self._start = start
        self._config = config
        self._compute = compute

    def get(self) -> Any:
        """The result, kept or computed. While one process computes what others want, they wait, and read it then."""
        key, found = self._follow(self._start)
        while not found:
            with self._shelf.alone(key):
                reached, found = self._follow(key)
                if not found and reached == key:
                    return self._new()
            key = reached
        global _used  # noqa: PLW0603 - as above
        _used = True
        _remember(found.value, key)
        return found.value

    def _follow(self, key: str) -> tuple[str, Box | None]:
        """The last key of a way that this config leads along, and what is kept there."""
        while question := self._shelf.question(key):
            key = _next(key, question, _seen(self._config, question))
        return key, self._shelf.result(key)

    def _new(self) -> Any:
        trace = _Trace()
        before = seeding.states()
        value = self._compute(trace)
        if seeding.has_drawn(before):
            self._refuse("it draws from random numbers that the run draws from: give it a generator of its own")
        elif problem := trace.problem or _changed_by_keeping(value):
            self._refuse(problem)
        else:
            key = self._start
            for question, seen in trace.notes.items():
                self._shelf.lead(key, question)
                key = _next(key, question, seen)
            self._shelf.put(key, value)
            _remember(value, key)
        return value

    def _refuse(self, problem: str) -> None:
        _LOG.warning("the result of %s is not kept: %s", self._name, problem)


def _changed_by_keeping(value: Any) -> str:
    """What of a result would not be the same to the bit when it is read again; "" if nothing is known to be."""
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(value, numpy.ndarray):
        lies = value.flags.c_contiguous or value.flags.f_contiguous
        return "" if lies else "an array that is a part of another, and lies in memory as such: return a copy of it"
    if isinstance(value, (set, frozenset)):
        return "a set, which would be in another order: return a sorted list"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return next(filter(None, map(_changed_by_keeping, parts)), "")


class _Trace:
    """What was looked at in a config, in order, and what was seen."""

    def __init__(self) -> None:
        self.notes: dict[Question, str] = {}
        self.problem = ""

    def note(self, question: Question, see: Callable[[], str]) -> None:
        """Note what is seen for the first time; as it cannot change, the second time tells nothing new."""
        from gridfold.stages.identity import UnknownError

        if question in self.notes:
            return
        if not all(type(key) in _KEYS for key in question[1]):
            self.problem = f"a key of the config is {question[1][-1]!r}"
            return
        try:
            self.notes[question] = see()
        except UnknownError as error:
            self.problem = f"nothing tells what the config has at {'.'.join(map(str, question[1]))}, {error}"


class _Observed(Mapping[Any, Any]):
    """A mapping of the config; whatever is looked at is noted. It cannot be changed."""

    def __init__(self, mapping: Mapping[Any, Any], path: tuple[Any, ...], trace: _Trace) -> None:
        self._mapping = mapping
        self._path = path
        self._trace = trace

    def __getitem__(self, key: Any) -> Any:
        try:
            value = self._mapping[key]
        except KeyError:
            self._trace.note(("value", (*self._path, key)), lambda: _ABSENT)
            raise
        self._trace.note(("value", (*self._path, key)), lambda: _told(value))
        if isinstance(value, Mapping):
            return _Observed(value, (*self._path, key), self._trace)
        return copy.deepcopy(value)

    def __contains__(self, key: object) -> bool:
        return self._ask("has", key, key in self._mapping)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask("keys", None, list(self._mapping)))

    def __len__(self) -> int:
        return self._ask("size", None, len(self._mapping))

    def __bool__(self) -> bool:
        return self._ask("some", None, bool(self._mapping))

    def _ask(self, kind: str, key: Any, answer: R) -> R:
        path = (*self._path, key) if kind == "has" else self._path
        self._trace.note((kind, path), lambda: _told(answer))
        return answer

    def __repr__(self) -> str:
        return repr(copy.deepcopy(self))

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> Any:
        return dict, (copy.deepcopy(self),)


_ABSENT = "absent"


def _told(value: Any) -> str:
    """What was seen, for a note."""
    from gridfold.stages.identity import of_value

    return "a mapping" if isinstance(value, Mapping) else of_value(value)


def _seen(config: Mapping[Any, Any], question: Question) -> str:
    """What is seen now where something else was seen before."""
    trace = _Trace()
    kind, path = question
    observed: Any = _Observed(config, (), trace)
    parents = path[:-1] if kind in ("value", "has") else path
    for key in parents:
        observed = observed[key]
    _LOOKS[kind](observed, path[-1] if path else None)
    return trace.notes.get(question, "")


def _value(observed: _Observed, key: Any) -> None:
    observed.get(key)


_LOOKS: Mapping[str, Callable[[_Observed, Any], object]] = {
    "value": _value,
    "has": lambda observed, key: key in observed,
    "keys": lambda observed, _: iter(observed),
    "size": lambda observed, _: len(observed),
    "some": lambda observed, _: bool(observed),
}


def _next(key: str, question: Question, seen: str) -> str:
    from gridfold.stages.identity import of_value

    return of_value((key, question, seen))


def _remember(value: Any, address: str) -> None:
    """Know a result, and the parts of a tuple, by where they are kept."""
    if type(value) is tuple:
        for position, part in enumerate(value):
            _remember(part, f"{address}.{position}")
    elif type(value) not in _SINGLE:
        try:
            _made[id(value)] = weakref.ref(value), address
        except TypeError:  # a list, say
            _made[id(value)] = (lambda: value), address


def _address(value: object) -> str | None:
    found, address = _made.get(id(value), (lambda: None, ""))
    return address if found() is value and value is not None else None
