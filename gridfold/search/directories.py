"""The directories of a search and of its runs: created, completed, made again, and added to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, overload

from gridfold.core.errors import ConfigError
from gridfold.core.process.identity import Owner
from gridfold.core.values import to_params, to_record
from gridfold.identity import provenance
from gridfold.identity.fingerprint import Code
from gridfold.identity.packages import basic
from gridfold.propose.protocol import Proposal
from gridfold.runs.entries import RunEntry
from gridfold.runs.names import RunNames, check_prefix
from gridfold.runs.record import now
from gridfold.runs.search import BASE, RUNS, SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan, plan_of
from gridfold.space.repeats import DataFold, Repetition


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
        "strategy": plan.strategy.said,
        "learn_from": list(plan.learn_from),
        "race_waits": False,  # missing where an older gridfold began a race
        "folds": plan.folds,
        "vary": plan.config.settings.vary,
        "link": plan.config.settings.link,
        "exclude": plan.config.settings.exclude,
        "when": plan.config.settings.when,
        "add": [to_params(params) for params in plan.config.settings.add],
        "max_runs": plan.config.settings.max_runs,
        "prune": plan.prune,
        "track": plan.config.settings.trackers,
        "seed_path": plan.seeds.path,
        "metric": plan.config.settings.metric,
        "maximize": plan.config.settings.maximize,
        "trainer": plan.trainer,
        "threads": plan.config.threads,
        "resources": plan.config.settings.resources,
        "cwd": plan.config.cwd,
        "patterns": plan.config.metrics,
        "executor": plan.executor,
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
    """Write the list of a search's runs again if it was removed while they ran.

    Raises:
        ConfigError: runs were added to the search, or its base config is gone, so the list is not known.
    """
    if search.is_created:
        return
    plan = plan_of(search)
    if plan.is_open or plan.strategy.learns or plan.size != search.facts()["runs"]:
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


def extend(search: SearchDirectory, plan: Plan, added: Iterable[Proposal], *, behind: int | None = None) -> int:
    """Add runs to a search; how many are new.

    Args:
        search: the search.
        plan: what it was created from.
        added: the runs, in the order in which they are listed.
        behind: how many runs are listed; if there are others by now, none is added.
    """
    names = _names_of(search, plan)
    count = search.extend((plan.made(each, names) for each in added), behind=behind)
    search.log(f"added {count} runs")
    return count


def _names_of(search: SearchDirectory, plan: Plan) -> RunNames:
    prefix, _, stamp = search.name.rpartition("_")
    return plan.names(prefix, stamp)


def _create_runs(search: SearchDirectory, plan: Plan, names: RunNames, *, again: bool = False) -> None:
    search.create_runs(plan.runs(names), again=again)
    search.log(f"created {plan.size} runs")
