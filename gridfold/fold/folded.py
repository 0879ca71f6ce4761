"""The config of many trials at once: code that reads it is asked to split where they differ.

One process calls a trainer with a config that stands for all remaining trials. What they agree on is read as from any
dict. The first read of something in which they differ calls ``split``, which says with which trials this process goes
on; everything else narrows to them. Writes stay in the process and are never reads.

C code can look into the storage of a dict past every method. So the storage holds the true value of what the trials
agree on, and for everything else something whose every use raises ``UntrackedReadError``: never the value of another
trial. Most C code does not: overriding ``__iter__`` turns off the short cuts of ``dict(config)``, ``**config`` and
``update(config)``, and ``json`` asks for ``items()`` after a look at the size.
"""

from __future__ import annotations

import copy
import reprlib
from collections import Counter
from collections.abc import Callable, Hashable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Any, NoReturn
from weakref import WeakValueDictionary

from yaml.representer import BaseRepresenter, SafeRepresenter

from gridfold.fold.differences import (
    ABSENT,
    SCALARS,
    Answer,
    Column,
    Observation,
    Places,
    Shapes,
    aliases_of,
    exact,
    shapes_of,
)
from gridfold.fold.poison import Poison, PoisonKey
from gridfold.fold.reader import place

Split = Callable[[str, list[tuple[int, ...]], str], tuple[int, ...]]

_WHOLE = "the config"  # the path of the root


class Group:
    """The trials that a process stands for.

    Attributes:
        trials: positions of those that are left.
        config: stands for their configs.
        reads: for each split that this process has gone through, the path that was read and where.
        unread: of the paths at which trials differed when they were separated, those that nobody has read until now.
    """

    def __init__(self, configs: Sequence[Mapping[str, Any]], split: Split) -> None:
        """Fold configs.

        Args:
            configs: plain YAML data, one mapping for each trial, at least one; they are neither kept nor changed.
            split: called with the path that was read, the groups of trials that see the same there (at least two, in
                order of their first trials) and the place in the code, such as ``train.py:12``. Gives the group with
                which this process goes on.
        """
        if not configs:
            raise ValueError("a group needs at least one trial")
        self.trials = tuple(range(len(configs)))
        self.reads: list[tuple[str, str]] = []
        self.unread: set[str] = set()
        self._asked: set[str] = set()  # paths of which a question was asked
        self._split = split
        self._open: WeakValueDictionary[int, FoldedDict] = WeakValueDictionary()  # mappings in which trials differ
        self.config = _Folding(self, configs).mapping("", dict(enumerate(configs)))

    def agree(self, path: str, observe: Observation) -> None:
        """Go on with trials for which ``observe`` gives the same."""
        groups: dict[Hashable, list[int]] = {}
        for trial in self.trials:
            groups.setdefault(observe(trial), []).append(trial)
        if len(groups) > 1:
            self._go_on(path, [tuple(group) for group in groups.values()])

    def separate(self, path: str) -> None:
        """Go on with one trial, which goes on to watch what of it is read."""
        unread = self._unread()
        self.agree(path, lambda trial: trial)
        self.unread = unread

    def _unread(self) -> set[str]:
        """The paths at which trials differ.

        Of paths at which they differ alike, such as those of an alias, none: to read one of them is to read all.
        """
        found: dict[str, tuple[int, ...]] = {}
        for mapping in self._open.values():
            for key, column in mapping._columns.items():
                codes = [column.code(trial) for trial in self.trials]
                found[mapping._at(key)] = tuple(map(codes.index, codes))
        alike = Counter(found.values())
        return {path for path, codes in found.items() if alike[codes] == 1 and path not in self._asked}

    def saw(self, path: str) -> None:
        """Note a read after the trials were separated."""
        self.unread.discard(path)

    def _go_on(self, path: str, groups: list[tuple[int, ...]]) -> None:
        before, where = self.trials, place()
        chosen = tuple(self._split(path, groups, where))
        if self.trials is not before:
            raise RuntimeError(f"the config was split anew while it was being split over {path}")
        if chosen not in groups:
            raise ValueError(f"split over {path} gave {chosen}, which is none of {groups}")
        self.reads.append((path, where))
        self.trials = chosen
        for mapping in list(self._open.values()):
            mapping._narrow()


