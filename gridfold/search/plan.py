"""What a search will do, and the directories that it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from gridfold.config.config import SECTION, Config
from gridfold.config.one_value import guesses, shortest
from gridfold.config.overrides import Variation, parse_arguments, varied
from gridfold.config.render import Renderer
from gridfold.config.seeds import find_seeds
from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_RUNS, USUAL_RUNS
from gridfold.core.process.identity import Owner
from gridfold.core.values import render, to_record
from gridfold.executors.local.executor import LocalExecutor
from gridfold.identity import provenance
from gridfold.identity.fingerprint import Code
from gridfold.identity.packages import basic
from gridfold.propose.grid import Grid
from gridfold.propose.protocol import Proposal
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import RunNames, check_prefix
from gridfold.runs.record import now
from gridfold.runs.search import BASE, RUNS, SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.checks import Checks
from gridfold.space.product import ListedParameter, Product
from gridfold.space.repeats import DataFold, Repetition, Seeds, repetitions
from gridfold.space.space import Space, size_text
from gridfold.trainers.protocol import BUILT_IN

RACE_LEAST = 3  # repeats that a race needs to be one
_FACTORS = 8  # that a message shows
_CHECKED = 200  # trials; beyond, not every combination is checked
_RACE_FIRST = 2  # so many repeats tell what noise is


@dataclass(frozen=True)
class Plan:
    """What a search will do: a config and what is laid over it. Nothing is created yet.

    Attributes:
        config: the base config.
        variations: what is laid over it.
        race: whether it begins with few repeats, and goes on with those trials only that may be the best.

    Raises:
        ConfigError: when it is made, if a variation does not fit the config.
    """

    config: Config
    variations: tuple[Variation, ...] = ()
    race: bool = False

    @cached_property
    def renderer(self) -> Renderer:
        """The configs of the first runs of the trials."""
        return self.renderer_of(self.repetitions[0])

    @cached_property
    def space(self) -> Space:
        """The trials."""
        space = Product(varied(*self._repeated(self.repetitions[0])))
        self.renderer.text(space[0].params)  # errors before the first print and the first directory
        return space

    @cached_property
    def seeds(self) -> Seeds:
        """The seeds of the repeats."""
        return find_seeds(self.config, self.variations, built_in=self._is_built_in)

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

    @property
    def trials(self) -> int:
        """How many trials there are; of a space without end as many as may run."""
        count = self.space.count()
        return max(1, self.limit // self._runs_of_trial) if count is None else count

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
        """How many runs it may have without being told that so many are meant."""
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
        varied_here = {parameter.path for parameter in self.space.parameters}
        varied_here.difference_update(variation.path for variation in self.variations)
        return guesses(self.config, [each for each in self.config.parameters if each.path in varied_here])

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
        size = size_text(self.most_runs)
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
        return shortest(self.guesses, others)

    @property
    def _not_to_vary(self) -> str:
        setting = {SECTION: {"fixed": [*self.config.settings.fixed, *self.one_value]}}
        return f"\nor what is one value: {render(setting)[1:-1]}" if self.guesses else ""

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
    def checks(self) -> Checks:
        """What the trainer is asked: the configs of all trials; of many, a sample in which each value stands."""
        last = Repetition(self.most_repeats - 1, self.repetitions[0].fold)  # a seed may be too large
        others = dict.fromkeys((last, *repetitions(range(1), self.folds)))
        sample = [trial.params for trial in self.space.sample(min(_CHECKED, self.trials))]
        configs = [(self.renderer.form(params), params) for params in sample]
        configs += [
            (self.renderer_of(each).form(sample[0]), sample[0]) for each in others if each != self.repetitions[0]
        ]
        return Checks(self.trainer, bool(self.folds), tuple(configs))

    def check(self, executor: LocalExecutor) -> Code:
        """Let the trainer check the configs.

        Args:
            executor: has the process in which the trainer is imported.

        Returns:
            The trainer's code.

        Raises:
            ConfigError: the trainer cannot be found, or refuses a config.
        """
        try:
            return executor.call(self.trainer, self.checks)
        except ConfigError as error:
            if self.config.trainer is None and "data" not in self.config.data:
                hint = (
                    "no trainer is given, so the built-in one was asked; for your own: --trainer, or a command after --"
                )
                error.hint = f"{error.hint}\n{hint}".strip()
            error.where = error.where or self.config.where(error.path)
            raise

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
        return Grid(self.space, self.trials, self.repetitions)

    def runs(self, names: RunNames) -> Iterator[tuple[RunEntry, str]]:
        """The lines of these runs, and their configs."""
        return (self.made(each, names, index) for index, each in enumerate(self.grid))

    def identities(self) -> Iterator[str]:
        """The ``id`` of each run that the search begins with."""
        return (self.renderer_of(each.repetition).identity(each.trial.params) for each in self.grid)


class RunDirectories(Sequence[Path]):
    """The run directories of a new search in the order of its runs, made when asked for."""

    def __init__(self, root: Path, plan: Plan, names: RunNames) -> None:
        self._root, self._plan, self._names = root, plan, names

    def __len__(self) -> int:
        return self._plan.size

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"run {index} of {len(self)}")
        run = self._plan.grid[index % len(self)]
        return self._root / self._names.name(run.trial.params, run.repetition)

    def __repr__(self) -> str:
        return f"<{len(self)} run directories, {self[0]} to {self[-1]}>"


def create(plan: Plan, prefix: str, store: Store, code: Code | None = None) -> tuple[SearchDirectory, RunDirectories]:
    """Create the search's directory and one for each run.

    Args:
        plan: what to create.
        prefix: what the names begin with.
        store: where.
        code: of the trainer, if it is known yet.

    Raises:
        ConfigError: the prefix or the folder cannot be used; nothing was created.
    """
    check_prefix(prefix)
    plan.space  # noqa: B018 - errors before the first directory
    commit = provenance.commit()
    patch = provenance.patch(plan.trainer, store.root) if commit else b""
    search, stamp = store.create_search(prefix)
    search.write_base(plan.config.document.text.encode())
    if patch:
        search.write_patch(patch)
    search.write_facts(_facts(plan, search.name, commit, code))
    if code:
        search.note_code(code.fingerprint, code.sources)
    names = plan.names(prefix, stamp)
    _create_runs(search, plan, names)
    return search, RunDirectories(store.root, plan, names)


def _facts(plan: Plan, name: str, commit: str | None, code: Code | None) -> dict[str, Any]:
    """What a search says of itself when it is created."""
    return {
        "search": name,
        "config": plan.config.document.name,
        "command": provenance.command(),
        "parameters": {each.path: [to_record(value) for value in each.values or ()] for each in plan.space.parameters},
        "variations": [variation.argument for variation in plan.variations],
        "runs": plan.size,
        "repeats": plan.most_repeats,
        "race": plan.race,
        "folds": plan.folds,
        "vary": plan.config.settings.vary,
        "max_runs": plan.config.settings.max_runs,
        "seed_path": plan.seeds.path,
        "metric": plan.config.settings.metric,
        "maximize": plan.config.settings.maximize,
        "trainer": plan.trainer,
        "threads": plan.config.threads,
        "seed": plan.config.run_seed,
        "git_commit": commit,
        "packages": code.sources.packages if code else basic(),
        "machine": provenance.machine(),
        "fingerprint": code.fingerprint if code else None,
        "creator": asdict(Owner.current()),
        "created": now(),
        "started": None,
        "ended": None,
    }


def plan_of(search: SearchDirectory) -> Plan:
    """The plan that a search was created from."""
    facts = search.facts()
    config = Config.parse(search.base(), facts["config"])
    said = {name: facts.get(name) for name in ("repeats", "folds", "metric", "maximize", "vary", "max_runs")}
    config = config.override(trainer=_tuple(facts["trainer"]), threads=facts["threads"], **said)
    return Plan(config, parse_arguments(facts["variations"]), bool(facts.get("race")))


def complete(search: SearchDirectory) -> None:
    """Create what is missing of a search whose creation was interrupted.

    Raises:
        ConfigError: what it was to be is not known any more.
    """
    if search.is_created:
        return
    said = search.facts()["creator"]
    creator = Owner.of(said.get("host"), said.get("pid"), said.get("start")) if isinstance(said, dict) else None
    if creator is None:
        hint = "nothing ran yet; start the search again"
        raise ConfigError("search.json does not say which process created it", where=str(search.dir), hint=hint)
    if creator.life != "dead":
        problem = f"is still being created, by process {creator.pid} on {creator.host}"
        raise ConfigError(problem, where=str(search.dir), hint="try again in a moment")
    plan = plan_of(search)
    _create_runs(search, plan, _names_of(search, plan), again=True)


def relist(search: SearchDirectory) -> None:
    """Write the list of a search's runs anew if it was removed while they ran.

    Raises:
        ConfigError: runs were added to the search, or its base config is gone, so the list is not known.
    """
    if search.is_created:
        return
    plan = plan_of(search)
    if plan.size != search.facts()["runs"]:
        raise ConfigError(f"no {RUNS}, and runs had been added to it", where=str(search.dir))
    _create_runs(search, plan, _names_of(search, plan), again=True)


def restore(search: SearchDirectory, plan: Plan, entry: RunEntry) -> None:
    """Make the directory of a run again, with its config, after a user has removed it.

    Raises:
        ConfigError: its config is not known any more.
    """
    folds = plan.folds or 0
    repetition = Repetition(entry.repeat, None if entry.fold is None else DataFold(entry.fold, folds))
    run, renderer = search.run(entry), plan.renderer_of(repetition)
    if renderer.identity(entry.params) != entry.id:
        raise ConfigError(f"the config of this run can no longer be made from {BASE}", where=str(run.dir))
    run.dir.mkdir(parents=True, exist_ok=True)
    run.rewrite_config(renderer.text(entry.params))
    search.log(f"run {entry.index} had no config: made again")


def extend(search: SearchDirectory, plan: Plan, added: Iterable[Proposal]) -> int:
    """Add runs to a search; how many are new.

    Args:
        search: the search.
        plan: what it was created from.
        added: the runs, in the order in which they are listed.
    """
    names = _names_of(search, plan)
    count = search.extend(plan.made(each, names) for each in added)
    search.log(f"added {count} runs")
    return count


def _names_of(search: SearchDirectory, plan: Plan) -> RunNames:
    prefix, _, stamp = search.name.rpartition("_")
    return plan.names(prefix, stamp)


def _create_runs(search: SearchDirectory, plan: Plan, names: RunNames, *, again: bool = False) -> None:
    search.create_runs(plan.runs(names), again=again)
    search.log(f"created {plan.size} runs")


def _tuple(trainer: str | list[str]) -> str | tuple[str, ...]:
    return trainer if isinstance(trainer, str) else tuple(trainer)
