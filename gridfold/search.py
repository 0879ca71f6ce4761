"""A search: where config, space, names, store, trainer and executor meet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from gridfold import provenance
from gridfold.config import Config
from gridfold.errors import ConfigError
from gridfold.executors import Executor, Watcher
from gridfold.executors.local import LocalExecutor
from gridfold.names import RunNames, check_prefix
from gridfold.run import Record, Run, now
from gridfold.space import Space, Trial
from gridfold.store import RunEntry, SearchDirectory, Store
from gridfold.template import Template
from gridfold.trainer import BUILT_IN, resolve
from gridfold.values import digest
from gridfold.variations import Variation, from_mapping

SEED = 0  # what run.seed is in every run: trials are compared under the same random numbers


class _Silent:
    def running(self, run: Run) -> None:
        pass

    def ended(self, run: Run, record: Record) -> None:
        pass


@dataclass(frozen=True)
class Plan:
    """What a search will do: a config and what is laid over it. Nothing is created yet.

    Raises:
        ConfigError: when it is made, if a variation does not fit the config.
    """

    config: Config
    variations: tuple[Variation, ...] = ()

    @cached_property
    def template(self) -> Template:
        """The runs' configs."""
        return Template.build(self.config, self.variations)

    @cached_property
    def space(self) -> Space:
        """The trials."""
        return Space(self.template.parameters)

    @property
    def trainer(self) -> str:
        """``module:name`` of the trainer."""
        return self.config.trainer or BUILT_IN

    def check(self) -> None:
        """Let the trainer check the config of every trial.

        Raises:
            ConfigError: the trainer cannot be found, or refuses a config.
        """
        try:
            trainer = resolve(self.trainer)
            for trial in self.space:
                trainer.check(self.template.config(trial.choice))
        except ConfigError as error:
            error.where = error.where or self.config.where(error.path)
            raise

    def entry(self, trial: Trial, names: RunNames) -> RunEntry:
        """The line of ``runs.jsonl`` of a trial."""
        return RunEntry(trial.index, names.name(trial), trial.params, self.identity(trial))

    def identity(self, trial: Trial) -> str:
        """The trial's ``id``: a hash of its config in canonical form."""
        return digest(self.template.canonical(trial.choice))


class RunDirectories(Sequence[Path]):
    """The run directories of a search in the order of its trials, made when asked for."""

    def __init__(self, root: Path, space: Space, names: RunNames) -> None:
        self._root, self._space, self._names = root, space, names

    def __len__(self) -> int:
        return len(self._space)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> list[Path]: ...
    def __getitem__(self, index: int | slice) -> Path | list[Path]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return self._root / self._names.name(self._space[index])

    def __repr__(self) -> str:
        return f"<{len(self)} run directories, {self[0]} to {self[-1]}>"


class HyperParamSearch:
    """Every combination of the values that a config, or the caller, gives.

    Example::

        search = HyperParamSearch("config/mlp_hyperparam_config.yaml")
        run_dirs = search.run_grid_search(run_prefix="experiment")

    Args:
        config: path of a YAML file, or a mapping. A list in it is varied (see ``gridfold.config.Config``).
        runs_dir: the folder for the runs; created if it is not there.

    Raises:
        ConfigError: the config cannot be read.
    """

    def __init__(
        self, config: str | os.PathLike[str] | Mapping[str, Any], runs_dir: str | os.PathLike[str] = "runs"
    ) -> None:
        self.config = Config.load(config)
        self.store = Store(runs_dir)

    def run_grid_search(
        self,
        param_variations: Mapping[str, Any] | None = None,
        run_prefix: str = "run",
        execute: bool = False,  # noqa: FBT001, FBT002 - the documented signature
    ) -> Sequence[Path]:
        """Create a run directory with its config for every combination, and execute the runs if asked to.

        Args:
            param_variations: dotted path to its values, laid over what varies in the config: a path given here takes
                these values instead (one value pins it); other lists of the config still vary. ``+path`` adds a path.
            run_prefix: what the names of the directories begin with.
            execute: run them too, one after another; a run that fails is recorded, the others go on.

        Returns:
            The run directories, last parameter fastest.

        Raises:
            ConfigError: bad input; nothing was created.
        """
        plan = Plan(self.config, from_mapping(param_variations or {}))
        if execute:
            plan.check()
        search, run_dirs = create(plan, run_prefix, self.store)
        if execute:
            for _ in execute_search(search, LocalExecutor(), _Silent()):
                pass
        return run_dirs


def create(plan: Plan, prefix: str, store: Store) -> tuple[SearchDirectory, RunDirectories]:
    """Create the search's directory and one for each run.

    Raises:
        ConfigError: the prefix or the folder cannot be used; nothing was created.
    """
    check_prefix(prefix)
    template, space = plan.template, plan.space
    code = provenance.code()
    search, stamp = store.create_search(prefix)
    names = RunNames(prefix, stamp, space.parameters)
    search.write_base(plan.config.document.text.encode())
    search.write_facts(
        {
            "search": search.name,
            "config": plan.config.document.name,
            "command": provenance.command(),
            "parameters": {parameter.path: parameter.values for parameter in space.parameters},
            "variations": [asdict(variation) for variation in plan.variations],
            "runs": space.size,
            "trainer": plan.trainer,
            "seed": SEED,
            "git_commit": code.commit,
            "packages": provenance.packages(),
            "created": now(),
            "started": None,
            "ended": None,
        }
    )
    if code.patch:
        search.write_patch(code.patch)
    search.create_runs((plan.entry(trial, names), template.text(trial.choice)) for trial in space)
    search.log(f"created {space.size} runs")
    return search, RunDirectories(store.root, space, names)


def execute_search(search: SearchDirectory, executor: Executor, watcher: Watcher) -> Iterator[Record]:
    """Execute the runs of a search, and give the record of each as it ends; in the end, write ``results.csv``."""
    facts = search.facts() | {"started": now()}
    search.write_facts(facts)
    search.log(f"started by process {os.getpid()}")
    try:
        for record in executor.execute(_submitted(search, facts["trainer"]), watcher):
            search.log(f"run {record.index} {record.state} after {record.seconds} s")
            yield record
    finally:
        search.write_results()
        search.write_facts({**facts, "ended": now()})
        search.log("ended")


def execute_run(run: Run, config: Config, trainer: str, watcher: Watcher) -> Record:
    """Execute one run that belongs to no search."""
    identity = digest(Template.build(config).canonical(()))
    run.write(Record(identity, 0, None, {}, trainer, SEED))
    (record,) = LocalExecutor().execute([run], watcher)
    return record


def _submitted(search: SearchDirectory, trainer: str) -> Iterator[Run]:
    """The search's runs, each with a record of what to run, made when an executor asks for the next."""
    for entry in search.entries():
        run = search.run(entry)
        run.write(Record(entry.id, entry.index, search.name, entry.params, trainer, SEED))
        yield run
