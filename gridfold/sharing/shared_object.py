"""An object whose attributes stand for those of many trials, such as what a parser of arguments gives.

Its class is derived from the class that it has alone, and its ``__dict__`` is the mapping of
``gridfold.sharing.mapping``: to read an attribute in which trials differ splits. Where the trials that are left agree,
the class and the ``__dict__`` are those that it has alone.
"""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import PosixPath, PurePosixPath
from typing import Any

from gridfold.sharing.columns import KeyColumn, exact, shapes_of
from gridfold.sharing.mapping import SharedDict, blank
from gridfold.sharing.tracking import Tracking, Trials
from gridfold.sharing.untracked import Untracked

_ATTRIBUTES = "__dict__"
_MAY_BE_ANOTHER = (str, bytes, list, tuple, dict, PosixPath, PurePosixPath)  # equal, and not the same object
_AS_OF_OBJECT = (
    *("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__"),
    *("__getnewargs_ex__", "__getattribute__", "__dir__", "__sizeof__", "__new__", "__init_subclass__"),
)


def can_share(kind: type) -> bool:
    """Whether instances of a class are no more than attributes, which Python itself gets, sets and copies."""
    return (
        type(kind) is type
        and bool(kind.__dictoffset__ and kind.__weakrefoffset__)
        and kind.__basicsize__ == _Plain.__basicsize__
        and all(_is_of_object(kind, name) for name in _AS_OF_OBJECT)
    )


class _Plain:
    pass


def _is_of_object(kind: type, name: str) -> bool:
    defining = next((base for base in kind.__mro__ if name in vars(base)), object)
    return defining is object


def share_object(
    group: Trials, path: str, target: Any, values: Mapping[int, Mapping[str, Any]], known: Sequence[Any] = ()
) -> Any:
    """Let an object have the attributes of all trials.

    Args:
        group: the trials.
        path: what stands for the object in paths.
        target: the object, of a class that can be shared.
        values: by trial, the attributes that it has.
        known: objects that other code knows, such as default values: no copy takes their place.
    """
    marks = {trial: _marks(each, set(map(id, known))) for trial, each in values.items()}
    columns: dict[Any, KeyColumn] = {}
    codes: dict[tuple[str, Hashable], int] = {}
    for trial, each in values.items():
        for name, value in each.items():
            column = columns.setdefault(name, KeyColumn({}, []))
            code = codes.setdefault((name, marks[trial][name]), len(column.values))
            column.codes[trial] = code
            if code == len(column.values):
                column.values.append(value)
    attributes = blank(group, path, frozenset(values), _Attributes)
    attributes._tracking.fill(columns, shapes_of(tuple(values), list(values.values())))
    if attributes._tracking.is_open:
        return _share(group, target, attributes)
    object.__setattr__(target, _ATTRIBUTES, dict(attributes))
    return target


def share_attributes(
    target: Any, source: SharedDict, path: str, attributes: Mapping[str, Any], names: Sequence[str]
) -> None:
    """Let an object have attributes, of which some have the values that another mapping has for all trials.

    Args:
        target: the object, of a class that can be shared.
        source: the mapping.
        path: what stands for the object in paths.
        attributes: in their order.
        names: those that the mapping has.
    """
    theirs = source._tracking
    group = theirs.group
    for name in names:
        theirs.settle_presence(name)
    mine = blank(group, path, frozenset(group.trials), _Attributes)
    dict.update(mine, {name: dict.get(source, name) if name in names else attributes[name] for name in attributes})
    for name in names:
        if name in theirs.columns and theirs.is_untracked(name):
            dict.__setitem__(mine, name, Untracked(mine._tracking.at(name)))
            mine._tracking.columns[name] = theirs.columns[name]
    mine._tracking.narrow()
    if mine._tracking.is_open:
        _share(group, target, mine)
    else:
        object.__setattr__(target, _ATTRIBUTES, dict(mine))


def shared_attributes(value: Any) -> SharedDict | None:
    """The attributes of an object that stands for many trials; None of any other."""
    if getattr(type(value), "__getattribute__", None) not in _OURS:
        return None
    attributes = _attributes_of(value)
    return attributes if type(attributes) is SharedDict else None


class _Attributes(Tracking):
    """What trials differ in, in the attributes of an object."""

    __slots__ = ()
    is_watched = False


def _marks(attributes: Mapping[str, Any], known: set[int]) -> dict[str, Hashable]:
    """What says whether values of two trials can be told apart, by name: by ``is``, too, within each trial."""
    names: dict[int, list[str]] = {}
    for name, value in attributes.items():
        names.setdefault(id(value), []).append(name)
    marks: dict[str, Hashable] = {}
    for name, value in attributes.items():
        marks[name] = exact(value)
        if type(value) in _MAY_BE_ANOTHER and not (type(value) is str and len(value) < 2):
            marks[name] = marks[name], tuple(names[id(value)]), tuple(_known_in(value, known))
    return marks


