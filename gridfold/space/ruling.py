"""What the rules of a space leave of its axes (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gridfold.space.bans import Ban, Compiler, Met
from gridfold.space.enumeration import Cache, Enumeration
from gridfold.space.rules import Rule, When
from gridfold.space.tree import Tree


@dataclass(frozen=True)
class Ruling:
    """The decisions of a space and the rules for them.

    Attributes:
        tree: the decisions.
        rules: the rules.
        constants: values that do not vary, which rules may name.
    """

    tree: Tree
    rules: Sequence[Rule]
    constants: Mapping[str, Any]
    _cache: Cache = field(default_factory=dict)

    @cached_property
    def of_rules(self) -> Sequence[Sequence[Ban]]:
        """The bans that each rule stands for."""
        return [self._compiler.bans(rule) for rule in self.rules]

    @cached_property
    def bans(self) -> tuple[Ban, ...]:
        """All of them."""
        return tuple(ban for bans in self.of_rules for ban in bans)

    @property
    def about_lists(self) -> list[Rule]:
        """The rules that are about nothing but decisions whose alternatives are listed."""
        sizes = [decision.size for decision in self.tree.decisions]
        uses = [
            (rule, {use for ban in bans for use in ban.uses})
            for rule, bans in zip(self.rules, self.of_rules, strict=True)
        ]
        return [rule for rule, used in uses if all(sizes[use] is not None for use in used)]

    @cached_property
    def enumeration(self) -> Enumeration:
        """The trials that all rules leave."""
        return self.under(self.bans)

    def under(self, bans: Sequence[Ban]) -> Enumeration:
        """The trials that some bans leave."""
        return Enumeration(self.tree, tuple(bans), self._cache)

    @property
    def effort(self) -> int:
        """How many edges have been looked at so far."""
        return sum(each.size for each in self._cache.values() if each)

    @cached_property
    def asked_where(self) -> Mapping[int, Sequence[Met]]:
        """The decisions that are made only where some facts hold, with these."""
        found: dict[int, list[Met]] = {}
        for rule in self.rules:
            if isinstance(rule, When):
                fact = self._compiler.fact(rule)
                for decision in self.tree.by_path.get(rule.path, ()):
                    found.setdefault(decision.index, []).append(fact)
        return found

    @cached_property
    def _compiler(self) -> Compiler:
        return Compiler(self.tree, self.constants)
