"""What a search will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gridfold.config.config import Config
from gridfold.config.known import SECTION
from gridfold.config.laid import of_space
from gridfold.config.one_value import guesses, shortest, to_paste
from gridfold.config.overrides import Variation, parse_arguments
from gridfold.config.pruning import said as said_of_pruning
from gridfold.config.render import Renderer
from gridfold.config.seeds import find_seeds
from gridfold.config.space import space_of
from gridfold.config.strategy import LEARNS, Strategy
from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_RUNS, USUAL_RUNS
from gridfold.core.values import digest, from_params
from gridfold.executors.protocol import Executor
from gridfold.executors.registry import LOCAL
from gridfold.identity.fingerprint import Code
from gridfold.propose.grid import Grid
from gridfold.propose.protocol import Proposal
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import RunNames
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.checks import Checks
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.repeats import Repetition, Seeds, repetitions
from gridfold.space.space import Space, size_text
from gridfold.trainers.placeholders import trainer_named
from gridfold.trainers.protocol import BUILT_IN, Remark

if TYPE_CHECKING:
    from gridfold.propose.sampled import Sampled

RACE_LEAST = 3  # repeats that a race needs to be one
_FACTORS = 8  # that a message shows
_CHECKED = 200  # trials; beyond, not every combination is checked
_LAYOUTS = 20  # ways to take branches, besides those that are needed to see each branch
_SAID = (
    "executor",
    "resources",
    "cwd",
    "repeats",
    "folds",
    "metric",
    "maximize",
    "vary",
    "max_runs",
    "link",
    "exclude",
    "when",
    "prune",
    "strategy",
)  # of a search, if it was said
_FIRST = 10  # trials of a search without a number of them
_RACE_FIRST = 2  # this many repeats tell what noise is


@dataclass(frozen=True)
class Plan:
    """What a search will do: a config and what is laid over it. Nothing is created yet.

    Attributes:
        config: the base config.
        variations: what is laid over it.
        race: whether it begins with few repeats, and goes on with those trials only that may be the best.
        learn_from: earlier searches by whose results trials are chosen, too.

    Raises:
        ConfigError: when it is made, if a variation does not fit the config.
    """

    config: Config
    variations: tuple[Variation, ...] = ()
    race: bool = False
    learn_from: tuple[str, ...] = ()

    @cached_property
    def renderer(self) -> Renderer:
        """The configs of the first runs of the trials."""
        return self.renderer_of(self.repetitions[0])

    @cached_property
    def space(self) -> Product:
        """The trials, or what a strategy takes them from."""
        space = space_of(*self._repeated(self.repetitions[0]), self._seed_path)
        first = space[0] if self.strategy.is_grid else next(space.sample(1))
        self.renderer.text(first.params)  # errors before the first print and the first directory
        return space

    @cached_property
    def seeds(self) -> Seeds:
        """The seeds of the repeats."""
        return find_seeds(self.config, self.variations, built_in=self._is_built_in)

    @property
    def _seed_path(self) -> str | None:
        """Where the seed is, if it tells repeats apart."""
        return self.seeds.path if self.most_repeats > 1 else None

    @property
    def most_repeats(self) -> int:
        """How many repeats a trial has in the end, at most."""
        return len(self.seeds.given) if self.seeds.are_listed else self.config.settings.repeats or 1

    @property
    def repeats(self) -> int:
        """How many repeats each trial begins with."""
        if not self.race:
            return self.most_repeats
        if self.most_repeats < RACE_LEAST:
            problem = f"needs at least {RACE_LEAST} repeats (got {self.most_repeats})"
            raise ConfigError(problem, where="--race", hint="set the number of repeats: --repeats 5")
        return 1 if self.config.settings.folds else _RACE_FIRST

    @property
    def folds(self) -> int | None:
        """Into how many parts the training data are split."""
        return self.config.settings.folds

    @cached_property
    def repetitions(self) -> tuple[Repetition, ...]:
        """The runs that each trial begins with."""
        return tuple(repetitions(range(self.repeats), self.folds))

    @cached_property
    def strategy(self) -> Strategy:
        """How trials are chosen."""
        return Strategy.read(self.config.settings.strategy)

    @cached_property
    def drawn(self) -> Sampled:
        """As many trials as there may be, as the strategy draws them where no result says which."""
        from gridfold.propose.sampled import Evenly, Random, Sampled  # a grid needs nothing of it

        strategy = self.strategy
        seed = int(digest(f"{strategy.seed} {self.learn_from}", 8), 16) if self.learn_from else strategy.seed
        draws = Evenly(seed, tuple(self.space.names)) if strategy.name == "sobol" else Random(seed)  # none known again
        most = max(1, self.limit // self._runs_of_trial) if strategy.trials is None else strategy.trials
        return Sampled(self.space, most, draws, seed)

    @property
    def is_open(self) -> bool:
        """Whether nothing says how many trials there are, so that they are listed one by one."""
        return not self.strategy.is_grid and self.strategy.trials is None

    @cached_property
    def trials(self) -> int:
        """How many trials there are in the end, at most (see ``is_exact``); without end as many as may run."""
        space = self.space if self.strategy.is_grid else self.drawn
        count, most = space.count(), max(1, self.limit // self._runs_of_trial)
        if count is None:
            return most
        return count if space.is_exact or count > most else sum(1 for _ in space)

    @property
    def is_exact(self) -> bool:
        """Whether there are exactly as many trials as ``trials`` says: more than may run are not counted one by one."""
        return not self.strategy.is_grid or self.space.is_exact or self.most_runs <= self.limit

    @cached_property
    def first_trials(self) -> Space:
        """The trials that the search begins with."""
        if self.strategy.is_grid:
            return self.space
        random = 1 if self.learn_from else self.strategy.random  # what earlier searches tell comes instead
        first = random if self.strategy.learns else _FIRST if self.is_open else self.drawn.most
        return replace(self.drawn, most=min(max(first, len(self.space.additions)), self.drawn.most))

    def learning_from(self, names: Sequence[str], store: Store) -> Plan:
        """The plan that learns from some searches.

        Raises:
            ConfigError: there is no such search, or the strategy does not learn.
        """
        if not names:
            return self  # a copy would look at the space once more
        if not self.strategy.learns:
            hint = f"choose a strategy that does: {', '.join(LEARNS)}"
            raise ConfigError(f"{self.strategy.name} does not learn from results", where="--learn-from", hint=hint)
        return replace(self, learn_from=tuple(dict.fromkeys(store.find(name).name for name in names)))

    def check_end(self, *, has_budget: bool = False) -> None:
        """Whether something says when the search is over.

        Raises:
            ConfigError: nothing does.
        """
        if self.strategy.learns and self.race:
            hint = "leave one of them out; --race goes with grid, random and sobol"
            raise ConfigError(f"{self.strategy.name} lists trials one by one, and a race begins with all", hint=hint)
        count = self.space.count()
        if has_budget or not self.is_open or (count is not None and count * self._runs_of_trial <= self.limit):
            return
        many = "has no end" if count is None else f"has {size_text(count)} trials"
        raise ConfigError(
            f"nothing says when {self.strategy.name} is over: the space {many}",
            path=f"{SECTION}.strategy.trials",
            where=self.config.where(f"{SECTION}.strategy"),
            hint="say how many trials: --trials 50; or how long: --budget 2h",
        )

    @property
    def size(self) -> int:
        """How many runs the search begins with."""
        return self.grid.size

    @property
    def most_runs(self) -> int:
        """How many runs the search may have in the end."""
        return self.trials * self._runs_of_trial

    @property
    def _runs_of_trial(self) -> int:
        return self.most_repeats * (self.folds or 1)

    @property
    def limit(self) -> int:
        """How many runs it may have unless the user allows more."""
        return self.config.settings.max_runs or USUAL_RUNS

    @property
    def _factors(self) -> list[tuple[str, int]]:
        """What multiplies."""
        parameters = self.space.factors or [("trials", self.trials)]
        others = [("repeats", self.most_repeats), ("folds", self.folds or 1)]
        return [*parameters, *((name, count) for name, count in others if count > 1)]

    @cached_property
    def guesses(self) -> dict[str, str]:
        """The parameters that look like one value, with the reason; none, where the user said what is to vary."""
        if self.config.settings.vary is not None:
            return {}
        settings = self.config.settings
        given = {variation.path for variation in (*of_space(self.config), *self.variations)}
        given = given.union(*settings.link, settings.when or (), *settings.add)  # meant to vary, as they are named
        said = " ".join([*settings.exclude, *(settings.when or {}).values()])
        given |= {path for path in self._listed if re.search(rf"(?<![\w.]){re.escape(path)}(?!\w)", said)}
        return guesses(self.config, [each for each in self.config.lists if each.path in self._listed - given])

    @property
    def _listed(self) -> set[str]:
        return {parameter.path for parameter in self.space.parameters}

    def check_size(self) -> None:
        """Whether there are as many runs as somebody may have meant.

        Raises:
            ConfigError: there are more; says what multiplies.
        """
        if self.most_runs <= self.limit:
            return
        shown = self._factors if len(self._factors) <= _FACTORS else self._factors[: _FACTORS - 1]
        more = f" × … ({len(self._factors)} parameters)" if len(shown) < len(self._factors) else ""
        product, names = (" × ".join(words) for words in zip(*((f"{n:,}", name) for name, n in shown), strict=True))
        multiplied = f"{product}{more} = " if len(shown) > 1 else ""
        size = f"{'' if self.is_exact else 'at most '}{size_text(self.most_runs)}"
        raise ConfigError(
            f"{multiplied}{size} runs ({names}{more and ' × …'}), more than the limit of {self.limit:,}",
            where=self.config.document.name,
            hint=f"to run them all: {self._max_runs}\n"
            f"to run fewer, sweep only some lists: --vary PATH ...{self._not_to_vary}",
        )

    @property
    def one_value(self) -> list[str]:
        """The paths that keep as one value what looks like it."""
        others = [each.path for each in self.space.parameters if each.path not in self.guesses]
        if self.seeds.path is not None and self.seeds.are_listed:
            others.append(self.seeds.path)
        return shortest(self.config, self.guesses, others)

    @property
    def _not_to_vary(self) -> str:
        if not self.guesses:
            return ""
        where, line = to_paste(self.config.document, [*self.config.settings.fixed, *self.one_value])
        return f"\nor what is one value, {where}: {line}"

    @property
    def _max_runs(self) -> str:
        return (
            f"--max-runs {self.most_runs}"
            if self.most_runs <= MOST_RUNS
            else f"--max-runs N, for N up to {MOST_RUNS:,}"
        )

    def renderer_of(self, repetition: Repetition) -> Renderer:
        """The configs of one run of each trial."""
        if repetition not in self._renderers:
            self._renderers[repetition] = Renderer(*self._repeated(repetition))
        return self._renderers[repetition]

    @cached_property
    def _renderers(self) -> dict[Repetition, Renderer]:
        return {}

    @property
    def _is_built_in(self) -> bool:
        return self.trainer == BUILT_IN

    def _repeated(self, repetition: Repetition) -> tuple[Config, tuple[Variation, ...]]:
        """The config and what is laid over it in one run of each trial. The first repeat is as it is without others."""
        config, pins = self.config, dict[str, int]()
        if self.seeds.path is None:
            config = config.override(run_seed=self.seeds[repetition.repeat])
        elif repetition.repeat or self.seeds.are_listed:
            pins[self.seeds.path] = self.seeds[repetition.repeat]
        if repetition.fold and self._is_built_in:
            pins |= {"data.folds": repetition.fold.count, "data.fold": repetition.fold.index}
        elif repetition.fold:
            config = config.override(fold=repetition.fold)
        others = tuple(variation for variation in self.variations if variation.path not in pins)
        return config, others + tuple(self._pin(path, value) for path, value in pins.items())

    def _pin(self, path: str, value: int) -> Variation:
        return Variation(ListedParameter(path, (value,)), add=path not in self.config.document.places)

    @property
    def trainer(self) -> str | tuple[str, ...]:
        """``module:name`` of the trainer, or the arguments of a command."""
        return self.config.trainer or BUILT_IN

    @property
    def executor(self) -> str:
        """The name of what executes the runs."""
        return self.config.settings.executor or LOCAL

    @property
    def prune(self) -> Mapping[str, Any] | None:
        """How runs are judged that others had better values than; None if all go on."""
        value = self.config.settings.prune
        return said_of_pruning(value) if value else None

    @property
    def resources(self) -> Mapping[str, Any]:
        """What a run needs, as far as that was said."""
        return self.config.settings.resources or {}

    @property
    def checks(self) -> Checks:
        """What the trainer is asked: the configs of all trials; of many, a sample in which each value stands."""
        last = Repetition(self.most_repeats - 1, self.repetitions[0].fold)  # a seed may be too large
        others = dict.fromkeys((last, *repetitions(range(1), self.folds)))
        sample = list(self._sample())
        configs = [(self.renderer.form(params), params) for params in sample]
        configs += [
            (self.renderer_of(each).form(sample[0]), sample[0]) for each in others if each != self.repetitions[0]
        ]
        return Checks(self.trainer, trainer_named(self.trainer), bool(self.folds), tuple(configs))

    def _sample(self) -> Iterator[Mapping[str, Any]]:
        """The trials that are checked; of many ways to take branches, each of which is a text to be read, not many."""
        trials = self.space if self.strategy.is_grid or self.strategy.learns else self.drawn
        needed, layouts = sum(1 for _ in trials.sample(0)), set[tuple[object, ...]]()
        for place, trial in enumerate(trials.sample(min(_CHECKED, self.trials))):
            layout = self.renderer.layout(trial.params)
            if place < needed or layout in layouts or len(layouts) < _LAYOUTS:
                layouts.add(layout)
                yield trial.params

    def check(self, executor: Executor, tell: Callable[[Sequence[Remark]], None] = lambda _: None) -> Code:
        """Let the trainer check the configs.

        Args:
            executor: has the process in which the trainer is imported.
            tell: is given what the trainer has to say of them.

        Returns:
            The trainer's code.

        Raises:
            ConfigError: the trainer cannot be found, or refuses a config.
        """
        try:
            code, remarks = executor.call(self.trainer, self.checks)
        except ConfigError as error:
            if self.config.trainer is None and "data" not in self.config.data:
                hint = "no trainer is given, so the ready one was asked; for your own: --trainer, or a command after --"
                error.hint = f"{error.hint}\n{hint}".strip()
            error.where = error.where or self.config.where(error.path)
            raise
        tell(remarks)
        return code

    def names(self, prefix: str, stamp: str) -> RunNames:
        """The names of the runs of a search."""
        return RunNames(prefix, stamp, self.space.parameters, self.seeds, repeated=self.most_repeats > 1)

    def made(self, proposal: Proposal, names: RunNames, index: int = 0) -> tuple[RunEntry, str]:
        """The line of ``runs.jsonl`` of a run, and its config."""
        params, repetition = proposal.trial.params, proposal.repetition
        renderer = self.renderer_of(repetition)
        entry = RunEntry(
            index=index,
            run=names.name(params, repetition),
            params=params,
            id=renderer.identity(params),
            repeat=repetition.repeat,
            fold=repetition.fold.index if repetition.fold else None,
            confirms=repetition.confirms,
        )
        return entry, renderer.text(params)

    @cached_property
    def grid(self) -> Grid:
        """The runs that the search begins with."""
        trials = self.trials if self.strategy.is_grid else self.first_trials.count() or 0
        return Grid(self.first_trials, trials, self.repetitions)

    def runs(self, names: RunNames) -> Iterator[tuple[RunEntry, str]]:
        """The lines of these runs, and their configs."""
        return (self.made(each, names, index) for index, each in enumerate(self.grid))

    def identities(self) -> Iterator[str]:
        """The ``id`` of each run that the search begins with."""
        return (self.renderer_of(each.repetition).identity(each.trial.params) for each in self.grid)


def plan_of(search: SearchDirectory) -> Plan:
    """The plan that a search was created from.

    Raises:
        ConfigError: it is none that this version takes.
    """
    facts = search.facts()
    try:
        config = Config.parse(search.base(), facts["config"])
    except ConfigError as error:  # an older version took it
        hint = f"{error.hint}\n{search.name} cannot go on with such a config: begin a new search with another one"
        raise replace(error, hint=hint.strip()) from None
    said = {name: facts.get(name) for name in _SAID}
    said |= {"metrics": facts.get("patterns"), "trainer": _tuple(facts["trainer"]), "threads": facts["threads"]}
    said |= {"add": [from_params(params) for params in facts.get("add") or ()]}
    config = config.override(**said)
    learn_from = tuple(facts.get("learn_from") or ())
    return Plan(config, parse_arguments(facts["variations"]), bool(facts.get("race")), learn_from)


def _tuple(trainer: str | list[str]) -> str | tuple[str, ...]:
    return trainer if isinstance(trainer, str) else tuple(trainer)
