"""What the runs of a search shared, what that saved, and what was read too early: computed from what they noted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.reports import is_metric
from gridfold.runs.search import SearchDirectory
from gridfold.sharing.first_use import first_use, is_question
from gridfold.worker import Spent

_NOTHING = Spent()
_AT_ONCE = 0.02  # of the work after a read: less than that before the next read is none
_WORTH_SECONDS = 1.0
_WORTH_PART = 0.05  # of the whole search


@dataclass
class Part:
    """Work that processes of a batch did up to a read at which they split; alike ones are one part.

    Attributes:
        path: what was read.
        place: where, such as ``train.py:12``.
        file: the whole path of that file; "" if it is not the user's.
        times: how often it was done.
        runs: for how many runs, in all.
        ways: into how many processes they split, in all.
        spent: in all.
        alone: what it would have taken if each run that is counted had done it.
        after: what each of these processes did until it split, or ended, as far as that is known.
        parts: what was done up to the next reads.
    """

    path: str = ""
    place: str = ""
    file: str = ""
    times: int = 0
    runs: int = 0
    ways: int = 0
    spent: Spent = _NOTHING
    alone: Spent = _NOTHING
    after: list[Spent] = field(default_factory=list)
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)

    def add(self, sizes: Sequence[int], spent: Spent) -> None:
        """Count a split in: of how many runs each process was then, and what had been spent."""
        self.times += 1
        self.runs += sum(sizes)
        self.ways += len(sizes)
        self.spent += spent

    @property
    def first_use(self) -> int | None:
        """The line that first needs what was read, in the code as it is now; None if that cannot be told."""
        return first_use(self._text, self._line, self.path)

    @property
    def is_question(self) -> bool:
        """Whether it was no value that was read, but a question about values."""
        return is_question(self._text, self._line)

    @property
    def _line(self) -> int:
        line = self.place.rpartition(":")[2]
        return int(line) if line.isdecimal() else 0

    @property
    def _text(self) -> str:
        """The code as it is now; "" if it cannot be read."""
        try:
            return Path(self.file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ""

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Part]]:
        """The parts after this one, each before those that follow it, with their depth."""
        for part in self.parts.values():
            yield depth, part
            yield from part.walk(depth + 1)


@dataclass(frozen=True)
class EarlyRead:
    """A read, or reads with nothing between them, after which the same work was maybe done several times.

    Attributes:
        parts: the work up to each of them.
        times: how often the processes were split by them.
        ways: how often what came after was done, as far as that is known.
        each: what that took each time: the median.
    """

    parts: tuple[Part, ...]
    times: int
    ways: int
    each: Spent

    @property
    def loss(self) -> Spent:
        """What could be saved at most."""
        again = max(0, self.ways - self.times)
        return Spent(self.each.seconds * again, self.each.cpu_seconds * again)


@dataclass
class Sharing:
    """What the runs of a search took, and would have taken alone.

    Attributes:
        batches: how many batches of runs have begun together.
        imports_alone: what imports would have taken if each run of a batch had done them.
        first: before anything was read; its parts are the tree of splits.
        shared: what its parts took, in all.
        shared_alone: what they would have taken if each run that is counted had done them.
        own: what runs of batches took when they were processes of their own.
        batched: how many runs of batches are counted.
        by_themselves: what other runs took.
        alone: how many other runs are counted.
        reused: how many runs have the result of another search.
        unknown: how many have not ended, or do not say what they took.
        given_up: work of processes whose runs were then run alone.
        reasons: why runs were run alone, with their number; 0 if that is not known.
        unread: paths of the config that all of these runs are known not to have read, each to its end.
    """

    batches: int = 0
    imports_alone: Spent = _NOTHING
    first: Part = field(default_factory=Part)
    shared: Spent = _NOTHING
    shared_alone: Spent = _NOTHING
    own: Spent = _NOTHING
    batched: int = 0
    by_themselves: Spent = _NOTHING
    alone: int = 0
    reused: int = 0
    unknown: int = 0
    given_up: Spent = _NOTHING
    reasons: Counter[str] = field(default_factory=Counter)
    unread: frozenset[str] = frozenset()
    _imports: dict[str, Spent] = field(default_factory=dict)
    _batches_of_runs: set[str] = field(default_factory=set)
    _nodes: dict[str, tuple[Part, Spent]] = field(default_factory=dict)

    @classmethod
    def read(cls, events: Iterable[Mapping[str, Any]]) -> Sharing:
        """What batches have noted (see ``SearchDirectory.sharing_events``). What makes no sense is passed over."""
        sharing = cls()
        for event in events:
            sharing._note(event)
        return sharing

    @classmethod
    def of(cls, search: SearchDirectory) -> Sharing:
        """What batches of a search have noted, with its runs counted in."""
        sharing = cls.read(search.sharing_events())
        if sharing.batches:
            deque(sharing.counting(search.records()), maxlen=0)
        return sharing

    def counting(self, records: Iterable[tuple[RunEntry, Record | None]]) -> Iterator[tuple[RunEntry, Record | None]]:
        """The runs as they are, each counted in on the way; all of them are to be taken, once."""
        for entry, record in records:
            self._count(record)
            yield entry, record

    @property
    def imports(self) -> Spent:
        """What it took to import the trainer, once for every process that did."""
        return sum({self._imports[batch] for batch in self._batches_of_runs}, _NOTHING)

    @property
    def spent(self) -> Spent:
        """What all took."""
        return self.imports + self.shared + self.given_up + self.own + self.by_themselves

    @property
    def lone(self) -> Spent:
        """What runs would have taken if each had been run alone; those that were are counted as they were."""
        return self.imports_alone + self.shared_alone + self.own + self.by_themselves

    def early_reads(self) -> list[EarlyRead]:
        """The reads in the user's code that may have come too early, if that is worth a word; the worst first."""
        found = [read for part in self.first.parts.values() for read in _early_reads(part)]
        return sorted(filter(self._is_worth, found), key=lambda read: -max(vars(read.loss).values()))

    def _is_worth(self, read: EarlyRead) -> bool:
        all_spent = vars(self.spent)
        losses = vars(read.loss).items()
        return any(lost >= max(_WORTH_SECONDS, _WORTH_PART * all_spent[name]) for name, lost in losses)

    def _note(self, event: Mapping[str, Any]) -> None:
        if isinstance(batch := event.get("batch", event.get("fold")), str):  # the second by an older gridfold
            self.batches += 1
            self._imports[batch] = _spent(event.get("imports")) or _NOTHING
        elif _is_split(event):
            self._add_split(event, _spent(event) or _NOTHING)
        elif isinstance(reason := event.get("reason"), str):
            runs = event.get("runs")
            self.reasons[reason] += runs if isinstance(runs, int) else 0
            self.given_up += _spent(event) or _NOTHING
            self._end(str(event.get("left")), _spent(event))
        elif isinstance(reason := event.get("alone"), str):
            self.reasons[reason] += 0

    def _add_split(self, event: Mapping[str, Any], spent: Spent) -> None:
        node, path, place, file = event["split"], event["path"], event["place"], event.get("file")
        new = Part(path, place, file if isinstance(file, str) else "")
        part = self._before(node).parts.setdefault((path, place), new)
        part.add(event["sizes"], spent)
        self._nodes[node] = part, spent
        self.shared += spent
        self._end(node, spent)

    def _before(self, node: str) -> Part:
        """The part that the process of a node split after."""
        return self._nodes.get(node.rpartition(".")[0], (self.first, _NOTHING))[0]

    def _end(self, node: str, spent: Spent | None) -> None:
        if spent and (before := self._before(node)) is not self.first:
            before.after.append(spent)

    def _count_unread(self, said: Any) -> None:
        paths = frozenset(map(str, said)) if isinstance(said, list) else frozenset()
        self.unread = self.unread & paths if self.alone + self.batched else paths

    def _count(self, record: Record | None) -> None:
        said = record.sharing if record and isinstance(record.sharing, Mapping) else {}
        shared, own = _spent(said, "shared_"), _spent(said, "own_")
        if record is None or not record.is_final or not shared or not own or record.reused:
            self.reused += bool(record and record.reused)
            self.unknown += not (record and record.reused)
            return
        self._count_unread(said.get("unread") if record.state == "completed" else None)
        node = str(said.get("node", ""))
        batch = node.partition(".")[0]
        if batch not in self._imports:
            self.alone += 1
            self.by_themselves += shared + own
            return
        self.batched += 1
        self._batches_of_runs.add(batch)
        self.own += own
        self.shared_alone += shared
        self.imports_alone += self._imports[batch]
        self._end(node, own)
        while node := node.rpartition(".")[0]:
            part, spent = self._nodes.get(node, (self.first, _NOTHING))
            part.alone += spent


