"""What an engine does: it starts workers somewhere, knows which are over, and ends them by SIGTERM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Phase = Literal["waiting", "running", "over"]
Cause = Literal["limit", "preempted", "again", "cancelled"]
"""Why an engine ends a job; "again" if it starts the job once more, by itself."""


@dataclass(frozen=True)
class Order:
    """Workers to start.

    Attributes:
        command: the command line of a worker, which executes runs until none is left.
        folder: the working directory, which every machine sees at the same path.
        name: of the search.
        logs: the folder for what workers print.
        count: how many.
        cpus: that a run needs.
        gpus: that a run needs; a part of one if several runs share it.
        patience: seconds that a check may wait for a machine that looks whether it sees the folder; 0 to ask none.
    """

    command: Sequence[str]
    folder: Path
    name: str
    logs: Path
    count: int = 1
    cpus: int = 1
    gpus: float = 0.0
    patience: float = 60.0


@dataclass(frozen=True)
class Job:
    """What an engine says of one worker.

    Attributes:
        id: its name there, such as ``1234_2``.
        phase: whether it waits, runs or is over.
        reason: why it waits, or how it ended, in the engine's words.
        host: where it runs; "" if that is not known.
    """

    id: str
    phase: Phase
    reason: str = ""
    host: str = ""


@dataclass(frozen=True)
class Limit:
    """How long a job may take.

    Attributes:
        seconds: from its beginning.
        left: from now.
    """

    seconds: float
    left: float


class EngineError(Exception):
    """The engine does not answer, or not from here."""


class Engine(Protocol):
    """A system that starts workers. Registered by an entry point of the group ``gridfold.engines``."""

    def check(self, order: Order) -> str:
        """Whether workers can be started so: what could not be found out yet, as a sentence; "" if all is well.

        Raises:
            ConfigError: they cannot; nothing was submitted.
        """

    def script(self, order: Order) -> str:
        """What would be submitted, for ``--dry-run``."""

    def submit(self, order: Order) -> list[str]:
        """Start the workers; the names of their jobs.

        Raises:
            ConfigError: the engine refuses; nothing was submitted.
        """

    def jobs(self, ids: Iterable[str]) -> list[Job]:
        """How jobs stand.

        Raises:
            EngineError: it cannot be asked.
        """

    def cancel(self, ids: Iterable[str]) -> None:
        """End jobs: SIGTERM, and what does not end is killed."""


class OwnJob(Protocol):
    """The job that this process is in. Registered by an entry point of the group ``gridfold.jobs``, if jobs have ends.

    Each method may raise an `EngineError`: it cannot be asked.
    """

    @property
    def kill_seconds(self) -> float:
        """How long after SIGTERM the engine kills what is left."""

    def limit(self) -> Limit | None:
        """How long it may take; None if as long as it does."""

    def cause(self) -> Cause:
        """Why it ends, asked after SIGTERM has come."""

    def follow(self, folder: Path) -> str:
        """Let a job go on with the search when this one is over; its name.

        Args:
            folder: of the workers' files (see ``gridfold.runs.workers``).
        """
