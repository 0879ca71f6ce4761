"""Weights & Biases: each run as an offline run, which ``wandb sync`` sends when you say so, and nobody before.

Runs of a search are a group. Metrics are as they were reported; the summary of a run has those of its best epoch.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gridfold.core.values import digest, render
from gridfold.export.trackers.nested import NestedConfig
from gridfold.export.trackers.opening import command
from gridfold.export.trackers.protocol import Point, RunNews, SearchFacts

os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # before it is imported: nothing leaves the machine

import wandb

_PROJECT = "gridfold"
_OF_WANDB = ("_wandb", "_step", "_runtime", "_timestamp", "")  # names of metrics that W&B takes for its own, or drops
_DONE = ("completed", "stopped")
_SETTINGS: Mapping[str, Any] = {
    "mode": "offline",
    "silent": True,
    "console": "off",
    "disable_git": True,
    "save_code": False,
    # Of the runs, not of the process that writes:
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    "x_transaction_log_flush_interval": 1.0,
}


class WandB:
    """Writes runs for W&B.

    Args:
        folder: where its folder ``wandb`` is; None for ``WANDB_DIR``, or else the folder of the runs.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._open: dict[int, Any] = {}

    def begin(self, search: SearchFacts) -> None:
        """See `Tracker`."""
        wandb.teardown()  # what a tracker before this one left open, which failed
        self._search = search
        self._dir = self._folder or Path(os.environ.get("WANDB_DIR") or search.dir.parent)
        self._dir.mkdir(parents=True, exist_ok=True)
        self._configs = NestedConfig(search.parameters, _keeps_text, _synced)
        known = {name: value for name, value in _SETTINGS.items() if name in wandb.Settings.model_fields}
        self._settings = wandb.Settings(**known)

    def write(self, runs: Iterable[RunNews]) -> None:
        """See `Tracker`."""
        for run in runs:
            if run.is_new or run.index not in self._open:
                self._begin_run(run)
            for point in run.points:
                self._log(self._open[run.index], point)
            if run.is_over:
                self._end_run(run)

    def end(self) -> str:
        """See `Tracker`."""
        for opened in self._open.values():
            opened.finish(exit_code=1)
        wandb.teardown()
        return f"{command('wandb', 'sync', self._dir / 'wandb')}/offline-run-*"

    def _begin_run(self, run: RunNews) -> None:
        """Begin a run anew: what an earlier attempt left, or a process that was killed, is replaced."""
        if run.index in self._open:
            self._open.pop(run.index).finish(exit_code=1)
        identity = digest(f"{self._search.id} {run.name}")
        for earlier in self._dir.glob(f"wandb/offline-run-*-{identity}"):
            shutil.rmtree(earlier)
        self._open[run.index] = wandb.init(
            dir=self._dir,
            project=os.environ.get("WANDB_PROJECT") or _PROJECT,
            group=self._search.name,
            name=run.name.removeprefix(f"{self._search.name}_"),
            id=identity,
            job_type="confirm" if run.confirms else "train",
            config=self._config(run),
            settings=self._settings,
            reinit="create_new",
        )

    def _config(self, run: RunNews) -> dict[str, Any]:
        about = {"run": run.name, "index": run.index, "repeat": run.repeat, "attempt": run.attempt}
        if run.fold is not None:
            about["fold"] = run.fold
        found = {_key(key): value for key, value in self._configs.of(run.config, run.params).items()}
        return {**found, "gridfold": about}

    def _log(self, opened: Any, point: Point) -> None:
        metrics: dict[str, Any] = {_metric(name): value for name, value in point.metrics.items()}
        if point.time is not None:
            metrics["_timestamp"] = point.time
        opened.log(metrics, step=point.number)

    def _end_run(self, run: RunNews) -> None:
        opened = self._open.pop(run.index)
        opened.log({}, commit=True)  # else the last report is added in the end, and is the summary
        opened.summary.update(_summary(run))
        opened.finish(exit_code=0 if run.state in _DONE else 1)


def _summary(run: RunNews) -> Mapping[str, Any]:
    """How the run ended; of a number that is not finite W&B's summary would keep nothing, or another."""
    found: dict[str, Any] = {
        _metric(name): value if math.isfinite(value) else render(float(value)) for name, value in run.metrics.items()
    }
    found["gridfold.state"] = run.state
    if run.error is not None:
        found["gridfold.error"] = run.error
    return found


def _metric(name: str) -> str:
    return f"metrics.{name}" if name in _OF_WANDB else name


def _key(key: str) -> str:
    """A key of the config that W&B leaves as it is: it cuts hyphens off, and has a section of its own."""
    return f"'{key}'" if key.strip("-") != key or key in ("_wandb", "gridfold") else key


def _keeps_text(text: str) -> bool:
    return not text.startswith("wandb-artifact:")


def _synced(value: Any) -> Any:
    """What a value is once it is sent: JSON has one 1."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, list):
        return [_synced(item) for item in value]
    return {key: _synced(item) for key, item in value.items()} if isinstance(value, dict) else value
