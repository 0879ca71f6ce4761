"""One call of a stage: its result is found, or computed and kept, or computed only."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from gridfold.core.process import seeding
from gridfold.identity.code import of_function
from gridfold.identity.machine import of_machine
from gridfold.identity.values import UnknownError, of_value
from gridfold.stages import outside, trace
from gridfold.stages.cache import Cache, Hit
from gridfold.stages.content import digest, has_in_common
from gridfold.stages.packing import Classes, NotKeptError
from gridfold.stages.references import References
from gridfold.stages.trace import Observed, Question, Trace


@dataclass(frozen=True)
class Call:
    """A call of a stage.

    Attributes:
        watched: whether it may depend on more than it is given; else it is gridfold's own, and tells it all.
        config: its first argument, if that is a mapping.
        others: the other arguments.
        named: those by name.
    """

    function: FunctionType
    version: str
    any_threads: bool
    watched: bool
    config: Mapping[Any, Any] | None
    others: tuple[Any, ...]
    named: Mapping[str, Any]

    def compute(self, noted: Trace | None = None) -> Any:
        """What the function returns. What it reads is noted."""
        names = outside.note_names if self.watched else _ignore
        first = () if self.config is None else (Observed(self.config, (), noted or Trace(), names),)
        value = self.function(*first, *self.others, **self.named)
        return copy.deepcopy(value) if isinstance(value, Observed) else value

    def references(self) -> References:
        """What the function refers to, as it is now.

        Raises:
            UnknownError: nothing tells what some of it is.
        """
        found = References()
        if self.watched:
            found.function(self.function)
            found.argument("an argument", [*self.others, *self.named.values()])
        else:
            found.class_names(self.function)
        return found

    def arguments(self) -> str:
        """What the arguments are now, but the config.

        Raises:
            UnknownError: nothing tells what one is.
        """
        return of_value((self.others, sorted(self.named.items())), digest)


@dataclass(frozen=True)
class Outcome:
    """What comes of a call.

    Attributes:
        found: whether it was kept already.
        problem: why the result is not kept; "" if it is.
    """

    value: Any
    found: bool = False
    problem: str = ""


class Lookup:
    """Finds or computes the result of a call."""

    def __init__(self, cache: Cache, call: Call) -> None:
        self._cache = cache
        self._call = call
        self._classes: Classes = {}

    def get(self) -> Outcome:
        """The result. While one process computes what others want, they wait, and read it then."""
        call = self._call
        try:
            code = of_function(call.function, call.version)
            arguments, references = call.arguments(), call.references()
        except UnknownError as error:
            return Outcome(call.compute(), problem=f"nothing tells {error}")
        self._classes = references.classes
        machine = of_machine(threads=not call.any_threads)
        start = of_value((code, machine, arguments, references.values))
        key, found = self._follow(start)
        while not found:
            with self._cache.alone(key):
                reached, found = self._follow(key)
                if not found and reached == key:
                    return self._new(start, arguments, references)
            key = reached
        return Outcome(found.value, found=True)

    def _follow(self, key: str) -> tuple[str, Hit | None]:
        """The last key of a way that this call leads along, and what is kept there."""
        while question := self._cache.question(key):
            ask = outside.answer if outside.is_outside(question) else self._answer
            key = of_value((key, question, ask(question)))
        return key, self._cache.result(key, self._classes)

    def _answer(self, question: Question) -> str:
        config = self._call.config
        return trace.answer({} if config is None else config, question)

    def _new(self, start: str, arguments: str, references: References) -> Outcome:
        noted = Trace()
        noted.spared.append(self._cache.folder)
        before, folder = seeding.states(), os.getcwd()  # noqa: PTH109
        with outside.watched(noted) if self._call.watched else contextlib.nullcontext():
            value = self._call.compute(noted)
        if os.getcwd() != folder:  # noqa: PTH109
            noted.refuse("it changes the working directory")
        problem = self._problem(noted, before, arguments, references) or self._is_held(value, references)
        if not problem:
            try:
                self._keep(start, noted, value)
            except NotKeptError as error:
                problem = str(error)
        return Outcome(value, problem=problem)

    def _problem(self, noted: Trace, before: Mapping[str, object], arguments: str, references: References) -> str:
        if seeding.has_drawn(before):
            return "it draws from random numbers that the run draws from: give it a generator of its own"
        return noted.problem or next(self._changes(noted, arguments, references), "")

    def _is_held(self, value: Any, references: References) -> str:
        """Whoever changes it would change what the next call is given."""
        call = self._call
        if call.watched and has_in_common(value, [call.others, call.named, references.held]):
            return "it gives back what it was given, or what a variable holds: return a copy"
        return ""

    def _changes(self, noted: Trace, arguments: str, references: References) -> Iterator[str]:
        """What is not any more as it was when the function was called."""
        try:
            if self._call.arguments() != arguments:
                yield "it changes its arguments"
            now = self._call.references().values
        except UnknownError as error:
            yield f"it changes {error}"
            return
        yield from (f"it changes {name}" for name, value in references.values.items() if now.get(name, value) != value)
        for question, seen in noted.notes.items():
            if outside.is_outside(question) and outside.answer(question) != seen:
                yield f"{question[1][0]} changes while it is read"

    def _keep(self, start: str, noted: Trace, value: Any) -> None:
        key = start
        way = []
        for question, seen in noted.notes.items():
            way.append((key, question))
            key = of_value((key, question, seen))
        self._cache.put(key, value, self._classes)
        for place, question in way:
            self._cache.lead(place, question)


def _ignore(_text: str, _noted: Trace) -> None:
    """A stage that is told all that it depends on."""
