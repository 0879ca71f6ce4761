"""Values of Hydra's overrides: ``1e-3, 1e-4``, ``choice(a, b)``, ``tag(log, interval(1e-5, 0.1))`` (pure).

Hydra's grammar, without Hydra: words, quoted texts, lists, mappings, and calls of a few functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gridfold.core.errors import nearest

_MOST = 10_000  # numbers of a range that is listed


class HydraSyntaxError(ValueError):
    """A text that Hydra's grammar does not have; says what is wrong."""


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]
    is_shuffled: bool = False


@dataclass(frozen=True)
class Range:
    """Numbers at equal distances, the last before ``stop``; Hydra's Optuna sweeper draws from them with ``stop``."""

    start: float
    stop: float
    step: float
    is_shuffled: bool = False

    def __post_init__(self) -> None:
        numbers = (self.start, self.stop, self.step)
        if not all(type(each) in (int, float) and math.isfinite(each) for each in numbers) or self.step == 0:
            raise HydraSyntaxError("range(start, stop, step) takes numbers, and a step that is not 0")

    @property
    def is_whole(self) -> bool:
        """Whether they are whole numbers."""
        return all(type(each) is int for each in (self.start, self.stop, self.step))

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers, as Hydra's own sweeper lists them: it adds the step, in decimal numbers, until it is there."""
        if self.is_whole:
            return tuple(range(int(self.start), int(self.stop), int(self.step)))
        current, stop, step = map(Decimal, (self.start, self.stop, self.step))
        found: list[float] = []
        while len(found) < _MOST and (current < stop if step > 0 else current > stop):
            found.append(float(current))
            current += step
        return tuple(found)


@dataclass(frozen=True)
class Span:
    """Numbers between two."""

    low: float
    high: float
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Glob:
    """The options of a config group that a pattern matches."""

    said: str


Swept = Choice | Range | Span | Glob


def parse(text: str) -> Any:
    """What an override says after its ``=``: a value, or what is swept.

    Raises:
        HydraSyntaxError: it is not of Hydra's grammar.
    """
    if not text.strip():
        return ""
    parser = _Parser(text)
    found = [parser.element()]
    while parser.take(","):
        found.append(parser.element())
    parser.end()
    return found[0] if len(found) == 1 else Choice(_listed(found))


