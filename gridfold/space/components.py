"""Decisions that bans connect, with every way to make them: as a graph, in which a way is a path (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from gridfold.space.bans import Ban, Fact
from gridfold.space.tree import Choice, Tree

_ANY = ...  # in a state: what was chosen no longer matters
State = tuple[tuple[Any, ...], tuple[bool, ...]]
"""What later decisions depend on: the choices that still matter, and which bans still may apply."""


class TooMany(Exception):  # noqa: N818 - it says how it is, and is no error
    """There are more ways than are looked at."""


class Edge(NamedTuple):
    """One way to make a decision."""

    choice: Choice
    """What is chosen."""
    to: int
    """Which state of the next decision it leads to."""
    ways: int
    """How many ways there are from here on, with those of free decisions in the branch that it chooses."""


@dataclass(frozen=True)
class Component:
    """Some decisions, each with its states, and the edges from each state.

    Attributes:
        indices: the decisions, in their order.
        edges: for each decision, for each state, the edges that lead to an end.
        counts: for each decision, for each state, how many ways there are from there.
    """

    indices: tuple[int, ...]
    edges: Sequence[Sequence[Sequence[Edge]]]
    counts: Sequence[Sequence[int]]

    @property
    def count(self) -> int:
        """How many ways there are."""
        return self.counts[0][0]

    @property
    def size(self) -> int:
        """How many edges there are."""
        return sum(len(step) for layer in self.edges for step in layer)

    def way(self, index: int, choice: Choice) -> list[Choice] | None:
        """A way, by which one of its decisions is a certain one; None if there is none."""
        layer = self.indices.index(index)
        found = self._first_edges[layer].get(choice)
        if found is None:
            return None
        state, to = found
        before: list[Choice] = []
        for earlier in range(layer - 1, -1, -1):
            state, chosen = self._reached[earlier][state]
            before.append(chosen)
        after: list[Choice] = []
        for later in self.edges[layer + 1 :]:
            edge = later[to][0]
            after.append(edge.choice)
            to = edge.to
        return [*reversed(before), choice, *after]

    @cached_property
    def _first_edges(self) -> Sequence[Mapping[Choice, tuple[int, int]]]:
        """For each decision and choice a state from which it can be made, and the one that it leads to."""
        found: list[dict[Choice, tuple[int, int]]] = []
        known: Sequence[int] = [0]
        for layer in self.edges:
            found.append({})
            for state in known:
                for edge in layer[state]:
                    found[-1].setdefault(edge.choice, (state, edge.to))
            known = sorted({edge.to for state in known for edge in layer[state]})
        return found

    @cached_property
    def _reached(self) -> Sequence[Mapping[int, tuple[int, Choice]]]:
        """For each decision and each state after it a state before it, and what is chosen there."""
        found: list[dict[int, tuple[int, Choice]]] = []
        known = [0]
        for layer in self.edges:
            found.append({})
            for state in known:
                for edge in layer[state]:
                    found[-1].setdefault(edge.to, (state, edge.choice))
            known = list(found[-1])
        return found


def component(
    tree: Tree, indices: Sequence[int], bans: Sequence[Ban], weights: Mapping[tuple[int, int], int], most: int
) -> Component:
    """The ways to make some decisions that no ban forbids.

    Args:
        tree: all decisions.
        indices: the decisions; with each that is of a branch the one that chooses it.
        bans: about nothing else.
        weights: how many ways each branch has to make its decisions that no ban is about.
        most: how many edges are looked at.

    Raises:
        TooMany: there are more.
    """
    return _Search(tree, tuple(indices), tuple(bans)).run(weights, most)


@dataclass
class _Search:
    tree: Tree
    indices: tuple[int, ...]
    bans: tuple[Ban, ...]
    _choices: list[Choice] = field(init=False)
    _layer: dict[int, int] = field(init=False)
    _kept: list[list[tuple[int, bool, list[int]]]] = field(init=False)
    _due: list[list[tuple[int, Fact, bool]]] = field(init=False)

    def __post_init__(self) -> None:
        self._choices = [None] * len(self.tree.decisions)
        self._layer = {index: layer for layer, index in enumerate(self.indices)}
        self._due = self._facts_due()
        self._kept = [self._needed(layer) for layer in range(len(self.indices) + 1)]

    def run(self, weights: Mapping[tuple[int, int], int], most: int) -> Component:
        """Forwards from the first decision to find the states, backwards to count."""
        states: list[State] = [((), (True,) * len(self.bans))]
        steps: list[list[list[tuple[Choice, int]]]] = []
        for layer in range(len(self.indices)):
            reached: dict[State, int] = {}
            found = []
            for state in states:
                step = [(choice, reached.setdefault(to, len(reached))) for choice, to in self._moves(layer, state)]
                most -= len(step) + 1
                if most < 0:
                    raise TooMany
                found.append(step)
            steps.append(found)
            states = list(reached)
        return self._counted(steps, len(states), weights)

    def _counted(
        self, steps: list[list[list[tuple[Choice, int]]]], ends: int, weights: Mapping[tuple[int, int], int]
    ) -> Component:
        counts = [[1] * ends]
        edges: list[list[list[Edge]]] = []
        for index, found in zip(reversed(self.indices), reversed(steps), strict=True):
            after = counts[-1]
            made = [
                [Edge(choice, to, weights.get((index, choice), 1) * after[to]) for choice, to in step if after[to]]
                for step in found
            ]
            edges.append(made)
            counts.append([sum(edge.ways for edge in step) for step in made])
        return Component(self.indices, edges[::-1], counts[::-1])

    def _moves(self, layer: int, state: State) -> Iterator[tuple[Choice, State]]:
        """What may be chosen, and the state that it leads to."""
        decision = self.tree.decisions[self.indices[layer]]
        choices = self._choices  # those that matter are written anew
        for (index, _, _), choice in zip(self._kept[layer], state[0], strict=True):
            choices[index] = choice
        alternatives = range(decision.size or 0) if self.tree.is_made(decision, choices) else (None,)
        for choice in alternatives:
            choices[decision.index] = choice
            if (open_ := self._after(layer, choices, state[1])) is not None:
                kept = tuple(
                    choices[index] if always or any(open_[ban] for ban in bans) else _ANY
                    for index, always, bans in self._kept[layer + 1]
                )
                yield choice, (kept, open_)

    def _after(self, layer: int, choices: Sequence[Choice], open_: tuple[bool, ...]) -> tuple[bool, ...] | None:
        """Which bans may still apply after a decision; None if one does apply."""
        due = self._due[layer]
        if not due:
            return open_
        found = list(open_)
        for ban, fact, is_last in due:
            if found[ban] and not fact.holds(choices):
                found[ban] = False
            if is_last and found[ban]:
                return None
        return tuple(found)

    def _facts_due(self) -> list[list[tuple[int, Fact, bool]]]:
        """For each decision the facts of bans that are known after it, and whether that is the last of the ban."""
        due: list[list[tuple[int, Fact, bool]]] = [[] for _ in self.indices]
        for number, ban in enumerate(self.bans):
            facts = sorted(ban.facts, key=lambda fact: self._layer[fact.uses[-1]])
            for fact in facts:
                due[self._layer[fact.uses[-1]]].append((number, fact, fact is facts[-1]))
        return due

    def _needed(self, layer: int) -> list[tuple[int, bool, list[int]]]:
        """The earlier decisions that later ones depend on: whether in any case, or while some bans may apply."""
        found: dict[int, tuple[bool, list[int]]] = {}
        for later in self.indices[layer:]:
            parent = self.tree.decisions[later].parent
            if parent and self._layer[parent[0]] < layer:
                found[parent[0]] = (True, [])
        for number, ban in enumerate(self.bans):
            for fact in ban.facts:
                if self._layer[fact.uses[-1]] >= layer:
                    for index in fact.uses:
                        if self._layer[index] < layer:
                            found.setdefault(index, (False, []))[1].append(number)
        return [(index, *found[index]) for index in sorted(found)]
