"""Whether the rules of a space make sense (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from gridfold.core.errors import ConfigError
from gridfold.space.bans import Ban, Chosen, problem_of, said
from gridfold.space.rules import Exclusion, Rule, When
from gridfold.space.ruling import Ruling

_MOST_EFFORT = 200_000  # edges; some 5 µs each
_REMOVE = "remove it, or compare with values that there are"


def check_rules(ruling: Ruling) -> None:
    """Whether each rule holds for some trials, and all of them leave some; as far as that is soon known.

    Raises:
        ConfigError: one does not, or they do not.
    """
    for rule, bans in zip(ruling.rules, ruling.of_rules, strict=True):
        if isinstance(rule, Exclusion):
            _check_constants(rule, bans)
    if not ruling.tree.is_listed:
        return
    for rule, bans in zip(ruling.rules, ruling.of_rules, strict=True):
        if ruling.effort <= _MOST_EFFORT:
            _check_exclusion(rule, bans, ruling) if isinstance(rule, Exclusion) else _check_when(rule, bans, ruling)
    if ruling.enumeration.is_exact and not ruling.enumeration.count:
        rule = ruling.rules[-1]
        hint = "\n".join(said(other) for other in ruling.rules[:-1])
        raise ConfigError("excludes all that the other conditions leave", where=said(rule), hint=hint)


def _check_constants(rule: Exclusion, bans: Sequence[Ban]) -> None:
    if not bans and not rule.may_idle:
        raise ConfigError("never holds", where=said(rule), hint=_REMOVE)
    if not all(ban.facts for ban in bans):
        raise ConfigError("excludes everything", where=said(rule), hint="it holds for all trials")


def _check_exclusion(rule: Exclusion, bans: Sequence[Ban], ruling: Ruling) -> None:
    left = ruling.under(bans)
    if not left.is_exact:
        return
    if left.count == ruling.under(()).count and not rule.may_idle:
        raise problem_of(rule, [fact for ban in bans for fact in ban.facts], "never holds", _REMOVE)
    if not left.count:
        raise ConfigError("excludes everything", where=said(rule), hint="it holds for all trials")


def _check_when(rule: When, bans: Sequence[Ban], ruling: Ruling) -> None:
    if rule.may_idle:
        return
    decisions = [each for each in ruling.tree.by_path[rule.path] if (each.size or 0) > 1]
    for decision in decisions:
        left = ruling.under([*bans, _other_than_first(decision.index, rule)])
        if not left.is_exact or left.count:
            return
    if decisions:
        facts = [fact for ban in bans for fact in ban.facts]
        raise problem_of(rule, facts, f"never holds, so {rule.path} would never vary", _REMOVE)


def _other_than_first(index: int, rule: Rule) -> Ban:
    """Leaves the trials only in which a decision is made, and is not the first alternative."""
    return Ban((Chosen(index, (None, 0)),), rule)
