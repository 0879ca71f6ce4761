"""Optuna's samplers, by ask and tell.

Optuna compares choices by equality, so that of ``[True, 1]`` it makes one. Here it sees positions and numbers only, and
a parameter with other alternatives, as in another branch, has another name.

A study is made again from what is known of the trials, so it is never saved. Each ask has a sampler of its own, seeded
by the number of the trial, which so depends on nothing but what is known of the trials before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

from gridfold.core.values import canonical
from gridfold.space.axes import Decisions
from gridfold.space.parameters import Distribution, Normal
from gridfold.space.space import Space
from gridfold.space.trial import Trial

if TYPE_CHECKING:
    import optuna

_BAD = 1e300  # behind all others, for a sampler that looks at nothing but the order
_MOST_KEPT = 1000  # distributions
_TAILS = 0.001  # of a normal distribution, on each side: no value is drawn from there


@dataclass(frozen=True)
class Known:
    """What is known of a trial.

    Attributes:
        key: what no two trials have in common.
        decisions: what makes it; None if it is not of the space.
        is_over: whether all its runs are over.
        values: what it gave, all to be minimized; None if it failed, or is not over.
    """

    key: str
    decisions: Decisions | None
    is_over: bool = False
    values: tuple[float, ...] | None = None


class Study(Protocol):
    """Chooses trials by what is known of others."""

    def next(self, known: Sequence[Known]) -> Trial | None:
        """A trial that is not known yet; None if no draw gives one.

        Args:
            known: the trials before it, in order. Each time they begin with those of the time before, of which some may
                be over now.
        """
        ...


class Sampler(Protocol):
    """Makes a sampler of Optuna's."""

    def __call__(self, seed: int, *, beside: bool = False) -> optuna.samplers.BaseSampler:
        """A sampler.

        Args:
            seed: of all that it draws.
            beside: whether other trials are under way.
        """
        ...