class _Folding:
    """Folds configs, once.

    An object that stands at several paths of a trial's config, as a YAML alias does, stays one object: trials that
    have the same there, but not as one object at the same paths, differ.
    """

    def __init__(self, group: Group, configs: Sequence[Mapping[str, Any]]) -> None:
        self._group = group
        self._aliases = [aliases_of(config) for config in configs]
        self._mappings: dict[Places, FoldedDict] = {}
        self._others: dict[Hashable, Any] = {}

    def mapping(self, path: str, mappings: Mapping[int, Mapping[Any, Any]], places: Places = None) -> FoldedDict:
        """Fold the mappings that trials have at a path, or at several places."""
        if places in self._mappings:
            return self._mappings[places]
        trials = tuple(mappings)
        folded = _blank(self._group, path, frozenset(trials))
        if places:
            self._mappings[places] = folded
        rows: dict[Any, dict[int, Any]] = {}
        for trial, mapping in mappings.items():
            for key, value in mapping.items():
                rows.setdefault(key, {})[trial] = value
        columns = {key: self._column(folded._at(key), row) for key, row in rows.items()}
        folded._fill(columns, shapes_of(trials, list(mappings.values())))
        return folded

    def _column(self, path: str, row: Mapping[int, Any]) -> Column:
        column = Column({}, [])
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


# The config


class _AsDict(type):
    """Lets the class say that it prints as a dict does: ``pprint`` asks the class, and sorts the keys only then."""

    def __getattribute__(cls, name: str) -> Any:
        return dict.__repr__ if name == "__repr__" else super().__getattribute__(name)


