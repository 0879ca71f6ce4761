"""Why a space has as many trials as it has (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridfold.space.rules import Rule


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
        branches: of each union that is in no other, and then of those inside.
        added: the values of each trial that is added and is not among the others.
    """

    raw: int | None
    count: int | None
    is_exact: bool
    removed: tuple[Removed, ...] = ()
    branches: tuple[Branch, ...] = ()
    added: tuple[Mapping[str, Any], ...] = ()
