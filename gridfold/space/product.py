"""The grid: every combination of values that the conditions leave, indexed and lazy (pure)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, render
from gridfold.space.additions import completed
from gridfold.space.axes import Axis, Chooser, Decisions
from gridfold.space.checks import check_rules
from gridfold.space.drawing import Drawing
from gridfold.space.enumeration import Enumeration
from gridfold.space.explain import Explanation, explained
from gridfold.space.look import listed, samples
from gridfold.space.parameters import ListedParameter, RangeParameter
from gridfold.space.rules import Addition, Rule
from gridfold.space.ruling import Ruling
from gridfold.space.space import Space
from gridfold.space.tree import Tree
from gridfold.space.trial import Trial


@dataclass(frozen=True)
class Product(Space):
    """Every combination of values along some axes that the conditions leave; the last axis varies fastest.

    Nothing is listed: a trial is made when asked for, so a product of 2**60 trials costs what its parameters cost.
    ``len()`` works up to ``sys.maxsize``; ``count()`` always does.

    Attributes:
        axes: what a trial decides.
        conditions: which combinations are not made.
        added: trials that come after all others, if they are not among them; no condition is about them.
        constants: values that do not vary, by dotted path, which the conditions may name; such as the values of a
            config as they are, with values inside of values.

    Raises:
        ConfigError: a path varies twice; a condition cannot be read, names what is not there, never holds, or leaves
            nothing; an added trial has a path or a value that cannot be.
    """

    axes: tuple[Axis, ...] = ()
    conditions: tuple[Rule, ...] = ()
    added: tuple[Addition, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_rules(self._ruling)
        if self.conditions and not self._tree.is_listed:  # what is about lists only can be told all the same
            check_rules(Ruling(Tree(listed(self.axes)), self._ruling.about_lists, self.constants))
        self._additions  # noqa: B018 - errors before anything is made of it

    @cached_property
    def parameters(self) -> tuple[ListedParameter | RangeParameter, ...]:
        """Every parameter that a trial may have, once, with all values that it has anywhere."""
        added: dict[str, list[Any]] = {}
        for params in self._additions.values():
            for path, value in params.items():
                added.setdefault(path, []).append(value)
        return tuple(_merged(path, self._tree, added.get(path, [])) for path in self._tree.by_path)

    @property
    def names(self) -> Sequence[str]:
        """What a chooser may be asked for, each once; see `Chooser`."""
        return [decision.key for decision in self._tree.decisions]

    @property
    def factors(self) -> Sequence[tuple[str, int]]:
        """Each axis and how many values it has; nothing, where there are branches, conditions or additions."""
        decisions = self._tree.decisions
        is_product = not self.conditions and not self._additions and not any(each.branches for each in decisions)
        return [(each.key, each.size or 0) for each in decisions] if is_product and self._tree.is_listed else ()

    def count(self) -> int | None:
        """How many trials there are, or at most: 1 if nothing varies, None if there is a range without a list."""
        return self._trials.count + len(self._additions) if self._tree.is_listed else None

    @property
    def is_exact(self) -> bool:
        """Whether ``count`` is the number of trials, and each has an index that is known at once."""
        return self._tree.is_listed and self._trials.is_exact

    def __len__(self) -> int:
        count = self.count()
        if count is None:
            raise TypeError("a space with a range has no length")
        return count

    def __getitem__(self, index: int) -> Trial:
        """The trial at a position; from the end, if it is negative.

        Where the count is not exact, all trials before it are made; but not again, if the one asked for before it was
        not after it.

        Raises:
            IndexError: there are not that many.
            ConfigError: there is a range without a list of values.
        """
        self._check_listed()
        count = len(self) if index < 0 else self.count() or 0
        if not -count <= index < count:
            raise IndexError(f"trial {index} of a space of {count}")
        index %= count
        if not self._trials.is_exact:
            return self._walked.at(index)
        if index < self._trials.count:
            return Trial(index, self._tree.params(self._trials[index]))
        return Trial(index, [*self._additions.values()][index - self._trials.count])

    def __iter__(self) -> Iterator[Trial]:
        self._check_listed()
        listed = self._combinations() if self.factors else map(self._tree.params, self._trials)
        return itertools.starmap(Trial, enumerate(itertools.chain(listed, self._additions.values())))

    def _combinations(self) -> Iterator[dict[str, Any]]:
        """The values of all trials of a plain product, in a fraction of the time."""
        paths = [path for decision in self._tree.decisions for path in decision.paths]
        rows = itertools.product(*(decision.rows or () for decision in self._tree.decisions))
        return (dict(zip(paths, itertools.chain.from_iterable(row), strict=True)) for row in rows)

    def trial(self, params: Mapping[str, Any]) -> Trial:
        """The trial that has exactly these values, each of the type that the list has.

        Raises:
            ConfigError: a parameter has no value, or one that is not in its list; or there is no such parameter; or a
                condition excludes the trial.
        """
        key = canonical(params) if self._additions else ""
        if key in self._additions:
            index = self._trials.count + [*self._additions].index(key) if self.is_exact else None
            return Trial(index, self._additions[key])
        choices = self._tree.choices(params)
        for ban in self._ruling.bans:
            if ban.forbids(choices):
                problem = f"the trial {render(dict(params)):.200} is excluded by {ban.rule.text!r:.200}"
                raise ConfigError(problem, where=ban.rule.where)
        return Trial(self._trials.index(choices) if self.is_exact else None, self._tree.params(choices))

    def draw(self, chooser: Chooser) -> Trial | None:
        """The trial that a chooser decides on, without its index; None if a condition excludes it."""
        params = self._drawing.draw(chooser)
        return None if params is None else Trial(None, params)

    def decisions(self, params: Mapping[str, Any]) -> Decisions | None:
        """What a chooser has to answer so that ``draw`` gives the trial of these values; None if it cannot."""
        try:
            choices = self._tree.choices(params)
        except ConfigError:
            return None
        is_left = not any(ban.forbids(choices) for ban in self._ruling.bans) or canonical(params) in self._additions
        return self._drawing.decisions(choices) if is_left else None

    def sample(self, most: int) -> Iterator[Trial]:
        """Trials that have every value that occurs at least once, and ``most`` others; all, if there are no more.

        Of a range without a list they have both ends, or what is far from the mean.
        """
        count = self.count()
        if count is not None and self.is_exact and count <= most:
            yield from self
            return
        ruling = self._ruling
        if not self._tree.is_listed:
            ruling = Ruling(Tree(listed(self.axes)), self.conditions, self.constants)
        for choices in samples(ruling, most):
            yield Trial(self._trials.index(choices) if self.is_exact else None, ruling.tree.params(choices))
        yield from (self.trial(params) for params in self._additions.values())

    def explain(self) -> Explanation:
        """How the number of trials comes about."""
        return explained(self._ruling, self.count(), [*self._additions.values()], is_exact=self.is_exact)

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.axes)

    @cached_property
    def _ruling(self) -> Ruling:
        return Ruling(self._tree, self.conditions, self.constants)

    @property
    def _trials(self) -> Enumeration:
        return self._ruling.enumeration

    @cached_property
    def _drawing(self) -> Drawing:
        is_added = (lambda params: canonical(params) in self._additions) if self.added else None
        return Drawing(self._tree, self._ruling.bans, self._ruling.asked_where, is_added)

    @property
    def additions(self) -> Sequence[Mapping[str, Any]]:
        """The values of the trials that are to be made in any case, whether they are among the others or not."""
        return [completed(addition, self._tree, self.constants) for addition in self.added]

    @cached_property
    def _additions(self) -> dict[str, dict[str, Any]]:
        """The values of each trial that is added and is not among the others, by their text."""
        found: dict[str, dict[str, Any]] = {}
        for addition in self.added:
            params = completed(addition, self._tree, self.constants)
            if not self._is_listed(params):
                found[canonical(params)] = params
        return found

    def _is_listed(self, params: Mapping[str, Any]) -> bool:
        try:
            choices = self._tree.choices(params)
        except ConfigError:
            return False
        return not any(ban.forbids(choices) for ban in self._ruling.bans)

    @cached_property
    def _walked(self) -> _Walk:
        return _Walk(self)

    def _check_listed(self) -> None:
        for decision in self._tree.decisions:
            if decision.rows is None:
                parameter = decision.parameters[0]
                raise ConfigError(
                    "is a range, and a grid needs a list of values",
                    path=parameter.path,
                    where=parameter.where,
                    hint="say how many values, as in !log [1e-6, 1e-3, 7], or choose a strategy that draws values, "
                    "such as --strategy random --trials 20",
                )


class _Walk:
    """The trials of a space one after the other: the way to an index goes on from where the last one ended."""

    def __init__(self, space: Product) -> None:
        self._space = space
        self._trials = iter(space)
        self._last: Trial | None = None

    def at(self, index: int) -> Trial:
        """The trial at an index.

        Raises:
            IndexError: there are not that many.
        """
        if self._last is None or index < (self._last.index or 0):
            self._trials, self._last = iter(self._space), None
        while self._last is None or self._last.index != index:
            self._last = next(self._trials, None)
            if self._last is None:
                raise IndexError(f"trial {index} of a space that has fewer")
        return self._last


def _merged(path: str, tree: Tree, added: Sequence[Any]) -> ListedParameter | RangeParameter:
    """A parameter of several branches as one, with the values of all, and those of trials that are added."""
    own = [(each, each.parameters[each.paths.index(path)]) for each in tree.by_path[path]]
    is_optional = not any(each.parent is None for each, _ in own)
    first = own[0][1]
    if any(parameter.values is None for _, parameter in own):
        range_ = next(parameter for _, parameter in own if isinstance(parameter, RangeParameter))
        return replace(range_, optional=is_optional)
    values = {canonical(value): value for _, parameter in own for value in parameter.values or ()}
    values |= {canonical(value): value for value in added if canonical(value) not in values}
    return ListedParameter(path, tuple(values.values()), first.where, is_optional)
