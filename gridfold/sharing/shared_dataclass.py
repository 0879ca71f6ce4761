"""Dataclasses that a parser makes of the arguments of many runs, as ``HfArgumentParser`` of transformers does.

Such an instance gets its fields as they are, for all runs; then its ``__post_init__`` is called, once, and splits
where it reads what differs, as any other code does.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable
from typing import Any

from gridfold.sharing.mapping import SharedDict
from gridfold.sharing.replacing import replace_function
from gridfold.sharing.shared_list import SharedList
from gridfold.sharing.shared_object import can_share, share_attributes

_METHOD = "parse_args_into_dataclasses"


def parser_of_dataclasses(parser: Any) -> Any:
    """The class that gives a parser its method to make dataclasses; None if it has none, or one of its own."""
    named = (kind for kind in type(parser).__mro__ if _METHOD in vars(kind))
    found = next(named, None)
    return found if found and found.__module__ == "transformers.hf_argparser" else None


def make_dataclasses(kind: Any) -> Callable[[], None]:
    """Let a class of parsers give dataclasses that stand for many runs; gives what undoes that."""
    original = getattr(kind, _METHOD)

    @functools.wraps(original)
    def parse(parser: Any, args: Any = None, *options: Any, **named: Any) -> Any:
        given = sys.argv[1:] if args is None else args
        kinds = list(parser.dataclass_types)
        if type(given) is not SharedList or not all(map(_can_be_made, kinds)):
            return original(parser, args, *options, **named)
        parser.dataclass_types = []
        try:
            found = original(parser, args, *options, **named)
        finally:
            parser.dataclass_types = kinds
        return _into_dataclasses(kinds, found)

    return replace_function(kind, _METHOD, parse)


def _into_dataclasses(kinds: list[Any], found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Take the fields of dataclasses out of the namespace that comes first."""
    if not found or isinstance(found[0], list):  # there are no fields at all
        return (*(kind() for kind in kinds), *found)
    namespace, *rest = found
    made = []
    for kind in kinds:
        names = [field.name for field in dataclasses.fields(kind) if field.init]
        made.append(_make(kind, vars(namespace), [name for name in names if name in vars(namespace)]))
        for name in names:
            delattr(namespace, name)
    return (*made, *([namespace] if vars(namespace) else []), *rest)


def _make(kind: Any, attributes: dict[str, Any], names: list[str]) -> Any:
    if type(attributes) is not SharedDict:
        return kind(**{name: attributes[name] for name in names})
    made = object.__new__(kind)
    others: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name not in names and field.default_factory is not dataclasses.MISSING:
            others[field.name] = field.default_factory()
        elif field.name not in names and field.init:
            others[field.name] = field.default
    order = [field.name for field in dataclasses.fields(kind) if field.name in names or field.name in others]
    share_attributes(made, attributes, kind.__name__, {name: others.get(name) for name in order}, names)
    if hasattr(made, "__post_init__"):
        made.__post_init__()
    return made


def _can_be_made(kind: Any) -> bool:
    """Whether instances of a dataclass are made by its fields and its ``__post_init__`` alone."""
    fields = getattr(kind, "__dataclass_fields__", {})
    return (
        can_share(kind)
        and "__dataclass_params__" in vars(kind)
        and _is_generated(kind.__init__)
        and (kind.__setattr__ is object.__setattr__ or _is_generated(kind.__setattr__))
        and all(field._field_type is not dataclasses._FIELD_INITVAR for field in fields.values())  # type: ignore[attr-defined]
    )


def _is_generated(method: Any) -> bool:
    """Whether `dataclass` has written a method."""
    return method.__code__.co_filename == "<string>"  # type: ignore[no-any-return]
