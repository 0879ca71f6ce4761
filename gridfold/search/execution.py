"""How the runs of a search are executed, as a user says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_PARALLEL
from gridfold.executors.protocol import Executor, Options
from gridfold.executors.registry import start
from gridfold.runs.search import SearchDirectory
from gridfold.search.checkpoints import KeepBest
from gridfold.search.loop import Policy


def check_parallel(parallel: int) -> None:
    """Whether that many runs may be executed at a time.

    Raises:
        ConfigError: it is no such number.
    """
    if type(parallel) is not int or not 1 <= parallel <= MOST_PARALLEL:
        raise ConfigError(
            f"expected a number of runs from 1 to {MOST_PARALLEL:,}, found {parallel!r:.80}", path="parallel"
        )


@dataclass(frozen=True)
class Execution:
    """How runs are executed, as the user said; None is the default. Kept in ``search.json`` for whoever continues.

    Attributes:
        parallel: how many runs at a time; by default as many as there are GPUs, or physical cores for their threads.
        runs_per_gpu: how many runs share a GPU; 0 to give them none.
        timeout: how many seconds a run may take.
        budget: how many seconds the search may take.
        retries: how often a run is tried again after a fault of the machine.
        fail_fast: stop at the first failure.
        keep_going: go on although the first runs all fail alike, or the first has nothing to be compared by.
        keep_checkpoints: how many of the best runs keep their checkpoints; None for all.
        share: compute once what runs have in common; by default as far as a function writes no file (see
            ``executors.protocol.Options``).
        finish_all: bring all runs to their end that wait because of ``--prune``, when no new one is left.
        frozen_memory: how many bytes these may have together; None for half of what is free.
    """

    parallel: int | None = None
    runs_per_gpu: int | None = None
    timeout: float | None = None
    budget: float | None = None
    retries: int | None = None
    fail_fast: bool | None = None
    keep_going: bool | None = None
    keep_checkpoints: int | None = None
    share: bool | None = None
    finish_all: bool | None = None
    frozen_memory: int | None = None

    def or_else(self, saved: Mapping[str, Any]) -> Execution:
        """What was said now, and for the rest what was said before."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        before = {name: saved.get(name) for name in vars(self) if name != "budget"}  # a budget is of one evening
        return Execution(**before | said)

    def start(
        self, executor: str, threads: int, resources: Mapping[str, Any] | None = None, *, cold: bool = False
    ) -> Executor:
        """Start an executor, by its name, for runs of that many threads; for ``cold`` see `Options`.

        Args:
            executor: its name.
            threads: of each run.
            resources: what each run needs (see ``config.settings.Settings``).
            cold: see `Options`.

        Raises:
            ConfigError: there is no such executor, or it cannot do this.
        """
        needs = resources or {}
        options = Options(threads, self.parallel, self.runs_per_gpu, self.timeout, share=self.share, cold=cold)
        options = replace(options, cpus=needs.get("cpus"), gpus=needs.get("gpus"), frozen_memory=self.frozen_memory)
        return start(executor, options)

    def policy(self) -> Policy:
        """What the search does about failures and time."""
        return Policy(
            self.retries or 0, bool(self.fail_fast), bool(self.keep_going), self.budget, finishes=bool(self.finish_all)
        )

    def keep(self, search: SearchDirectory) -> KeepBest | None:
        """Which runs keep their checkpoints; None for all."""
        return None if self.keep_checkpoints is None else KeepBest(search, self.keep_checkpoints)