def _known_in(value: Any, known: set[int]) -> Iterator[int | None]:
    """The numbers of known objects that a value is made of; None for each other."""
    yield id(value) if id(value) in known else None
    if type(value) in (list, tuple, dict):
        for item in value.values() if type(value) is dict else value:
            yield from _known_in(item, known)


def _share(group: Trials, target: Any, attributes: SharedDict) -> Any:
    kind: Any = type(target)
    object.__setattr__(target, _ATTRIBUTES, attributes)
    object.__setattr__(target, "__class__", _shared_class(kind))
    owner = weakref.ref(target)

    def end() -> None:
        if (ended := owner()) is not None and type(ended) is not kind:
            object.__setattr__(ended, "__class__", kind)

    group.when_plain(end)
    return target


@functools.cache
def _shared_class(kind: Any) -> type:
    """A class of the same name whose instances notice reads."""
    members = {name: make(kind) for name, make in _MEMBERS.items()}
    return type(kind.__name__, (kind,), {"__slots__": (), **members, **{name: getattr(kind, name) for name in _NAMED}})


def _attributes_of(shared: Any) -> Any:
    return object.__getattribute__(shared, _ATTRIBUTES)


def _tracking_of(shared: Any) -> Tracking | None:
    """What trials differ in, if they still do."""
    attributes = _attributes_of(shared)
    return attributes._tracking if type(attributes) is SharedDict else None


def _getattribute(kind: Any) -> Callable[..., Any]:
    def get(self: Any, name: str) -> Any:
        if name == "__class__":
            return kind
        if name == _ATTRIBUTES:
            return _attributes_of(self)
        if tracking := _tracking_of(self):
            tracking.read(name)
        return kind.__getattribute__(self, name)

    _OURS.add(get)
    return get


def _or_frozen(shared: Any, kind: Any) -> Any:
    """The object; of a frozen dataclass another one, of exactly this class, which raises at each change."""
    params = getattr(kind, "__dataclass_params__", None)
    return object.__new__(kind) if params and params.frozen else shared


def _setattr(kind: Any) -> Callable[..., None]:
    def put(self: Any, name: str, value: Any) -> None:
        if tracking := _tracking_of(self):
            if name in ("__class__", _ATTRIBUTES):
                tracking.settle_all()
                tracking.group.settle()
            else:
                tracking.settle_presence(name)
        kind.__setattr__(_or_frozen(self, kind), name, value)
        if (tracking := _tracking_of(self)) and name in tracking.columns and not tracking.is_untracked(name):
            tracking.forget(name)

    return put


def _delattr(kind: Any) -> Callable[..., None]:
    def delete(self: Any, name: str) -> None:
        attributes = _attributes_of(self)
        if name in attributes and _or_frozen(self, kind) is self:
            del attributes[name]
        else:
            kind.__delattr__(_or_frozen(self, kind), name)

    return delete


def _whole(name: str) -> Callable[[Any], Callable[..., Any]]:
    """A method that reads everything."""

    def of(kind: Any) -> Callable[..., Any]:
        def method(self: Any, *arguments: Any) -> Any:
            if tracking := _tracking_of(self):
                tracking.settle_all()
            return getattr(kind, name)(self, *arguments)

        return method

    return of


def _dir(kind: Any) -> Callable[..., Any]:
    def names(self: Any) -> Any:
        if tracking := _tracking_of(self):
            tracking.settle_keys()
        return kind.__dir__(self)

    return names


def _reduce(kind: Any) -> Callable[..., Any]:
    def reduced(self: Any, protocol: Any) -> Any:
        if tracking := _tracking_of(self):
            tracking.group.settle()
        return kind.__reduce_ex__(self, protocol)

    return reduced


def _copied(kind: Any) -> Callable[..., Any]:
    def twin(self: Any, memo: dict[int, Any] | None = None) -> Any:
        made = object.__new__(kind)
        if memo is not None:
            memo[id(self)] = made
        mine = _attributes_of(self)
        attributes = mine.copy() if memo is None else copy.deepcopy(mine, memo)
        if type(attributes) is SharedDict:
            return _share(attributes._tracking.group, made, attributes)
        made.__dict__.update(attributes)
        return made

    return twin


_NAMED = ("__module__", "__qualname__", "__doc__")
_OURS: set[Callable[..., Any]] = set()
_MEMBERS = {
    "__getattribute__": _getattribute,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__repr__": _whole("__repr__"),
    "__dir__": _dir,
    "__reduce_ex__": _reduce,
    "__copy__": _copied,
    "__deepcopy__": _copied,
}
