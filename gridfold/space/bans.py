"""The rules of a space as bans on choices: combinations of facts that no trial has (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from gridfold.core.errors import ConfigError, cut
from gridfold.space.axes import Union
from gridfold.space.conditions import NOTHING, Condition, Known
from gridfold.space.constants import hint_of, inner, inside, lookup
from gridfold.space.parameters import RangeParameter
from gridfold.space.rules import Exclusion, Rule, When
from gridfold.space.tree import Choice, Decision, Tree

_MOST_ROWS = 1000  # of a parameter, in which names are looked for
_FORM = "training.batch_size > 64 and training.learning_rate > 1e-4"
_MOST_KNOWN = 50_000  # combinations for which it is remembered whether a fact holds


class Fact(Protocol):
    """Something that holds of some choices or does not."""

    @property
    def uses(self) -> tuple[int, ...]:
        """The decisions that it is about, in their order."""
        ...

    def holds(self, choices: Sequence[Choice]) -> bool:
        """Whether it holds, of choices in which these decisions are made."""
        ...


@dataclass(frozen=True)
class Chosen:
    """That a decision is one of some choices; or, if it is not ``wanted``, that it is none of them."""

    index: int
    choices: tuple[Choice, ...]
    wanted: bool = True

    @property
    def uses(self) -> tuple[int, ...]:
        """The decision."""
        return (self.index,)

    def holds(self, choices: Sequence[Choice]) -> bool:
        """Whether it is so."""
        return (choices[self.index] in self.choices) is self.wanted


@dataclass(frozen=True)
class Source:
    """Where a name of a condition gets its value."""

    index: int
    value: Callable[[Choice], Any]


class Met:
    """That a condition holds, or that it does not.

    Args:
        condition: the condition.
        sources: for each of its names where it gets its value; and its value otherwise.
        sizes: how many alternatives each decision has, None for those of a range.
        wanted: whether it is to hold.
    """

    def __init__(
        self,
        condition: Condition,
        sources: Mapping[str, tuple[Sequence[Source], Any]],
        sizes: Sequence[int | None],
        *,
        wanted: bool,
    ) -> None:
        self.condition, self.wanted = condition, wanted
        self._sources = {name: sources[name] for name in condition.names}
        self.uses = tuple(sorted({source.index for places, _ in self._sources.values() for source in places}))
        self.errors: list[Exception] = []
        self.made_sense = False
        self._known: dict[tuple[Choice, ...], bool] | None = {}
        size = 1
        for index in self.uses:
            size *= sizes[index] or _MOST_KNOWN + 1
        if size > _MOST_KNOWN:
            self._known = None

    def holds(self, choices: Sequence[Choice]) -> bool:
        """Whether it holds as wanted."""
        if self._known is None:
            return self._evaluate(choices)
        key = tuple([choices[index] for index in self.uses])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._evaluate(choices)
        return found

    def _evaluate(self, choices: Sequence[Choice]) -> bool:
        values = {}
        for name, (places, otherwise) in self._sources.items():
            found = NOTHING
            for source in places:
                choice = choices[source.index]
                if choice is not None:
                    found = source.value(choice)
                    if found is not NOTHING:
                        break
            values[name] = otherwise if found is NOTHING else found
        try:
            holds = self.condition.value(values)
        except Exception as error:  # whatever operators and functions raise on such values
            if not self.errors:
                self.errors.append(error)
            return not self.wanted
        self.made_sense = True
        return holds is self.wanted


@dataclass(frozen=True, eq=False)
class Ban:
    """Facts that no trial has together.

    Attributes:
        facts: each is about at least one decision.
        rule: what says so.
    """

    facts: tuple[Fact, ...]
    rule: Rule

    @cached_property
    def uses(self) -> tuple[int, ...]:
        """The decisions that it is about, in their order."""
        return tuple(sorted({index for fact in self.facts for index in fact.uses}))

    def forbids(self, choices: Sequence[Choice]) -> bool:
        """Whether all facts hold, of choices in which all of its decisions are made."""
        return all(fact.holds(choices) for fact in self.facts)


def said(rule: Rule) -> str:
    """How a message about a rule begins: ``base.yaml:7:12: exclude 'a > 1'``, or ``--exclude 'a > 1'``."""
    words = ["exclude" if isinstance(rule, Exclusion) else f"when {rule.path}:", cut(repr(rule.text), 120)]
    if rule.where.startswith("--"):
        words[0] = words[0].replace("exclude", rule.where).replace("when", rule.where)
        return " ".join(words)
    return ": ".join(part for part in (rule.where, " ".join(words)) if part)


@dataclass(frozen=True)
class Compiler:
    """Makes bans of rules.

    Attributes:
        tree: the decisions.
        constants: values that do not vary, by dotted path, with values inside of values.
    """

    tree: Tree
    constants: Mapping[str, Any]

    def bans(self, rule: Rule) -> list[Ban]:
        """The bans that a rule stands for; none if it never holds.

        Raises:
            ConfigError: the condition cannot be read or names what is not there; the parameter does not vary, or
                depends on itself.
        """
        cases = self._cases(rule, hold=isinstance(rule, Exclusion))
        if isinstance(rule, Exclusion):
            return _without_constants(rule, cases)
        found = []
        for decision in self._about(rule):
            varied = Chosen(decision.index, (None, decision.first), wanted=False)
            if any(decision.index in fact.uses for case in cases for fact in case):
                problem = f"the condition is about {rule.path} itself, or about what varies together with it"
                raise ConfigError(problem, where=said(rule), hint="name other parameters")
            found += _without_constants(rule, [[varied, *case] for case in cases])
        return found

    def fact(self, rule: Rule) -> Met:
        """That the condition of a rule holds."""
        condition, sources = self._condition(rule)
        return self._met(condition, sources, wanted=True)

    def _cases(self, rule: Rule, *, hold: bool) -> list[list[Met]]:
        """The cases in which a rule's condition holds, or does not."""
        condition, sources = self._condition(rule)
        return [
            [self._met(part, sources, wanted=wanted) for part, wanted in case] for case in condition.cases(hold=hold)
        ]

    def _condition(self, rule: Rule) -> tuple[Condition, Mapping[str, tuple[list[Source], Any]]]:
        condition = Condition(rule.text, self._names, said(rule), _FORM, self._hint)
        sources = {name: self._sources(name) for name in condition.names}
        condition.tell_apart({name: self._known(*sources[name]) for name in condition.names})
        return condition, sources

    def _met(self, condition: Condition, sources: Mapping[str, tuple[Sequence[Source], Any]], *, wanted: bool) -> Met:
        return Met(condition, sources, [decision.size for decision in self.tree.decisions], wanted=wanted)

    def _about(self, rule: When) -> Sequence[Decision]:
        if rule.path not in self.tree.by_path and not rule.may_idle:
            hint = hint_of(rule.path, self.tree.by_path, self.constants)
            raise ConfigError("has a condition, but does not vary", path=rule.path, where=rule.where, hint=hint)
        return self.tree.by_path.get(rule.path, ())

    def _hint(self, name: str) -> str:
        """The paths that end so."""
        ends = [path for path in self._names if path.endswith(f".{name}")]
        return f"did you mean {' or '.join(repr(path) for path in ends)}?" if 0 < len(ends) <= 3 else ""

    @cached_property
    def _names(self) -> list[str]:
        """What a condition may name: what varies, what does not, and what is inside of these."""
        found = dict.fromkeys(self.tree.by_path)
        for path, decisions in self.tree.by_path.items():
            for decision in decisions:
                at = decision.paths.index(path)
                for row in (decision.rows or ())[:_MOST_ROWS]:
                    if isinstance(row[at], (dict, list)):
                        found.update(dict.fromkeys(inside(row[at], path)))
        of_branches = [values for _, constants in self._constants_of_branches for values in constants]
        for values in [self.constants, *of_branches]:
            names = {name for path, value in values.items() for name in inside(value, path)} - self._holders
            found.update(dict.fromkeys(name for name in sorted(names) if not self._is_stale(name)))
        return list(found)

    def _is_stale(self, name: str) -> bool:
        """Whether a constant is inside of what always varies."""
        parts = name.split(".")
        outer = (".".join(parts[:length]) for length in range(1, len(parts)))
        ways = [self.tree.by_path[path] for path in outer if path in self.tree.by_path]
        return any(not decision.parent and not decision.branches for decisions in ways for decision in decisions)

    @cached_property
    def _constants_of_branches(self) -> list[tuple[int, tuple[Mapping[str, Any], ...]]]:
        """The decisions that choose branches with values that do not vary, and these."""
        unions = [(each.index, each.axis) for each in self.tree.decisions if isinstance(each.axis, Union)]
        return [(index, union.constants) for index, union in unions if union.constants]

    @cached_property
    def _holders(self) -> set[str]:
        """The paths above what varies: there stands more than one value."""
        parts = [path.split(".") for path in self.tree.by_path]
        return {".".join(path[:length]) for path in parts for length in range(1, len(path))} - set(self.tree.by_path)

    def _sources(self, name: str) -> tuple[list[Source], Any]:
        found, parts = [], name.split(".")
        for length in range(1, len(parts) + 1):
            path, rest = ".".join(parts[:length]), parts[length:]
            for decision in self.tree.by_path.get(path, ()):
                found.append(Source(decision.index, _reader(decision, decision.paths.index(path), rest)))
        for index, constants in self._constants_of_branches:
            values = [lookup(each, name) for each in constants]
            if any(value is not NOTHING for value in values):
                found.append(Source(index, values.__getitem__))
        return found, NOTHING if found and not self._is_optional(found) else lookup(self.constants, name)

    def _is_optional(self, sources: Iterable[Source]) -> bool:
        return all(self.tree.decisions[source.index].parent for source in sources)

    def _known(self, sources: Sequence[Source], otherwise: Any) -> Known:
        values = [otherwise]
        for source in sources:
            decision = self.tree.decisions[source.index]
            if decision.rows is None:
                assert isinstance(decision.axis, RangeParameter)
                values += [source.value(decision.axis.distribution.at(unit)) for unit in (0.0, 1.0)]
            else:
                values += map(source.value, range(len(decision.rows)))
        return Known(values)


