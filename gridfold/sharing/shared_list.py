"""A list that stands for those of many trials, such as ``sys.argv``: code that reads a difference is asked to split.

Slices and sums stand for the same trials. What is asked of the list, ``"--fast" in sys.argv`` say, splits by the
answer; a change is made to the list of each trial. The storage of the list is empty but for something whose every use
raises, until the trials that are left agree: then it is a list and no more.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from gridfold.sharing.columns import Answer, KeyColumn, exact
from gridfold.sharing.tracking import Tracking, Trials, go_over
from gridfold.sharing.untracked import Untracked


def share_list(group: Trials, path: str, lists: Mapping[int, list[Any]]) -> list[Any]:
    """The list that stands for those of some trials; one of them, if they are alike."""
    column = _column(lists)
    if len(column.values) == 1:
        return list(column.values[0])
    shared: SharedList = list.__new__(SharedList)
    shared._tracking = ListTracking(group, shared, path, column)
    group.add(shared._tracking)
    return shared


def _column(lists: Mapping[int, list[Any]]) -> KeyColumn:
    column, known = KeyColumn({}, []), dict[Any, int]()
    for trial, each in lists.items():
        column.codes[trial] = known.setdefault(exact(each), len(column.values))
        if column.codes[trial] == len(column.values):
            column.values.append(each)
    return column


class SharedList(list[Any]):
    """A list in which trials differ; see the module."""

    __slots__ = ("_tracking",)
    _tracking: ListTracking

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._tracking.derive(lambda each: each[index])
        return self._tracking.answer(lambda each: each[index])

    def __bool__(self) -> bool:
        return bool(self._tracking.answer(bool))

    def __iter__(self) -> Iterator[Any]:
        return _items(self)

    def __reversed__(self) -> Iterator[Any]:
        return (self[position] for position in reversed(range(len(self))))

    def __repr__(self) -> str:
        self._tracking.settle_list()
        return repr(list(self))

    def __add__(self, other: Any) -> Any:
        tracking, added = self._tracking, _plain(other)
        return tracking.derive(lambda each: each + added)

    def __radd__(self, other: Any) -> Any:
        tracking, before = self._tracking, _plain(other)
        return tracking.derive(lambda each: before + each)

    def __iadd__(self, other: Any) -> Any:
        self.extend(other)
        return self

    def __imul__(self, count: Any) -> Any:  # type: ignore[misc]
        def multiply(each: list[Any]) -> None:
            each *= count

        self._tracking.change(multiply)
        return self

    def __copy__(self) -> Any:
        return self._tracking.derive(list)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._tracking.derive(lambda each: copy.deepcopy(each, memo))

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._tracking.group.settle()
        return list, (), None, iter(list(self))

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)


def _items(shared: list[Any]) -> Iterator[Any]:
    position = 0
    while True:
        try:
            item = shared[position]
        except IndexError:
            return
        yield item
        position += 1


def _plain(value: Any) -> Any:
    """A value that is the same for all trials that are left."""
    return list(value) if type(value) is SharedList else value


def _asked(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    def ask(self: SharedList, *arguments: Any) -> Any:
        tracking, given = self._tracking, [_plain(each) for each in arguments]
        return tracking.answer(lambda each: method(each, *given))

    return ask


def _derived(name: str) -> Callable[..., Any]:
    method = getattr(list, name)
    return lambda self, *arguments: self._tracking.derive(lambda each: method(each, *arguments))


def _changing(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    def change(self: SharedList, *arguments: Any, **named: Any) -> Any:
        tracking, given = self._tracking, [_plain(each) for each in arguments]
        if (
            name in ("extend", "__setitem__")
            and not isinstance(given[-1], (str, int))
            and hasattr(given[-1], "__next__")
        ):
            given[-1] = list(given[-1])  # it can be taken once
        return tracking.change(lambda each: method(each, *given, **named))

    return change


for _make, _names in (
    (_asked, "__len__ __contains__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ index count"),
    (_derived, "copy __mul__ __rmul__"),
    (_changing, "append extend insert pop remove clear reverse sort __setitem__ __delitem__"),
):
    for _name in _names.split():
        setattr(SharedList, _name, _make(_name))
go_over(SharedList, list)
SharedList.__module__, SharedList.__name__, SharedList.__qualname__ = "builtins", "list", "list"


class ListTracking(Tracking):
    """The lists that a `SharedList` stands for."""

    __slots__ = ("_lists",)
    is_watched = False

    def __init__(self, group: Trials, shared: SharedList, path: str, lists: KeyColumn) -> None:
        super().__init__(group, cast("dict[Any, Any]", shared), path, frozenset(lists.codes))
        self._lists = lists
        self.narrow()

    @property
    def _shared(self) -> list[Any]:
        return cast("list[Any]", self.mapping)

    def of(self, trial: int) -> list[Any]:
        """The list of a trial."""
        return self._lists.values[self._lists.code(trial)]  # type: ignore[no-any-return]

    def narrow(self) -> None:
        """Let the list be as it is for the trials that are left, if they agree."""
        trials = [trial for trial in self.group.trials if trial in self.domain]
        if trials:
            agree = len(set(map(self._lists.code, trials))) == 1
            self.columns = {} if agree else {self.path: self._lists}
            list.__setitem__(self._shared, slice(None), self.of(trials[0]) if agree else [Untracked(self.path)])

    def at(self, key: Any) -> str:
        """The path of the list."""
        return str(key)

    def end(self) -> None:
        """Let the list be a list and no more."""
        from gridfold.core.process.native import become  # as in `Tracking.end`

        if type(self._shared) is SharedList:
            del self._shared._tracking
            become(list, self._shared)

    def settle_list(self) -> None:
        """Split over everything in it at once."""
        self.group.agree(self.path, self._lists.code)

    def answer(self, question: Callable[[list[Any]], Any]) -> Any:
        """What a question about the list gives; splits where that differs."""
        left = {self._lists.code(trial) for trial in self.group.trials}
        answers = {code: Answer(question, [self._lists.values[code]]) for code in left}
        self.group.agree(self.path, lambda trial: answers[self._lists.code(trial)].observed)
        return answers[self._lists.code(self.group.trials[0])].give()

    def derive(self, make: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """The list that is made of it."""
        made: dict[int, list[Any]] = {}
        for trial in self.group.trials:
            code = self._lists.code(trial)
            if code not in made:
                made[code] = make(self._lists.values[code])
        return share_list(self.group, self.path, {t: made[self._lists.code(t)] for t in self.group.trials})

    def change(self, operation: Callable[[list[Any]], Any]) -> Any:
        """Change the list; splits where that gives something different, an error say."""
        lists = {trial: self.of(trial).copy() for trial in self.group.trials}
        answers = {trial: Answer(operation, [each]) for trial, each in lists.items()}
        self.group.agree(self.path, lambda trial: answers[trial].observed)
        self._lists = _column({trial: lists[trial] for trial in self.group.trials})
        if type(self._shared) is list:
            self._shared[:] = self.of(self.group.trials[0])
        else:
            self.narrow()
        return answers[self.group.trials[0]].give()
