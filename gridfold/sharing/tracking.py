"""What the trials differ in that a process stands for, mapping by mapping, and how that narrows.

The storage of a mapping is what C code may see. It holds the true value of what the trials agree on, and for everything
else something whose every use raises ``UntrackedReadError``: never the value of another trial. Where nothing is left in
which they differ, all mappings become exact dicts, in place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import wraps
from types import FunctionType
from typing import Any, Protocol, TypeVar

from gridfold.sharing.columns import ABSENT, Answer, KeyColumn, Observation, Shapes, exact
from gridfold.sharing.untracked import Untracked, UntrackedKey

Size = TypeVar("Size", bound=int)

WHOLE = "the config"  # the path of the root


class Trials(Protocol):
    """The trials that a process stands for; see ``gridfold.sharing.group.Group``.

    Attributes:
        trials: positions of those that are left.
        unread: of the paths at which trials differed when they were separated, those that nobody has read until now.
        asked: paths of which a question was asked.
    """

    trials: tuple[int, ...]
    unread: set[str]
    asked: set[str]

    def add(self, mapping: Tracking) -> None:
        """Let a mapping narrow with the others."""

    def agree(self, path: str, observe: Observation) -> None:
        """Go on with trials for which ``observe`` gives the same."""

    def settle(self) -> None:
        """Split over everything in which trials differ, and watch no longer what is read."""

    def saw(self, path: str) -> None:
        """Note a read after the trials were separated."""

    def become_plain(self) -> None:
        """Where nothing is left to see, let the mappings be what they stand for."""

    def when_plain(self, do: Callable[[], object]) -> None:
        """Do something as soon as the trials that are left differ in nothing that is known of them."""


class Tracked(dict[Any, Any]):
    """A mapping in which trials may differ; an instance of it becomes a dict, see `become_dict`."""

    __slots__ = ("_tracking",)
    _tracking: Tracking


def go_over(kind: type, built_in: type) -> None:
    """Let the methods of a class be those of the built-in one where an instance has become that.

    Code looks up a method before it finds out the arguments, which may split: ``config.get("b", config["a"])``.
    """
    for name, method in list(vars(kind).items()):
        if isinstance(method, FunctionType):
            setattr(kind, name, _either(method, getattr(built_in, name, method), built_in))


def _either(method: Callable[..., Any], plain: Callable[..., Any], built_in: type) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        return (plain if type(self) is built_in else method)(self, *arguments, **named)

    return call


class Tracking:
    """What trials differ in, in one mapping.

    Attributes:
        group: the trials that the process stands for.
        mapping: the mapping.
        path: where the mapping stands in a config.
        domain: the trials that have it.
        columns: what trials differ in, by key.
        maybe: of these keys those that not all trials have, with what stands for them in the storage.
        shapes: the keys, if trials differ in them.
        is_watched: whether it goes on to be watched when the trials are separated.
    """

    __slots__ = ("columns", "domain", "group", "mapping", "maybe", "path", "shapes")
    is_watched = True

    def __init__(self, group: Trials, mapping: dict[Any, Any], path: str, domain: frozenset[int]) -> None:
        self.group, self.mapping, self.path, self.domain = group, mapping, path, domain
        self.columns: dict[Any, KeyColumn] = {}
        self.maybe: dict[Any, UntrackedKey] = {}
        self.shapes: Shapes | None = None

    # Narrowing

    def fill(self, columns: dict[Any, KeyColumn], shapes: Shapes | None) -> None:
        """Take what the trials have, in a new mapping."""
        self.columns, self.shapes = columns, shapes
        if shapes:  # whoever takes keys in the order of the storage comes upon this
            dict.__setitem__(self.mapping, UntrackedKey(self.whole, object()), Untracked(self.whole))
        for key, column in columns.items():
            stand_in = Untracked(self.at(key))
            if len(column.codes) < len(self.domain):
                self.maybe[key] = UntrackedKey(self.at(key), key)
            dict.__setitem__(self.mapping, self.maybe.get(key, key), stand_in)
        self.narrow()

    def narrow(self) -> None:
        """Settle what the remaining trials agree on."""
        trials = [trial for trial in self.group.trials if trial in self.domain]
        if not trials:
            return  # a mapping that only other trials have
        for key, column in list(self.columns.items()):
            codes = set(map(column.code, trials))
            if ABSENT not in codes and key in self.maybe:
                dict.__delitem__(self.mapping, self.maybe.pop(key))
                dict.__setitem__(self.mapping, key, Untracked(self.at(key)))
            if len(codes) == 1:
                self._close(key, codes.pop())
        self._straighten(trials)

    def _close(self, key: Any, code: int) -> None:
        """Settle one key."""
        column = self.columns.pop(key)
        if code == ABSENT:
            dict.__delitem__(self.mapping, self.maybe.pop(key))
        elif self.is_untracked(key):
            dict.__setitem__(self.mapping, key, column.values[code])

    def is_untracked(self, key: Any) -> bool:
        """Whether the storage does not say what stands at a key that all trials have: C code may have written it."""
        return type(dict.get(self.mapping, key)) is Untracked

    def _straighten(self, trials: Sequence[int]) -> None:
        """Put the storage in order if the trials agree on the order."""
        if self.shapes is None or len(set(map(self.shapes.observe(), trials))) > 1:
            return
        order = self.shapes.orders[self.shapes.codes[trials[0]]]
        stored = {key: value for key, value in dict.items(self.mapping) if type(key) is not UntrackedKey}
        ordered = {key: stored.pop(key) for key in order if key in stored}
        self.shapes = None
        dict.clear(self.mapping)
        dict.update(self.mapping, ordered)
        dict.update(self.mapping, stored)

    @property
    def is_open(self) -> bool:
        """Whether trials that are left differ in it."""
        return bool(self.columns or self.shapes) and not self.domain.isdisjoint(self.group.trials)

    def end(self) -> None:
        """Let the mapping be a dict and no more; those who are at work in it still have this."""
        from gridfold.core.process.native import become_dict  # with ctypes, which `import gridfold` does without

        if isinstance(self.mapping, Tracked):
            del self.mapping._tracking
            become_dict(self.mapping)

    def let_go(self) -> None:
        """Let a mapping that nobody has any more be freed, with what stands in it, which must not be looked at."""
        if hasattr(self.mapping, "_tracking"):
            del self.mapping._tracking  # else each of the two keeps the other

    # Reading what differs

    @property
    def whole(self) -> str:
        """The path of the mapping."""
        return self.path or WHOLE

    def at(self, key: Any) -> str:
        """The path of a key."""
        return f"{self.path}.{key}" if self.path else str(key)

    def read(self, key: Any) -> None:
        """Split over the value at a key, if trials differ there."""
        if self.columns and key in self.columns:
            self.settle(key)
        if self.group.unread:
            self.group.saw(self.at(key))

    def settle(self, key: Any) -> None:
        """Split over the value at a key in which trials differ."""
        if key not in self.maybe and not self.is_untracked(key):
            del self.columns[key]
            return
        self.group.agree(self.at(key), self.columns[key].code)
        if key in self.columns:
            self.narrow()

    def settle_presence(self, key: Any) -> None:
        """Split over whether there is a key."""
        if self.maybe and key in self.maybe:
            codes = self.columns[key].codes
            self.group.agree(self.at(key), lambda trial: trial in codes)
            if key in self.maybe:
                self.narrow()

    def settle_keys(self) -> None:
        """Split over which keys there are, in which order."""
        if self.shapes:
            self.adopt(self.shapes)
            self.group.agree(self.whole, self.shapes.observe())
            if self.shapes:
                self.narrow()

    def settle_all(self) -> None:
        """Split over everything in it, in nested mappings, too, at once."""
        self.group.unread.clear()
        found: dict[int, Tracking] = {}
        self._collect(found)
        settle(found.values(), self.whole)
        self.group.become_plain()

    def _collect(self, found: dict[int, Tracking]) -> None:
        """Add this and the mappings in it, by identity: they may contain each other."""
        if id(self) not in found:
            found[id(self)] = self
            differing = (value for column in self.columns.values() for value in column.values)
            for value in (*dict.values(self.mapping), *differing):
                if issubclass(type(value), Tracked):
                    value._tracking._collect(found)

    def adopt(self, shapes: Shapes) -> None:
        """Take note of keys that C code put into the storage, or took from it."""
        new = [key for key in dict.keys(self.mapping) if type(key) is not UntrackedKey]
        for order in shapes.orders:
            for key in [key for key in order if key not in self.maybe and not dict.__contains__(self.mapping, key)]:
                del order[key]
            order.update(dict.fromkeys(key for key in new if key not in order))

    def length(self, said: Callable[[int], Size]) -> Size:
        """What is said of the number of keys; splits by that."""
        shapes = self.shapes
        if shapes is None:
            return said(dict.__len__(self.mapping))
        self.adopt(shapes)
        lengths = [said(len(order)) for order in shapes.orders]
        self.group.agree(self.whole, lambda trial: lengths[shapes.codes[trial]])
        return lengths[shapes.codes[self.group.trials[0]]]

    # Changes

    def forget(self, key: Any) -> None:
        """Let the trials no longer differ at a key."""
        if self.columns and key in self.columns:
            del self.columns[key]
            if key in self.maybe:
                dict.__delitem__(self.mapping, self.maybe.pop(key))

    def include(self, key: Any) -> None:
        """Let all trials have a key."""
        if self.shapes:
            for order in self.shapes.orders:
                order.setdefault(key)

    def omit(self, key: Any) -> None:
        """Let no trial have a key."""
        if self.shapes:
            for order in self.shapes.orders:
                order.pop(key, None)

    def copy(self, other: Tracking, columns: dict[Any, KeyColumn]) -> None:
        """Be as another one, whose columns these are."""
        self.columns, self.maybe = columns, other.maybe.copy()
        self.shapes = other.shapes and other.shapes.copy()
        self.narrow()

    def clear(self) -> None:
        """Let trials differ in nothing."""
        self.columns, self.maybe, self.shapes = {}, {}, None

    # Questions, which tell less than a value

    def ask(self, keys: Sequence[Any], question: Callable[..., Any], default: Any) -> Any:
        """What a question about some values gives; splits where it gives trials different answers."""
        self._note_question(keys)
        self._read_mappings(keys)
        answers = {trial: Answer(question, self._values_of(trial, keys, default)) for trial in self.group.trials}
        self.group.agree(", ".join(map(self.at, keys)), lambda trial: answers[trial].observed)
        return answers[self.group.trials[0]].give()

    def alternatives(self, key: Any, default: Any) -> list[Any]:
        """The values that trials have at a key, each once."""
        self._note_question([key])
        self._read_mappings([key])
        found: dict[Hashable, Any] = {}
        for trial in self.group.trials:
            (value,) = self._values_of(trial, [key], default)
            found.setdefault(exact(value), value)
        return list(found.values())

    def _note_question(self, keys: Sequence[Any]) -> None:
        for path in map(self.at, keys):
            self.group.asked.add(path)
            self.group.saw(path)

    def _read_mappings(self, keys: Sequence[Any]) -> None:
        """Split over keys where trials have mappings: what is in them would be read unseen."""
        for key in keys:
            if key in self.columns and any(issubclass(type(value), Tracked) for value in self.columns[key].values):
                self.settle(key)

    def items_of(self, trial: int) -> list[tuple[Any, Any]] | None:
        """What a trial has, which nobody takes note of; None if trials do not have the same keys."""
        if self.shapes or self.maybe:
            return None
        return [(key, self._values_of(trial, [key], None)[0]) for key in dict.keys(self.mapping)]

    def _values_of(self, trial: int, keys: Sequence[Any], default: Any) -> list[Any]:
        """What a trial has at some keys."""
        values = []
        for key in keys:
            if key in self.columns and (key in self.maybe or self.is_untracked(key)):
                column = self.columns[key]
                code = column.code(trial)
                values.append(default if code == ABSENT else copy.deepcopy(column.values[code]))
            else:
                values.append(dict.get(self.mapping, key, default))
        return values


def settle(mappings: Iterable[Tracking], whole: str) -> None:
    """Split over everything in some mappings at once; ``whole`` is the path of what they are, if that is several."""
    mappings, reads = list(mappings), list[tuple[str, Observation]]()
    for mapping in mappings:
        reads += [(mapping.at(key), column.code) for key, column in mapping.columns.items()]
        if mapping.shapes:
            mapping.adopt(mapping.shapes)
            reads.append((mapping.whole, mapping.shapes.observe()))
    if reads:
        path = reads[0][0] if len(reads) == 1 else whole
        mappings[0].group.agree(path, lambda trial: tuple(read(trial) for _, read in reads))
        for mapping in mappings:
            mapping.narrow()