def _is_split(event: Mapping[str, Any]) -> bool:
    """Whether an event says all that is to be known of a split."""
    sizes = event.get("sizes")
    return (
        all(isinstance(event.get(name), str) for name in ("split", "path", "place"))
        and isinstance(sizes, list)
        and all(isinstance(size, int) for size in sizes)
        and _spent(event) is not None
    )


def _early_reads(part: Part, before: tuple[Part, ...] = ()) -> Iterator[EarlyRead]:
    """The reads from a part on; those with nothing between them are one."""
    parts = (*before, part) if part.file else ()
    following = list(part.parts.values())
    next_part = following[0] if len(following) == 1 and following[0].times == part.ways else None
    if next_part and next_part.file and _taken(part) <= _AT_ONCE * _taken(next_part):
        yield from _early_reads(next_part, parts)
        return
    if parts and part.after:
        each = Spent(*(median(vars(spent)[name] for spent in part.after) for name in vars(_NOTHING)))
        yield EarlyRead(parts, parts[0].times, len(part.after), each)
    for other in following:
        yield from _early_reads(other)


def _taken(part: Part) -> float:
    """What came after a part: seconds by the clock and of CPU."""
    return sum(one.seconds + one.cpu_seconds for one in part.after)


def _spent(said: Any, prefix: str = "") -> Spent | None:
    """What a file says was spent; None if it does not."""
    values: list[Any] = [said.get(prefix + name) for name in vars(_NOTHING)] if isinstance(said, Mapping) else [None]
    if not all(is_metric("spent", value) and isfinite(value) for value in values):
        return None
    return Spent(*values)
