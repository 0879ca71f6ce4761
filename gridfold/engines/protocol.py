"""What an engine does: it starts workers somewhere, knows which are over, and ends them by SIGTERM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Phase = Literal["waiting", "running", "over"]


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
