"""Variations that a user lays over a base config, on the command line or from Python."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gridfold.config.config import Config, is_within
from gridfold.config.document import Document, holders, parse_values
from gridfold.config.forms import Taken, as_written, taken
from gridfold.config.known import SECTION
from gridfold.config.number_like import texts_like_numbers
from gridfold.config.tag_checks import TYPED, check_tags
from gridfold.config.tags import is_varying
from gridfold.core.errors import ConfigError
from gridfold.core.values import plain, render_block
from gridfold.space.parameters import ListedParameter

_MAX_DEPTH = 100
_PLUS = "write path=... for a path that is in the config, +path=... for a new one"
_FORM = "expected path=value1,value2,..., such as training.learning_rate=1e-4,1e-5"


@dataclass(frozen=True)
class Variation:
    """A path of the config with the values it takes instead of those in the file.

    Attributes:
        parameter: path and values, a range, or a union; one value pins the path.
        add: the path is new, written ``+path``.
        like_numbers: what is to say of values that are texts and were probably meant as numbers.
        in_file: it stands in the config, as ``gridfold.space``.
    """

    parameter: Taken
    add: bool = False
    like_numbers: tuple[str, ...] = field(default=(), compare=False)
    in_file: bool = field(default=False, compare=False)

    @property
    def path(self) -> str:
        """The dotted path."""
        return self.parameter.path

    @property
    def is_pin(self) -> bool:
        """One value: the path is set and does not vary."""
        return len(self.values) == 1

    @property
    def values(self) -> tuple[Any, ...]:
        """The values; none of a range or a union."""
        return self.parameter.values or ()

    @property
    def argument(self) -> str:
        """The variation as `parse_arguments` reads it."""
        return f"{'+' if self.add else ''}{self.path}={as_written(self.parameter)}"


def parse_arguments(arguments: Iterable[str]) -> tuple[Variation, ...]:
    """Variations from ``path=value1,value2`` arguments; values are YAML, the first ``=`` splits.

    Raises:
        ConfigError: an argument has another form, its values are not YAML, or a path is given twice.
    """
    return unique([_parse_argument(argument) for argument in arguments])


def from_mapping(variations: Mapping[str, Any]) -> tuple[Variation, ...]:
    """Variations from Python: path to a list of values, to a range or union, or to one value, which pins the path.

    A range is that of `gridfold.log` and the like, or the same in words: ``{"log": [1e-6, 1e-3]}``.

    Raises:
        ConfigError: a path is not a string, or a value has no form in YAML.
    """
    if not isinstance(variations, Mapping):
        raise ConfigError(f"variations are a mapping of path to values; found {variations!r:.80}")
    return unique([_from_python(path, values) for path, values in variations.items()])


def from_file(path: str, parameter: Taken) -> Variation:
    """A variation that stands in a config; ``+path`` is a new path.

    Raises:
        ConfigError: it is no path.
    """
    if not _is_path(path):
        raise ConfigError(
            f"not a dotted path: {path!r:.80}", where=parameter.where, hint="such as training.learning_rate"
        )
    return Variation(parameter, path.startswith("+"), in_file=True)


def _from_python(path: Any, value: Any) -> Variation:
    values = _as_values(path, value)
    return _variation(
        path, values, str(path), taken(str(path).removeprefix("+"), values[0]) if len(values) == 1 else None
    )


def config_of(variations: Sequence[Variation], name: str) -> Config:
    """A config in which nothing is but these paths, for variations that need no file.

    Args:
        variations: the paths and their values.
        name: what messages call it.

    Raises:
        ConfigError: a path is one of gridfold's settings, or inside another one.
    """
    check_settable(variations)
    data: dict[str, Any] = {}
    for variation in variations:
        *sections, key = variation.path.split(".")
        place = data
        for section in sections:
            place = place.setdefault(section, {})
        first = (variation.values or (None,))[0]
        place[key] = None if isinstance(first, (list, dict)) else first  # else it could be swept itself
    return Config.parse(render_block(data), name)


def check_paths(variations: Sequence[Variation], config: Config) -> None:
    """Whether each variation can be laid over the config.

    Raises:
        ConfigError: an unknown path, a new path that is there already, or two paths of which one holds the other.
    """
    check_settable(variations)
    check_known(variations, config)
    _check_varied(variations, config)
    _check_vary({variation.path for variation in variations}, config)


def check_known(variations: Sequence[Variation], config: Config) -> None:
    """Whether the paths are there, unless they are to be added.

    Raises:
        ConfigError: an unknown path, or a new path that is there already.
    """
    for variation in variations:
        if not variation.add:
            _check_known(variation, config)
        elif variation.path in config.document.places and config.union_around(variation.path) is None:
            where = config.where(variation.path)
            raise ConfigError(
                "is in the config already", path=variation.path, where=where, hint="write it without the '+'"
            )


def _check_vary(given: Collection[str], config: Config) -> None:
    """Whether each path that is to vary holds a list that does; one for which values are given may hold anything."""
    varied = [*config.varied_paths, *given, *(union.path for union in config.unions)]
    holding = {holder for path in varied for holder in (path, *holders(path))}
    for path in config.settings.vary or ():
        if config.union_around(path) is not None or path in holding:
            continue
        place = config.find(path)
        reasons = [f"{kept.path} stays a list: {kept.reason}" for kept in config.kept if is_within(kept.path, [path])]
        hint = "\n".join(reasons[:3]) or f"write a list of values there, or give them: --param-variations {path}=..."
        problem = "is to vary, but holds no list that can"
        raise ConfigError(problem, path=path, where=config.document.where(place.node), hint=hint)


def _check_known(variation: Variation, config: Config) -> None:
    try:
        config.find(variation.path)
    except ConfigError as error:
        in_file = variation.in_file and variation.parameter.where
        error.where = in_file or error.where
        error.hint = f"{error.hint}\nto add a new path, write +{variation.path}{': ...' if in_file else '=...'}".strip()
        raise


def check_settable(variations: Sequence[Variation]) -> None:
    """Whether variations can be given together, whatever they are laid over.

    Raises:
        ConfigError: a path is one of gridfold's settings, or inside another one.
    """
    given = {variation.path: variation for variation in variations}
    for path, variation in given.items():
        where = variation.parameter.where if variation.in_file else ""
        if path.split(".")[0] == SECTION:
            raise ConfigError("settings of gridfold cannot be varied", path=path, where=where)
        inside = [other for other in given if other.startswith(f"{path}.")]
        if inside:
            problem = "cannot be given together with a value inside it"
            raise ConfigError(problem, path=path, where=where, hint=f"inside it: {inside[0]}")


def _check_varied(variations: Sequence[Variation], config: Config) -> None:
    for variation in variations:
        for here in (config, *(branch for branch, _ in config.having(variation.path) if branch is not config)):
            varied = next((path for path in here.varied_paths if variation.path.startswith(f"{path}.")), None)
            if varied is not None:
                raise ConfigError(
                    "is one value of a swept list",
                    path=variation.path,
                    where=here.where(varied),
                    hint=f"give the values of {varied}, or keep the list as one value with !fixed",
                )


def _parse_argument(argument: str) -> Variation:
    path, equals, text = argument.partition("=")
    path = path.strip()
    if not equals or not path.lstrip("+"):
        raise ConfigError(f"not a variation: {argument!r:.200}", hint=_FORM)
    if not text.strip() or text.rstrip().endswith(",") or text.lstrip().startswith(","):
        raise ConfigError("a value is missing", path=path.lstrip("+"), where=repr(argument)[:200], hint=_FORM)
    bare = path.removeprefix("+")
    is_tagged = re.match(r"\s*!(?!!)", text)  # !!str 1,2 are two values
    try:
        if is_tagged:
            return _variation(path, (), argument, _tagged(bare, text, argument))
        document = parse_values(text)
        _check_alone(document)
        check_tags(document, foreign=TYPED)
    except ConfigError as error:
        if text.lstrip().startswith("!") or error.hint.endswith(TYPED):
            hint = _ALONE if error.problem.startswith("not valid YAML") else error.hint
        else:
            hint = f"in the values: {text[:100]}\n{_ALONE if error.hint == _ALONE else _QUOTES}"
        raise ConfigError(error.problem, path=path.lstrip("+"), hint=hint) from None
    like_numbers = tuple(said for _, said in texts_like_numbers(document))
    return replace(_variation(path, document.value()["values"], argument), like_numbers=like_numbers)


def _tagged(path: str, text: str, argument: str) -> Taken:
    """What a path takes by a tag of the command line.

    Raises:
        ConfigError: the tag is none that can stand there, or something follows.
    """
    document = Document.parse(f"values: {text}\n", "")
    check_tags(document, foreign=TYPED)
    place = document.places["values"]
    found = taken(path, document.tagged(place.node), f"{argument!r:.200}")
    return found or ListedParameter(path, (document.value(place.node),), f"{argument!r:.200}")


def _check_alone(document: Document) -> None:
    for node in document.places["values"].node.value:
        if is_varying(node):
            raise ConfigError(f"other values stand beside {node.tag}", hint=_ALONE)


_ALONE = "give a range, a choice or a union alone: path=!log [1e-6, 1e-3]"
_QUOTES = "put a value with special characters in quotes, such as path='\"a, b\"'"


def _as_values(path: Any, values: Any) -> list[Any]:
    try:
        values = plain(values, str(path))
    except RecursionError:
        raise ConfigError("a value that contains itself, or is nested too deeply", path=str(path)) from None
    return values if isinstance(values, list) else [values]


def _variation(path: Any, values: Iterable[Any], where: str, found: Taken | None = None) -> Variation:
    if not _is_path(path):
        hint = _PLUS if str(path).startswith("++") else "such as training.learning_rate"
        raise ConfigError(f"not a dotted path: {path!r:.80}", hint=hint)
    found = found or ListedParameter(path.removeprefix("+"), tuple(values), where=f"{where!r:.200}", is_linked=True)
    return Variation(found, path.startswith("+"))


def _is_path(path: Any) -> bool:
    if not isinstance(path, str) or path.startswith("++") or path.count(".") > _MAX_DEPTH:
        return False
    return all(part and part == part.strip() for part in path.removeprefix("+").split("."))


def unique(variations: Sequence[Variation]) -> tuple[Variation, ...]:
    """The variations, if no two are of one path.

    Raises:
        ConfigError: two are.
    """
    seen: set[str] = set()
    for variation in variations:
        if variation.path in seen:
            raise ConfigError("given twice", path=variation.path, hint="give all its values at once")
        seen.add(variation.path)
    return tuple(variations)
