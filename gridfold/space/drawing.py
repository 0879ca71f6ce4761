"""Trials by decisions: what a chooser is asked, and what it would have to answer (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gridfold.space.axes import Chooser, Decisions
from gridfold.space.bans import Ban, Fact
from gridfold.space.parameters import RangeParameter
from gridfold.space.tree import Choice, Decision, Tree


@dataclass(frozen=True)
class Drawing:
    """The decisions of a space as a chooser makes them.

    Attributes:
        tree: the decisions.
        bans: what no trial has.
        conditions: the decisions that are made only where some facts hold, with these.
        is_added: whether a trial is made although a ban forbids it.
    """

    tree: Tree
    bans: Sequence[Ban]
    conditions: Mapping[int, Sequence[Fact]]
    is_added: Callable[[Mapping[str, Any]], bool] | None

    def draw(self, chooser: Chooser) -> dict[str, Any] | None:
        """The values of the trial that a chooser decides on; None if a ban forbids it."""
        choices: list[Choice] = [None] * len(self.tree.decisions)
        is_forbidden = False
        for decision in self._order:
            if self.tree.is_made(decision, choices):
                asked = self._is_asked(decision, choices)
                choices[decision.index] = _asked(decision, chooser) if asked else decision.first
            if any(ban.forbids(choices) for ban in self._due.get(decision.index, ())):
                is_forbidden = True
                if self.is_added is None:
                    return None
        params = self.tree.params(choices)
        return None if is_forbidden and not (self.is_added and self.is_added(params)) else params

    def decisions(self, choices: Sequence[Choice]) -> Decisions | None:
        """What a chooser has to answer for a trial; None if it cannot get there."""
        found: Decisions = {}
        for decision in self._order:
            choice = choices[decision.index]
            if choice is None:
                continue
            if self._is_asked(decision, choices):
                is_range = isinstance(decision.axis, RangeParameter)
                found[decision.key] = decision.values(choice)[0] if is_range else choice
            elif choice != decision.first:
                return None
        return found

    def _is_asked(self, decision: Decision, choices: Sequence[Choice]) -> bool:
        """Whether the facts hold under which it is made; if they depend on it in a circle, they are not asked for."""
        facts = self.conditions.get(decision.index, ())
        before = self._place[decision.index]
        if any(self._place[index] > before for fact in facts for index in fact.uses):
            return True
        return all(fact.holds(choices) for fact in facts)

    @cached_property
    def _order(self) -> Sequence[Decision]:
        """As they stand, but each after those that its facts are about, as far as there is no circle."""
        return _sorted(self.tree.decisions, self.conditions)

    @cached_property
    def _place(self) -> Mapping[int, int]:
        return {decision.index: place for place, decision in enumerate(self._order)}

    @cached_property
    def _due(self) -> Mapping[int, Sequence[Ban]]:
        """The bans that are known after each decision."""
        found: dict[int, list[Ban]] = {}
        for ban in self.bans:
            found.setdefault(max(ban.uses, key=lambda index: self._place[index]), []).append(ban)
        return found


def _sorted(decisions: Sequence[Decision], conditions: Mapping[int, Sequence[Fact]]) -> list[Decision]:
    waiting = {decision.index: decision for decision in decisions}
    found = []
    while waiting:
        chosen = next((each for each in waiting.values() if _can_follow(each, waiting, conditions)), None) or next(
            each for each in waiting.values() if not each.parent or each.parent[0] not in waiting
        )
        found.append(waiting.pop(chosen.index))
    return found


def _can_follow(decision: Decision, waiting: Mapping[int, Decision], conditions: Mapping[int, Sequence[Fact]]) -> bool:
    needed = {index for fact in conditions.get(decision.index, ()) for index in fact.uses}
    needed |= {decision.parent[0]} if decision.parent else set()
    return needed.isdisjoint(waiting)


def _asked(decision: Decision, chooser: Chooser) -> Choice:
    if isinstance(decision.axis, RangeParameter):
        value = chooser.value(decision.key, decision.axis.distribution)
        if (choice := decision.choice([value])) is None:
            raise ValueError(f"{decision.key}: {value!r} is not of {decision.axis.distribution}")
        return choice
    return chooser.position(decision.key, len(decision.rows or ()), ordered=decision.is_ordered)
