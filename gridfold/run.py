"""A run: one trial's directory. The only module that knows the file names inside it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

State = Literal["created", "running", "completed", "failed", "interrupted", "stopped"]

CONFIG = "config.yaml"
RECORD = "run.json"
METRICS = "metrics.jsonl"
LOG = "log.txt"
PROGRESS = "progress.json"  # there only while the run runs

_PROGRESS_INTERVAL = 0.2  # seconds between two writes


@dataclass(frozen=True)
class Record:
    """What ``run.json`` says. Times are ISO 8601 in UTC, ``seconds`` is wall time of the last attempt.

    Attributes:
        id: hash of the resolved config in canonical form.
        index: the trial's position in its space.
        search: name of the search directory, None for a run of its own.
        params: path and value of what varies.
        trainer: ``module:name`` of the trainer.
        metrics: the trainer's final metrics; the first is the one to compare runs by.
        error: ``type``, ``message`` and ``traceback`` of a run that failed.
        seed: what ``run.seed`` gives the trainer; the built-in trainer uses ``training.seed``.
        fold: how the result was shared with other runs; None for a run that ran alone.
    """

    id: str
    index: int
    search: str | None
    params: Mapping[str, Any]
    trainer: str
    seed: int = 0
    state: State = "created"
    attempt: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    host: str | None = None
    pid: int | None = None
    fold: Mapping[str, Any] | None = None


class Run:
    """A run directory.

    Trainers use ``dir``, ``seed``, ``report`` and ``progress``; the rest is for the code that executes runs.
    """

    def __init__(self, directory: str | os.PathLike[str], seed: int = 0) -> None:
        self.dir = Path(directory)
        self.seed = seed
        self._last_progress = 0.0

    def report(self, **metrics: float) -> None:
        """Append one line of metrics, such as ``epoch=3, val_f1=0.91``, to ``metrics.jsonl``."""
        with (self.dir / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def progress(self, **state: float) -> None:
        """Say how far the run is, such as ``epoch=1, epochs=3, step=40, steps=120, loss=0.7``; nearly free."""
        now = time.monotonic()
        if now - self._last_progress >= _PROGRESS_INTERVAL:
            self._last_progress = now
            replace_file(self.dir / PROGRESS, json.dumps(state))

    def read_progress(self) -> dict[str, float]:
        """What the run last said of its progress; empty if it says nothing."""
        return _read_mapping(self.dir / PROGRESS)

    @property
    def config_path(self) -> Path:
        """The config that the run runs."""
        return self.dir / CONFIG

    @property
    def log_path(self) -> Path:
        """All that the run printed."""
        return self.dir / LOG

    def read(self) -> Record | None:
        """The run's record; None if there is none that can be read, so the run is not done."""
        fields = _read_mapping(self.dir / RECORD)
        try:
            return Record(**fields)
        except TypeError:
            return None

    def write(self, record: Record) -> None:
        """Replace the run's record in one step, so that nobody ever reads half of it."""
        # Not dataclasses.asdict: it copies deeply.
        replace_file(self.dir / RECORD, json.dumps(vars(record), indent=1) + "\n", durable=True)
        if record.state not in ("created", "running"):
            with contextlib.suppress(FileNotFoundError):
                (self.dir / PROGRESS).unlink()


def started(record: Record) -> Record:
    """The record when this process starts to run it."""
    return replace(
        record,
        state="running",
        attempt=record.attempt + 1,
        started=now(),
        host=socket.gethostname(),
        pid=os.getpid(),
        error=None,
    )


def write_config(directory: str, text: str) -> None:
    """Write the config of a new run; the directory has none yet.

    Called once a run of a search that may have a million of them, so it does nothing else.
    """
    with open(f"{directory}/{CONFIG}", "xb", buffering=0) as file:  # noqa: PTH123 - a Path costs more than the write
        file.write(text.encode())


def now() -> str:
    """This moment as records have it: ISO 8601, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def replace_file(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file in one step: whoever reads it sees the old text or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    temporary.replace(path)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