@dataclass
class Rebuilt:
    """A study to which known trials are added as they are.

    Attributes:
        space: what trials are drawn from.
        sampler: see `Sampler`.
        seed: of all draws.
        objectives: how many values a trial has.
        tries: how often to draw, before it is given up to find a trial that is not known.
        ranks_failures: whether the sampler puts a trial without a value behind all others; else it is given the worst
            value that is known, so that it is not tried for ever.
        is_pure: whether the sampler notes nothing in a trial, unless others are under way.
    """

    space: Space
    sampler: Sampler
    seed: int
    objectives: int
    tries: int
    ranks_failures: bool = False
    is_pure: bool = False
    _study: optuna.Study = field(init=False)
    _storage: optuna.storages.InMemoryStorage = field(init=False)
    _heard: int = field(default=0, init=False)  # known trials
    _size: int = field(default=0, init=False)  # trials in the study, with those that were drawn only
    _running: dict[int, int] = field(default_factory=dict, init=False)  # known trials that were not over, their numbers
    _keys: set[str] = field(default_factory=set, init=False)
    _worst: _Worst = field(init=False)

    def __post_init__(self) -> None:
        self._storage, self._study = _new_study(self.objectives)
        self._worst = _Worst()

    def next(self, known: Sequence[Known]) -> Trial | None:
        """A trial that is not known yet; see `Study`."""
        self._hear(known)
        if self._worst.has_changed_since_given:
            self._forget()
            self._hear(known)
        if not self._worst.values:
            return None
        for attempt in range(self.tries):
            sampler = self.sampler(_seed(self.seed, len(known), attempt), beside=bool(self._running))
            trial = self._ask(sampler) if self._running or not self.is_pure else self._sample(sampler)
            if trial is not None and canonical(trial.params) not in self._keys:
                return trial
        return None

    def _ask(self, sampler: optuna.samplers.BaseSampler) -> Trial | None:
        """Draw a trial, which is noted in the study, too."""
        self._study.sampler = sampler
        asked = self._study.ask()
        self._size += 1
        trial = self.space.draw(_asking(asked))
        self._study.tell(asked, state=_states().FAIL)
        return trial

    def _sample(self, sampler: optuna.samplers.BaseSampler) -> Trial | None:
        """Draw a trial without leaving a trace."""
        import optuna

        # A study that is not asked goes on with the trials that it has seen: so it is a new one each time.
        study = optuna.Study(self._study.study_name, self._storage, sampler)
        trial = optuna.trial.create_trial(state=_states().RUNNING)
        relative = sampler.infer_relative_search_space(study, trial)
        values = sampler.sample_relative(study, trial, relative)

        def suggest(name: str, distribution: optuna.distributions.BaseDistribution) -> Any:
            return values[name] if name in values else sampler.sample_independent(study, trial, name, distribution)

        return self.space.draw(_Suggested(suggest))

    def _forget(self) -> None:
        """Begin again, now that a trial has failed less badly than the study was told: what is told is not changed."""
        self._storage, self._study = _new_study(self.objectives)
        self._heard = self._size = 0
        self._running.clear()
        self._worst.given.clear()

    def _hear(self, known: Sequence[Known]) -> None:
        for place in sorted(self._running):
            if known[place].is_over:
                state, values = self._outcome(known[place])
                self._study.tell(self._running.pop(place), values, state)
        for each in known[self._heard :]:
            self._keys.add(each.key)
            if each.decisions is not None:
                self._add(each, each.decisions)
            self._heard += 1

    def _add(self, known: Known, decisions: Decisions) -> None:
        import optuna

        state, values = self._outcome(known)
        if state == _states().RUNNING:
            self._running[self._heard] = self._size
        given = _Given(decisions)
        self.space.draw(given)
        added = optuna.trial.create_trial(
            state=state, values=values, params=given.params, distributions=given.distributions
        )
        self._study.add_trial(added)
        self._size += 1

    def _outcome(self, known: Known) -> tuple[optuna.trial.TrialState, list[float] | None]:
        states = _states()
        if not known.is_over:
            return states.RUNNING, None
        if known.values is None and self.ranks_failures:
            return states.PRUNED, None
        values = self._worst.give() if known.values is None else self._worst.hear(known.values)
        return (states.COMPLETE, values) if values else (states.FAIL, None)


