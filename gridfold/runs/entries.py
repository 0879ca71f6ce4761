"""The runs of a search, as ``runs.jsonl`` lists them."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, BinaryIO

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical, from_params, to_params

_MOST_KEPT = 1000  # entries


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

    @property
    def is_repeat(self) -> bool:
        """Whether it is more than the one run of a trial."""
        return any(getattr(self, name) != usual for name, usual in _USUAL.items())

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
        return _entry_of(line)


@lru_cache(maxsize=_MOST_KEPT)
def _entry_of(line: str) -> RunEntry:
    """The entry that a line is; a search looks at each several times."""
    said = json.loads(line)
    return _checked(RunEntry(**{**said, "params": from_params(said.get("params"))}))


class Places:
    """Where each run begins in the list, so that one can be read without those before it; lines are only added."""

    def __init__(self) -> None:
        self._places = array("Q", [0])

    def entry(self, listing: BinaryIO, index: int) -> RunEntry:
        """The entry of a run.

        Raises:
            ValueError, TypeError, AttributeError, RecursionError: there is none.
        """
        if index >= len(self._places):
            listing.seek(self._places[-1])
            while index >= len(self._places) and (line := listing.readline()):
                self._places.append(self._places[-1] + len(line))
        if index >= len(self._places):
            raise ValueError(f"no line {index + 1}")
        listing.seek(self._places[index])
        return RunEntry.read(listing.readline().decode())

    def entries(self, listing: BinaryIO, index: int) -> Iterator[RunEntry]:
        """The entries from a run on; a last line that is not whole is none.

        Raises:
            ValueError, TypeError, AttributeError, RecursionError: a line tells of none.
        """
        if index < len(self._places):
            listing.seek(self._places[index])
        else:
            listing.seek(self._places[-1])
            for _ in range(len(self._places) - 1, index):
                listing.readline()
        place = listing.tell()
        for line in listing:
            try:
                entry = RunEntry.read(line.decode())
            except (ValueError, TypeError, AttributeError, RecursionError):
                if line.endswith(b"\n"):
                    raise
                return
            place += len(line)
            index += 1
            if index == len(self._places):
                self._places.append(place)
            yield entry


_USUAL = {"repeat": 0, "fold": None, "confirms": False}


class Addition:
    """Places new runs behind those that a search has.

    Args:
        entries: the runs that it has.

    Attributes:
        size: how many it has, with the new ones.
        version: of the list that has these runs (see ``SearchDirectory.version_of_list``).
    """

    def __init__(self, entries: Iterable[RunEntry]) -> None:
        listed = [(entry.run, _replicate(entry)) for entry in entries]
        self._names, self._replicates = {name for name, _ in listed}, {replicate for _, replicate in listed}
        self.size = len(listed)
        self.version: object = None

    def new(self, runs: Iterable[tuple[RunEntry, str]]) -> Iterator[tuple[RunEntry, str]]:
        """Those of some runs that the search has not, in their places, and the texts of their configs.

        Raises:
            ConfigError: the search has another run of that name.
        """
        for entry, config in runs:
            if _replicate(entry) in self._replicates:
                continue
            if entry.run in self._names:
                raise ConfigError("another run of the search has this name", where=entry.run)
            self._names.add(entry.run)
            self._replicates.add(_replicate(entry))
            yield replace(entry, index=self.size), config
            self.size += 1


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
