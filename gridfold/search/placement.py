"""Where a search's workers run: an engine starts them, is asked about their jobs, and ends them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.files import disk_time, read_mapping
from gridfold.core.process.identity import Owner
from gridfold.engines.protocol import Engine, EngineError, Job, Order
from gridfold.engines.registry import engine
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers

_SILENT_SECONDS = 30.0  # without a heartbeat, before it is worth a word
HERE = "local"  # what ``on`` says where no engine is meant


@dataclass(frozen=True)
class Placement:
    """An engine, with how many workers it starts, and how.

    Attributes:
        engine: its name.
        workers: how many.
        options: of their jobs.
    """

    engine: str
    workers: int = 1
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def said(cls, value: Any, workers: int | None = None) -> Placement | None:
        """What the setting ``on`` says; None if the runs execute here."""
        name, options = next(iter(value.items())) if isinstance(value, Mapping) else (value, {})
        return None if name in (None, HERE) else cls(str(name), workers or 1, options)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Placement | None:
        """What ``search.json`` says; None if its runs executed where the search was started."""
        said = facts.get("on")
        if not isinstance(said, dict) or not isinstance(said.get("engine"), str):
            return None
        return cls(said["engine"], int(said.get("workers") or 1), dict(said.get("options") or {}))

    def or_else(self, saved: Placement | None) -> Placement:
        """This, with the options of an earlier one of the same engine where it has none of its own."""
        if saved is None or saved.engine != self.engine:
            return self
        return replace(self, options={**saved.options, **self.options})

    @property
    def facts(self) -> dict[str, Any]:
        """What ``search.json`` is to say."""
        return {"engine": self.engine, "workers": self.workers, "options": dict(self.options)}

    def start(self) -> Engine:
        """The engine.

        Raises:
            ConfigError: there is none of that name.
        """
        return engine(self.engine, self.options)

    def order(
        self, search: Path, threads: int, resources: Mapping[str, Any], more: Sequence[str] = (), **how: Any
    ) -> Order:
        """The workers of a search.

        Args:
            search: its directory.
            threads: of each run.
            resources: what each run needs.
            more: options of ``gridfold work``.
            how: other fields of the order.
        """
        return Order(
            [*command(search), *more],
            Path.cwd(),
            search.name,
            Workers(search.absolute()).folder,
            self.workers,
            resources.get("cpus") or threads,
            resources.get("gpus") or 0.0,
            **how,
        )


def command(search: Path) -> list[str]:
    """The command line of a worker, on any machine that has the folder: nothing in it depends on where it is typed."""
    return [sys.executable, "-m", "gridfold", "work", str(search.absolute())]


def submit(search: SearchDirectory, placement: Placement, order: Order) -> list[str]:
    """Start workers of a search, and note their jobs for all machines.

    Raises:
        ConfigError: the engine refuses; nothing was submitted.
        OSError: the jobs cannot be noted; they were ended.
    """
    workers = Workers(search.dir)
    workers.allow()
    started = placement.start()
    ids, owner = started.submit(order), Owner.current()
    try:
        for job in ids:
            workers.note_job(placement.engine, job, by=f"{owner.host}/{owner.pid}")
    except OSError:  # a full disk: nobody would know of them
        with suppress(EngineError):
            started.cancel(ids)
        raise
    search.log(f"submitted {len(ids)} workers to {placement.engine}: {listed(ids)}")
    return ids


@dataclass(frozen=True)
class Jobs:
    """What an engine says of the jobs of a search.

    Attributes:
        engine: its name.
        jobs: each of them.
        ids: their names, as they were noted.
        problem: why the engine cannot be asked; "" if it can.
    """

    engine: str
    jobs: Sequence[Job]
    ids: Sequence[str]
    problem: str = ""

    @property
    def living(self) -> list[Job]:
        """Those that are not over."""
        return [job for job in self.jobs if job.phase != "over"]


@dataclass(frozen=True)
class SilentWorkers:
    """The workers of a search that have no heartbeat now.

    Attributes:
        jobs: seconds since the last one, by the jobs of those that are in one.
        elsewhere: the machines of those that nobody can ask about, with those seconds.
    """

    jobs: Mapping[str, float] = field(default_factory=dict)
    elsewhere: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, search: SearchDirectory) -> SilentWorkers:
        """Look at the files of all workers, by the clock of their disk."""
        folder = Workers(search.dir).folder
        paths = list(folder.glob("*.json"))
        now = disk_time(f"{folder}/heart") if paths else 0.0
        jobs, elsewhere = dict[str, float](), dict[str, float]()
        for path in paths:
            said, seconds = read_mapping(path), now - _written(path)
            asks = str(said.get("asks", ""))
            owner = Owner.of(said.get("host"), said.get("pid"), said.get("process"), asks)
            if seconds < _SILENT_SECONDS or owner is None:
                continue
            if ":" in asks:
                jobs[asks.partition(":")[2].partition(".")[0]] = seconds
            elif owner.life == "elsewhere":
                elsewhere[owner.place] = seconds
        return cls(jobs, elsewhere)


def _written(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def jobs_of(search: SearchDirectory) -> list[Jobs]:
    """How the jobs stand that were submitted for a search, by engine."""
    return [_jobs(name, ids, Placement.of(search.facts())) for name, ids in _noted(search).items()]


def cancel(search: SearchDirectory) -> list[Jobs]:
    """End the workers of a search: those under way hear of it by themselves, those that wait are taken back.

    Returns:
        What was cancelled, by engine.
    """
    Workers(search.dir).cancel()
    found = jobs_of(search)
    return [_cancel(each, Placement.of(search.facts())) for each in found]


def _cancel(found: Jobs, placement: Placement | None) -> Jobs:
    ids = [job.id for job in found.living]
    if not ids:
        return found
    try:
        _engine(found.engine, placement).cancel(ids)
    except (EngineError, ConfigError) as error:
        return replace(found, problem=str(error))
    return found


def _jobs(name: str, ids: Sequence[str], placement: Placement | None) -> Jobs:
    try:
        return Jobs(name, _engine(name, placement).jobs(ids), ids)
    except (EngineError, ConfigError) as error:
        return Jobs(name, (), ids, str(error))


def _engine(name: str, placement: Placement | None) -> Engine:
    return engine(name, placement.options if placement and placement.engine == name else {})


def _noted(search: SearchDirectory) -> dict[str, list[str]]:
    found = dict[str, list[str]]()
    for said in Workers(search.dir).jobs():
        found.setdefault(str(said.get("engine")), []).append(str(said.get("id")))
    return found


def listed(ids: Sequence[str]) -> str:
    """Some jobs, in some words."""
    return ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