class FoldedDict(dict[Any, Any], metaclass=_AsDict):
    """A mapping in several configs, which splits where code would see a difference between them.

    A value splits by value; ``in`` by presence; ``len`` by length; iteration and views by the keys in their order, and
    then by each value when it is reached. Printing and pickling read everything at once. Copies, and what ``|`` and
    ``update`` make of it, stay folded. Nested mappings are read by themselves.

    The storage is what C code may see. ``_columns`` has what trials differ in, ``_maybe`` those of its keys that not
    all trials have, with what stands for them in the storage, and ``_shapes`` the keys, if trials differ in them.
    """

    __slots__ = ("__weakref__", "_columns", "_domain", "_group", "_maybe", "_path", "_shapes")
    _group: Group
    _path: str
    _domain: frozenset[int]  # the trials that have this mapping
    _columns: dict[Any, Column]
    _maybe: dict[Any, PoisonKey]
    _shapes: Shapes | None

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """A plain dict: this is ``type(config)(...)`` in other people's code."""
        return dict(*arguments, **named)

    # Narrowing

    def _fill(self, columns: dict[Any, Column], shapes: Shapes | None) -> None:
        """Take what the trials have, in a new mapping."""
        self._columns, self._shapes = columns, shapes
        if shapes:  # whoever takes keys in the order of the storage comes upon this
            dict.__setitem__(self, PoisonKey(self._whole, object()), Poison(self._whole))
        for key, column in columns.items():
            poison = Poison(self._at(key))
            if len(column.codes) < len(self._domain):
                self._maybe[key] = PoisonKey(self._at(key), key)
            dict.__setitem__(self, self._maybe.get(key, key), poison)
        self._narrow()

    def _narrow(self) -> None:
        """Settle what the remaining trials agree on."""
        trials = [trial for trial in self._group.trials if trial in self._domain]
        if not trials:
            return  # a mapping that only other trials have
        for key, column in list(self._columns.items()):
            codes = set(map(column.code, trials))
            if ABSENT not in codes and key in self._maybe:
                dict.__delitem__(self, self._maybe.pop(key))
                dict.__setitem__(self, key, Poison(self._at(key)))
            if len(codes) == 1:
                self._close(key, codes.pop())
        self._straighten(trials)
        if self._columns or self._shapes:
            self._group._open[id(self)] = self
        else:
            self._group._open.pop(id(self), None)

    def _close(self, key: Any, code: int) -> None:
        """Settle one key."""
        column = self._columns.pop(key)
        if code == ABSENT:
            dict.__delitem__(self, self._maybe.pop(key))
        elif self._is_poisoned(key):
            dict.__setitem__(self, key, column.values[code])

    def _is_poisoned(self, key: Any) -> bool:
        """Whether the storage does not say what stands at a key that all trials have: C code may have written it."""
        return type(dict.get(self, key)) is Poison

    def _straighten(self, trials: Sequence[int]) -> None:
        """Put the storage in order if the trials agree on the order."""
        if self._shapes is None or len(set(map(self._shapes.observe(), trials))) > 1:
            return
        order = self._shapes.orders[self._shapes.codes[trials[0]]]
        stored = {key: value for key, value in dict.items(self) if type(key) is not PoisonKey}
        ordered = {key: stored.pop(key) for key in order if key in stored}
        self._shapes = None
        dict.clear(self)
        dict.update(self, ordered)
        dict.update(self, stored)

    # Reading what differs

    @property
    def _whole(self) -> str:
        return self._path or _WHOLE

    def _at(self, key: Any) -> str:
        return f"{self._path}.{key}" if self._path else str(key)

    def _settle(self, key: Any) -> None:
        """Split over the value at a key in which trials differ."""
        if key not in self._maybe and not self._is_poisoned(key):
            del self._columns[key]
            return
        self._group.agree(self._at(key), self._columns[key].code)
        if key in self._columns:
            self._narrow()

    def _settle_presence(self, key: Any) -> None:
        """Split over whether there is a key."""
        if self._maybe and key in self._maybe:
            codes = self._columns[key].codes
            self._group.agree(self._at(key), lambda trial: trial in codes)
            if key in self._maybe:
                self._narrow()

    def _settle_keys(self) -> None:
        """Split over which keys there are, in which order."""
        if self._shapes:
            self._adopt(self._shapes)
            self._group.agree(self._whole, self._shapes.observe())
            if self._shapes:
                self._narrow()

    def _settle_all(self) -> None:
        """Split over everything in it, in nested mappings, too, at once."""
        self._group.unread.clear()
        found: dict[int, FoldedDict] = {}
        self._collect(found)
        reads: list[tuple[str, Observation]] = []
        for mapping in found.values():
            reads += [(mapping._at(key), column.code) for key, column in mapping._columns.items()]
            if mapping._shapes:
                mapping._adopt(mapping._shapes)
                reads.append((mapping._whole, mapping._shapes.observe()))
        if reads:
            path = reads[0][0] if len(reads) == 1 else self._whole
            self._group.agree(path, lambda trial: tuple(read(trial) for _, read in reads))
            for mapping in found.values():
                mapping._narrow()

    def _collect(self, found: dict[int, FoldedDict]) -> None:
        """Add this and the mappings in it, by identity: they may contain each other."""
        if id(self) not in found:
            found[id(self)] = self
            differing = (value for column in self._columns.values() for value in column.values)
            for value in (*dict.values(self), *differing):
                if type(value) is FoldedDict:
                    value._collect(found)

    def _adopt(self, shapes: Shapes) -> None:
        """Take note of keys that C code put into the storage, or took from it."""
        new = [key for key in dict.keys(self) if type(key) is not PoisonKey]
        for order in shapes.orders:
            for key in [key for key in order if key not in self._maybe and not dict.__contains__(self, key)]:
                del order[key]
            order.update(dict.fromkeys(key for key in new if key not in order))

    # What a dict tells

    def __getitem__(self, key: Any) -> Any:
        if self._columns and key in self._columns:
            self._settle(key)
        if self._group.unread:
            self._group.saw(self._at(key))
        return dict.__getitem__(self, key)

    def get(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        if self._columns and key in self._columns:
            self._settle(key)
        if self._group.unread:
            self._group.saw(self._at(key))
        return dict.get(self, key, default)

    def __contains__(self, key: object) -> bool:
        self._settle_presence(key)
        return dict.__contains__(self, key)

    def __len__(self) -> int:
        if shapes := self._shapes:
            self._adopt(shapes)
            self._group.agree(self._whole, lambda trial: len(shapes.orders[shapes.codes[trial]]))
            return len(shapes.orders[shapes.codes[self._group.trials[0]]])
        return dict.__len__(self)

    def __bool__(self) -> bool:
        if shapes := self._shapes:
            self._adopt(shapes)
            self._group.agree(self._whole, lambda trial: bool(shapes.orders[shapes.codes[trial]]))
            return bool(shapes.orders[shapes.codes[self._group.trials[0]]])
        return dict.__len__(self) > 0

    def __iter__(self) -> Iterator[Any]:
        self._settle_keys()
        return dict.__iter__(self)

    def __reversed__(self) -> Iterator[Any]:
        self._settle_keys()
        return dict.__reversed__(self)

    def keys(self) -> Any:
        """As of a dict."""
        self._settle_keys()
        return dict.keys(self)

    def values(self) -> Any:
        """As of a dict; a value splits when it is reached."""
        self._settle_keys()
        return _Values(self) if self._is_watched else dict.values(self)

    def items(self) -> Any:
        """As of a dict; a value splits when it is reached."""
        self._settle_keys()
        return _Items(self) if self._is_watched else dict.items(self)

    @property
    def _is_watched(self) -> bool:
        """Whether it makes a difference which values are read."""
        return len(self._group.trials) > 1 or bool(self._group.unread)

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
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None

    def __repr__(self) -> str:
        self._settle_all()
        return dict.__repr__(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._settle_all()
        return dict, (), None, None, iter(list(dict.items(self)))

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)

    # Questions, which tell less than a value

    def _ask(self, keys: Sequence[Any], question: Callable[..., Any], default: Any) -> Any:
        """What a question about some values gives; splits where it gives trials different answers."""
        self._note_question(keys)
        self._read_mappings(keys)
        answers = {trial: Answer(question, self._values_of(trial, keys, default)) for trial in self._group.trials}
        self._group.agree(", ".join(map(self._at, keys)), lambda trial: answers[trial].observed)
        return answers[self._group.trials[0]].give()

    def _alternatives(self, key: Any, default: Any) -> list[Any]:
        """The values that trials have at a key, each once."""
        self._note_question([key])
        self._read_mappings([key])
        found: dict[Hashable, Any] = {}
        for trial in self._group.trials:
            (value,) = self._values_of(trial, [key], default)
            found.setdefault(exact(value), value)
        return list(found.values())

    def _note_question(self, keys: Sequence[Any]) -> None:
        for path in map(self._at, keys):
            self._group._asked.add(path)
            self._group.saw(path)

    def _read_mappings(self, keys: Sequence[Any]) -> None:
        """Split over keys where trials have mappings: what is in them would be read unseen."""
        for key in keys:
            if key in self._columns and any(type(value) is FoldedDict for value in self._columns[key].values):
                self._settle(key)

    def _values_of(self, trial: int, keys: Sequence[Any], default: Any) -> list[Any]:
        """What a trial has at some keys."""
        values = []
        for key in keys:
            if key in self._columns and (key in self._maybe or self._is_poisoned(key)):
                column = self._columns[key]
                code = column.code(trial)
                values.append(default if code == ABSENT else copy.deepcopy(column.values[code]))
            else:
                values.append(dict.get(self, key, default))
        return values

    # What is made of it

    def copy(self) -> FoldedDict:
        """As of a dict, still folded."""
        twin = _blank(self._group, self._path, self._domain)
        dict.update(twin, dict.items(self))
        twin._columns, twin._maybe = self._columns.copy(), self._maybe.copy()
        twin._shapes = self._shapes and self._shapes.copy()
        twin._narrow()
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> FoldedDict:
        twin = _blank(self._group, self._path, self._domain)
        memo[id(self)] = twin
        for key, value in dict.items(self):
            if issubclass(type(value), Poison):
                dict.__setitem__(twin, key, value)
            else:
                dict.__setitem__(twin, copy.deepcopy(key, memo), copy.deepcopy(value, memo))
        twin._columns = {key: copy.deepcopy(column, memo) for key, column in self._columns.items()}
        twin._maybe = self._maybe.copy()
        twin._shapes = self._shapes and self._shapes.copy()
        twin._narrow()
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
        result = _blank(self._group, self._path, frozenset(self._group.trials))
        result.update(other)
        result.update(self)
        return result

    # Changes: what is overwritten need not be read

    def __setitem__(self, key: Any, value: Any) -> None:
        self._forget(key)
        if self._shapes:
            for order in self._shapes.orders:
                order.setdefault(key)
        dict.__setitem__(self, key, value)

    def _forget(self, key: Any) -> None:
        """Let the trials no longer differ at a key."""
        if not self._columns or key not in self._columns:
            return
        del self._columns[key]
        if key in self._maybe:
            dict.__delitem__(self, self._maybe.pop(key))

    def __delitem__(self, key: Any) -> None:
        self._settle_presence(key)
        self._forget(key)
        dict.__delitem__(self, key)
        self._omit(key)

    def _omit(self, key: Any) -> None:
        if self._shapes:
            for order in self._shapes.orders:
                order.pop(key, None)

    def pop(self, key: Any, *default: Any) -> Any:
        """As of a dict."""
        if self._columns and key in self._columns:
            self._settle(key)
        self._group.saw(self._at(key))
        value = dict.pop(self, key, *default)
        self._omit(key)
        return value

    def popitem(self) -> tuple[Any, Any]:
        """As of a dict."""
        self._settle_keys()
        for key in dict.__reversed__(self):
            if key in self._columns:
                self._settle(key)
            self._group.saw(self._at(key))
            break
        return dict.popitem(self)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As of a dict."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *arguments: Any, **named: Any) -> None:
        """As of a dict; what the other mapping's trials differ in stays unread."""
        if len(arguments) == 1 and type(arguments[0]) is FoldedDict and arguments[0]._group is self._group:
            self._merge(arguments[0])
            arguments = ()
        if not self._columns and not self._shapes:
            dict.update(self, *arguments, **named)
            return
        for key, value in dict(*arguments, **named).items():
            self[key] = value

    def _merge(self, other: FoldedDict) -> None:
        if other is self:
            return
        other._settle_keys()
        self._group.unread.clear()  # what is read here may be another's
        for key, value in dict.items(other):
            self[key] = value
            if key in other._columns and type(value) is Poison:
                self._columns[key] = other._columns[key]
        self._narrow()

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def clear(self) -> None:
        """As of a dict."""
        self._columns, self._maybe, self._shapes = {}, {}, None
        dict.clear(self)


def _blank(group: Group, path: str, domain: frozenset[int]) -> FoldedDict:
    folded: FoldedDict = dict.__new__(FoldedDict)
    folded._group, folded._path, folded._domain = group, path, domain
    folded._columns, folded._maybe, folded._shapes = {}, {}, None
    return folded


class _View:
    """What a view of a dict has beside what it has as a collection."""

    _mapping: FoldedDict

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


# Libraries that go by the very type

# Messages of Python name it, and OmegaConf takes what has this name for a dict.
for _own, _name in ((FoldedDict, "dict"), (_Items, "dict_items"), (_Values, "dict_values")):
    _own.__module__, _own.__name__, _own.__qualname__ = "builtins", _name, _name


def _represent(dumper: Any, mapping: FoldedDict) -> Any:
    return dumper.yaml_representers[dict](dumper, mapping)


def _teach(representer: type[BaseRepresenter]) -> None:
    """Let a kind of YAML dumper write the config as it writes a dict, and those derived from it that have begun."""
    if "yaml_representers" in vars(representer) or representer is SafeRepresenter:
        representer.add_representer(FoldedDict, _represent)
    for derived in representer.__subclasses__():
        _teach(derived)


_teach(SafeRepresenter)
