"""Which runs each worker of a search has in view, so that several on one search do not do the same shared work.

``.leases/`` in the search's directory is a log: ``000001.json``, ``000002.json`` and so on, each of which one worker
has made (see ``write_first``) and nobody changes. A later one wins over an earlier one. They are hints: who executes a
run is decided by its claim alone, so one that is lost, or seen late on a network disk, costs work and never a result.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.files import read_mapping, write_first

LEASES = ".leases"
EVERY = 64  # so many leases: one that says who has what, so that who comes late reads few
_MOST_RUNS = 10_000_000  # of a search: what is beyond is garbage, and would fill the memory
_FEW = 3  # runs at least that are written as a range with steps


@dataclass(frozen=True)
class Lease:
    """Runs that a worker takes into view.

    Attributes:
        worker: the session of its processes.
        runs: indices.
        begun: whether it begins work that they share.
    """

    worker: str
    runs: Sequence[int]
    begun: bool = False


class Views:
    """Who has which runs in view, after some leases.

    Attributes:
        count: the number of the last of them.
        of: for each run, the number of the worker, which `workers` begins with; 0 for nobody.
        workers: their sessions; the first is nobody.
        begun: for each run, whether work that it shares was begun by who has it in view.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.of: array[int] = array("I")
        self.begun = bytearray()
        self.workers = [""]
        self._numbers = {"": 0}
        self._runs: dict[int, list[range]] = {}

    def worker_of(self, run: int) -> str:
        """Who has a run in view; "" for nobody."""
        return self.workers[self.of[run]] if run < len(self.of) else ""

    def runs_of(self, worker: str) -> list[int]:
        """What a worker has in view, in the order of the index."""
        number = self._numbers.get(worker, -1)
        runs = {run for part in self._runs.get(number, ()) for run in part}
        return sorted(run for run in runs if self.of[run] == number)

    def add(self, lease: Lease) -> None:
        """Let another lease win over those before."""
        self._give(lease.worker, ranges(lease.runs), begun=lease.begun)
        self.count += 1

    def read(self, said: Mapping[str, Any]) -> None:
        """Add the lease that a file tells of; nothing if it makes no sense."""
        with suppress(ValueError, TypeError, AttributeError):
            if whole := said.get("all"):
                self._forget()
                for worker, text in whole.items():
                    self._give(str(worker), [*_read(text)])
                self._begin([*_read(str(said.get("all_begun", "")))])
            if said:
                self._give(str(said["worker"]), [*_read(said["runs"])], begun=bool(said.get("begun")))
        self.count += 1

    def text(self, lease: Lease) -> str:
        """The file of the next lease."""
        said: dict[str, Any] = {"worker": lease.worker, "runs": _written(ranges(lease.runs))}
        said |= {"begun": True} if lease.begun else {}
        if (self.count + 1) % EVERY == 0:
            views = ((worker, self.runs_of(worker)) for worker in self.workers[1:])
            said["all"] = {worker: _written(ranges(runs)) for worker, runs in views if runs}
            said["all_begun"] = _written(ranges(run for run, begun in enumerate(self.begun) if begun))
        return json.dumps(said) + "\n"

    def _give(self, worker: str, parts: Sequence[range], *, begun: bool = False) -> None:
        number = self._numbers.setdefault(worker, len(self.workers))
        if number == len(self.workers):
            self.workers.append(worker)
        self.of.extend([0] * (max((part[-1] + 1 for part in parts), default=0) - len(self.of)))
        self.begun.extend(bytes(len(self.of) - len(self.begun)))
        for part in parts:
            self.of[part.start : part[-1] + 1 : part.step] = array("I", [number]) * len(part)
        self._begin(parts, begun=begun)
        if not begun:  # else it has them already
            self._runs.setdefault(number, []).extend(parts)

    def _begin(self, parts: Iterable[range], *, begun: bool = True) -> None:
        for part in parts:
            if part[-1] < len(self.begun):  # else nobody has it
                self.begun[part.start : part[-1] + 1 : part.step] = bytes([begun]) * len(part)

    def _forget(self) -> None:
        self.of, self.begun = array("I", bytes(4 * len(self.of))), bytearray(len(self.of))
        self._runs.clear()


@dataclass
class LeaseLog:
    """The log, as far as this process has read it.

    Attributes:
        folder: ``.leases`` of the search.
        views: what it says.
    """

    folder: str
    views: Views = field(default_factory=Views)

    @classmethod
    def of(cls, search: str | os.PathLike[str], count: int = 0) -> LeaseLog:
        """The log of a search, by its directory; leases up to a number are known and need not be read."""
        return cls(f"{os.fspath(search)}/{LEASES}", Views(count))

    def look(self) -> bool:
        """Read what is new; whether something is."""
        before = self.views.count
        while os.path.exists(self._path(self.views.count + 1)):  # noqa: PTH110 - asked at each run
            if os.path.exists(self._path(self._next_whole + EVERY)):  # noqa: PTH110
                self.views.count = self._last // EVERY * EVERY - 1
            self.views.read(read_mapping(self._path(self.views.count + 1)))
        return self.views.count > before

    def add(self, lease: Lease) -> bool:
        """Write the next lease; False if another worker has written one meanwhile.

        A disk that takes no file takes no lease, and nobody is kept from work by that.
        """
        with suppress(OSError):
            if not self.views.count:
                with suppress(FileExistsError):
                    os.mkdir(self.folder)  # noqa: PTH102 - called here, or a guard of what trainers write would hear it
            if not write_first(self._path(self.views.count + 1), self.views.text(lease)):
                return False
        self.views.add(lease)
        return True

    @property
    def _next_whole(self) -> int:
        """The number of the next lease that says who has what."""
        return (self.views.count // EVERY + 1) * EVERY

    @property
    def _last(self) -> int:
        return max((int(name[:-5]) for name in os.listdir(self.folder) if name[:-5].isdecimal()), default=0)  # noqa: PTH208

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number:06}.json"


def ranges(runs: Iterable[int]) -> list[range]:
    """Indices as few ranges; a subtree of a parameter that is listed first has every so many of them."""
    found, rest = [], sorted(runs)
    place = 0
    while place < len(rest):
        step = rest[place + 1] - rest[place] if place + 1 < len(rest) else 1
        end = place + 1
        while end < len(rest) and rest[end] - rest[end - 1] == step:
            end += 1
        if end - place < _FEW and step > 1:
            end, step = place + 1, 1
        found.append(range(rest[place], rest[end - 1] + 1, step))
        place = end
    return found


def _written(parts: Iterable[range]) -> str:
    """Such as ``3,10-19,20-40:5``."""
    return ",".join(
        f"{part[0]}{f'-{part[-1]}' if len(part) > 1 else ''}{f':{part.step}' if part.step > 1 else ''}"
        for part in parts
    )


def _read(text: str) -> Iterator[range]:
    for part in filter(None, text.split(",")):
        both, _, step = part.partition(":")
        first, _, last = both.partition("-")
        runs = range(int(first), int(last or first) + 1, int(step or 1))
        if not runs or runs.step < 1 or runs[-1] >= _MOST_RUNS:
            raise ValueError(f"no runs: {part:.40}")
        yield runs
