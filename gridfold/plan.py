"""What a search will do, and the directories that it begins with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from gridfold import provenance
from gridfold.config import Config, Settings
from gridfold.errors import ConfigError
from gridfold.names import RunNames, check_prefix
from gridfold.owner import Owner
from gridfold.run import now
from gridfold.space import Space, Trial
from gridfold.store import RunEntry, SearchDirectory, Store
from gridfold.template import Template
from gridfold.trainer import BUILT_IN, resolve
from gridfold.values import digest
from gridfold.variations import Variation, parse_arguments

SEED = 0  # what run.seed is in every run: trials are compared under the same random numbers


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
    def trainer(self) -> str | tuple[str, ...]:
        """``module:name`` of the trainer, or the arguments of a command."""
        return self.config.trainer or BUILT_IN

    def check(self) -> str:
        """Let the trainer check the config of every trial.

        Returns:
            The fingerprint of the trainer's code.

        Raises:
            ConfigError: the trainer cannot be found, or refuses a config.
        """
        try:
            trainer = resolve(self.trainer)
            for trial in self.space:
                trainer.check(self.template.config(trial.choice))
            return provenance.fingerprint(self.trainer, self.config.data)
        except ConfigError as error:
            if self.config.trainer is None and "data" not in self.config.data:
                hint = (
                    "no trainer is given, so the built-in one was asked; for your own: --trainer, or a command after --"
                )
                error.hint = f"{error.hint}\n{hint}".strip()
            error.where = error.where or self.config.where(error.path)
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        document = self.config.document  # its nodes need not travel: they are in the text
        return _plan, (document.text, document.name, self.config.settings, self.variations)

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


def _plan(text: str, name: str, settings: Settings, variations: tuple[Variation, ...]) -> Plan:
    return Plan(replace(Config.parse(text, name), settings=settings), variations)


def create(
    plan: Plan, prefix: str, store: Store, fingerprint: str | None = None
) -> tuple[SearchDirectory, RunDirectories]:
    """Create the search's directory and one for each run.

    Args:
        plan: what to create.
        prefix: what the names begin with.
        store: where.
        fingerprint: of the trainer's code, if it is known yet.

    Raises:
        ConfigError: the prefix or the folder cannot be used; nothing was created.
    """
    check_prefix(prefix)
    plan.template  # noqa: B018 - errors before the first directory
    code = provenance.code()
    search, stamp = store.create_search(prefix)
    search.write_base(plan.config.document.text.encode())
    search.write_facts(
        {
            "search": search.name,
            "config": plan.config.document.name,
            "command": provenance.command(),
            "parameters": {parameter.path: parameter.values for parameter in plan.space.parameters},
            "variations": [variation.argument for variation in plan.variations],
            "runs": plan.space.size,
            "trainer": plan.trainer,
            "threads": plan.config.threads,
            "seed": SEED,
            "git_commit": code.commit,
            "packages": provenance.packages(),
            "machine": provenance.machine(),
            "fingerprint": fingerprint,
            "creator": asdict(Owner.current()),
            "created": now(),
            "started": None,
            "ended": None,
        }
    )
    if code.patch:
        search.write_patch(code.patch)
    names = RunNames(prefix, stamp, plan.space.parameters)
    _create_runs(search, plan, names)
    return search, RunDirectories(store.root, plan.space, names)


def plan_of(search: SearchDirectory) -> Plan:
    """The plan that a search was created from."""
    facts = search.facts()
    config = Config.parse(search.base(), facts["config"])
    config = config.override(trainer=_tuple(facts["trainer"]), threads=facts["threads"])
    return Plan(config, parse_arguments(facts["variations"]))


def complete(search: SearchDirectory) -> None:
    """Create what is missing of a search whose creation was interrupted.

    Raises:
        ConfigError: what it was to be is not known any more.
    """
    if search.is_created:
        return
    facts = search.facts()
    creator = Owner(**facts["creator"])
    if creator.life != "dead":
        problem = f"is still being created, by process {creator.pid} on {creator.host}"
        raise ConfigError(problem, where=str(search.dir), hint="try again in a moment")
    plan = plan_of(search)
    prefix, _, stamp = search.name.rpartition("_")
    _create_runs(search, plan, RunNames(prefix, stamp, plan.space.parameters), again=True)


def _create_runs(search: SearchDirectory, plan: Plan, names: RunNames, *, again: bool = False) -> None:
    runs = ((plan.entry(trial, names), plan.template.text(trial.choice)) for trial in plan.space)
    search.create_runs(runs, again=again)
    search.log(f"created {plan.space.size} runs")


def _tuple(trainer: str | list[str]) -> str | tuple[str, ...]:
    return trainer if isinstance(trainer, str) else tuple(trainer)
