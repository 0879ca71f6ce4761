"""Trials that are chosen by the results of others: TPE, Gaussian processes, CMA-ES and NSGA-II, by Optuna.

The first trials are random, and are listed together. After them each trial is listed when there is room for it, so that
as much as can be is known when it is chosen.

A trial is drawn again if it is excluded, or was drawn before: it is never run twice. Where the sampler names no new one,
a random one is taken, and where all are known, the search is done. A trial that failed counts as worse than all others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.propose.protocol import OVER, Answer, Proposal, runs_of
from gridfold.propose.sampled import Drawn, Random, Sampled
from gridfold.propose.study import Known, Rebuilt, Replayed, Study
from gridfold.records.objective import mean_of
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.axes import Decisions
from gridfold.space.repeats import Repetition
from gridfold.space.trial import Trial

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Measure = Callable[[RunEntry, Record], Sequence[float] | None]
"""What a run gave, all to be minimized; None if it has nothing to be compared by."""

_FIRST = {"tpe": 10, "gp": 10, "cmaes": 1}  # random trials
_POPULATION = (8, 50)  # of NSGA-II, at least and at most
_GENERATIONS = 5  # at least, if there are trials enough
_TRIES = {"tpe": 20, "gp": 3, "cmaes": 20, "nsga": 20}  # a Gaussian process takes long, and names the same again
_NEEDS = {"tpe": ("optuna",), "gp": ("optuna", "scipy", "torch"), "cmaes": ("optuna", "cmaes"), "nsga": ("optuna",)}
_MOST_WITHOUT_NUMBER = 10**9


class Learnable(Drawn, Protocol):
    """A space of which a study can learn."""

    def decisions(self, params: Mapping[str, Any]) -> Decisions | None:
        """The decisions that make a trial; None if it is not of the space."""
        ...


@dataclass(frozen=True)
class Method:
    """How trials are chosen by results.

    Attributes:
        name: ``tpe``, ``gp``, ``cmaes`` or ``nsga``.
        trials: how many; None if something else ends the search.
        seed: of all that is random.
        objectives: how many values a trial has.
    """

    name: str
    trials: int | None = None
    seed: int = 0
    objectives: int = 1

    @property
    def first(self) -> int:
        """How many trials are random."""
        first = _FIRST.get(self.name, self._population)
        return first if self.trials is None else min(first, self.trials)

    @property
    def _population(self) -> int:
        least, most = _POPULATION
        return most if self.trials is None else min(most, max(least, self.trials // _GENERATIONS))

    def study(self, space: Drawn) -> Study:
        """What chooses trials of a space.

        Raises:
            ConfigError: a package that it needs is not installed.
        """
        self.check()
        tries = _TRIES[self.name]
        if self.name in ("cmaes", "nsga"):
            return Replayed(space, self._sampler(space), self.seed, self.objectives, tries)
        ranks_failures = self.name == "tpe"
        return Rebuilt(space, self._sampler(space), self.seed, self.objectives, tries, ranks_failures)

    def check(self) -> None:
        """Whether the packages that it needs are installed.

        Raises:
            ConfigError: one is not.
        """
        for package in _NEEDS[self.name]:
            if find_spec(package) is None:
                hint = "pip install torch" if package == "torch" else 'pip install "gridfold[search]"'
                raise ConfigError(f"needs {package}, which is not installed", where=f"strategy {self.name}", hint=hint)

    def _sampler(self, space: Drawn) -> Callable[[int, bool], BaseSampler]:
        is_conditional = any(parameter.optional for parameter in space.parameters)

        def sampler(seed: int, is_beside_others: bool) -> BaseSampler:  # noqa: FBT001 - as `Sampler` says
            from optuna import samplers

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what may change in Optuna
                if self.name == "tpe":
                    return samplers.TPESampler(
                        seed=seed, multivariate=True, group=is_conditional, constant_liar=is_beside_others
                    )
                if self.name == "gp":
                    return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
                if self.name == "cmaes":
                    return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
                return samplers.NSGAIISampler(seed=seed, population_size=self._population)

        return sampler


@dataclass
class _Runs:
    """The runs of a trial that are listed.

    Attributes:
        first: the index of the first of them.
        params: of the trial.
        records: by repeat and part of the data; None while a run is not over.
    """

    first: int
    params: Mapping[str, Any]
    records: dict[tuple[int, int | None], tuple[RunEntry, Record | None]] = field(default_factory=dict)

    @property
    def are_over(self) -> bool:
        """Whether nothing more comes of them."""
        return all(record is not None for _, record in self.records.values())


@dataclass
class Sample:
    """Chooses trials by the results of those before; see `Proposer`.

    Attributes:
        space: what they are drawn from.
        method: how.
        repetitions: the runs of each trial.
        measure: tells what a run gave.
        learned: trials of earlier searches, in their order.
    """

    space: Learnable
    method: Method
    repetitions: Sequence[Repetition]
    measure: Measure
    learned: Sequence[Known] = ()
    learns = True
    _trials: dict[str, _Runs] = field(default_factory=dict, init=False)
    _known: dict[str, Known] = field(default_factory=dict, init=False)
    _next: list[Proposal] | Answer | None = field(default=None, init=False)

    def ask(self, room: int) -> Sequence[Proposal] | Answer:
        """The runs of the next trial; see `Proposer`."""
        if self._next is None:
            self._next = self._missing() or self._new()
        return self._next if isinstance(self._next, str) else self._next[:room]

    def tell(self, entry: RunEntry, record: Record | None) -> None:
        """Hear that a run is listed, and what came of it; see `Proposer`."""
        if entry.confirms:
            return
        record = record if record and record.state in OVER else None
        key = canonical(entry.params)
        runs = self._trials.setdefault(key, _Runs(entry.index, entry.params))
        runs.first = min(runs.first, entry.index)
        runs.records[entry.repeat, entry.fold] = entry, record
        self._known.pop(key, None)
        self._next = None

    def _missing(self) -> list[Proposal]:
        """The runs that are listed together and were not yet: of the first trials, and of the last one."""
        missing = [each for each in runs_of(self._first, self.repetitions) if not self._is_listed(each)]
        if missing or not self._trials:
            return missing
        last = max(self._trials.values(), key=lambda runs: runs.first)
        return [each for each in runs_of([Trial(None, last.params)], self.repetitions) if not self._is_listed(each)]

    def _is_listed(self, proposal: Proposal) -> bool:
        runs, repetition = self._trials.get(canonical(proposal.trial.params)), proposal.repetition
        fold = repetition.fold.index if repetition.fold else None
        return runs is not None and (repetition.repeat, fold) in runs.records

    def _new(self) -> list[Proposal] | Answer:
        most = self.method.trials
        if most is not None and len(self._trials) >= most:
            return "done"
        trial = self._study.next([*self.learned, *self._heard()]) or self._random()
        return "done" if trial is None else list(runs_of([Trial(None, trial.params)], self.repetitions))

    def _random(self) -> Trial | None:
        """A random trial that is not known; None if there is none."""
        return next((trial for trial in self._drawn if canonical(trial.params) not in self._trials), None)

    def _heard(self) -> Iterator[Known]:
        """What is known of the trials that are listed."""
        for key, runs in sorted(self._trials.items(), key=lambda item: item[1].first):
            if key not in self._known:
                decisions = self.space.decisions(runs.params)
                self._known[key] = Known(key, decisions, runs.are_over, self._values(runs))
            yield self._known[key]

    def _values(self, runs: _Runs) -> tuple[float, ...] | None:
        """The means of what its runs gave, as far as they gave something."""
        if not runs.are_over:
            return None
        found = [self.measure(entry, record) for entry, record in runs.records.values() if record and record.is_done]
        measured = [values for values in found if values is not None]
        return tuple(mean_of(list(values)) for values in zip(*measured, strict=True)) if measured else None

    @cached_property
    def first(self) -> Sampled:
        """The first trials."""
        return Sampled(self.space, self.method.first, Random(self.method.seed), self.method.seed)

    @cached_property
    def _first(self) -> list[Trial]:
        return list(self.first)

    @cached_property
    def _drawn(self) -> Sampled:
        """All random trials, as many as there are."""
        most = self.method.trials or _MOST_WITHOUT_NUMBER
        return Sampled(self.space, most, Random(self.method.seed), self.method.seed)

    @cached_property
    def _study(self) -> Study:
        return self.method.study(self.space)
