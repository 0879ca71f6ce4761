"""What a stage looks at in its config, in order, and what it sees there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from gridfold.identity.values import UnknownError, of_value

R = TypeVar("R")

Question = tuple[str, tuple[Any, ...]]
"""What is looked at, in the config or outside, and the path."""

_KEYS = frozenset({type(None), bool, int, float, str})  # what JSON gives back as it was
_ABSENT = "absent"


class Trace:
    """What was looked at, in order, and what was seen; and why the result cannot be kept, if so."""

    def __init__(self) -> None:
        self.notes: dict[Question, str] = {}
        self.problem = ""
        self.spared: list[str] = []  # files and folders that do not count: its own temporary ones

    def note(self, question: Question, see: Callable[[], str]) -> None:
        """Note what is seen for the first time; as it cannot change, the second time tells nothing new."""
        if question in self.notes:
            return
        if not all(type(key) in _KEYS for key in question[1]):
            self.refuse(f"a key of the config is {question[1][-1]!r}")
            return
        try:
            self.notes[question] = see()
        except UnknownError as error:
            self.refuse(f"nothing tells what the config has at {'.'.join(map(str, question[1]))}, {error}")

    def refuse(self, problem: str) -> None:
        """Do not keep the result; the first reason counts."""
        self.problem = self.problem or problem


Names = Callable[[str, Trace], None]
"""Notes the file that a text names."""


class Observed(Mapping[Any, Any]):
    """A mapping of the config; whatever is looked at is noted. It cannot be changed."""

    def __init__(self, mapping: Mapping[Any, Any], path: tuple[Any, ...], trace: Trace, names: Names) -> None:
        self._mapping = mapping
        self._path = path
        self._trace = trace
        self._names = names

    def __getitem__(self, key: Any) -> Any:
        try:
            value = self._mapping[key]
        except KeyError:
            self._trace.note(("value", (*self._path, key)), lambda: _ABSENT)
            raise
        self._trace.note(("value", (*self._path, key)), lambda: told(value))
        if isinstance(value, Mapping):
            return Observed(value, (*self._path, key), self._trace, self._names)
        for text in texts_in(value):
            self._names(text, self._trace)
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
        self._trace.note((kind, path), lambda: told(answer))
        return answer

    def __repr__(self) -> str:
        return repr(copy.deepcopy(self))

    def __copy__(self) -> dict[Any, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> Any:
        return dict, (copy.deepcopy(self),)


def told(value: Any) -> str:
    """What was seen, for a note."""
    return "a mapping" if isinstance(value, Mapping) else of_value(value)


def answer(config: Mapping[Any, Any], question: Question) -> str:
    """What a config has now where something else was seen before; "" if there is no such place."""
    trace = Trace()
    kind, path = question
    observed: Any = Observed(config, (), trace, lambda _, __: None)
    try:
        for key in path[:-1] if kind in ("value", "has") else path:
            observed = observed[key]
        _LOOKS[kind](observed, path[-1] if path else None)
    except (LookupError, TypeError, AttributeError):  # a question that no stage has asked
        return ""
    return trace.notes.get(question, "")


def _value(observed: Observed, key: Any) -> None:
    observed.get(key)


_LOOKS: Mapping[str, Callable[[Observed, Any], object]] = {
    "value": _value,
    "has": lambda observed, key: key in observed,
    "keys": lambda observed, _: iter(observed),
    "size": lambda observed, _: len(observed),
    "some": lambda observed, _: bool(observed),
}


def texts_in(value: Any) -> Iterator[str]:
    """A text, or those in lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from texts_in(part)
