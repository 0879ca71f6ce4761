"""Looks at a test set: each run that was measured on it, in the order in which that was done.

A test set says how good the chosen run is because it had no part in choosing it. A second look, or one at another run,
takes that away bit by bit, so each is written down, and said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.core.files import read_mapping, replace_file
from gridfold.records.numbers import number
from gridfold.records.trials import Results
from gridfold.runs.reports import is_metric
from gridfold.runs.search import SearchDirectory
from gridfold.trainers.protocol import BUILT_IN

FILE = "test.json"  # in the directory of the search; of a run without one, in its own


@dataclass(frozen=True)
class Look:
    """One run, measured on the test set.

    Attributes:
        run: the name of its directory.
        measured: when, ISO 8601.
        metrics: by names that begin with ``test_``; the first is the one that runs are compared by.
        is_best: whether it was the best run of its search then.
        changed: what it depends on, and had changed since it was trained, in words.
    """

    run: str
    measured: str
    metrics: Mapping[str, float]
    is_best: bool = True
    changed: Sequence[str] = field(default_factory=tuple)

    def __str__(self) -> str:
        name = next(iter(self.metrics), "")
        value = f"{name} {number(self.metrics[name])}" if name else "no metric"
        note = "" if self.is_best else ", which was not the best run then"
        return f"{value} ({self.run}, {self.measured[:10]}{note})"


def read(folder: Path) -> tuple[Look, ...]:
    """The looks that a folder knows of; what is damaged is left out."""
    said = read_mapping(folder / FILE).get("looks")
    return tuple(look for each in (said if isinstance(said, list) else ()) if (look := _look(each)))


def _look(said: object) -> Look | None:
    try:
        look = Look(**said)  # type: ignore[arg-type]
    except TypeError:
        return None
    are_texts = isinstance(look.run, str) and isinstance(look.measured, str)
    sound = isinstance(look.metrics, dict) and all(is_metric(*each) for each in look.metrics.items())
    return look if are_texts and sound else None


def note(folder: Path, look: Look) -> None:
    """Write another look down."""
    looks = [asdict(each) for each in (*read(folder), look)]
    replace_file(folder / FILE, json.dumps({"looks": looks}, indent=1) + "\n")


def said(results: Results) -> str:
    """What searches know of their test sets, in a sentence each; "" if nobody has looked at one."""
    return " ".join(filter(None, (_said(read(search.dir), results) for search in results.searches)))


def awaited(results: Results) -> str:
    """What to do about test sets that nobody has looked at, in a sentence each; "" if there are none."""
    names = [search.name for search in results.searches if not read(search.dir) and _awaits(search, results)]
    said = "Nobody has looked at the test set yet: gridfold test {} measures the best run on it, once."
    return " ".join(map(said.format, names))


def _awaits(search: SearchDirectory, results: Results) -> bool:
    """Whether there is a test set, and no run is left that could become the best."""
    runs = [run for trial in results.trials for run in trial.runs if run.search is search]
    if not results.ranked or not all(run.is_done or run.state == "failed" for run in runs):
        return False
    first = next((run for run in runs if run.record and run.record.trainer == BUILT_IN), None)
    try:
        config = Config.parse(search.run(first.entry).read_config(), "").data if first else {}
    except (ConfigError, OSError):  # it was edited since, or is gone
        return False
    data = config.get("data")
    return isinstance(data, dict) and data.get("test") is not None


def _said(found: Sequence[Look], results: Results) -> str:
    if not found:
        return ""
    runs = {run.entry.run for trial in results.ranked[:1] for run in trial.runs}
    another = "" if found[0].run in runs else " Another trial is the best one now."
    if len(found) == 1:
        return f"On the test set: {found[0]}.{another}"
    later = "; then ".join(str(each) for each in found[1:])
    return f"On the test set, which was looked at {len(found)} times, first: {found[0]}; then {later}.{another}"
