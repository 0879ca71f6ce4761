"""Some trials of a space to look at, with every value that occurs (pure)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gridfold.core.values import canonical
from gridfold.space.axes import Axis, Union
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.space.ruling import Ruling
from gridfold.space.tree import Choice, Decision, Tree

_TRIES = 20  # for a trial that no ban forbids, where bans are tested


def samples(ruling: Ruling, most: int) -> Iterator[Sequence[Choice]]:
    """Choices of trials that have every value that occurs at least once, and of ``most`` others.

    Args:
        ruling: of a space without ranges; see ``listed``.
        most: how many trials there are besides those that are needed for all values.
    """
    search = _Search(ruling)
    yield from search.covering()
    found = (search.any() for _ in range(most))
    yield from (choices for choices in found if choices is not None)


def listed(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes with three values in place of each range that has no list."""
    found: list[Axis] = []
    for axis in axes:
        if isinstance(axis, Union):
            branches = tuple(map(listed, axis.branches))
            found.append(Union(axis.selector, branches, axis.constants))
        elif isinstance(axis, RangeParameter) and axis.values is None:
            units = (0.0, 0.5, 1.0) if isinstance(axis.distribution, Interval) else (0.5, 0.02, 0.98)
            values = {canonical(value): value for value in map(axis.distribution.at, units)}
            found.append(ListedParameter(axis.path, tuple(values.values()), axis.where, axis.optional))
        else:
            found.append(axis)
    return tuple(found)


@dataclass
class _Search:
    ruling: Ruling
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _open: dict[int, dict[Choice, None]] = field(init=False)  # what is to be met yet

    def __post_init__(self) -> None:
        self._open = {each.index: dict.fromkeys(range(each.size or 0)) for each in self._tree.decisions}

    def any(self) -> list[Choice] | None:
        """A trial by chance; None if none was found that no ban forbids."""
        trials = self.ruling.enumeration
        for _ in range(_TRIES if trials.count else 0):
            choices = trials[self._random.randrange(trials.count)]
            if not trials.refuses(choices):
                return choices
        return None

    def covering(self) -> Iterator[Sequence[Choice]]:
        """Trials that have every value which occurs, as far as they are soon found."""
        for choices in islice(self.ruling.enumeration, 1):
            yield self._noted(list(choices))
        for decision in self._tree.decisions:
            while left := self._open[decision.index]:
                choice = next(iter(left))
                if (found := self._with(decision, choice)) is not None:
                    yield self._noted(found)
                left.pop(choice, None)  # else it does not occur

    @property
    def _tree(self) -> Tree:
        return self.ruling.tree

    def _is_free(self, decision: Decision) -> bool:
        return self.ruling.enumeration.is_free(decision)

    def _with(self, decision: Decision, choice: Choice) -> list[Choice] | None:
        """A trial in which a decision is this one, and free decisions are what was not met yet."""
        found, wanted = self.any(), {decision.index: choice}
        while self._is_free(decision) and decision.parent:
            wanted[decision.parent[0]] = decision.parent[1]
            decision = self._tree.decisions[decision.parent[0]]
        if found is not None and not self._is_free(decision):
            way = self.ruling.enumeration.way(decision.index, wanted[decision.index])
            for index, chosen in way.items():
                found[index] = chosen
            found = found if way else None
        return None if found is None else self._filled(found, wanted)

    def _filled(self, choices: list[Choice], wanted: Mapping[int, Choice]) -> list[Choice] | None:
        for decision in self._tree.decisions:
            if self._is_free(decision):
                choices[decision.index] = self._free_choice(decision, choices, wanted)
        return None if self.ruling.enumeration.refuses(choices) else choices

    def _free_choice(self, decision: Decision, choices: Sequence[Choice], wanted: Mapping[int, Choice]) -> Choice:
        if not self._tree.is_made(decision, choices):
            return None
        left = self._open[decision.index]
        if decision.index in wanted or left:
            return wanted.get(decision.index, next(iter(left), None))
        for branch in range(decision.branches):
            if any(map(self._is_open, self._tree.children.get((decision.index, branch), ()))):
                return branch
        known = choices[decision.index]
        return self._random.randrange(decision.size or 1) if known is None else known

    def _is_open(self, index: int) -> bool:
        """Whether a decision, or one in its branches, has something to be met yet."""
        decision = self._tree.decisions[index]
        inner = (child for branch in range(decision.branches) for child in self._tree.children.get((index, branch), ()))
        return bool(self._open[index]) or any(map(self._is_open, inner))

    def _noted(self, choices: list[Choice]) -> list[Choice]:
        for decision, choice in zip(self._tree.decisions, choices, strict=True):
            if choice is not None:
                self._open[decision.index].pop(choice, None)
        return choices
