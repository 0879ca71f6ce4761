"""The config of many trials at once: code that reads it is asked to split where they differ.

What the trials agree on is read as from any dict. To read something in which they differ narrows them first (see
``gridfold.sharing.group``). Writes stay in the process and are never reads.

Most code in C does not look past the methods: overriding ``__iter__`` turns off the short cuts of ``dict(config)``,
``**config`` and ``update(config)``, and ``json`` asks for ``items()`` after a look at the size. For what does, see
``gridfold.sharing.tracking``; for libraries that go by the very type, ``gridfold.sharing.disguise``.
"""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Hashable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Any, NoReturn

from gridfold.sharing.columns import SCALARS, KeyColumn, Places, aliases_of, exact, shapes_of
from gridfold.sharing.tracking import Tracked, Tracking, Trials, go_over
from gridfold.sharing.untracked import Untracked


def combine(group: Trials, configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mapping that stands for the configs of a group."""
    return _Combining(group, configs).mapping("", dict(enumerate(configs)))


class _Combining:
    """Combines configs, once.

    An object that stands at several paths of a trial's config, as a YAML alias does, stays one object: trials that
    have the same there, but not as one object at the same paths, differ.
    """

    def __init__(self, group: Trials, configs: Sequence[Mapping[str, Any]]) -> None:
        self._group = group
        self._aliases = [aliases_of(config) for config in configs]
        self._mappings: dict[Places, SharedDict] = {}
        self._others: dict[Hashable, Any] = {}

    def mapping(self, path: str, mappings: Mapping[int, Mapping[Any, Any]], places: Places = None) -> SharedDict:
        """Combine the mappings that trials have at a path, or at several places."""
        if places in self._mappings:
            return self._mappings[places]
        trials = tuple(mappings)
        combined = blank(self._group, path, frozenset(trials))
        if places:
            self._mappings[places] = combined
        rows: dict[Any, dict[int, Any]] = {}
        for trial, mapping in mappings.items():
            for key, value in mapping.items():
                rows.setdefault(key, {})[trial] = value
        tracking = combined._tracking
        columns = {key: self._column(tracking.at(key), row) for key, row in rows.items()}
        tracking.fill(columns, shapes_of(trials, list(mappings.values())))
        return combined

    def _column(self, path: str, row: Mapping[int, Any]) -> KeyColumn:
        column = KeyColumn({}, [])
        nested: dict[Places, dict[int, Any]] = {}
        by_value: dict[Hashable, int] = {}
        by_id: dict[Hashable, int] = {}  # most trials have the very same object: it is looked into once
        for trial, value in row.items():
            places = self._aliases[trial].get(id(value))
            if isinstance(value, Mapping):
                nested.setdefault(places, {})[trial] = value
                continue
            known = id(value), places
            if known not in by_id:
                seen = exact(value), places
                by_id[known] = by_value.setdefault(seen, len(column.values))
                if by_id[known] == len(column.values):
                    column.values.append(self._own(value, seen))
            column.codes[trial] = by_id[known]
        for places, mappings in nested.items():
            column.codes.update(dict.fromkeys(mappings, len(column.values)))
            column.values.append(self.mapping(path, mappings, places))
        return column

    def _own(self, value: Any, exact: tuple[Hashable, Places]) -> Any:
        """A copy; the same one at all places of an alias."""
        if type(value) in SCALARS:
            return value
        return self._others.setdefault(exact, copy.deepcopy(value)) if exact[1] else copy.deepcopy(value)


class _AsDict(type):
    """Lets the class say that it prints as a dict does, as ``pprint`` asks, and is one, as who writes YAML asks."""

    def __getattribute__(cls, name: str) -> Any:
        return getattr(dict, name) if name in ("__repr__", "__mro__") else super().__getattribute__(name)


class SharedDict(Tracked, metaclass=_AsDict):
    """A mapping in several configs, which splits where code would see a difference between them.

    A value splits by value; ``in`` by presence; ``len`` by length; iteration and views by the keys in their order, and
    then by each value when it is reached. Printing and pickling read everything at once. Copies, and what ``|`` and
    ``update`` make of it, stand for the same trials. Nested mappings are read by themselves.

    Whatever splits may make it a dict, so that a method has no ``_tracking`` to ask for any more: it takes that once.
    """

    __slots__ = ()

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """A plain dict: this is ``type(config)(...)`` in other people's code."""
        return dict(*arguments, **named)

    # What a dict tells

    def __getitem__(self, key: Any) -> Any:
        self._tracking.read(key)
        return dict.__getitem__(self, key)

    def get(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        self._tracking.read(key)
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        self._tracking.settle_presence(key)
        return dict.__contains__(self, key)

    def __len__(self) -> int:
        return self._tracking.length(int)

    def __bool__(self) -> bool:
        return self._tracking.length(bool)

    def __iter__(self) -> Iterator[Any]:
        self._tracking.settle_keys()
        return dict.__iter__(self)

    def __reversed__(self) -> Iterator[Any]:
        self._tracking.settle_keys()
        return dict.__reversed__(self)

    def keys(self) -> Any:
        """As of a dict."""
        self._tracking.settle_keys()
        return dict.keys(self)

    def values(self) -> Any:
        """As of a dict; a value splits when it is reached."""
        self._tracking.settle_keys()
        return _Values(self) if type(self) is SharedDict else dict.values(self)

    def items(self) -> Any:
        """As of a dict; a value splits when it is reached."""
        self._tracking.settle_keys()
        return _Items(self) if type(self) is SharedDict else dict.items(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        if self is other:
            return True
        if len(self) != len(other):
            return False
        mine: Any
        for key, theirs in other.items():
            if key not in self:
                return False
            mine = self[key]
            if mine is not theirs and mine != theirs:
                return False
        return True

    def __ne__(self, other: object) -> bool:
        return not self == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self._tracking.settle_all()
        return dict.__repr__(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._tracking.group.settle()
        return dict, (), None, None, iter(list(dict.items(self)))

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)

    # What is made of it

    def copy(self) -> Any:
        """As of a dict; the copy stands for the same trials."""
        tracking = self._tracking
        twin = blank(tracking.group, tracking.path, tracking.domain, type(tracking))
        dict.update(twin, dict.items(self))
        twin._tracking.copy(tracking, tracking.columns.copy())
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        tracking = self._tracking
        twin = blank(tracking.group, tracking.path, tracking.domain, type(tracking))
        own = twin._tracking
        memo[id(self)] = twin
        for key, value in dict.items(self):
            if issubclass(type(value), Untracked):
                dict.__setitem__(twin, key, value)
            else:
                dict.__setitem__(twin, copy.deepcopy(key, memo), copy.deepcopy(value, memo))
        own.copy(tracking, {key: copy.deepcopy(column, memo) for key, column in tracking.columns.items()})
        return twin

    def __or__(self, other: Any) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other: Any) -> Any:
        if not isinstance(other, dict):
            return NotImplemented
        group = self._tracking.group
        result = blank(group, self._tracking.path, frozenset(group.trials))
        result.update(other)
        result.update(self)
        return result

    # Changes: what is overwritten need not be read

    def __setitem__(self, key: Any, value: Any) -> None:
        self._tracking.forget(key)
        self._tracking.include(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        tracking = self._tracking
        tracking.settle_presence(key)
        tracking.forget(key)
        dict.__delitem__(self, key)
        tracking.omit(key)

    def pop(self, key: Any, *default: Any) -> Any:
        """As of a dict."""
        tracking = self._tracking
        tracking.read(key)
        value = dict.pop(self, key, *default)
        tracking.omit(key)
        return value

    def popitem(self) -> tuple[Any, Any]:
        """As of a dict."""
        tracking = self._tracking
        tracking.settle_keys()
        if dict.__len__(self):
            tracking.read(next(dict.__reversed__(self)))
        return dict.popitem(self)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *arguments: Any, **named: Any) -> None:
        """As of a dict; what the other mapping's trials differ in stays unread."""
        tracking = self._tracking
        if len(arguments) == 1 and type(arguments[0]) is SharedDict and arguments[0]._tracking.group is tracking.group:
            self._merge(arguments[0])
            arguments = ()
        if not tracking.columns and not tracking.shapes:
            dict.update(self, *arguments, **named)
            return
        for key, value in dict(*arguments, **named).items():
            self[key] = value

    def _merge(self, other: SharedDict) -> None:
        if other is self:
            return
        tracking, others = self._tracking, other._tracking
        others.settle_keys()
        tracking.group.unread.clear()  # what is read here may be another's
        for key, value in dict.items(other):
            self[key] = value
            if key in others.columns and type(value) is Untracked:
                tracking.columns[key] = others.columns[key]
        tracking.narrow()

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def clear(self) -> None:
        """As of a dict."""
        self._tracking.clear()
        dict.clear(self)


go_over(SharedDict, dict)


def blank(group: Trials, path: str, domain: frozenset[int], kind: type[Tracking] = Tracking) -> SharedDict:
    """A mapping at a path of some trials, to be filled."""
    mapping: SharedDict = dict.__new__(SharedDict)
    mapping._tracking = kind(group, mapping, path, domain)
    group.add(mapping._tracking)
    return mapping


class _View:
    """What a view of a dict has beside what it has as a collection."""

    _mapping: SharedDict

    @property
    def mapping(self) -> Any:
        """As of a view of a dict."""
        return dict.keys(self._mapping).mapping

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    @reprlib.recursive_repr("...")
    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"  # type: ignore[call-overload]


class _Items(_View, ItemsView[Any, Any]):
    def __iter__(self) -> Iterator[Any]:
        return ((key, self._mapping[key]) for key in self._mapping)

    def __reversed__(self) -> Iterator[Any]:
        return ((key, self._mapping[key]) for key in reversed(self._mapping))

    def __contains__(self, item: object) -> bool:
        return isinstance(item, tuple) and len(item) == 2 and super().__contains__(item)


class _Values(_View, ValuesView[Any]):
    def __iter__(self) -> Iterator[Any]:
        return (self._mapping[key] for key in self._mapping)

    def __reversed__(self) -> Iterator[Any]:
        return (self._mapping[key] for key in reversed(self._mapping))


# Messages of Python name it, and OmegaConf takes what has this name for a dict.
for _own, _name in ((SharedDict, "dict"), (_Items, "dict_items"), (_Values, "dict_values")):
    _own.__module__, _own.__name__, _own.__qualname__ = "builtins", _name, _name
