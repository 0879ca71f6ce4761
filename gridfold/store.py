"""A ``runs/`` folder: create searches and runs in it, find them, collect their records.

The only module that knows the file names inside a search directory.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gridfold.errors import ConfigError
from gridfold.run import Record, Run, replace_file, write_config

BASE = "base.yaml"
SEARCH = "search.json"
RUNS = "runs.jsonl"
RESULTS = "results.csv"
LOG = "search.log"
PATCH = "code.patch"


@dataclass(frozen=True)
class RunEntry:
    """One line of ``runs.jsonl``: which trial a run directory is of."""

    index: int
    run: str
    params: Mapping[str, Any]
    id: str


class SearchDirectory:
    """The directory of one search, beside the directories of its runs."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.dir = Path(directory)

    @property
    def name(self) -> str:
        """The search's name, ``<prefix>_<HHMMSS>``."""
        return self.dir.name

    @property
    def results_path(self) -> Path:
        """The table of results."""
        return self.dir / RESULTS

    def write_base(self, content: bytes) -> None:
        """Keep the base config, byte for byte."""
        (self.dir / BASE).write_bytes(content)

    def write_patch(self, patch: str) -> None:
        """Keep what the code differed from its commit in."""
        (self.dir / PATCH).write_bytes(patch.encode("utf-8", "surrogateescape"))

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace ``search.json``."""
        replace_file(self.dir / SEARCH, json.dumps(facts, indent=1) + "\n")

    def facts(self) -> dict[str, Any]:
        """What ``search.json`` says."""
        facts: dict[str, Any] = json.loads((self.dir / SEARCH).read_bytes())
        return facts

    def create_runs(self, runs: Iterable[tuple[RunEntry, str]]) -> None:
        """Create a directory with its config for each run, and list them in ``runs.jsonl``.

        The list appears when all of them exist. Memory does not grow with their number.

        Raises:
            FileExistsError: a directory of that name is there; it is not touched.
        """
        root = str(self.dir.parent)
        temporary = self.dir / f".{RUNS}"
        with temporary.open("w", encoding="utf-8") as listing:
            for entry, config in runs:
                directory = f"{root}/{entry.run}"
                os.mkdir(directory)  # noqa: PTH102 - a Path costs as much as the directory
                write_config(directory, config)
                listing.write(json.dumps(vars(entry)) + "\n")
        temporary.replace(self.dir / RUNS)

    def entries(self) -> Iterator[RunEntry]:
        """The search's runs, in the order of their index."""
        with (self.dir / RUNS).open(encoding="utf-8") as listing:
            for line in listing:
                yield RunEntry(**json.loads(line))

    def run(self, entry: RunEntry) -> Run:
        """The run of an entry."""
        return Run(self.dir.parent / entry.run)

    def records(self) -> Iterator[tuple[RunEntry, Record | None]]:
        """Each run with its record, None for a run that was never started."""
        return ((entry, self.run(entry).read()) for entry in self.entries())

    def log(self, line: str) -> None:
        """Append a line to ``search.log``."""
        with (self.dir / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')} {line}\n")

    def write_results(self) -> None:
        """Write ``results.csv``: one row per run, failed and unfinished ones too. Read twice, held never."""
        metrics: dict[str, None] = {}
        params: dict[str, None] = {}
        for entry, record in self.records():
            params |= dict.fromkeys(entry.params)
            metrics |= dict.fromkeys(record.metrics if record else ())
        columns = ["index", "run", *params, "state", *metrics, "seconds", "error"]
        temporary = self.dir / f".{RESULTS}"
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for entry, record in self.records():
                writer.writerow(_row(entry, record, list(params), list(metrics)))
        temporary.replace(self.results_path)


class Store:
    """A folder of searches and runs, ``runs/``."""

    def __init__(self, root: str | os.PathLike[str] = "runs") -> None:
        self.root = Path(root)

    def create_search(self, prefix: str) -> tuple[SearchDirectory, str]:
        """A new search directory ``<prefix>_<HHMMSS>``, and its stamp.

        A stamp that is taken, by a search or by a run directory that an older search left, is passed over for the next
        second's.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._make_root()
        for stamp in _stamps("%H%M%S"):
            directory = self.root / f"{prefix}_{stamp}"
            if not _make(directory):
                continue
            if self._has_prefix(f"{directory.name}_"):
                directory.rmdir()
                continue
            return SearchDirectory(directory), stamp
        raise ConfigError(f"every second of the day is taken by a search named '{prefix}'", where=str(self.root))

    def create_run(self, config: str) -> Run:
        """A new run directory ``YYYY-MM-DD_HHMMSS`` for a single run, with its config."""
        self._make_root()
        directory = next(path for path in (self.root / stamp for stamp in _stamps("%Y-%m-%d_%H%M%S")) if _make(path))
        write_config(str(directory), config)
        return Run(directory)

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be created: {error.strerror}", where=str(self.root)) from None
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise ConfigError("cannot be written to", where=str(self.root))

    def _has_prefix(self, prefix: str) -> bool:
        folded = prefix.casefold()
        with os.scandir(self.root) as entries:
            return any(entry.name.casefold().startswith(folded) for entry in entries)


def _make(directory: Path) -> bool:
    """Create the directory; False if it is there. ``mkdir`` decides between two that ask at once."""
    try:
        directory.mkdir()
    except FileExistsError:
        return False
    return True


def _stamps(form: str) -> Iterator[str]:
    """The time now, then each later second of one day."""
    now = datetime.fromtimestamp(time.time())
    return ((now + timedelta(seconds=seconds)).strftime(form) for seconds in range(24 * 60 * 60))


def _row(entry: RunEntry, record: Record | None, params: list[str], metrics: list[str]) -> list[Any]:
    values = [entry.params.get(path) for path in params]
    if record is None:
        return [entry.index, entry.run, *values, "created", *[None for _ in metrics], None, None]
    error = f"{record.error['type']}: {record.error['message']}" if record.error else None
    measured = [record.metrics.get(name) for name in metrics]
    return [entry.index, entry.run, *values, record.state, *measured, record.seconds, error]
