"""The role of a tracker: a tool of its own that shows runs, such as TensorBoard or MLflow.

A feed reads the run directories and tells a tracker what is new (``gridfold.export.trackers.feed``); a tracker knows
nothing of gridfold's files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


def seconds(time: str | None) -> float | None:
    """A time of a record as seconds since the epoch."""
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(time).timestamp() if time else None
    return None


@dataclass(frozen=True)
class SearchFacts:
    """What a tracker knows of a search when it begins.

    Attributes:
        name: of the search.
        dir: its directory, beside those of its runs.
        metric: what its runs are compared by; None if that is not known yet.
        maximize: whether more of it is better.
        parameters: all values of each parameter that varies, in order; those that are known yet, if more will come.
        id: what no other search has, wherever its directory is moved.
        created: when it was created, ISO 8601.
    """

    name: str
    dir: Path
    metric: str | None
    maximize: bool
    parameters: Mapping[str, tuple[Any, ...]]
    id: str = ""
    created: str = ""


@dataclass(frozen=True)
class Point:
    """One report of a run.

    Attributes:
        step: how far the run was with it: its epoch, from 1, if the reports have epochs, else their number.
        metrics: what it reported.
        time: seconds since the epoch; None if that is not known.
        number: the step for a tool that has only whole steps. It never falls, and is the same only for the same step:
            of the steps 0.5, 1, 1.5 it is 1, 2, 3, and of 5, 10, 15 it is 5, 10, 15.
    """

    step: float
    metrics: Mapping[str, float]
    time: float | None = None
    number: int = 0


@dataclass(frozen=True)
class RunNews:
    """What is new of a run since a tracker was last told of it.

    Attributes:
        index: its position in the search.
        name: of its directory.
        dir: its directory.
        params: path and value of what varies; of a union, those of its branch.
        config: its whole config.
        repeat: which repeat of its trial it is, from 0.
        fold: which part of the training data is held out in it, from 0; None if they are not split.
        attempt: which attempt at it this is, from 1.
        state: as ``run.json`` says it, or ``lost`` if its process is dead and did not say how it ended.
        is_new: the tracker has not been told of this attempt before, or does not remember: whatever the tool has of the
            run, from an earlier attempt or from before a crash, is to be replaced. ``points`` begin at the first.
        is_over: whether nothing more will come of this attempt.
        points: its new reports.
        metrics: the metrics of its best epoch, as in ``gridfold results``; empty unless it has a result.
        error: what went wrong, in one line; None if nothing did.
        started: ISO 8601, UTC.
        ended: likewise; None until it is over.
        confirms: it does not count in the comparison (see ``gridfold confirm``).
        trial: the index of the first run of its trial: runs of one trial differ in their repeat or fold only.
    """

    index: int
    name: str
    dir: Path
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    repeat: int
    fold: int | None
    attempt: int
    state: str
    is_new: bool
    is_over: bool
    points: Sequence[Point]
    metrics: Mapping[str, float]
    error: str | None
    started: str | None
    ended: str | None
    confirms: bool = False
    trial: int = 0

    @property
    def begun(self) -> float | None:
        """When the attempt began, in seconds since the epoch."""
        return seconds(self.started)

    @property
    def over(self) -> float | None:
        """When it ended."""
        return seconds(self.ended)


class Tracker(Protocol):
    """Writes the runs of a search for a tool.

    It is made with the folder to write to, or None for where the tool's data are by default (see `registry.tracker`);
    its package is imported with its module. What it raises ends the tracking, and never the search.
    """

    def begin(self, search: SearchFacts) -> None:
        """Make ready, before any run. What the tool has of this search already stays."""

    def write(self, runs: Iterable[RunNews]) -> None:
        """Write what is new. When this returns, the tool can read it, also if the process is killed then.

        It may be told again what it has written, if it was killed: ``is_new`` then, and nothing may be there twice.
        """

    def end(self) -> str:
        """Close the tool; where it is and how to open it, in a sentence for the person."""
