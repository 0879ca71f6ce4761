"""Where the seed of a run is, so that repeats can have others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridfold.config.config import Config
from gridfold.config.document import Place
from gridfold.config.forms import as_written
from gridfold.config.known import SECTION
from gridfold.config.laid import of_space
from gridfold.config.overrides import Variation
from gridfold.core.errors import ConfigError, nearest
from gridfold.core.values import canonical, render
from gridfold.space.repeats import Seeds

_OF_RUN = "run.seed"  # as a path: what the config has is not what the trainer takes
_USUAL = ("training.seed", "seed")  # where a config has it, if it has one
_DEFAULTS: Mapping[str, int] = {"training.seed": 42}  # of the ready trainer


def find_seeds(config: Config, variations: Sequence[Variation], *, built_in: bool) -> Seeds:
    """The seeds of a search's repeats.

    A list at the place of the seed is that of the repeats. Where a config has no seed, ``run.seed`` is it.

    Raises:
        ConfigError: the setting ``gridfold.seed`` leads nowhere, what is there cannot be counted on from, or the
            number of repeats is not that of the seeds that are listed.
    """
    laid = {variation.path: variation.parameter for variation in (*of_space(config), *variations)}
    given = {path: parameter.values or (as_written(parameter),) for path, parameter in laid.items()}
    path = _path(config, given, built_in=built_in)
    if path is None:
        return Seeds(None, (config.run_seed,))
    values = _values(config, given, path)
    _check_in_branches(config, given, path)
    if path in config.varied_paths and not _is_own(config, given, path):
        hint = "write the seeds here, without an alias"
        raise ConfigError("an alias of a list that is swept elsewhere", path=path, where=config.where(path), hint=hint)
    repeats = config.settings.repeats
    if len(values) > 1 and repeats not in (None, len(values)):
        raise ConfigError(
            f"the config lists {len(values)} seeds, which makes {len(values)} repeats, but {repeats} were requested",
            path=path,
            where=config.where(path),
            hint="keep the list, or one seed and the number of repeats",
        )
    if not all(map(_is_seed, values)):
        if len(values) == 1 and (repeats or 1) == 1:
            return Seeds(path, (0,))  # nothing is counted; what it is, is for the trainer to judge
        problem = f"seeds are whole numbers, found {render(values[0] if len(values) == 1 else list(values))}"
        hint = f"write a whole number, or the path of one as {SECTION}.seed"
        if config.settings.vary is not None and isinstance(values[0], list):
            hint = f"to run each trial with these seeds, name them as well: {SECTION}.vary or --vary {path}"
        raise ConfigError(problem, path=path, where=config.where(path), hint=hint)
    return Seeds(path, tuple(values))


def _path(config: Config, given: Mapping[str, Sequence[Any]], *, built_in: bool) -> str | None:
    if (path := config.settings.seed) == _OF_RUN:
        return None
    if path is not None:
        if path not in given:
            _check_known(config, path)
        return path
    if built_in:
        return _USUAL[0]
    return next((path for path in _USUAL if all(map(_is_seed, _values(config, given, path, None)))), None)


def _is_own(config: Config, given: Mapping[str, Sequence[Any]], path: str) -> bool:
    """Whether a list varies at this place, and at no other."""
    return path in given or any(parameter.path == path for parameter in config.parameters)


def _check_known(config: Config, path: str) -> None:
    known = config.paths
    if path not in known:
        setting = f"{SECTION}.seed"
        problem, hint = f"no such path in the config: '{path}'", nearest(path, known)
        raise ConfigError(problem, path=setting, where=config.where(setting), hint=hint)


def _values(config: Config, given: Mapping[str, Sequence[Any]], path: str, default: Any = 0) -> tuple[Any, ...]:
    """What stands at a path: the values of a list that varies, or one value."""
    if path in given:
        return tuple(given[path])
    for branch, place in config.having(path):
        return _at(branch, place)
    return (_DEFAULTS.get(path, default) if default is not None else None,)


def _at(config: Config, place: Place) -> tuple[Any, ...]:
    if place.path not in config.varied_paths:
        return (config.document.value(place.node),)
    parameter = config.parameter(place)
    return parameter.values or (as_written(parameter),)


def _check_in_branches(config: Config, given: Mapping[str, Sequence[Any]], path: str) -> None:
    """Whether branches of a union agree on the seeds: repeats are the same for all trials.

    Raises:
        ConfigError: they do not.
    """
    found = {canonical(list(_at(branch, place))) for branch, place in config.having(path)}
    if path not in given and len(found) > 1:
        where = config.where(path)
        hint = f"give all of them the same, or name another place as {SECTION}.seed, such as {_OF_RUN}"
        raise ConfigError("branches have other seeds than one another", path=path, where=where, hint=hint)


def _is_seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
