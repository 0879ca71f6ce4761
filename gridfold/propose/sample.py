"""Trials that are not all listed when a search begins: mostly those that are chosen by the results of others.

TPE, Gaussian processes, CMA-ES and NSGA-II are Optuna's; see ``study``.

The first trials are random, and are listed together. After them each trial is listed when there is room for it, so that
as much as can be is known when it is chosen.

A trial is drawn again if it is excluded, or was drawn before: none is run twice. Where the sampler names no new one, a
random one is taken, and where all are known, the search is done. A trial that failed counts as worse than all others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.propose.protocol import OVER, Answer, Proposal, runs_of
from gridfold.propose.sampled import Sampled
from gridfold.propose.study import Known, Rebuilt, Replayed, Sampler, Study
from gridfold.records.objective import mean_of
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.repeats import Repetition
from gridfold.space.space import Space
from gridfold.space.trial import Trial

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Measure = Callable[[RunEntry, Record], Sequence[float] | None]
"""What a run gave, all to be minimized; None if it has nothing to be compared by."""

_TRIES = {"tpe": 20, "gp": 3, "cmaes": 20, "nsga": 20}  # a Gaussian process takes long, and names the same again
_NEEDS = {"tpe": ("optuna",), "gp": ("optuna", "scipy", "torch"), "cmaes": ("optuna", "cmaes"), "nsga": ("optuna",)}
_MOST_AT_ONCE = 1000  # trials
_GENERATION = 4  # trials, of CMA-ES, at least


@dataclass(frozen=True)
class Method:
    """How trials are chosen by results.

    Attributes:
        name: ``tpe``, ``gp``, ``cmaes`` or ``nsga``.
        first: how many trials are random; with ``nsga`` also how many a generation has.
        seed: of all that is random.
        objectives: how many values a trial has.
    """

    name: str
    first: int
    seed: int = 0
    objectives: int = 1

    def study(self, space: Space) -> Study:
        """What chooses trials of a space.

        Raises:
            ConfigError: a package that it needs is not installed.
        """
        self.check()
        tries = _TRIES[self.name]
        if self.name in ("cmaes", "nsga"):
            least = _GENERATION if self.name == "cmaes" else None
            return Replayed(space, self._sampler(space), self.seed, self.objectives, tries, least)
        is_tpe = self.name == "tpe"
        return Rebuilt(
            space, self._sampler(space), self.seed, self.objectives, tries, ranks_failures=is_tpe, is_pure=is_tpe
        )

    def check(self) -> None:
        """Whether the packages that it needs are installed.

        Raises:
            ConfigError: one is not.
        """
        for package in _NEEDS[self.name]:
            if find_spec(package) is None:
                hint = "pip install torch" if package == "torch" else 'pip install "gridfold[search]"'
                raise ConfigError(f"needs {package}, which is not installed", where=f"strategy {self.name}", hint=hint)

    def _sampler(self, space: Space) -> Sampler:
        is_conditional = any(parameter.optional for parameter in space.parameters)

        def sampler(seed: int, *, beside: bool = False) -> BaseSampler:
            from optuna import samplers

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what may change in Optuna
                if self.name == "tpe":
                    return samplers.TPESampler(seed=seed, multivariate=True, group=is_conditional, constant_liar=beside)
                if self.name == "gp":
                    return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
                if self.name == "cmaes":
                    return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
                return samplers.NSGAIISampler(seed=seed, population_size=max(2, self.first))

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
        drawn: as many trials as there may be, as they are drawn where no result says which.
        repetitions: the runs of each trial.
        method: how results say which; None if they are not looked at.
        measure: tells what a run gave.
        learned: trials of earlier searches, in their order.
        is_lazy: see `Proposer`; else all trials are listed at once.
    """

    drawn: Sampled
    repetitions: Sequence[Repetition]
    method: Method | None = None
    measure: Measure = lambda *_: None
    learned: Sequence[Known] = ()
    is_lazy: bool = True
    _trials: dict[str, _Runs] = field(default_factory=dict, init=False)
    _known: dict[str, Known] = field(default_factory=dict, init=False)
    _rest: list[Trial] = field(default_factory=list, init=False)  # drawn, and not listed yet
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
        last = max(self._trials.values(), key=lambda runs: runs.first, default=None)
        if missing or last is None:
            return missing
        return [each for each in runs_of([Trial(None, last.params)], self.repetitions) if not self._is_listed(each)]

    def _is_listed(self, proposal: Proposal) -> bool:
        runs, repetition = self._trials.get(canonical(proposal.trial.params)), proposal.repetition
        fold = repetition.fold.index if repetition.fold else None
        return runs is not None and (repetition.repeat, fold) in runs.records

    def _new(self) -> list[Proposal] | Answer:
        room = self.drawn.most - len(self._trials)
        if room <= 0:
            return "done"
        if self.method:
            trial = self._study.next([*self.learned, *self._heard()])
            trials = [trial] if trial else self._random(1)
        else:
            trials = self._random(1 if self.is_lazy else min(room, _MOST_AT_ONCE))
        return list(runs_of([Trial(None, trial.params) for trial in trials], self.repetitions)) or "done"

    def _random(self, most: int) -> list[Trial]:
        """The next trials that are drawn and not listed."""
        self._rest = [trial for trial in self._rest if canonical(trial.params) not in self._trials]
        while len(self._rest) < most and (trial := next(self._draws, None)):
            if canonical(trial.params) not in self._trials:
                self._rest.append(trial)
        return self._rest[:most]

    def _heard(self) -> Iterator[Known]:
        """What is known of the trials that are listed."""
        for key, runs in sorted(self._trials.items(), key=lambda item: item[1].first):
            if key not in self._known:
                decisions = self.drawn.space.decisions(runs.params)
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
    def _first(self) -> list[Trial]:
        """The trials that are listed together when the search begins; without a method, those that were then."""
        told = sum(each.values is not None for each in self.learned)
        first = max(1, len(self.drawn.space.additions), self.method.first - told) if self.method else 0
        return list(islice(self.drawn, first))

    @cached_property
    def _draws(self) -> Iterator[Trial]:
        return iter(self.drawn)

    @cached_property
    def _study(self) -> Study:
        assert self.method
        return self.method.study(self.drawn.space)
