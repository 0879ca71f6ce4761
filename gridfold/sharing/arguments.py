"""The arguments of many runs of a script at once: ``sys.argv``, and what ``argparse`` makes of it.

``argparse`` parses the arguments of each run, where that has no effect but its result. The script gets one namespace
for all: to read an attribute in which runs differ splits. Where parsing fails for a run, that run goes on by itself.
Where parsing may have an effect, runs split before, as they do for parsers that are not known: those read ``sys.argv``.
"""

from __future__ import annotations

import argparse
import copy
import enum
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gridfold.sharing.click_arguments import ClickCommands
from gridfold.sharing.group import Group
from gridfold.sharing.replacing import replace_function
from gridfold.sharing.shared_dataclass import make_dataclasses, parser_of_dataclasses
from gridfold.sharing.shared_list import SharedList, share_list
from gridfold.sharing.shared_object import can_share, share_object
from gridfold.sharing.side_effects import only_gives_a_value, sets_only

_PATH = "sys.argv"
_NAMESPACE = "args"  # as nearly all scripts call it
_CONTAINERS: tuple[type, ...] = (
    *(type(None), list, tuple, set, frozenset, dict, range, str),
    type({}.keys()),
    type({}.values()),
)
_ENDS = ("error", "exit", "_print_message")
_REPLACED = (*_ENDS, "_get_value", "_check_value")
_INNER = (
    *("_parse_known_args", "_read_args_from_files", "convert_arg_line_to_args", "_match_argument", "_parse_optional"),
    *("_match_arguments_partial", "_get_option_tuples", "_get_nargs_pattern", "_get_values", "_get_value"),
    *("_check_value", "_registry_get", "_get_positional_actions", "_get_optional_actions"),
)
_PARSER: Any = argparse.ArgumentParser
_known_args = _PARSER.parse_known_args


def share(
    group: Group, argvs: Sequence[Sequence[str]], original_argvs: Sequence[Sequence[str]] | None = None
) -> Arguments:
    """Let ``sys.argv`` stand for the arguments of a group's trials.

    Args:
        group: the trials.
        argvs: by trial, ``sys.argv`` as it is alone.
        original_argvs: the same for ``sys.orig_argv``.
    """
    sys.argv = _shared_argv(group, _PATH, argvs)
    if original_argvs:
        sys.orig_argv = _shared_argv(group, "sys.orig_argv", original_argvs)
    arguments = Arguments()
    if type(sys.argv) is SharedList:
        arguments.begin()
        group.when_plain(arguments.end)
    return arguments


def _shared_argv(group: Group, path: str, argvs: Sequence[Sequence[str]]) -> list[str]:
    known: dict[tuple[str, str, int], str] = {}
    return share_list(group, path, {trial: _own_strings(argvs[trial], known) for trial in group.trials})


def _own_strings(argv: Sequence[str], known: dict[tuple[str, str, int], str]) -> list[str]:
    """Arguments of which none is the same object as another, as a process is given them.

    In all trials an option is the same object, and so is what comes after it: a pickle tells objects apart.
    """
    counts = Counter[tuple[str, str]]()
    strings = []
    for before, text in zip(("", *argv), argv, strict=False):
        place = ("" if text.startswith("-") else before), text
        counts[place] += 1
        strings.append(known.setdefault((*place, counts[place]), "".join([text[:1], text[1:]])))
    return strings


