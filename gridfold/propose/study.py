"""Optuna's samplers, by ask and tell.

Optuna compares choices by equality, so that of ``[True, 1]`` it makes one. Here it sees positions and numbers only, and
a parameter with other alternatives, as in another branch, has another name.

A study is made again from what is known of the trials, so it is never saved. Each ask has a sampler of its own, seeded
by the number of the trial, which so depends on nothing but what is known of the trials before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """

    space: Space
    sampler: Sampler
    seed: int
    objectives: int
    tries: int
    ranks_failures: bool = False
    _study: optuna.Study = field(init=False)
    _heard: int = field(default=0, init=False)  # known trials
    _size: int = field(default=0, init=False)  # trials in the study, with those that were drawn only
    _running: dict[int, int] = field(default_factory=dict, init=False)  # known trials that were not over, their numbers
    _keys: set[str] = field(default_factory=set, init=False)
    _worst: _Worst = field(init=False)

    def __post_init__(self) -> None:
        self._study = _new_study(self.objectives)
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
            asked, trial = self._ask(len(known), attempt)
            self._study.tell(asked, state=_states().FAIL)
            if trial is not None and canonical(trial.params) not in self._keys:
                return trial
        return None

    def _ask(self, number: int, attempt: int) -> tuple[optuna.Trial, Trial | None]:
        self._study.sampler = self.sampler(_seed(self.seed, number, attempt), beside=bool(self._running))
        asked = self._study.ask()
        self._size += 1
        return asked, self.space.draw(_Asking(asked))

    def _forget(self) -> None:
        """Begin again, now that a trial has failed less badly than the study was told: what is told is not changed."""
        self._study = _new_study(self.objectives)
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
        self._study = _new_study(self.objectives)

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
        self.space.draw(_Asking(asked))
        return asked

    def _draw(self, place: int, wanted: str) -> tuple[optuna.Trial | None, Trial | None]:
        """Draw a trial that is not known, or is the one that is wanted; those drawn before are told what they gave."""
        for attempt in range(self.tries):
            self._study.sampler = self.sampler(_seed(self.seed, place, attempt))
            asked = self._study.ask()
            trial = self.space.draw(_Asking(asked))
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
class _Asking:
    """Has the decisions made by a trial of Optuna's."""

    trial: optuna.Trial

    def position(self, path: str, count: int, *, ordered: bool) -> int:
        """Which of some alternatives; see `Chooser`."""
        if count == 1:
            return 0
        name = _name(path, count, ordered)
        if ordered:
            return self.trial.suggest_int(name, 0, count - 1)
        return int(self.trial.suggest_categorical(name, range(count)))

    def value(self, path: str, distribution: Distribution) -> float | int:
        """A value of a range; see `Chooser`."""
        name, low, high, log = _range(path, distribution)
        if isinstance(distribution, Normal):
            return distribution.at(self.trial.suggest_float(name, low, high))
        if distribution.whole:
            return self.trial.suggest_int(name, int(low), int(high), log=log)
        return distribution.at(_unit(self.trial.suggest_float(name, low, high, log=log), low, high, log=log))


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
        import optuna

        name, low, high, log = _range(path, distribution)
        value = self.decisions[path]
        number = (
            NormalDist(distribution.mean, distribution.deviation).cdf(value)
            if isinstance(distribution, Normal)
            else value
        )
        if isinstance(distribution, Normal) or not distribution.whole:
            self.params[name] = min(high, max(low, float(number)))
            self.distributions[name] = optuna.distributions.FloatDistribution(low, high, log=log)
        else:
            self.params[name] = int(value)
            self.distributions[name] = optuna.distributions.IntDistribution(int(low), int(high), log=log)
        return value


def _name(path: str, count: int, ordered: bool) -> str:  # noqa: FBT001 - as it is
    """What Optuna calls a decision: with other alternatives, it is another one."""
    return f"{path} {'<' if ordered else ''}{count}"


def _alternatives(count: int, ordered: bool) -> Any:  # noqa: FBT001 - as it is
    import optuna

    if ordered:
        return optuna.distributions.IntDistribution(0, count - 1)
    return optuna.distributions.CategoricalDistribution(range(count))


def _range(path: str, distribution: Distribution) -> tuple[str, float, float, bool]:
    """What Optuna calls a range, its ends, and whether it is logarithmic; of a normal distribution the quantiles."""
    if isinstance(distribution, Normal):
        return f"{path} ~{distribution.mean} {distribution.deviation}", _TAILS, 1 - _TAILS, False
    low, high = distribution.low, distribution.high
    kind = f"{'log' if distribution.log else ''}{'int' if distribution.whole else ''}"
    return f"{path} {kind}[{low}, {high}]", low, high, distribution.log


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


def _new_study(objectives: int) -> optuna.Study:
    """A study in memory, of which nothing is printed."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study(directions=["minimize"] * objectives)
    finally:
        optuna.logging.set_verbosity(verbosity)