def _without_constants(rule: Rule, bans: Iterable[Sequence[Fact]]) -> list[Ban]:
    """The bans, less the facts that depend on no decision, and less those that such a fact makes void."""
    found = []
    for facts in bans:
        if all(fact.uses or fact.holds(()) for fact in facts):
            found.append(Ban(tuple(fact for fact in facts if fact.uses), rule))
    return found


def _reader(decision: Decision, place: int, rest: Sequence[str]) -> Callable[[Choice], Any]:
    """What a parameter has at some keys inside of its value."""
    if decision.rows is None:
        return (lambda _: NOTHING) if rest else (lambda choice: choice)
    values = [inner(row[place], rest) for row in decision.rows]
    return values.__getitem__


def problem_of(rule: Rule, facts: Iterable[Fact], what: str, hint: str = "") -> ConfigError:
    """What to say of a rule that makes no sense.

    Args:
        rule: the rule.
        facts: the parts of its condition.
        what: what is wrong with it.
        hint: what to do.
    """
    senseless = [fact for fact in facts if isinstance(fact, Met) and fact.errors and not fact.made_sense]
    if senseless:
        return ConfigError(f"cannot be evaluated for any trial: {senseless[0].errors[0]}", where=said(rule))
    return ConfigError(what, where=said(rule), hint=hint)
