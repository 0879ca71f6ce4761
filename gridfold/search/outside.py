"""What a search has to say of what its runs write outside their directories, and what it does about it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.executors.protocol import Watcher
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory
from gridfold.runs.seconds import Seconds, apart
from gridfold.search.collisions import Collision, Collisions, told
from gridfold.search.stamps import names_seconds, stamp_in

_COLLISIONS, _STAMPS, _MISSED = "collisions", "stamps", "missed"  # kinds of warnings
_NAME_IT = "name it in the config or in an argument, and runs are told where it is"
_QUOTED = re.compile(r"['\"]([^'\"\0]{1,400})['\"]")


class Outside:
    """Hears what the runs of a search have written outside their directories.

    Args:
        search: the search.
    """

    def __init__(self, search: SearchDirectory) -> None:
        facts = search.facts()
        self._search, self._trainer = search, facts["trainer"]
        self._works_apart = bool(facts.get("cwd"))
        self._told: dict[str, str] = dict(facts.get("warnings", {}))
        self._collisions = Collisions(search)
        self._position = 0
        self._seconds = Seconds(search.dir)
        if self._is_of_those_apart():
            self._seconds.set_apart()
        elif not self._works_apart and not isinstance(self._trainer, str) and names_seconds(search.codes().values()):
            self._seconds.suppose()

    def _is_of_those_apart(self) -> bool:
        """Whether an earlier search has seen this program name files by the second."""
        if isinstance(self._trainer, str):
            return False
        others = (SearchDirectory(folder) for folder in apart(self._search.dir.parent))
        with suppress(ConfigError):
            return any(list(self._trainer[:2]) == list(other.facts()["trainer"][:2]) for other in others)
        return False

    def look(self, record: Record, watcher: Watcher) -> None:
        """When a run has ended, warn of what is new, once."""
        if self._works_apart and record.error and (name := _missed(record.error.get("message", ""))):
            self._warn(_MISSED, f"each run works in a folder of its own, which has no {name}: {_NAME_IT}", watcher)
        lines, self._position = self._search.written(self._position)
        if _STAMPS not in self._told and not isinstance(self._trainer, str) and (stamped := _stamped(lines)):
            self._seconds.set_apart()
            self._warn(_STAMPS, f"runs name files by the second ({stamped}), so each starts in another one", watcher)
        if record.is_done:
            self._seconds.suppose_no_longer()
        if lines and _COLLISIONS not in self._told:
            self._warn_of(self._collisions.hear(lines), watcher)

    def end(self, watcher: Watcher) -> None:
        """When all runs have ended, warn of what was not certain before."""
        self._seconds.suppose_no_longer()
        self._warn_of(self._collisions.unsettled(), watcher)

    def _warn_of(self, found: Sequence[Collision], watcher: Watcher) -> None:
        if found:
            self._warn(_COLLISIONS, told(found, self._trainer, works_apart=self._works_apart), watcher)

    def _warn(self, kind: str, sentence: str, watcher: Watcher) -> None:
        if kind in self._told:
            return
        self._told = {**self._search.facts().get("warnings", {}), **self._told, kind: sentence}
        with suppress(OSError):  # a disk that is full ends the search by what a run says of it
            self._search.update(warnings=self._told)
        self._search.log(sentence)
        watcher.warned(sentence)


def _missed(message: str) -> str:
    """What a message names that is here, seen from here; "" if it names nothing like that."""
    found = (name for name in _QUOTED.findall(message) if not name.startswith(("/", ".")))
    return next(filter(os.path.exists, found), "")


def _stamped(lines: Sequence[Mapping[str, Any]]) -> str:
    """Something that is named by the second, as seen from here; "" if nothing is."""
    with suppress(KeyError, TypeError, ValueError):  # the file may be anybody's
        names = (stamp_in(path, line["span"][0]) for line in lines for path, *_ in line["files"])
        return next(filter(None, names), "")
    return ""
