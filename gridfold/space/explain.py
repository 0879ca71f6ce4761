"""Why a space has as many trials as it has (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridfold.space.bans import Ban, Chosen
from gridfold.space.rules import Exclusion, Rule
from gridfold.space.ruling import Ruling


@dataclass(frozen=True)
class Removed:
    """What a condition removes.

    Attributes:
        rule: the condition.
        alone: how many trials it would remove if it were the only one; None where that is not counted.
        then: how many it removes of those that the conditions before it leave; None where that is not counted.
    """

    rule: Rule
    alone: int | None
    then: int | None


@dataclass(frozen=True)
class Branch:
    """What a branch of a union has.

    Attributes:
        path: the path that says which branch a trial takes.
        value: what it says for this one.
        count: how many trials take it, those that are added left out; None where that is not counted.
    """

    path: str
    value: Any
    count: int | None


@dataclass(frozen=True)
class Explanation:
    """How the number of trials comes about: ``raw``, less what conditions remove, and what is added.

    Attributes:
        raw: how many combinations there are; None if there is no end.
        count: how many trials there are in the end, or at most; None if there is no end.
        is_exact: whether that is their number.
        removed: what each condition removes, in their order.
        branches: those of each union, in the order of the axes; a union inside of a branch comes after those around it.
        added: the values of each trial that is added and is not among the others.
    """

    raw: int | None
    count: int | None
    is_exact: bool
    removed: tuple[Removed, ...] = ()
    branches: tuple[Branch, ...] = ()
    added: tuple[Mapping[str, Any], ...] = ()


def explained(ruling: Ruling, count: int | None, added: Sequence[Mapping[str, Any]], *, is_exact: bool) -> Explanation:
    """How the number of trials comes about that some rules leave, to which others are added."""
    if not ruling.tree.is_listed:
        return Explanation(
            None, None, is_exact, tuple(Removed(rule, None, None) for rule in ruling.rules), (), (*added,)
        )
    return Explanation(
        raw=ruling.under(()).count,
        count=count,
        is_exact=is_exact,
        removed=tuple(_removed(ruling)),
        branches=tuple(_branches(ruling)),
        added=tuple(added),
    )


def _removed(ruling: Ruling) -> Iterator[Removed]:
    raw = ruling.under(()).count
    left: int | None = raw
    before: list[Ban] = []
    for rule, bans in zip(ruling.rules, ruling.of_rules, strict=True):
        alone = _count(ruling, bans)
        before += bans
        then = _count(ruling, before) if left is not None else None
        yield Removed(
            rule, None if alone is None else raw - alone, None if then is None or left is None else left - then
        )
        left = then


def _branches(ruling: Ruling) -> Iterator[Branch]:
    for decision in ruling.tree.decisions:
        for branch in range(decision.branches):
            elsewhere = Ban((Chosen(decision.index, (branch,), wanted=False),), Exclusion(""))
            count = _count(ruling, [*ruling.bans, elsewhere])
            yield Branch(decision.paths[0], decision.values(branch)[0], count)


def _count(ruling: Ruling, bans: Sequence[Ban]) -> int | None:
    left = ruling.under(bans)
    return left.count if left.is_exact else None