class Arguments:
    """The arguments of many runs, until one is left."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._of_dataclasses: set[Any] = set()

    def begin(self) -> None:
        """Watch the parsers."""
        self._undo.append(replace_function(_PARSER, "parse_known_args", _parse_known_args))
        self._undo.append(replace_function(_PARSER, "__init__", self._watched(_PARSER.__init__)))
        self._undo.append(ClickCommands().stop)

    def end(self) -> None:
        """Watch them no longer."""
        while self._undo:
            self._undo.pop()()

    def _watched(self, original: Any) -> Any:
        @functools.wraps(original)
        def begin(parser: Any, *arguments: Any, **named: Any) -> None:
            kind = parser_of_dataclasses(parser)
            if kind and kind not in self._of_dataclasses:
                self._of_dataclasses.add(kind)
                self._undo.append(make_dataclasses(kind))
            original(parser, *arguments, **named)

        return begin


def _parse_known_args(parser: Any, args: Any = None, namespace: Any = None) -> Any:
    given = sys.argv[1:] if args is None else args
    if type(given) is not SharedList:
        return _known_args(parser, given, namespace)
    if _is_plain(parser) and _can_take(namespace):
        with suppress(_EffectError):
            return _parse_all(parser, given, namespace)
    given._tracking.settle_list()
    return _known_args(parser, list(given), namespace)


_parse_known_args.__name__ = _parse_known_args.__qualname__ = "parse_known_args"


@dataclass(frozen=True)
class _Parsed:
    """What parsing the arguments of a trial gives.

    Attributes:
        error: why it gives nothing; "" if it does.
        attributes: of the namespace.
        rest: the arguments that are not known.
    """

    error: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)


def _parse_all(parser: Any, given: SharedList, namespace: Any) -> Any:
    tracking = given._tracking
    group, path = tracking.group, tracking.path
    parsed: dict[int, _Parsed] = {}
    by_list: dict[int, _Parsed] = {}
    with _without_an_end(parser):
        for trial in group.trials:
            each = tracking.of(trial)
            if id(each) not in by_list:
                by_list[id(each)] = _try(parser, each, namespace)
            parsed[trial] = by_list[id(each)]
    group.agree(path, lambda trial: (parsed[trial].error, id(tracking.of(trial))) if parsed[trial].error else None)
    if parsed[group.trials[0]].error:
        return _known_args(parser, list(given), namespace)
    target = argparse.Namespace() if namespace is None else namespace
    values = {trial: parsed[trial].attributes for trial in group.trials}
    words = [word for trial in group.trials for word in tracking.of(trial)]
    shared = share_object(group, _NAMESPACE, target, values, [*_defaults(parser), *words])
    return shared, share_list(group, path, {trial: parsed[trial].rest for trial in group.trials})


def _try(parser: Any, given: list[str], namespace: Any) -> _Parsed:
    try:
        attributes, rest = _known_args(parser, given, copy.copy(namespace))
    except _EffectError:
        raise
    except (Exception, SystemExit) as error:
        return _Parsed(f"{type(error).__name__}: {error}")
    return _Parsed("", dict(vars(attributes)), rest)


class _EffectError(Exception):
    """Parsing may do more than give a value."""


class _EndsError(Exception):
    """Parsing prints something, or ends the process."""


def _ends(*_: Any, **__: Any) -> Any:
    raise _EndsError


@contextmanager
def _without_an_end(parser: Any) -> Iterator[None]:
    """Let parsing raise where it would print, or end the process."""
    each: Any
    parsers = list(_parsers(parser))
    before = [{name: vars(each)[name] for name in _REPLACED if name in vars(each)} for each in parsers]
    for each in parsers:
        looked: dict[int, bool] = {}
        guards = {name: _guarded(getattr(each, name), each._registry_get, looked) for name in _REPLACED[-2:]}
        vars(each).update(dict.fromkeys(_ENDS, _ends), **guards)
    try:
        yield
    finally:
        for each, saved in zip(parsers, before, strict=True):
            for name in _REPLACED:
                del vars(each)[name]
            vars(each).update(saved)


def _guarded(original: Any, registered: Any, looked: dict[int, bool]) -> Any:
    """What converts or checks a value of an action, if that does nothing else."""

    def guarded(action: Any, value: Any) -> Any:
        if id(action) not in looked:
            is_plain = type(action.choices) in _CONTAINERS or isinstance(action.choices, enum.EnumType)
            looked[id(action)] = is_plain and only_gives_a_value(registered("type", action.type, action.type))
        if not looked[id(action)]:
            raise _EffectError
        return original(action, value)

    return guarded


def _parsers(parser: Any) -> Iterator[Any]:
    """A parser and those of its commands, each once."""
    found, ahead = dict[int, Any](), [parser]
    while ahead:
        each = ahead.pop()
        if id(each) not in found:
            found[id(each)] = each
            commands = [action for action in each._actions if isinstance(action, argparse._SubParsersAction)]
            ahead += [command for action in commands for command in action._name_parser_map.values()]
    return iter(found.values())


def _can_take(namespace: Any) -> bool:
    """Whether a namespace is none, or one whose attributes are all that there is to it."""
    kind: Any = type(namespace)
    plain = can_share(kind) and kind.__setattr__ is object.__setattr__ and not hasattr(kind, "__getattr__")
    return namespace is None or plain


def _is_plain(parser: Any) -> bool:
    """Whether parsing has no effect but its result."""
    commands = [each for each in _parsers(parser) if each is not parser]
    return (
        all(_is_of_argparse(each, *_INNER) and all(map(_is_plain_action, each._actions)) for each in _parsers(parser))
        and all(_is_of_argparse(each, "parse_known_args") for each in commands)
    )  # fmt: skip


def _is_of_argparse(parser: Any, *methods: str) -> bool:
    return all(getattr(type(parser), name, None) is getattr(argparse.ArgumentParser, name, None) for name in methods)


def _is_plain_action(action: Any) -> bool:
    return type(action).__module__ == "argparse" or sets_only(type(action).__call__, "namespace")


def _defaults(parser: Any) -> Iterator[Any]:
    """What parsers give where nothing is said."""
    for each in _parsers(parser):
        yield from each._defaults.values()
        for action in each._actions:
            yield action.default
            yield action.const
