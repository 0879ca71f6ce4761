"""A ``runs/`` folder: create searches and runs in it, find them, collect their records.

The only module that knows the file names inside a search directory.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.core.files import is_file, read_regular, regular, replace_bytes, replace_file, replacing
from gridfold.core.values import canonical, cell, from_params, to_params
from gridfold.identity.sources import Sources
from gridfold.runs.facts import checked
from gridfold.runs.run import Record, Run, judge, write_config

BASE = "base.yaml"
SEARCH = "search.json"
RUNS = "runs.jsonl"
RESULTS = "results.csv"
REPORT = "report.html"
LOG = "search.log"
FOLD = "fold.jsonl"
CODE = "code.jsonl"
PATCH = "code.patch"
VERIFIED = "verify.json"
_LOCK = ".runs.lock"  # held while runs are added, or search.json changes
_ANEW = ".verify"  # in the folder of runs: where some are run again, to compare

_MAX_HINT = 1000
_MOST_DIGITS = 20  # of a number of a run


@dataclass(frozen=True)
class RunEntry:
    """One line of ``runs.jsonl``: which trial a run directory is of.

    Attributes:
        index: its position among the runs of the search.
        run: the name of its directory.
        params: path and value of what varies; those of the trial, so repeats have the same.
        id: hash of its resolved config in canonical form.
        repeat: which repeat of the trial it is, from 0: repeats differ in their seed.
        fold: which part of the training data is held out, from 0; None if the data are not split so.
        confirms: it was run on a fresh seed to confirm a comparison, so it does not count in it.
    """

    index: int
    run: str
    params: Mapping[str, Any]
    id: str
    repeat: int = 0
    fold: int | None = None
    confirms: bool = False

    def line(self) -> str:
        """The line, without what is as it always is."""
        said = {name: value for name, value in vars(self).items() if name not in _USUAL or value != _USUAL[name]}
        return json.dumps(said | {"params": to_params(self.params)}) + "\n"

    @classmethod
    def read(cls, line: str) -> RunEntry:
        """The entry that a line tells of.

        Raises:
            ValueError, TypeError, AttributeError, RecursionError: it tells of none.
        """
        said = json.loads(line)
        return _checked(cls(**{**said, "params": from_params(said.get("params"))}))


_USUAL = {"repeat": 0, "fold": None, "confirms": False}


class SearchDirectory:
    """The directory of one search, beside the directories of its runs."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.dir = Path(directory)
        self._known: dict[str, Any] | None = None  # what search.json said when it was read last

    @property
    def name(self) -> str:
        """The search's name, ``<prefix>_<HHMMSS>``."""
        return self.dir.name

    @property
    def created(self) -> str:
        """When it was created, ISO 8601; "" if that cannot be read."""
        try:
            return str(self.facts().get("created", ""))
        except ConfigError:
            return ""

    @property
    def results_path(self) -> Path:
        """The table of results."""
        return self.dir / RESULTS

    @property
    def report_path(self) -> Path:
        """The report: what came out, in words and figures."""
        return self.dir / REPORT

    @property
    def patch_path(self) -> Path:
        """What the code differed from its commit in; not there if it did not."""
        return self.dir / PATCH

    def write_base(self, content: bytes) -> None:
        """Keep the base config, byte for byte."""
        (self.dir / BASE).write_bytes(content)

    def write_patch(self, patch: bytes) -> None:
        """Keep what the code differed from its commit in."""
        replace_bytes(self.patch_path, [patch])

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write ``search.json`` of a new search."""
        replace_file(self.dir / SEARCH, json.dumps(facts, indent=1) + "\n")

    def update(self, **facts: Any) -> None:
        """Let ``search.json`` say this too, or instead; nothing that other processes let it say is lost.

        Raises:
            ConfigError: it is not there, or cannot be read.
        """
        with self._alone():
            self._update(facts)

    def _update(self, facts: Mapping[str, Any]) -> None:
        self.write_facts({**self.facts(), **facts})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While no other process changes what the search says of itself and of its runs."""
        from filelock import FileLock  # only whoever changes a search needs it

        with ExitStack() as held:
            with suppress(OSError):  # a disk without locks: two that change one search in one moment are rare
                held.enter_context(FileLock(self.dir / _LOCK))
            yield

    def facts(self) -> dict[str, Any]:
        """What ``search.json`` says, or said before it was lost while this process works on the search.

        Raises:
            ConfigError: it is not there, or cannot be read, and never could.
        """
        try:
            self._known = self._facts()
        except ConfigError:
            if self._known is None:
                raise
        return dict(self._known)

    def _facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(read_regular(self.dir / SEARCH))
        except FileNotFoundError:
            hint = "it was removed, or the search was killed before it could begin; start it again"
            raise ConfigError(f"no {SEARCH}", where=str(self.dir), hint=hint) from None
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"cannot be read: {error}", where=str(self.dir / SEARCH)) from None
        return checked(facts, str(self.dir / SEARCH))

    @property
    def base_path(self) -> Path:
        """The base config."""
        return self.dir / BASE

    @property
    def patch(self) -> bytes | None:
        """What the code differed from its commit in; None if in nothing."""
        try:
            return read_regular(self.dir / PATCH)
        except OSError:
            return None

    def base(self) -> str:
        """The text of the base config.

        Raises:
            ConfigError: it cannot be read.
        """
        try:
            return read_regular(self.dir / BASE).decode()
        except (OSError, UnicodeDecodeError) as error:
            hint = "put a copy of the base config there"
            raise ConfigError(f"cannot be read: {error}", where=str(self.dir / BASE), hint=hint) from None

    @property
    def is_created(self) -> bool:
        """Whether all run directories exist."""
        return is_file(self.dir / RUNS) and (self.dir / RUNS).stat().st_size > 0

    def create_runs(self, runs: Iterable[tuple[RunEntry, str]], *, again: bool = False) -> None:
        """Create a directory with its config for each run, and list them in ``runs.jsonl``.

        The list appears when all of them exist. Memory does not grow with their number.

        Args:
            runs: the entries and the texts of their configs.
            again: some of them may be there, from a creation that was interrupted.

        Raises:
            FileExistsError: a directory of that name is there; it is not touched.
        """
        with self._alone():
            if not (again and self.is_created):  # by another process that goes on with the search
                self._create_runs(runs, again=again)

    def _create_runs(self, runs: Iterable[tuple[RunEntry, str]], *, again: bool) -> None:
        root = str(self.dir.parent)
        with replacing(self.dir / RUNS) as listing:
            for entry, config in runs:
                directory = f"{root}/{entry.run}"
                if again:
                    os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - as below
                    Run(directory).rewrite_config(config)
                else:
                    os.mkdir(directory)  # noqa: PTH102 - a Path costs as much as the directory
                    write_config(directory, config)
                listing.write(entry.line())

    def extend(self, runs: Iterable[tuple[RunEntry, str]]) -> int:
        """Add runs to the search, behind those that it has; how many are new.

        A run that is listed already is not added again, so an extension that was killed can be made once more. Each
        new run takes the next index. The list changes in one step, when all directories exist.

        Args:
            runs: the entries, whatever their index, and the texts of their configs.

        Raises:
            ConfigError: a run of that name is listed, but is another.
        """
        with self._alone():
            listed = {_replicate(entry): entry for entry in self.entries()}
            new = _Addition({entry.run for entry in listed.values()}, len(listed))
            with replacing(self.dir / RUNS) as listing:
                listing.write((self.dir / RUNS).read_text(encoding="utf-8"))
                for entry, config in runs:
                    if _replicate(entry) not in listed:
                        listed[_replicate(entry)] = added = new.placed(entry)
                        directory = f"{self.dir.parent}/{entry.run}"
                        os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - of an extension that was killed
                        Run(directory).rewrite_config(config)
                        listing.write(added.line())
            self._update({"runs": len(listed)})
        return new.count

    def entries(self) -> Iterator[RunEntry]:
        """The search's runs, in the order of their index.

        Raises:
            ConfigError: the list is not there, or is damaged.
        """
        try:
            with open(self.dir / RUNS, encoding="utf-8", opener=regular) as listing:
                for line in listing:
                    yield RunEntry.read(line)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            hint = "remove it, and gridfold resume makes it again"
            raise ConfigError(f"cannot be read: {error}", where=str(self.dir / RUNS), hint=hint) from None

    def run(self, entry: RunEntry) -> Run:
        """The run of an entry."""
        return Run(self.dir.parent / entry.run)

    def records(self) -> Iterator[tuple[RunEntry, Record | None]]:
        """Each run with its record as it stands (see ``Run.judged``), None for a run that was never started."""
        root = str(self.dir.parent)
        return ((entry, judge(f"{root}/{entry.run}")) for entry in self.entries())

    def log(self, line: str) -> None:
        """Append a line to ``search.log``; a disk that is full loses the line, not the search."""
        said = f"{datetime.now().astimezone().isoformat(timespec='seconds')} {line}\n"
        with suppress(OSError), open(self.dir / LOG, "ab", opener=regular) as file:
            file.write(said.encode("utf-8", "replace"))

    def folder_for_comparison(self) -> Path:
        """A new folder, outside all runs, to run some of the search's runs in again."""
        root = self.dir.parent / _ANEW
        root.mkdir(exist_ok=True)
        return next(path for path in (root / f"{self.name}_{stamp}" for stamp in _stamps("%H%M%S")) if _make(path))

    def note_verified(self, found: Mapping[str, Any]) -> None:
        """Add to ``verify.json``, by the names of the runs, what came of running them again."""
        before: Any = {}
        with suppress(OSError, ValueError, RecursionError):
            before = json.loads(read_regular(self.dir / VERIFIED))
        known = before if isinstance(before, dict) else {}
        replace_file(self.dir / VERIFIED, json.dumps({**known, **found}, indent=1) + "\n")

    def note_code(self, fingerprint: str, sources: Sources) -> None:
        """Let ``code.jsonl`` say what code has a fingerprint; the first to say so tells it."""
        if fingerprint not in self.codes():
            with suppress(OSError), (self.dir / CODE).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"fingerprint": fingerprint, **sources.as_dict()}) + "\n")

    def codes(self) -> dict[str, Sources]:
        """The code that runs of the search were executed with, by fingerprint; lines that are torn are left out."""
        found = ((said.get("fingerprint"), Sources.said(said)) for said in _lines(self.dir / CODE))
        return {name: sources for name, sources in found if isinstance(name, str) and sources}

    def note_fold(self, event: Mapping[str, Any]) -> None:
        """Append what a fold has done to ``fold.jsonl``; a disk that is full loses it, not the search.

        Many processes write: each line is written in one piece.
        """
        with suppress(OSError):
            file = regular(self.dir / FOLD, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(file, json.dumps(event).encode() + b"\n")
            finally:
                os.close(file)

    def fold_events(self) -> Iterator[dict[str, Any]]:
        """What ``note_fold`` was told, in order; lines that are torn are left out."""
        return _lines(self.dir / FOLD)

    def write_results(self, records: Callable[[], Iterable[tuple[RunEntry, Record | None]]] | None = None) -> None:
        """Write ``results.csv``: one row per run, failed and unfinished ones too. Read twice, held never.

        Args:
            records: gives the runs with what their rows are to say (see ``records.result.write_results``); None for
                their records as they stand.
        """
        records = records or self.records
        metrics: dict[str, None] = {}
        params: dict[str, None] = {}
        repeated = False
        for entry, record in records():
            params |= dict.fromkeys(entry.params)
            metrics |= dict.fromkeys(record.metrics if record else ())
            repeated = repeated or _is_repeat(entry)
        which = ["repeat", "fold", "confirms"] if repeated else []
        columns = ["index", "run", *params, *which, "state", *metrics, "seconds", "error"]
        with replacing(self.results_path) as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for entry, record in records():
                writer.writerow(_row(entry, record, [*params], which, [*metrics]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The mappings of a file of JSON lines."""
    with suppress(OSError), open(path, "rb", opener=regular) as file:
        for line in file:
            with suppress(ValueError, RecursionError):
                said = json.loads(line)
                if isinstance(said, dict):
                    yield said


@dataclass
class _Addition:
    """Places new runs behind those that a search has.

    Attributes:
        names: of the directories that it has.
        begin: how many there were before.
    """

    names: set[str]
    begin: int
    count: int = 0

    def placed(self, entry: RunEntry) -> RunEntry:
        if entry.run in self.names:
            raise ConfigError("another run of the search has this name", where=entry.run)
        self.names.add(entry.run)
        self.count += 1
        return replace(entry, index=self.begin + self.count - 1)


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

    def searches(self) -> list[SearchDirectory]:
        """The searches, the latest last. What cannot be read is passed over."""
        found = [SearchDirectory(path.parent) for path in self.root.glob(f"*/{SEARCH}")]
        return sorted(found, key=lambda search: (search.created, search.name))

    def find(self, name: str) -> SearchDirectory:
        """A search by its name, by the path of its directory, or as ``last``.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        for directory in (self.root / name, Path(name)):
            if is_file(directory / SEARCH):
                return SearchDirectory(directory if directory.name not in ("", "..") else directory.resolve())
        searches = self.searches()
        if name == "last" and searches:
            return searches[-1]
        problem = "no search" if name == "last" else f"no search {name!r:.200}"
        begin = "begin one: gridfold search --config FILE; or go to the folder that has runs/"
        hint = nearest(name[:_MAX_HINT], (search.name for search in searches)) if searches else begin
        raise ConfigError(problem, where=str(self.root), hint=hint[:_MAX_HINT])

    def run(self, name: str) -> Run:
        """The run of a directory name."""
        return Run(self.root / name)

    def find_run(self, name: str) -> Run:
        """A run by the name or path of its directory, by its number in the last search, or as ``SEARCH:NUMBER``.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        for directory in (self.root / name, Path(name)):
            if is_file(Run(directory).config_path):
                return Run(directory)
        search, _, index = name.rpartition(":")
        if index.isdecimal() and len(index) <= _MOST_DIGITS:
            found = self.find(search or "last")
            last = -1
            for entry in found.entries():
                if entry.index == int(index):
                    return found.run(entry)
                last = entry.index
            raise ConfigError(f"no run {index:.20} in {found.name}", hint=f"it has runs 0 to {last}")
        hint = nearest(name[:_MAX_HINT], (path.name for path in self.root.glob("*") if is_file(Run(path).config_path)))
        if not hint.startswith("did you mean"):
            hint = "a run is said by its directory, or its number: 3 in the last search, SEARCH:3 in another"
        raise ConfigError(f"no run {name!r:.200}", where=str(self.root), hint=hint[:_MAX_HINT])

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


def _replicate(entry: RunEntry) -> tuple[object, ...]:
    """What no two runs of a search have in common."""
    return canonical(entry.params), entry.repeat, entry.fold, entry.confirms


def _checked(entry: RunEntry) -> RunEntry:
    """The entry, if its parts are what others take them for; its name is that of a directory beside the search's."""
    kinds = isinstance(entry.index, int) and isinstance(entry.id, str) and isinstance(entry.params, dict)
    kinds = kinds and isinstance(entry.repeat, int) and isinstance(entry.fold, int | None)
    if not kinds or not isinstance(entry.run, str) or entry.run in ("", ".", "..") or set(entry.run) & {"/", "\0"}:
        raise ValueError(f"not a run: {entry!r:.200}")
    entry.run.encode()
    return entry


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


def _is_repeat(entry: RunEntry) -> bool:
    return any(getattr(entry, name) != usual for name, usual in _USUAL.items())


def _row(entry: RunEntry, record: Record | None, params: list[str], which: list[str], metrics: list[str]) -> list[Any]:
    values = [cell(entry.params[path]) if path in entry.params else None for path in params]
    values += [getattr(entry, name) for name in which]
    if record is None:
        return [entry.index, entry.run, *values, "created", *[None for _ in metrics], None, None]
    error = f"{record.error['type']}: {record.error['message']}" if record.error else None
    measured = [record.metrics.get(name) for name in metrics]
    return [entry.index, entry.run, *values, record.state, *measured, record.seconds, error]
