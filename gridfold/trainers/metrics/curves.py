"""Numbers of a program in the order in which it said them: which are final, and which are those of its epochs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridfold.trainers.metrics.labels import is_result_name, split_in
from gridfold.trainers.metrics.names import measured

_MOST_POINTS = 5_000
_EVALUATIONS = ("val", "eval", "test")
_OF_RESULTS = 2  # how much these tell
_LEAST_PARTS = 2  # of an epoch
_TRAINED_BY = re.compile(r"loss|nll|ppl|perplexity|(?:^|[_/])kl", re.IGNORECASE)

_EXTREME = re.compile(r"best|(?:^|_)(?:max|min|maximum|minimum|highest|lowest)_(?!f1)", re.IGNORECASE)

Numbers = Mapping[str, float]


@dataclass
class _Moment:
    """What was said of one moment of the training, in one or more lines."""

    position: dict[str, float]
    parts: list[Numbers]
    progress: tuple[int, int] | None

    def results(self) -> Iterator[tuple[str, str]]:
        """What is said of validation and test: of which of them, and what is measured."""
        for name in (name for part in self.parts for name in part):
            if (split := split_in([name])) in _EVALUATIONS and is_result_name(name):
                yield split, measured(name)


class Curves:
    """Collects metrics in the order in which they were said.

    Those that are said together have the same names each time. Where some are of validation or test, or say how good
    the result is, others that only say how training goes are no final metrics.
    """

    def __init__(self) -> None:
        self._moments: list[_Moment] = []
        self._counts: Counter[frozenset[str]] = Counter()
        self._last: dict[frozenset[str], tuple[Numbers, str]] = {}
        self._parts_of_epochs: set[frozenset[str]] = set()
        self._concluded: dict[str, float] = {}

    def add(
        self,
        metrics: Numbers,
        position: Mapping[str, float],
        progress: tuple[int, int] | None = None,
        text: str = "",
        *,
        continues: bool = False,
    ) -> None:
        """Add what was said next.

        Args:
            metrics: at least one.
            position: "epoch" and "step", as far as they are known.
            progress: after which part of the epoch, of how many.
            text: the line that says so.
            continues: whether it stands right below what was added before, and so may belong to it.
        """
        names = frozenset(metrics)
        self._counts[names] += 1
        self._last.pop(names, None)  # the order is that of the last ones
        self._last[names] = metrics, text
        if progress:
            self._parts_of_epochs.add(names)
        before = self._moments[-1] if self._moments else None
        if before and _supersedes(metrics, position, progress, before):
            before.parts, before.progress = [metrics], progress
        elif before and continues and _belongs_to(metrics, position, before):
            before.parts.append(metrics)
            before.position |= position
        else:
            self._moments.append(_Moment(dict(position), [metrics], progress))
            self._bound()

    def conclude(self, metrics: Numbers) -> None:
        """Add final metrics, which are no point of a curve."""
        self._concluded |= metrics

    def __bool__(self) -> bool:
        return bool(self._counts or self._concluded)

    @property
    def tells(self) -> int:
        """How much is said of the result: 2 by validation or test, 1 by what is no loss, 0 by how training went."""
        return max(map(_tells, (*self._counts, *([self._concluded] if self._concluded else []))), default=-1)

    def is_behind(self, others: Callable[[], Curves]) -> bool:
        """Whether others tell the same of each epoch, and this, which knows no epochs, maybe of each batch.

        Args:
            others: gives them, if they are needed.
        """
        if self.tells < _OF_RESULTS or any("epoch" in moment.position for moment in self._moments):
            return False
        times = Counter(result for moment in self._moments for result in moment.results())
        epochs = {result: len(found) for result, found in others()._whole_epochs().items() if result in times}
        has_all = len(epochs) == len(times) and all(times[result] >= count for result, count in epochs.items())
        return has_all or any(times[result] >= _LEAST_PARTS * count for result, count in epochs.items())

    def _whole_epochs(self) -> dict[tuple[str, str], set[float]]:
        """The epochs of what is told of results, where it is told of each epoch from the first one on."""
        found: dict[tuple[str, str], set[float]] = {}
        for moment in self._moments:
            if "epoch" in moment.position and not moment.progress:
                for result in moment.results():
                    found.setdefault(result, set()).add(moment.position["epoch"])
        return {result: at for result, at in found.items() if min(at) in (0, 1) and max(at) - min(at) + 1 == len(at)}

    def final(self) -> dict[str, float]:
        """The final metrics; those to compare by come first."""
        if self._concluded:
            ranks = {name: _rank(name, is_behind=False) for name in self._concluded}
            return {name: self._concluded[name] for name in sorted(ranks, key=ranks.__getitem__)}
        running = self._running()
        metrics: dict[str, float] = {}
        ranks = {}
        most = self._most_telling()
        for names, (said, _) in self._last.items():
            if names not in running:
                metrics |= said
                is_behind = _tells(names) < min(most, 1) and self._counts[names] > 1
                ranks |= {name: _rank(name, is_behind=is_behind) for name in said}
        kept = [name for name in metrics if not _is_of_a_step(name, metrics)]
        return {name: metrics[name] for name in sorted(kept, key=ranks.__getitem__)}

    def reports(self, *, is_over: bool = True) -> Sequence[dict[str, float]]:
        """The metrics of each epoch or step, if there are several; while the program runs, those of one, too.

        Of what was not said before with just these names, the first of each place is one if it has a name of others.
        """
        found = []
        times: Counter[str] = Counter()
        for names, count in self._counts.items():
            times.update(dict.fromkeys(names, count))
        told: set[tuple[frozenset[Any], str]] = set()
        for moment in self._moments:
            least = 1 if moment.position and not is_over else 2
            place = frozenset(moment.position.items())
            report = dict(moment.position)
            for part in moment.parts:
                is_first = bool(place) and told.isdisjoint((place, name) for name in part)
                if self._counts[frozenset(part)] >= least or (is_first and any(times[name] > 1 for name in part)):
                    told |= {(place, name) for name in part}
                    report |= part
            if len(report) > len(place):
                found.append(report)
        return found if len(found) > is_over else ()

    def text_of(self, name: str) -> str:
        """The last line that says a metric."""
        return next((text for names, (_, text) in reversed(self._last.items()) if name in names), "")

    def _most_telling(self) -> int:
        return max(map(_tells, self._counts), default=0)

    def _running(self) -> set[frozenset[str]]:
        """The names of lines that say how training goes, beside others that say how good it is."""
        most = self._most_telling()
        if not most:
            return set()
        evaluations = max(count for names, count in self._counts.items() if _tells(names) == most)
        return {
            names
            for names, count in self._counts.items()
            if _tells(names) < most and (count > max(evaluations, 1) or names in self._parts_of_epochs)
        }

    def _bound(self) -> None:
        """Keep the curves from growing without an end; those of training lose every second point first."""
        if len(self._moments) <= 2 * _MOST_POINTS:
            return
        moments = enumerate(self._moments)
        kept = [moment for index, moment in moments if index % 2 or any(_tells(part) > 1 for part in moment.parts)]
        self._moments = kept if len(kept) <= _MOST_POINTS * 3 // 2 else kept[-_MOST_POINTS:]


def _supersedes(
    metrics: Numbers, position: Mapping[str, float], progress: tuple[int, int] | None, before: _Moment
) -> bool:
    """Whether some metrics are what others were after a smaller part of the same epoch."""
    if not before.progress or not progress or len(before.parts) > 1:
        return False
    is_later = progress[1] == before.progress[1] and progress[0] >= before.progress[0]
    return is_later and position == before.position and before.parts[0].keys() <= metrics.keys()


def _belongs_to(metrics: Numbers, position: Mapping[str, float], before: _Moment) -> bool:
    """Whether metrics have other names than those before them, and are of no other place."""
    is_same = all(before.position.get(name, value) == value for name, value in position.items())
    return is_same and all(part.keys().isdisjoint(metrics) for part in before.parts)


def _tells(names: Collection[str]) -> int:
    """How much metrics say of the result: 2 for those of validation and test, 0 for losses and those of training."""
    splits = {name: split_in([name]) for name in names}
    if any(split in _EVALUATIONS for split in splits.values()):
        return 2
    return int(any(not split and not _TRAINED_BY.search(name) for name, split in splits.items()))


def _is_of_a_step(name: str, names: Collection[str]) -> bool:
    """Whether a metric, as Lightning names it, has the mean over the epoch beside it."""
    return name.endswith("_step") and f"{name.removesuffix('_step')}_epoch" in names


def _rank(name: str, *, is_behind: bool) -> int:
    """Where a metric stands among others, by what its name says it was measured on."""
    split = split_in([name])
    if _EXTREME.search(name):
        return 3
    if split == "test":
        return 2
    if split == "train" or is_behind:
        return 4
    return 0 if split else 1
