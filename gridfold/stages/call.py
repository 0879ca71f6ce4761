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
from gridfold.stages.computing import about_to_compute
from gridfold.stages.content import digest, has_in_common
from gridfold.stages.packing import NotKeptError
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

    def arguments(self) -> str:
        """What the arguments are now, but the config.

        Raises:
            UnknownError: nothing tells what one is.
        """
        return of_value((self.others, sorted(self.named.items())), digest)

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

    def answer(self, question: Question) -> str:
        """What there is now where a question looks."""
        if outside.is_outside(question):
            return outside.answer(question)
        return trace.answer({} if self.config is None else self.config, question)


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


def outcome(call: Call, cache: Cache) -> Outcome:
    """Find or compute the result. While one process computes what others want, they wait, and read it then."""
    try:
        code = of_function(call.function, call.version)
        arguments, references = call.arguments(), call.references()
    except UnknownError as error:
        return Outcome(call.compute(), problem=f"nothing tells {error}")
    machine = of_machine(threads=not call.any_threads)
    start = of_value((code, machine, arguments, references.values))
    return _Lookup(cache, call, arguments, references, start).outcome()


@dataclass(frozen=True)
class _Lookup:
    """The look-up of a call, with what it depended on when it began, and the key that this gives."""

    cache: Cache
    call: Call
    arguments: str
    references: References
    start: str

    def outcome(self) -> Outcome:
        key, found = self._follow(self.start)
        while not found:
            if self.call.watched:
                about_to_compute()
            with self.cache.alone(key):
                reached, found = self._follow(key)
                if not found and reached == key:
                    return self._new()
            key = reached
        return Outcome(found.value, found=True)

    def _follow(self, key: str) -> tuple[str, Hit | None]:
        """The last key of a way that this call leads along, and what is kept there."""
        while question := self.cache.question(key):
            key = of_value((key, question, self.call.answer(question)))
        return key, self.cache.result(key, self.references.classes)

    def _new(self) -> Outcome:
        noted = Trace()
        noted.spared.append(self.cache.folder)
        if self.call.watched:
            outside.note_workers(noted)
            outside.note_files([*self.references.texts, *trace.texts_in([*self.call.others, self.call.named])], noted)
        if self.references.remembers:
            outside.note_all_read(noted)
        before, folder = seeding.states(), os.getcwd()  # noqa: PTH109
        with outside.watched(noted) if self.call.watched else contextlib.nullcontext():
            value = self.call.compute(noted)
        if os.getcwd() != folder:  # noqa: PTH109
            noted.refuse("it changes the working directory")
        if seeding.has_drawn(before):
            problem = "it draws from random numbers that the run draws from: give it a generator of its own"
        else:
            problem = noted.problem or next(self._changes(noted, value), "") or self._keep(noted, value)
        return Outcome(value, problem=problem)

    def _changes(self, noted: Trace, value: Any) -> Iterator[str]:
        """What is not as it was when the function was called, or would be changed by whoever gets the result."""
        call, before = self.call, self.references
        try:
            if call.arguments() != self.arguments:
                yield "it changes its arguments"
            now = call.references().values
        except UnknownError as error:
            yield f"it changes {error}"
            return
        yield from (f"it changes {name}" for name, value in before.values.items() if now.get(name, value) != value)
        for question, seen in noted.notes.items():
            if outside.is_outside(question) and outside.answer(question) != seen:
                yield f"{question[1][0]} changes while it is read"
        if call.watched and has_in_common(value, [call.others, call.named, before.held]):
            yield "it gives back what it was given, or what a variable holds: return a copy"

    def _keep(self, noted: Trace, value: Any) -> str:
        """Keep the result, and the way to it; why that cannot be, if so."""
        way, key = [], self.start
        for question, seen in noted.notes.items():
            way.append((key, question))
            key = of_value((key, question, seen))
        try:
            self.cache.put(key, value, self.references.classes)
        except NotKeptError as error:
            return str(error)
        for place, question in way:
            self.cache.lead(place, question)
        return ""


def _ignore(_text: str, _noted: Trace) -> None:
    """A stage that is told all that it depends on."""
