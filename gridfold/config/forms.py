"""What a path takes, as people write it beside a config: values, a range, a choice, a union; by tag or by word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridfold.config.ranges import read_range, said
from gridfold.config.tags import CHOICE_TAG, RANGE_TAGS, UNION_TAG, VARYING_TAGS, WORDS
from gridfold.core.errors import ConfigError
from gridfold.core.values import Tagged, render
from gridfold.space.parameters import ListedParameter, RangeParameter


@dataclass(frozen=True)
class Branches:
    """A union that is laid over a config.

    Attributes:
        path: the dotted path.
        union: the branches, with the tag of a union.
        where: ``file:line:column``.
    """

    path: str
    union: Tagged = field(hash=False)
    where: str = field(default="", compare=False)
    values: None = field(default=None, init=False)


Taken = ListedParameter | RangeParameter | Branches
"""What a path takes instead of what stands there."""


def taken(path: str, value: Any, where: str = "") -> Taken | None:
    """What a path takes by a tag, or by a word as the only key of a mapping; None if the value is just a value.

    Args:
        path: the dotted path.
        value: plain data, in which tags are kept.
        where: ``file:line:column``, for errors.

    Raises:
        ConfigError: what follows the word cannot be.
    """
    tag, inner = _tag_of(value)
    if tag is None:
        return None
    if tag in RANGE_TAGS:
        return read_range(tag[1:], inner, path, where)
    if not isinstance(inner, list) or not inner:
        what = "values" if tag == CHOICE_TAG else "branches"
        raise ConfigError(f"{tag} takes a list of {what}, found {render(inner):.80}", path=path, where=where)
    if tag == CHOICE_TAG:
        return ListedParameter(path, tuple(map(_untagged, inner)), where)
    return Branches(path, Tagged({UNION_TAG: [_with_tags(each) for each in inner]}), where)


def _tag_of(value: Any) -> tuple[str | None, Any]:
    if not isinstance(value, Mapping) or len(value) != 1:
        return None, value
    ((key, inner),) = value.items()
    if isinstance(value, Tagged):
        return (key if key in VARYING_TAGS else None), inner
    return (f"!{key}" if key in WORDS and isinstance(inner, (list, tuple)) else None), inner


def _with_tags(value: Any) -> Any:
    """A branch in which words are tags, as they are in a config."""
    tag, inner = _tag_of(value)
    if tag is not None:
        return Tagged({tag: _with_tags(list(inner))})
    if isinstance(value, Mapping):
        items = {key: _with_tags(item) for key, item in value.items()}
        return Tagged(items) if isinstance(value, Tagged) else items
    return [_with_tags(item) for item in value] if isinstance(value, (list, tuple)) else value


def _untagged(value: Any) -> Any:
    """A value without the tag that keeps a list as it is."""
    return value["!fixed"] if isinstance(value, Tagged) and [*value] == ["!fixed"] else value


def as_written(parameter: Taken) -> str:
    """What a path takes, as it stands on the command line."""
    if isinstance(parameter, Branches):
        return render(parameter.union)
    if isinstance(parameter, RangeParameter):
        return said(parameter.distribution)
    return ",".join(map(render, parameter.values))


def log(low: float, high: float, count: int | None = None) -> Tagged:
    """A range of numbers on a logarithmic scale, as ``!log [low, high]`` says it in YAML.

    Example::

        gridfold.search(train, {"lr": gridfold.log(1e-6, 1e-3, 7)})

    Args:
        low: the least value, more than 0.
        high: the greatest.
        count: how many values a grid takes; None for a range, of which a strategy draws.
    """
    return _range("!log", low, high, count)


def uniform(low: float, high: float, count: int | None = None) -> Tagged:
    """A range of numbers, as ``!uniform [low, high]`` says it in YAML; see `log`."""
    return _range("!uniform", low, high, count)


def integers(low: int, high: int, step: int | None = None) -> Tagged:
    """A range of whole numbers, both ends included, as ``!int [low, high]`` says it in YAML.

    Args:
        low: the least value.
        high: the greatest.
        step: from one value to the next; None for all.
    """
    return _range("!int", low, high, step)


def log_integers(low: int, high: int, count: int | None = None) -> Tagged:
    """A range of whole numbers on a logarithmic scale, as ``!log_int [low, high]`` says it in YAML; see `log`."""
    return _range("!log_int", low, high, count)


def normal(mean: float, deviation: float, count: int | None = None) -> Tagged:
    """Numbers of a normal distribution, as ``!normal [mean, deviation]`` says it in YAML; see `log`."""
    return _range("!normal", mean, deviation, count)


def choice(values: Iterable[Any]) -> Tagged:
    """Values of which each trial has one, as ``!choice [...]`` says it in YAML; they may be lists and mappings."""
    return Tagged({CHOICE_TAG: list(values)})


def one_of(branches: Iterable[Any]) -> Tagged:
    """Branches of which each trial has one, with what varies in it, as ``!one_of [...]`` says it in YAML."""
    return Tagged({UNION_TAG: list(branches)})


def _range(tag: str, *numbers: Any) -> Tagged:
    return Tagged({tag: [each for each in numbers if each is not None]})
