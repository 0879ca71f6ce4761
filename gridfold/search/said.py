"""The plan of a search as its user says it: values may stand in the command, and a config need not be there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gridfold.config.branch_options import MARK, PART
from gridfold.config.config import Config
from gridfold.config.overrides import Variation, config_of, parse_arguments, unique
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical
from gridfold.search.plan import Plan
from gridfold.space.axes import constants_in_branches
from gridfold.trainers.arguments import STYLES
from gridfold.trainers.placeholders import (
    ARGS,
    CONSTANT,
    OWN_FIRST,
    RUN_NAMES,
    SETTING,
    Placeholder,
    placeholders,
    whole_placeholder,
)

_NO_FILE = "command line"  # what messages call a config that is in no file
# --lr lr=1 2, of --lr {lr=1,2}; and --lr=lr=1 --lr=2
_TAKEN_APART = re.compile(r"-+(?:.*[.])?(?P<name>[\w-]+)\0(?P=name)=(?P<first>[^\0]*)\0(?P<second>[^-\0].*)")
_TAKEN_APART_JOINED = re.compile(r"(?P<option>-[^=\0]*=)(?P<name>[\w.-]+)=(?P<first>[^\0]*)\0(?P=option)(?P<second>.+)")
_OPTION = re.compile(r"[\w.-]+")


def plan_said(
    config: Config | None,
    variations: Sequence[Variation] = (),
    constants: Sequence[Variation] = (),
    *,
    race: bool = False,
    rules: Mapping[str, Any] = MappingProxyType({}),
    **settings: Any,
) -> Plan:
    """The plan of a search, with what its command says of it.

    Args:
        config: the base config; None if there is no file.
        variations: what is laid over it.
        constants: what the constants of the script are to be.
        race: as in `Plan`.
        rules: as in `Config.adding`.
        settings: as in `Config.override`.

    Raises:
        ConfigError: nothing says what to run, or what is said cannot be.
    """
    trainer = settings.get("trainer") or (config.settings.trainer if config else None)
    command = trainer if isinstance(trainer, tuple) else ()
    _check_quoted(command)
    own = _values_in(command)
    given = unique([*variations, *constants, *_once(own, [*variations, *constants])])
    if config is None and not given and not settings.get("repeats") and not settings.get("folds"):
        raise ConfigError(
            "no config, and no values",
            hint="write the values in the command, in quotes, such as: -- python train.py --lr '{lr=0.1,0.2}'\n"
            "or give a config: --config FILE",
        )
    base = (config_of(given, _NO_FILE) if config is None else config).override(**settings).adding(**rules)
    exact = {each.path for each in variations} if config else set()
    given = tuple(each if each.path in exact else replace(each, add=not base.has(each.path)) for each in given)
    command = _with_constants(command, constants)
    plan = Plan(base.override(trainer=command or None), given, race)
    expanded = tuple(_with_options(command, plan))
    return plan if expanded == command else Plan(base.override(trainer=expanded), given, race)


def _check_quoted(command: Sequence[str]) -> None:
    """Whether a shell has left the braces in a command alone: of ``{lr=1,2}`` it makes ``lr=1 2``.

    Raises:
        ConfigError: it has not.
    """
    for before, argument, after in zip(command, command[1:], command[2:], strict=False):
        taken_apart = _TAKEN_APART.fullmatch(f"{before}\0{argument}\0{after}") or _TAKEN_APART_JOINED.fullmatch(
            f"{argument}\0{after}"
        )
        if taken_apart:
            name, first, second = taken_apart["name"], taken_apart["first"], taken_apart["second"]
            problem = f"the shell has taken {{{name}={first},{second}}} apart before gridfold could read it"
            raise ConfigError(problem, hint=f"write it in quotes: '{{{name}={first},{second}}}'")


def _values_in(command: Sequence[str]) -> Sequence[Variation]:
    """The values that stand in a command, such as ``{lr=0.1,0.2}``."""
    found: dict[str, Variation] = {}
    for each in (each for argument in command for each in placeholders(argument) if each.values):
        (variation,) = parse_arguments([f"{each.name}={each.values}"])
        before = found.setdefault(each.name, variation)
        if _canonical(before) != _canonical(variation):
            hint = f"write the values once, and {{{each.name}}} where they are used again"
            raise ConfigError("other values than before in one command", path=each.name, where=_shown(each), hint=hint)
        if each.name in (*RUN_NAMES, ARGS) and each.name not in OWN_FIRST:
            problem = f"{{{each.name}}} is what gridfold gives, so it takes no values"
            raise ConfigError(problem, path=SETTING, where=_shown(each), hint="choose another name")
    return [*found.values()]


def _once(own: Sequence[Variation], others: Sequence[Variation]) -> Sequence[Variation]:
    """The variations of a command, if no option gives other values.

    Raises:
        ConfigError: one does.
    """
    for each in own:
        if each.path in {other.path for other in others}:
            raise ConfigError("has values in the command and in an option", path=each.path, hint="give them once")
    return own


def _shown(placeholder: Placeholder) -> str:
    return f"{{{placeholder.name}={placeholder.values:.100}}}"


def _canonical(variation: Variation) -> str:
    return canonical(variation.argument)


def _with_constants(command: Sequence[str], constants: Sequence[Variation]) -> tuple[str, ...]:
    if constants and not command:
        problem = "--set changes a constant of a script, but no command says which script"
        raise ConfigError(problem, path=constants[0].path, hint="such as: --set lr=0.1,0.2 -- python train.py")
    return (*command, *(f"{{{CONSTANT}:{each.path}}}" for each in constants))


def _with_options(command: Sequence[str], plan: Plan) -> Iterator[str]:
    """The command with an option for each parameter instead of ``{args}``."""
    named = {each.name for argument in command for each in placeholders(argument)}
    for argument in command:
        style = None if "args" in plan.config.data else _style(argument)
        if style is None:
            yield argument
        else:
            optional = {each.path for each in plan.space.parameters if each.optional}
            optional.update(constants_in_branches(plan.space.axes))
            marks = {path: MARK if path.removesuffix(PART) in optional else "" for path in _said(plan)}
            yield from (
                f"{{{ARGS}:{style}{mark}:{_named(path)}}}"
                for path, mark in marks.items()
                if path.removesuffix(PART) not in named
            )


def _style(argument: str) -> str | None:
    """The style of the options that an argument stands for; None if it stands for none."""
    found = next((each for each in placeholders(argument) if ARGS in (each.kind, each.name)), None)
    if found is None or ":" in found.name:
        return None
    if whole_placeholder(argument) is None:
        problem = (
            f"{{{found.full_name}}} stands for several arguments, so it cannot be a part of one: {argument!r:.100}"
        )
        hint = f"""for a shell: sh -c 'python train.py "$@"' sh {{{found.full_name}}}"""
        raise ConfigError(problem, path=SETTING, hint=hint)
    style = found.name if found.kind else "plain"
    if style not in STYLES:
        raise ConfigError(f"no style '{style}' for {{{ARGS}:{style}}}", path=SETTING, hint=nearest(style, STYLES))
    return style


def _said(plan: Plan) -> Collection[str]:
    """The paths of what varies, of what is constant in a branch, and of what the command line sets."""
    paths = [parameter.path for parameter in plan.space.parameters]
    paths += constants_in_branches(plan.space.axes)
    paths = [f"{path}{PART}" if any(other.startswith(f"{path}.") for other in paths) else path for path in paths]
    paths += [variation.path for variation in plan.variations if variation.is_pin]
    if plan.seeds.path and plan.most_repeats > 1:
        paths.append(plan.seeds.path)
    return dict.fromkeys(paths)


def _named(path: str) -> str:
    if not _OPTION.fullmatch(path.removesuffix(PART)):
        problem = f"cannot be the name of an option for {{{ARGS}}}"
        raise ConfigError(problem, path=path, hint="pass its config: {config}")
    return path