@dataclass
class Replayed:
    """A study in which each trial is asked for again, because its sampler notes in a trial what it did to choose it.

    Attributes: as those of `Rebuilt`, and
        least: how many trials its sampler learns from at a time, at least, if it learns from the bad ones, too. So
            many failures in a row are left out, or it would take the first of them for good ones. None if it learns
            from the good ones only.
    """

    space: Space
    sampler: Sampler
    seed: int
    objectives: int
    tries: int
    least: int | None = None
    _study: optuna.Study = field(init=False)
    _asked: list[optuna.Trial | None] = field(default_factory=list, init=False)  # for the known trials
    _told: set[int] = field(default_factory=set, init=False)
    _drawn: dict[int, tuple[str, optuna.Trial]] = field(default_factory=dict, init=False)  # and not known yet
    _outcomes: dict[str, Known] = field(default_factory=dict, init=False)
    _failures: int | None = field(default=None, init=False)  # since the last trial that gave something

    def __post_init__(self) -> None:
        _, self._study = _new_study(self.objectives)

    def next(self, known: Sequence[Known]) -> Trial | None:
        """A trial that is not known yet; see `Study`."""
        for place, each in enumerate(known):
            if place == len(self._asked):
                self._asked.append(self._ask_for(place, each))
            self._outcomes[each.key] = each
            if each.is_over and place not in self._told:
                self._told.add(place)
                self._hear(self._asked[place], each)
        if self._failures is None:
            return None
        place = len(known)
        asked, trial = self._draw(place, "")
        if asked is None or trial is None:
            return None
        self._drawn[place] = canonical(trial.params), asked
        return trial

    def _hear(self, asked: optuna.Trial | None, known: Known) -> None:
        """Hear that a trial is over."""
        if asked:
            self._tell(asked, known)
        if known.values is not None:
            self._failures = 0
        elif self._failures is not None:
            self._failures += 1

    def _ask_for(self, place: int, known: Known) -> optuna.Trial | None:
        """Ask for a known trial, as it was asked for when it was chosen, if nothing else was known then."""
        if known.decisions is None:
            return None
        key, asked = self._drawn.pop(place, ("", None))
        if asked is None and self._failures is not None:
            asked, trial = self._draw(place, known.key)
            key = canonical(trial.params) if trial else ""
        if asked is not None and key == known.key:
            return asked
        if asked is not None:
            self._study.tell(asked, state=_states().FAIL)
        given = _Given(known.decisions)
        self.space.draw(given)
        self._study.enqueue_trial(given.params)
        self._study.sampler = self.sampler(_seed(self.seed, place, 0))
        asked = self._study.ask()
        self.space.draw(_asking(asked))
        return asked

    def _draw(self, place: int, wanted: str) -> tuple[optuna.Trial | None, Trial | None]:
        """Draw a trial that is not known, or is the one that is wanted; those drawn before are told what they gave."""
        for attempt in range(self.tries):
            self._study.sampler = self.sampler(_seed(self.seed, place, attempt))
            asked = self._study.ask()
            trial = self.space.draw(_asking(asked))
            key = canonical(trial.params) if trial else ""
            if trial and (key == wanted or key not in self._outcomes):
                return asked, trial
            self._tell(asked, self._outcomes.get(key))
        return None, None

    def _tell(self, asked: optuna.Trial, known: Known | None) -> None:
        values: Sequence[float] | None = known.values if known and known.is_over else None
        has_failed = known is not None and known.is_over and values is None
        if has_failed and self._failures is not None and self._failures + 1 < (self.least or 0):
            values = [_BAD] * self.objectives
        if values is not None:
            self._study.tell(asked, values)
        else:
            self._study.tell(asked, state=_states().FAIL)


@dataclass
class _Worst:
    """The worst values that are known: what a trial that failed is taken to have given.

    Attributes:
        values: none yet, or one for each objective.
        given: those that trials were taken to have given.
    """

    values: list[float] = field(default_factory=list)
    given: set[tuple[float, ...]] = field(default_factory=set)
    _best: list[float] = field(default_factory=list)

    @property
    def has_changed_since_given(self) -> bool:
        """Whether there are worse values than trials were taken to have given."""
        return not self.given <= {tuple(self._bad())}

    def hear(self, values: Sequence[float]) -> list[float]:
        """Note what a trial gave."""
        self.values = [max(pair) for pair in zip(self.values or values, values, strict=True)]
        self._best = [min(pair) for pair in zip(self._best or values, values, strict=True)]
        return [*values]

    def give(self) -> list[float]:
        """What a trial that failed is taken to have given; nothing if nothing tells what is bad."""
        bad = self._bad()
        if bad:
            self.given.add(tuple(bad))
        return bad

    def _bad(self) -> list[float]:
        """The worst values; something worse, if the best are no better."""
        pairs = zip(self.values, self._best, strict=True)
        return [worst if worst > best else worst + (abs(worst) or 1.0) for worst, best in pairs]


@dataclass(frozen=True)
class _Suggested:
    """Has decisions made by Optuna.

    Attributes:
        suggest: gives a value, by the name of a decision and its distribution.
    """

    suggest: Callable[[str, Any], Any]

    def position(self, path: str, count: int, *, ordered: bool) -> int:
        """Which of some alternatives; see `Chooser`."""
        if count == 1:
            return 0
        return int(self.suggest(_name(path, count, ordered), _alternatives(count, ordered)))

    def value(self, path: str, distribution: Distribution) -> float | int:
        """A value of a range; see `Chooser`."""
        name, range_ = _range(path, distribution)
        found = self.suggest(name, range_)
        if isinstance(distribution, Normal):
            return distribution.at(found)
        if distribution.whole:
            return int(found)
        return distribution.at(_unit(found, distribution.low, distribution.high, log=distribution.log))


