"""What stands in braces in the arguments of a command, and what a run puts there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from gridfold.config.branch_options import MARK, PART, without_branch_options
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, render
from gridfold.trainers.arguments import as_argument, option

SETTING = "gridfold.trainer"
RUN_NAMES = ("config", "run_dir", "index", "seed", "fold", "folds")  # what a run gives
OWN_FIRST = ("index", "seed", "fold", "folds")  # unless the config has a key of that name: then its value is meant
ARGS, CONSTANT, FORMAT = "args", "set", "config"  # kinds of placeholders

_NOT_FINITE = ("inf", "-inf", "nan")  # programs do not read YAML's .inf
_NAME = r"[\w.-]+"
# A quote begins a text where a value can begin. Outside of quotes, awk '{n=$1; f()}' is no placeholder with values.
_ITEM = r"""(?>(?<=[=,\[{:\s])(?:"(?:[^"\\]|\\.)*+"|'[^']*+')|[^{};$`()\n])"""
_MAPPING = rf"\{{(?>{_ITEM}|\{{{_ITEM}*+\}})*+\}}"
_VALUES = rf"(?!=|\s*\}})(?>{_ITEM}|{_MAPPING})++"
_INSIDE = rf"(?:({ARGS}|{CONSTANT}|{FORMAT}):([\w.:-]+)|({_NAME})(?:=({_VALUES}))?)"
_LITERAL = re.sub(r"\((?!\?)", "(?:", _INSIDE)
# {name}, and {{name}} for a literal {name}. Other braces, as in awk '{print $1}' or JSON, are left alone.
_PLACEHOLDER = re.compile(rf"\{{(\{{{_LITERAL}\}})\}}|\{{{_INSIDE}\}}")


class Placeholder(NamedTuple):
    """What stands in a pair of braces.

    Attributes:
        kind: "" for the value of ``name``; ``args`` for options: ``name`` is their style, and the path of a value
            behind a colon; ``set`` for a constant of the script; ``config`` for a file: ``name`` is its format.
        name: a path of the config, or what a run gives.
        values: the values that it takes, as they are written behind ``=``; "" if none are.
    """

    kind: str
    name: str
    values: str = ""

    @property
    def full_name(self) -> str:
        """The name with its kind."""
        return f"{self.kind}:{self.name}" if self.kind else self.name

    def text(self, config: Mapping[str, Any]) -> str:
        """What it stands for; "" for what only the run knows.

        Raises:
            ConfigError: the config has no such value.
        """
        name = self.full_name
        if self.kind == FORMAT or (name in RUN_NAMES and not (name in OWN_FIRST and name in config)):
            return ""
        if self.kind == ARGS:
            return " ".join(self.options(config))
        value = value_at(config, self.name)
        if self.kind == CONSTANT:
            return f"{self.name}={render(value)}"
        return spellings(self.values).get(canonical(value)) or as_argument(value)

    def options(self, config: Mapping[str, Any]) -> list[str]:
        """The arguments that it stands for, if its kind is ``args``."""
        style, _, path = self.name.partition(":")
        name = path.removesuffix(PART)
        if style.endswith(MARK) and not _has(config, name):
            return []
        value = value_at(config, name)
        is_in_parts = name != path and isinstance(value, Mapping)
        return [] if is_in_parts else option(style.removesuffix(MARK), name, value)


@lru_cache(maxsize=10_000)
def placeholders(argument: str) -> Sequence[Placeholder]:
    """The placeholders of an argument."""
    found = [match.groups("") for match in _PLACEHOLDER.finditer(argument)]
    return [Placeholder(kind, what or name, values) for literal, kind, what, name, values in found if not literal]


def whole_placeholder(argument: str) -> Placeholder | None:
    """The placeholder that is all of an argument; None if there is none."""
    found = placeholders(argument)
    is_whole = len(found) == 1 and _PLACEHOLDER.fullmatch(argument)
    return found[0] if is_whole else None


def names_in(argument: str) -> list[str]:
    """The names of the placeholders of an argument."""
    return [each.full_name for each in placeholders(argument)]


def filled(argument: str, config: Mapping[str, Any], known: Mapping[str, str]) -> str:
    """An argument with the values of its placeholders: those that are known, and those of the config."""

    def replacement(match: re.Match[str]) -> str:
        literal, kind, what, name, values = match.groups("")
        found = Placeholder(kind, what or name, values)
        return literal or (known[found.full_name] if found.full_name in known else found.text(config))

    return _PLACEHOLDER.sub(replacement, argument)


def all_filled(arguments: Iterable[str], config: Mapping[str, Any], known: Mapping[str, str]) -> list[str]:
    """What a program is started with: a placeholder may stand for several arguments, or for none."""
    found: list[str] = []
    for argument in arguments:
        whole = whole_placeholder(argument)
        if whole and whole.kind == ARGS:
            found += whole.options(config)
        elif not whole or whole.kind != CONSTANT:
            found.append(filled(argument, config, known))
    return found


def constants_in(arguments: Iterable[str]) -> list[str]:
    """The constants of the script that a command sets."""
    found = map(whole_placeholder, arguments)
    return [each.name for each in found if each and each.kind == CONSTANT]


def values_in(arguments: Iterable[str]) -> dict[str, str]:
    """The values that a command has for a path of the config, as they are written, by that path."""
    return {each.name: each.values for argument in arguments for each in placeholders(argument) if each.values}


def with_values(argument: str, values: Mapping[str, str]) -> str:
    """An argument with other values where it has some, by path."""

    def replacement(match: re.Match[str]) -> str:
        literal, _, _, name, before = match.groups("")
        return f"{{{name}={values[name]}}}" if not literal and before and name in values else match[0]

    return _PLACEHOLDER.sub(replacement, argument)


@lru_cache(maxsize=1_000)
def spellings(values: str) -> Mapping[str, str]:
    """How values are written, for each in canonical form: a text in quotes, a list or a mapping is not in it.

    Raises:
        ConfigError: the text does not hold values.
    """
    if not values:
        return {}
    import yaml  # a command without values needs nothing of it

    from gridfold.config.document import parse_values

    document = parse_values(values)
    nodes = document.places["values"].node.value
    plain = [node for node in nodes if isinstance(node, yaml.ScalarNode) and node.style is None]
    written = [(document.value(node), node.value) for node in plain]
    return {canonical(value): text for value, text in written if str(value) not in _NOT_FINITE}


def trainer_named(trainer: str | Sequence[str]) -> str | tuple[str, ...]:
    """A trainer without the lists of values in its command: one with more values is the same code.

    A list stays where a value is passed as a text that programs may read as something else than the value.
    """
    return trainer if isinstance(trainer, str) else tuple(map(_without_values, without_branch_options(trainer)))


def _without_values(argument: str) -> str:

    def replacement(match: re.Match[str]) -> str:
        literal, _, _, name, values = match.groups("")
        is_usual = all(_is_usual(json.loads(value), text) for value, text in spellings(values).items())
        return f"{{{name}}}" if not literal and values and is_usual else match[0]

    return _PLACEHOLDER.sub(replacement, argument)


def _is_usual(value: Any, text: str) -> bool:
    """Whether every program reads a text as it reads the value."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return text == as_argument(value)
    try:
        return type(value)(text) == value or text == as_argument(value)
    except ValueError:
        return False


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of a config.

    Raises:
        ConfigError: there is none; names the nearest path.
    """
    try:
        return _at(config, path)
    except KeyError:
        near = _nearest(path, [*RUN_NAMES, *_paths(config)])
        raise ConfigError(
            f"the config has no '{path}', which the command takes from it",
            path=SETTING,
            hint=f"{near}\nto pass {{{path}}} as it stands, write {{{{{path}}}}}",
        ) from None


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from ((str(index), item) for index, item in enumerate(value))


def _at(value: Any, path: str) -> Any:
    for name, item in _items(value):
        if name == path:
            return item
        if path.startswith(f"{name}."):
            with suppress(KeyError):
                return _at(item, path.removeprefix(f"{name}."))
    raise KeyError(path)


def _has(config: Mapping[str, Any], path: str) -> bool:
    try:
        _at(config, path)
    except KeyError:
        return False
    return True


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    for name, item in _items(value):
        yield f"{prefix}{name}"
        yield from _paths(item, f"{prefix}{name}.")


def _nearest(name: str, known: Sequence[str]) -> str:
    parent, _, end = name.rpartition(".")
    same_end = [path for path in known if path.rpartition(".")[2] == end]
    if len(same_end) == 1:
        return f"did you mean '{same_end[0]}'?"
    beside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    return nearest(name, beside or known)
