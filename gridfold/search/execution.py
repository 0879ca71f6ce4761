"""How the runs of a search are executed, as a user says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.limits import MOST_PARALLEL
from gridfold.core.process.threads import physical_cores
from gridfold.executors.local.devices import GpuSlots, gpus
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.search import SearchDirectory
from gridfold.search.checkpoints import KeepBest
from gridfold.search.loop import Policy


def check_parallel(parallel: int) -> None:
    """Whether so many runs may be executed at a time.

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
        keep_going: go on although the first runs all fail alike.
        keep_checkpoints: how many of the best runs keep their checkpoints; None for all.
        share: compute once what runs have in common; by default as far as a function writes no file (see
            ``LocalExecutor``).
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

    def or_else(self, saved: Mapping[str, Any]) -> Execution:
        """What was said now, and for the rest what was said before."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        before = {name: saved.get(name) for name in vars(self) if name != "budget"}  # a budget is of one evening
        return Execution(**before | said)

    def executor(self, threads: int, *, cold: bool = False) -> LocalExecutor:
        """An executor for runs of so many threads; with ``cold``, each of them in a process that shares no import.

        Raises:
            ConfigError: more runs at a time than the GPUs take.
        """
        found = () if self.runs_per_gpu == 0 else gpus()
        per_gpu = self.runs_per_gpu or 1
        slots = len(found) * per_gpu
        if found and self.parallel and self.parallel > slots:
            count = f"{len(found)} GPU{'s' if len(found) > 1 else ''}"
            raise ConfigError(
                f"{self.parallel} runs at a time, but {count} with {per_gpu} each",
                where="--parallel",
                hint=f"let them share: --runs-per-gpu {-(-self.parallel // len(found))}\n"
                "or, if they use no GPU: --runs-per-gpu 0",
            )
        parallel = self.parallel or slots or max(1, physical_cores() // threads)
        slots_of_gpus = GpuSlots(found, per_gpu) if found else None
        return LocalExecutor(parallel, slots_of_gpus, self.timeout, share=self.share, cold=cold)

    def policy(self) -> Policy:
        """What the search does about failures and time."""
        return Policy(self.retries or 0, bool(self.fail_fast), bool(self.keep_going), self.budget)

    def keep(self, search: SearchDirectory) -> KeepBest | None:
        """Which runs keep their checkpoints; None for all."""
        return None if self.keep_checkpoints is None else KeepBest(search, self.keep_checkpoints)
