"""A search: its directory, beside those of its runs. The only module that knows the file names inside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.core.files import (
    is_file,
    mappings_of,
    read_mapping,
    read_mappings,
    read_regular,
    regular,
    replace_bytes,
    replace_file,
    replacing,
)
from gridfold.identity import reads
from gridfold.identity.sources import Sources
from gridfold.runs.entries import Addition, Places, RunEntry
from gridfold.runs.facts import checked
from gridfold.runs.folders import new_folder, stamps
from gridfold.runs.record import Record
from gridfold.runs.run import Run, judge, write_config

BASE = "base.yaml"
SEARCH = "search.json"
RUNS = "runs.jsonl"
RESULTS = "results.csv"
REPORT = "report.html"
LOG = "search.log"
SHARING = "sharing.jsonl"
_OLD_SHARING = "fold.jsonl"  # of an older gridfold
CODE = "code.jsonl"
PATCH = "code.patch"
WRITTEN = "written.jsonl"
VERIFIED = "verify.json"
_FIRST_BYTES = 1 << 18  # of a file that grows with the search
_LONGEST_LINE = 1 << 26  # bytes
_LOCK = ".runs.lock"  # held while runs are added, or search.json changes
_ANEW = ".verify"  # in the folder of runs: where some are run again, to compare


class SearchDirectory:
    """The directory of one search, beside the directories of its runs."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.dir = Path(directory)
        self._known: dict[str, Any] | None = None  # what search.json said when it was read last
        self._places = Places()
        self._addition: Addition | None = None  # what is known of the list since it was added to last

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

    def extend(self, runs: Iterable[tuple[RunEntry, str]], *, behind: int | None = None) -> int:
        """Add runs to the search, behind those that it has; how many are new.

        A run that is listed already is not added again, so an extension that was killed can be made once more. Each
        new run takes the next index. A run is listed when its directory exists.

        Args:
            runs: the entries, whatever their index, and the texts of their configs.
            behind: add them only if that many are listed.

        Raises:
            ConfigError: a run of that name is listed, but is another.
        """
        with self._alone():
            addition = self._addition
            if addition is None or addition.version != self.version_of_list():
                addition = self._addition = Addition(self.entries())
            before = addition.size
            if behind not in (None, before):
                return 0
            try:
                lines = [self._added(entry, config) for entry, config in addition.new(runs)]
                self._append_lines(lines)
            except BaseException:
                self._addition = None
                raise
            addition.version = self.version_of_list()
            if behind is None:  # else more will follow, and who ends the search says how many
                self._update({"runs": addition.size})
        return addition.size - before

    def _added(self, entry: RunEntry, config: str) -> str:
        """Make the directory of a run; its line."""
        directory = f"{self.dir.parent}/{entry.run}"
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - of an extension that was killed
        Run(directory).rewrite_config(config)
        return entry.line()

    def _append_lines(self, lines: Iterable[str]) -> None:
        """Append to the list, in one piece; a last line that is not whole, of whoever was killed, is taken back."""
        added = "".join(lines).encode(errors="replace")
        with os.fdopen(regular(self.dir / RUNS, os.O_RDWR), "rb+") as listing:
            end = listing.seek(0, os.SEEK_END)
            listing.seek(max(0, end - 1))
            if listing.read(1) not in (b"", b"\n"):
                listing.seek(max(0, end - _LONGEST_LINE))
                torn = listing.read().rpartition(b"\n")[2]
                if _is_entry(torn):
                    added = b"\n" + added
                else:
                    end -= len(torn)
                    listing.truncate(end)
            listing.seek(end)
            listing.write(added)

    def version_of_list(self) -> object:
        """What is another when runs were added; None if there is no list."""
        try:
            found = (self.dir / RUNS).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def entries(self) -> Iterator[RunEntry]:
        """The search's runs, in the order of their index.

        Raises:
            ConfigError: the list is not there, or is damaged.
        """
        try:
            with open(self.dir / RUNS, encoding="utf-8", opener=regular) as listing:
                for line in listing:
                    if line.endswith("\n") or _is_entry(line.encode(errors="replace")):
                        yield RunEntry.read(line)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _unreadable(self.dir / RUNS, error) from None

    def entries_from(self, index: int) -> Iterator[RunEntry]:
        """The runs from an index on; those before are not read again if they were.

        Raises:
            ConfigError: the list is not there, or is damaged.
        """
        try:
            with open(self.dir / RUNS, "rb", opener=regular) as listing:
                yield from self._places.entries(listing, index)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _unreadable(self.dir / RUNS, error) from None

    def entries_at(self, indices: Iterable[int]) -> Iterator[RunEntry]:
        """Some of the runs, in any order.

        Raises:
            ConfigError: the list is not there, or is damaged.
        """
        try:
            with open(self.dir / RUNS, "rb", opener=regular) as listing:
                for index in indices:
                    yield self._places.entry(listing, index)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _unreadable(self.dir / RUNS, error) from None

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
        return new_folder(root / f"{self.name}_{stamp}" for stamp in stamps("%H%M%S"))

    def note_verified(self, found: Mapping[str, Any]) -> None:
        """Add to ``verify.json``, by the names of the runs, what came of running them again."""
        known = read_mapping(self.dir / VERIFIED)
        replace_file(self.dir / VERIFIED, json.dumps({**known, **found}, indent=1) + "\n")

    def note_code(self, fingerprint: str, sources: Sources) -> None:
        """Let ``code.jsonl`` say what code has a fingerprint; the first to say so tells it."""
        if fingerprint not in self.codes():
            with suppress(OSError), (self.dir / CODE).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"fingerprint": fingerprint, **sources.as_dict()}) + "\n")

    def codes(self) -> dict[str, Sources]:
        """The code that runs of the search were executed with, by fingerprint; lines that are torn are left out."""
        found = ((said.get("fingerprint"), Sources.said(said)) for said in read_mappings(self.dir / CODE))
        return {name: sources for name, sources in found if isinstance(name, str) and sources}

    def written(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """What its runs say that they have written, from a position in the file, and the position behind it."""
        try:
            with open(self.dir / WRITTEN, "rb", opener=regular) as file:
                file.seek(position)
                whole = file.read().rpartition(b"\n")[0]
        except OSError:
            return [], position
        return mappings_of(whole), position + len(whole) + bool(whole)

    def note_sharing(self, event: Mapping[str, Any]) -> None:
        """Append what processes have shared to ``sharing.jsonl``; a disk that is full loses it, not the search.

        Many processes write: each line is written in one piece.
        """
        append(f"{self.dir}/{SHARING}", event)

    def first_sharing_events(self) -> list[dict[str, Any]]:
        """The first of them: enough to tell in which order the code reads."""
        with suppress(OSError), open(self.dir / SHARING, "rb", opener=regular) as file:
            return mappings_of(file.read(_FIRST_BYTES))
        return []

    def sharing_events(self) -> list[dict[str, Any]]:
        """What ``note_sharing`` was told, in order; lines that are torn are left out."""
        return read_mappings(self.dir / _OLD_SHARING) + read_mappings(self.dir / SHARING)


def append(path: str, said: Mapping[str, Any]) -> None:
    """Append a line to a file to which many processes write, in one piece; a disk that is full loses it."""
    if heard := reads.current():
        heard.leave_out_file(os.path.abspath(path))  # noqa: PTH100 - as a path is heard
    with suppress(OSError):
        file = regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, json.dumps(said).encode() + b"\n")
        finally:
            os.close(file)


def _is_entry(line: bytes) -> bool:
    """Whether a last line, which has no end, is whole all the same."""
    try:
        RunEntry.read(line.decode())
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
    return True


def _unreadable(path: Path, error: Exception) -> ConfigError:
    hint = "remove it, and gridfold resume makes it again"
    return ConfigError(f"cannot be read: {error}", where=str(path), hint=hint)
