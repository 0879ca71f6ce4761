"""What trials differ in, by key of a mapping, and what no code can tell apart."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PosixPath, PurePosixPath
from typing import Any

Observation = Callable[[int], Hashable]  # what code would see, by trial
Places = tuple[tuple[Any, ...], ...] | None  # paths at which one object stands; None if it stands at one only

ABSENT = -1
SCALARS = frozenset({type(None), bool, int, float, str})
_LIKE_SCALARS = frozenset({bytes, PurePosixPath, PosixPath})


@dataclass(frozen=True, slots=True, eq=False)
class KeyColumn:
    """What stands at one key.

    Attributes:
        codes: by trial, the position in ``values``; trials that do not have the key are not in it.
        values: the values that there are, a mapping in several trials being one of them.
    """

    codes: dict[int, int]
    values: list[Any]

    def code(self, trial: int) -> int:
        """The position of a trial's value; `ABSENT` if it has none."""
        return self.codes.get(trial, ABSENT)

    def __deepcopy__(self, memo: dict[int, Any]) -> KeyColumn:
        return KeyColumn(self.codes, copy.deepcopy(self.values, memo))


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Which keys a mapping has, in which order, where trials differ in that.

    Attributes:
        codes: by trial, the position in ``orders``.
        orders: keys in order, as dicts; a change of the mapping changes them all.
    """

    codes: Mapping[int, int]
    orders: list[dict[Any, None]]

    def copy(self) -> Shapes:
        """The same, to be changed by itself."""
        return Shapes(self.codes, [order.copy() for order in self.orders])

    def observe(self) -> Observation:
        """The keys in their order, by trial."""
        marks = [exact_keys(order) for order in self.orders]
        return lambda trial: marks[self.codes[trial]] if trial in self.codes else None


def exact(value: Any) -> Hashable:
    """Equal for what no code can tell apart, but by identity: types, signs of zeros and orders of keys count."""
    kind = type(value)
    if kind is float:
        return kind, value.hex()
    if kind in SCALARS or kind in _LIKE_SCALARS:
        return kind, value
    if kind in (list, tuple):
        return kind, tuple(map(exact, value))
    if kind is dict:
        return kind, exact_keys(value), tuple(map(exact, value.values()))
    return kind, id(value)  # no YAML: alike only where it is the same object


def exact_keys(mapping: Iterable[Any]) -> Hashable:
    """The same for the keys of a mapping, in their order."""
    # A NaN as a key equals no other, so it is part of this as it is, too.
    return tuple((key, exact(key)) for key in mapping)


def aliases_of(config: Mapping[Any, Any]) -> dict[int, Places]:
    """The places of each object that stands at several, by its id."""
    found: dict[int, list[tuple[Any, ...]]] = {}

    def look(mapping: Mapping[Any, Any], path: tuple[Any, ...]) -> None:
        for key, value in mapping.items():
            if type(value) in SCALARS:
                continue
            places = found.setdefault(id(value), [])
            places.append((*path, key))
            if len(places) == 1 and isinstance(value, Mapping):
                look(value, places[0])

    look(config, ())
    return {number: tuple(places) for number, places in found.items() if len(places) > 1}


def shapes_of(trials: tuple[int, ...], mappings: list[Any]) -> Shapes | None:
    """What the trials differ in; None if all have the same keys in the same order."""
    known: dict[Hashable, int] = {}
    orders: list[dict[Any, None]] = []
    codes = {}
    for trial, mapping in zip(trials, mappings, strict=True):
        codes[trial] = known.setdefault(exact_keys(mapping), len(orders))
        if codes[trial] == len(orders):
            orders.append(dict.fromkeys(mapping))
    return Shapes(codes, orders) if len(orders) > 1 else None


class Answer:
    """What a question gives for one trial. An error is an answer, too: of that trial, and of no other."""

    def __init__(self, question: Callable[..., Any], values: Sequence[Any]) -> None:
        self._error: Exception | None = None
        try:
            self._value = question(*values)
            self.observed = exact(self._value)
        except Exception as error:
            self._error = error
            self.observed = type(error), str(error)

    def give(self) -> Any:
        """The answer."""
        if self._error:
            raise self._error
        return self._value