def _asking(trial: optuna.Trial) -> _Suggested:
    """Has decisions made by a trial that was asked for."""
    import optuna

    def suggest(name: str, distribution: Any) -> Any:
        if isinstance(distribution, optuna.distributions.CategoricalDistribution):
            return trial.suggest_categorical(name, distribution.choices)
        if isinstance(distribution, optuna.distributions.IntDistribution):
            return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)

    return _Suggested(suggest)


@dataclass(frozen=True)
class _Given:
    """Makes given decisions, and notes what they are for Optuna."""

    decisions: Decisions
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, Any] = field(default_factory=dict)

    def position(self, path: str, count: int, *, ordered: bool) -> int:
        """Which of some alternatives; see `Chooser`."""
        position = int(self.decisions[path])
        if count > 1:
            name = _name(path, count, ordered)
            self.params[name], self.distributions[name] = position, _alternatives(count, ordered)
        return position

    def value(self, path: str, distribution: Distribution) -> float | int:
        """A value of a range; see `Chooser`."""
        name, range_ = _range(path, distribution)
        value = self.decisions[path]
        if isinstance(distribution, Normal):
            value = NormalDist(distribution.mean, distribution.deviation).cdf(value)
        self.params[name] = min(range_.high, max(range_.low, value))
        self.distributions[name] = range_
        return self.decisions[path]


def _name(path: str, count: int, ordered: bool) -> str:  # noqa: FBT001 - as it is
    """What Optuna calls a decision: with other alternatives, it is another one."""
    return f"{path} {'<' if ordered else ''}{count}"


@lru_cache(maxsize=_MOST_KEPT)
def _alternatives(count: int, ordered: bool) -> Any:  # noqa: FBT001 - as it is
    import optuna

    if ordered:
        return optuna.distributions.IntDistribution(0, count - 1)
    return optuna.distributions.CategoricalDistribution(range(count))


@lru_cache(maxsize=_MOST_KEPT)
def _range(path: str, distribution: Distribution) -> tuple[str, Any]:
    """What Optuna calls a range, and what it is for Optuna; of a normal distribution the quantiles are asked for."""
    import optuna

    if isinstance(distribution, Normal):
        name = f"{path} ~{distribution.mean} {distribution.deviation}"
        return name, optuna.distributions.FloatDistribution(_TAILS, 1 - _TAILS)
    low, high, log = distribution.low, distribution.high, distribution.log
    kind = f"{'log' if log else ''}{'int' if distribution.whole else ''}"
    name = f"{path} {kind}[{low}, {high}]"
    if distribution.whole:
        return name, optuna.distributions.IntDistribution(int(low), int(high), log=log)
    return name, optuna.distributions.FloatDistribution(low, high, log=log)


def _unit(value: float, low: float, high: float, *, log: bool) -> float:
    """Which part of a range is below a value."""
    if log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def _seed(seed: int, number: int, attempt: int) -> int:
    return int.from_bytes(blake2b(f"{seed} {number} {attempt}".encode(), digest_size=4).digest())


def _states() -> type[optuna.trial.TrialState]:
    import optuna

    return optuna.trial.TrialState


def _new_study(objectives: int) -> tuple[optuna.storages.InMemoryStorage, optuna.Study]:
    """A study in memory, of which nothing is printed, and where it is."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = optuna.storages.InMemoryStorage()
        return storage, optuna.create_study(storage=storage, directions=["minimize"] * objectives)
    finally:
        optuna.logging.set_verbosity(verbosity)
