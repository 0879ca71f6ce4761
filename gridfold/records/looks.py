"""Looks at a test set: each run that was measured on it, in the order in which that was done.

A test set says how good the chosen run is because it had no part in choosing it. A second look, or one at another run,
takes that away bit by bit, so each is written down, and said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gridfold.core.files import read_mapping, replace_file
from gridfold.records.numbers import number
from gridfold.records.trials import Results
from gridfold.runs.reports import is_metric

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
    """What searches know of their test sets, in a sentence; "" if nobody has looked at one."""
    lines = [text for search in results.searches if (text := _said(read(search.dir), results))]
    return " ".join(lines)


def _said(found: Sequence[Look], results: Results) -> str:
    if not found:
        return ""
    runs = {run.entry.run for trial in results.ranked[:1] for run in trial.runs}
    another = "" if found[0].run in runs else " Another trial is the best one now."
    if len(found) == 1:
        return f"On the test set: {found[0]}.{another}"
    later = "; then ".join(str(each) for each in found[1:])
    return f"On the test set, which was looked at {len(found)} times, first: {found[0]}; then {later}.{another}"
