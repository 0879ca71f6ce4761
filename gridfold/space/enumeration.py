"""All trials that some bans leave: counted, by index, in order (pure)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gridfold.core.errors import ConfigError
from gridfold.space.bans import Ban, said
from gridfold.space.components import Component, TooMany, component
from gridfold.space.tree import Choice, Decision, Tree

_MOST_WAYS = 50_000  # of a fact's decisions, to look at them all
_MOST_EDGES = 100_000  # of all components
_MOST_REFUSED = 100_000  # combinations, one after the other
_END = object()

Cache = dict[frozenset[Ban], "Component | None"]
"""Components that were counted, by their bans; None where there were too many ways."""


@dataclass(frozen=True)
class _Counted:
    """What is known of an enumeration.

    Attributes:
        components: the decisions that bans connect.
        ways: how many ways each free decision has, with those in its branches.
        ways_of_branches: how many the free decisions of each branch have together.
        left_out: the bans that are in no component.
    """

    components: Sequence[Component]
    ways: Mapping[int, int]
    ways_of_branches: Mapping[tuple[int, int], int]
    left_out: Sequence[Ban]


@dataclass(frozen=True)
class Enumeration:
    """The trials that bans leave, as choices; the last decision varies fastest.

    Decisions that no ban is about are free: they multiply. The others fall into components, which multiply too, and of
    each of them all ways are known. Bans on more combinations than can be looked at are left out of the components, and
    tested where trials are listed.

    Attributes:
        tree: the decisions, all of which have listed alternatives.
        bans: what no trial has.
        cache: what others have counted of the same decisions.
    """

    tree: Tree
    bans: tuple[Ban, ...] = ()
    cache: Cache = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def count(self) -> int:
        """How many trials there are, or at most."""
        return self._free * math.prod(each.count for each in self._components)

    @property
    def is_exact(self) -> bool:
        """Whether ``count`` is their number."""
        return not self._tested

    def __getitem__(self, index: int) -> list[Choice]:
        """The choices of a trial; the index is from 0 and below ``count``, and the enumeration is exact."""
        choices: list[Choice] = [None] * len(self.tree.decisions)
        at = [0] * len(self._components)
        ways = self.count
        for decision in self.tree.decisions:
            number = self._component_of.get(decision.index)
            if number is not None:
                place, state = self._layers[decision.index], at[number]
                others = ways // self._components[number].counts[place][state]
                for edge in self._components[number].edges[place][state]:
                    ways = edge.ways * others
                    if index < ways:
                        break
                    index -= ways
                choices[decision.index], at[number] = edge.choice, edge.to
            elif self.tree.is_made(decision, choices):
                others = ways // self._counted.ways[decision.index]
                choices[decision.index], index, ways = self._free_choice(decision, index, others)
        return choices

    def index(self, choices: Sequence[Choice]) -> int | None:
        """Where a trial stands; None if a ban forbids it. The enumeration is exact."""
        at = [0] * len(self._components)
        ways, index = self.count, 0
        for decision in self.tree.decisions:
            choice, number = choices[decision.index], self._component_of.get(decision.index)
            if number is not None:
                place, state = self._layers[decision.index], at[number]
                if not ways:
                    return None
                others = ways // self._components[number].counts[place][state]
                for edge in self._components[number].edges[place][state]:
                    if edge.choice == choice:
                        break
                    index += edge.ways * others
                else:
                    return None
                ways, at[number] = edge.ways * others, edge.to
            elif choice is not None:
                others = ways // self._counted.ways[decision.index]
                if decision.branches:
                    index += others * sum(self._branch(decision, each) for each in range(choice))
                    ways = others * self._branch(decision, choice)
                else:
                    index, ways = index + others * choice, others
        return index

    def forbids(self, choices: Sequence[Choice]) -> bool:
        """Whether a ban forbids a trial."""
        return any(ban.forbids(choices) for ban in self.bans)

    def refuses(self, choices: Sequence[Choice]) -> bool:
        """Whether a ban forbids a trial that is left out of the count."""
        return any(ban.forbids(choices) for bans in self._tested.values() for ban in bans)

    def way(self, index: int, choice: Choice) -> Mapping[int, Choice]:
        """Choices of a decision that is not free and of all that are connected with it; nothing, if it never is so."""
        found = self._components[self._component_of[index]]
        return dict(zip(found.indices, found.way(index, choice) or (), strict=False))

    def is_free(self, decision: Decision) -> bool:
        """Whether a decision can be made in any way, whatever the others are, as far as all is counted."""
        return decision.index not in self._component_of

    def __iter__(self) -> Iterator[Sequence[Choice]]:
        """The choices of all trials, in order; each is to be read before the next is asked for.

        Raises:
            ConfigError: bans on too many combinations refuse one after the other.
        """
        if not self.bans and not any(decision.branches for decision in self.tree.decisions):
            return iter(itertools.product(*(range(decision.size or 0) for decision in self.tree.decisions)))
        return self._walk()

    def _walk(self) -> Iterator[Sequence[Choice]]:
        count = len(self.tree.decisions)
        choices: list[Choice] = [None] * count
        states = [[0] * (len(each.indices) + 1) for each in self._components]
        options = [self._options(0, choices, states)]
        refused = 0
        while options:
            index = len(options) - 1
            if next(options[index], _END) is _END:
                options.pop()
                continue
            if any(ban.forbids(choices) for ban in self._tested.get(index, ())):
                refused += 1
                self._check_refused(refused, index)
            elif len(options) < count:
                options.append(self._options(len(options), choices, states))
            else:
                refused = 0
                yield choices

    def _options(self, index: int, choices: list[Choice], states: list[list[int]]) -> Iterator[None]:
        """Make a decision in every way that is left after those before it, one after the other."""
        decision, number = self.tree.decisions[index], self._component_of.get(index)
        if number is not None:
            place = self._layers[index]
            for edge in self._components[number].edges[place][states[number][place]]:
                choices[index], states[number][place + 1] = edge.choice, edge.to
                yield
        elif self.tree.is_made(decision, choices):
            for choices[index] in range(decision.size or 0):
                yield
        else:
            choices[index] = None
            yield

    def _check_refused(self, refused: int, index: int) -> None:
        if refused > _MOST_REFUSED:
            rule = self._tested[index][0].rule
            raise ConfigError(
                f"no trial is left among {_MOST_REFUSED:,} combinations one after the other",
                where=said(rule),
                hint="write conditions about fewer parameters each, such as those between 'and' and 'or' one by one",
            )

    def _free_choice(self, decision: Decision, index: int, others: int) -> tuple[Choice, int, int]:
        """The choice that an index falls into, the index within it, and how many ways it has."""
        if not decision.branches:
            choice, index = divmod(index, others)
            return choice, index, others
        for choice in range(decision.branches):
            ways = self._branch(decision, choice) * others
            if index < ways:
                break
            index -= ways
        return choice, index, ways

    def _branch(self, decision: Decision, choice: int) -> int:
        return self._counted.ways_of_branches.get((decision.index, choice), 1)

    @cached_property
    def _free(self) -> int:
        """How many ways there are to make the decisions that are in no component and no branch."""
        free = (each for each in self.tree.decisions if not each.parent and each.index not in self._component_of)
        return math.prod(self._counted.ways[each.index] for each in free)

    @property
    def _components(self) -> Sequence[Component]:
        return self._counted.components

    @cached_property
    def _component_of(self) -> Mapping[int, int]:
        return {index: number for number, each in enumerate(self._components) for index in each.indices}

    @cached_property
    def _layers(self) -> Mapping[int, int]:
        """Where a decision stands in its component."""
        return {index: layer for each in self._components for layer, index in enumerate(each.indices)}

    @cached_property
    def _tested(self) -> Mapping[int, Sequence[Ban]]:
        """The bans that are tested one trial at a time, by their last decision."""
        found: dict[int, list[Ban]] = {}
        for ban in self._counted.left_out:
            found.setdefault(ban.uses[-1], []).append(ban)
        return found

    @cached_property
    def _counted(self) -> _Counted:
        bans = [ban for ban in self.bans if self._is_listed(ban)]
        while True:
            groups = self._groups(bans)
            ways, of_branches = self._free_ways({index for indices, _ in groups for index in indices})
            found, wrong, most = [], set[Ban](), _MOST_EDGES
            for indices, own in groups:
                made = self._component(indices, own, of_branches, most)
                if made is None:
                    wrong.update(own)
                else:
                    most -= made.size
                    found.append(made)
            if not wrong:
                counted = set(bans)
                return _Counted(found, ways, of_branches, [ban for ban in self.bans if ban not in counted])
            bans = [ban for ban in bans if ban not in wrong]

    def _component(
        self, indices: Sequence[int], bans: Sequence[Ban], weights: Mapping[tuple[int, int], int], most: int
    ) -> Component | None:
        key = frozenset(bans)
        if key not in self.cache:
            try:
                self.cache[key] = component(self.tree, indices, bans, weights, most)
            except TooMany:
                self.cache[key] = None
        return self.cache[key]

    def _is_listed(self, ban: Ban) -> bool:
        """Whether all combinations of what each fact is about can be looked at."""
        sizes = (math.prod((self.tree.decisions[index].size or 0) for index in fact.uses) for fact in ban.facts)
        return all(size <= _MOST_WAYS for size in sizes)

    def _groups(self, bans: Sequence[Ban]) -> list[tuple[list[int], list[Ban]]]:
        """The decisions that bans connect, with those that choose their branches, and the bans about them."""
        leader: dict[int, int] = {}

        def find(index: int) -> int:
            while leader.setdefault(index, index) != index:
                index = leader[index]
            return index

        for ban in bans:
            for index in ban.uses:
                leader[find(index)] = find(ban.uses[0])
                parent = self.tree.decisions[index].parent
                while parent:
                    leader[find(parent[0])] = find(index)
                    parent = self.tree.decisions[parent[0]].parent
        groups: dict[int, tuple[list[int], list[Ban]]] = {}
        for index in sorted(leader):
            groups.setdefault(find(index), ([], []))[0].append(index)
        for ban in bans:
            groups[find(ban.uses[0])][1].append(ban)
        return list(groups.values())

    def _free_ways(self, bound: set[int]) -> tuple[dict[int, int], dict[tuple[int, int], int]]:
        """How many ways each decision that no ban is about has, and those of each branch together."""
        ways: dict[int, int] = {}
        branches: dict[tuple[int, int], int] = {}
        for decision in reversed(self.tree.decisions):
            for branch in range(decision.branches):
                children = self.tree.children.get((decision.index, branch), ())
                branches[decision.index, branch] = math.prod(ways[each] for each in children if each not in bound)
            if decision.branches:
                ways[decision.index] = sum(branches[decision.index, each] for each in range(decision.branches))
            else:
                ways[decision.index] = decision.size or 0
        return ways, branches
