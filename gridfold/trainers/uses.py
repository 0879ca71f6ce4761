"""What a trainer may offer beside training: to use what its runs have saved, and to explain its configs.

A trainer that has one of these methods is asked by the command of that name, and for its keys by ``gridfold explain``.
The ready trainer has them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gridfold.config.key import Key
from gridfold.core.errors import ConfigError
from gridfold.trainers.resolve import resolve


@dataclass(frozen=True)
class NewData:
    """What to predict, and where to.

    Attributes:
        source: a file.
        columns: those that are the input of a prediction; none for those that the run was trained on.
        output: the file to write; None for standard output, as CSV.
        use_cpu: stay on the CPU where there is a GPU.
    """

    source: str
    columns: tuple[str, ...] = ()
    output: Path | None = None
    use_cpu: bool = False


class Predicts(Protocol):
    """A trainer whose runs predict."""

    def predict(self, run_dir: Path, data: NewData) -> str:
        """Predict what is in a file; the result in a sentence.

        Raises:
            ConfigError: the run saved nothing that predicts, or the file cannot be read.
        """


class Exports(Protocol):
    """A trainer whose runs other tools can load."""

    def export(self, run_dir: Path, folder: Path, about: str) -> Sequence[str]:
        """Write what a run has saved into a new folder, in a form that other tools load.

        Args:
            run_dir: the run's directory.
            folder: is not there yet.
            about: how the run was found and how good it is, as Markdown, for a model card.

        Returns:
            Lines that say how to use it.

        Raises:
            ConfigError: the run saved nothing that can be exported.
        """


class Tests(Protocol):
    """A trainer whose runs can be measured on a test set that no run of the search has seen."""

    def test(self, run_dir: Path) -> Mapping[str, float]:
        """The metrics of a run on its test set, by names that begin with ``test_``; the first is the main one.

        Raises:
            ConfigError: the run has no test set, or saved nothing that predicts.
        """


class Explains(Protocol):
    """A trainer that says what its configs may hold."""

    def keys(self) -> Sequence[Key]:
        """The keys of its configs."""

    def key(self, path: str) -> Key | None:
        """A key that is not among them, because it is costly to look up; None if there is none."""


def able(trainer: str | Sequence[str], method: str, where: str) -> Any:
    """The trainer of a run, if it has a method.

    Args:
        trainer: as its record names it.
        method: the method.
        where: the run, for errors.

    Raises:
        ConfigError: it has no such method, or cannot be imported.
    """
    found = resolve(trainer) if isinstance(trainer, str) else None
    if hasattr(found, method):
        return found
    name = trainer if isinstance(trainer, str) else "a command"
    problem = f"cannot {method}: its trainer ({name}) has no method '{method}'"
    hint = "the ready trainer has, and an object of your own may have: see gridfold.trainers.uses"
    raise ConfigError(problem, where=where, hint=hint)