def _listed(values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a choice, none of which is swept itself."""
    found = tuple(values)
    if any(isinstance(value, Swept) for value in found):
        raise HydraSyntaxError("a sweep cannot stand in a sweep")
    return found


_TOKEN = re.compile(
    r"""(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<call>[A-Za-z_][\w-]*)\s*\(
    |(?P<mark>[(),\[\]{}:=])
    |(?P<escape>\\[\\()\[\]{}:=,\ \t])
    |(?P<reference>\$\{[^}]+\})
    |(?P<text>[^\s(),\[\]{}:="'\\]+|\\)
    |(?P<blank>\s+)""",
    re.VERBOSE,
)
_INT = re.compile(r"[+-]?(?:0|[1-9](?:_?[0-9])*)")
_FLOAT = re.compile(
    r"[+-]?(?:(?:0|[1-9](?:_?\d)*)?\.\d(?:_?\d)*(?:[eE][+-]?\d(?:_?\d)*)?|(?:0|[1-9](?:_?\d)*)\.?(?:[eE][+-]?\d(?:_?\d)*)"
    r"|(?:0|[1-9](?:_?\d)*)\.|inf|nan)",
    re.IGNORECASE,
)
_WORDS = {"true": True, "false": False, "null": None}


class _Text(str):
    """A text in quotes, which is never a number."""

    __slots__ = ()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def element(self) -> Any:
        self._skip()
        token = self._peek()
        if token is None:
            raise HydraSyntaxError(f"a value is missing at the end of '{self._text}'")
        if token["call"]:
            return self._call(token)
        if token["mark"] == "[":
            return self._list()
        if token["mark"] == "{":
            return self._mapping()
        return self._primitive(stops=",)]}")

    def take(self, mark: str) -> bool:
        """Whether a mark stands here, which is then behind."""
        self._skip()
        if not self._text.startswith(mark, self._position):
            return False
        self._position += len(mark)
        return True

    def end(self) -> None:
        self._skip()
        if self._position < len(self._text):
            raise HydraSyntaxError(f"'{self._text[self._position :]}' cannot stand at the end of '{self._text}'")

    def _call(self, token: re.Match[str]) -> Any:
        self._position = token.end()
        arguments: list[Any] = []
        named: dict[str, Any] = {}
        while not self.take(")"):
            if (arguments or named) and not self.take(","):
                raise HydraSyntaxError(f"'{token['call']}(' is not closed")
            name = re.compile(r"\s*([A-Za-z_][\w-]*)\s*=").match(self._text, self._position)
            if name:
                self._position = name.end()
                named[name[1]] = self.element()
            else:
                arguments.append(self.element())
        return _called(token["call"], arguments, named)

    def _list(self) -> list[Any]:
        self.take("[")
        found: list[Any] = []
        while not self.take("]"):
            if found and not self.take(","):
                raise HydraSyntaxError(f"a list is not closed in '{self._text}'")
            found.append(self.element())
        return found

    def _mapping(self) -> dict[Any, Any]:
        self.take("{")
        found: dict[Any, Any] = {}
        while not self.take("}"):
            if found and not self.take(","):
                raise HydraSyntaxError(f"a mapping is not closed in '{self._text}'")
            key = self._primitive(stops=":,)]}")
            if not self.take(":"):
                raise HydraSyntaxError(f"a colon is missing after '{key}'")
            found[key] = self.element()
        return found

    def _primitive(self, stops: str) -> Any:
        """A text in quotes, or words up to a mark: a number or a word such as ``true`` if it is nothing else."""
        self._skip()
        pieces: list[str] = []
        is_plain = True
        while (token := self._peek()) is not None and not (token["mark"] and token["mark"] in stops):
            if token["quoted"] and not pieces:
                self._position = token.end()
                return _Text(_unquoted(token["quoted"]))
            if token["quoted"] or token["call"] or (token["mark"] and token["mark"] != ":"):
                raise HydraSyntaxError(f"'{token[0]}' cannot stand in '{self._text}'")
            is_plain = is_plain and not token["escape"]
            pieces.append(token[0][1:] if token["escape"] else token[0])
            self._position = token.end()
        text = "".join(pieces).rstrip()
        if not text:
            raise HydraSyntaxError(f"a value is missing in '{self._text}'")
        return _scalar(text) if is_plain else text

    def _skip(self) -> None:
        while self._position < len(self._text) and self._text[self._position].isspace():
            self._position += 1

    def _peek(self) -> re.Match[str] | None:
        if self._position >= len(self._text):
            return None
        token = _TOKEN.match(self._text, self._position)
        if token is None:
            raise HydraSyntaxError(f"a quote is not closed in '{self._text}'")
        return token


def _unquoted(quoted: str) -> str:
    quote = quoted[0]
    return re.sub(rf"\\+(?={quote})|\\+$", lambda found: found[0][1::2], quoted[1:-1])


def _scalar(text: str) -> Any:
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _WORDS.get(text.lower(), text)


def _called(name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise HydraSyntaxError(f"no function of Hydra is called {name}\n{nearest(name, _FUNCTIONS)}".strip())
    try:
        return function(*arguments, **named)
    except HydraSyntaxError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise HydraSyntaxError(f"{name}(...) cannot be used so: {error}") from None


def _choice(*values: Any) -> Choice:
    if len(values) == 1 and isinstance(values[0], Choice):
        return values[0]
    if not values:
        raise HydraSyntaxError("choice() has no values")
    return Choice(_listed(values))


def _range(start: float, stop: float | None = None, step: float = 1) -> Range:
    return Range(0, start, step) if stop is None else Range(start, stop, step)


def _interval(start: float, end: float) -> Span:
    return Span(float(start), float(end))


def _glob(include: Any, exclude: Any = None) -> Glob:
    without = f", without {exclude}" if exclude is not None else ""
    return Glob(f"{include}{without}")


def _tag(*arguments: Any, sweep: Any = None) -> Any:
    *tags, last = (*arguments, sweep) if sweep is not None else arguments
    return replace(last, tags=tuple(map(str, tags))) if isinstance(last, Span) else last


def _shuffle(*arguments: Any, sweep: Any = None, list: Any = None) -> Any:  # noqa: A002 - Hydra's name
    last = sweep if sweep is not None else list if list is not None else arguments[0]
    if len(arguments) > 1:
        return Choice(_listed(arguments), is_shuffled=True)
    if isinstance(last, (Choice, Range)):
        return replace(last, is_shuffled=True)
    return last if type(last) is type([]) else [last]


def _sort(*arguments: Any, sweep: Any = None, list: Any = None, reverse: bool = False) -> Any:  # noqa: A002
    last = sweep if sweep is not None else list if list is not None else arguments[0]
    if len(arguments) > 1:
        last = Choice(_listed(arguments))
    if isinstance(last, Range) and not reverse and last.start <= last.stop:
        return last
    if isinstance(last, Range):
        last = Choice(last.values)
    if isinstance(last, Choice):
        return Choice(tuple(sorted(last.values, reverse=reverse)))
    return sorted(last, reverse=reverse) if type(last) is type([]) else last


def _cast(convert: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function that converts a value, each value of a choice, the numbers of a range."""

    def cast(*arguments: Any, value: Any = None) -> Any:
        given = value if value is not None else arguments[0] if len(arguments) == 1 else Choice(_listed(arguments))
        if isinstance(given, Choice):
            return replace(given, values=tuple(map(cast, given.values)))
        if isinstance(given, Range):
            return Range(convert(given.start), convert(given.stop), convert(given.step))
        if isinstance(given, Span):
            return replace(given, low=convert(given.low), high=convert(given.high))
        if isinstance(given, list):
            return [cast(each) for each in given]
        if isinstance(given, dict):
            return {key: cast(each) for key, each in given.items()}
        return convert(given)

    return cast


def _to_bool(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    return bool(value)


def _to_str(value: Any) -> str:
    return _Text(str(value).lower() if isinstance(value, bool) else str(value))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "choice": _choice,
    "range": _range,
    "interval": _interval,
    "glob": _glob,
    "tag": _tag,
    "shuffle": _shuffle,
    "sort": _sort,
    "int": _cast(int),
    "float": _cast(float),
    "str": _cast(_to_str),
    "bool": _cast(_to_bool),
}
