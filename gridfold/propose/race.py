"""A race: more repeats for those trials only that may still be the best.

How a race keeps all places busy, and makes the same runs whatever the order in which they end
-----------------------------------------------------------------------------------------------
The runs that are listed, in the order of their index, are all the state there is. They begin with some repeats of
every trial. What follows is listed in rounds: a round is one more repeat of each trial that is in contention and has
the fewest repeats of those. A round is chosen by the records of all runs before it but the last few: a quarter of the
round before it, or 4 if that is more, but of few trials a quarter. So it can begin while these are under way, and no
place waits for the last run. If that chooses no trial, the round is chosen once more, by the records of all runs before
it. If that chooses none either, the race is over; so its end is decided by all there is to know.

A round follows from the list before it and from records that do not change any more, and never from what else happens
to have ended by now. So by induction the list follows from how it began, whatever the order in which runs end, whoever
runs them, and however often the search is killed. Rounds are not marked in the list: whoever resumes the race chooses
them again, one after the other, and lists what is missing of the last.

The price of not waiting: a trial whose last run is not yet known may get a repeat more than it would have got. Played
with 8 to 50 trials and the statistics of ``gridfold.analysis.significance``, that is about a tenth more runs, and with
more places than trials that are left about a sixth less time. A race that an older gridfold began waits, as it did, so
that one which was over stays over.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridfold.core.values import canonical
from gridfold.propose.grid import Grid
from gridfold.propose.protocol import OVER, Answer, Proposal, runs_of
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.repeats import Repetition, repetitions
from gridfold.space.trial import Trial

Told = tuple[RunEntry, Record | None]
Judge = Callable[[Sequence[Told]], Sequence[Mapping[str, Any]]]
"""Says by the records of some runs which trials may still be the best, by their parameters."""

_PART = 4  # this part of a round may be under way when the next is chosen
_FEW = 4  # or this many runs: as many places are usual


@dataclass
class Race:
    """Begins with some repeats of every trial, and gives more to those that may still be the best.

    Attributes:
        first: the runs that it begins with.
        judge: says which trials may still be the best.
        most_repeats: how many repeats a trial may have.
        folds: into how many parts the training data are split, each of which is a run of a repeat.
        waits: choose each round by all runs before it.
    """

    first: Grid
    judge: Judge
    most_repeats: int
    folds: int | None = None
    waits: bool = False
    is_lazy = False
    _told: dict[int, Told] = field(default_factory=dict, init=False)  # by index
    _order: list[int] = field(default_factory=list, init=False)  # of the runs that are listed
    _listed: dict[tuple[Any, ...], int] = field(default_factory=dict, init=False)  # the index of each run
    _over: int = field(default=0, init=False)  # how many at the beginning of the list are
    _few: int = field(init=False)  # at least this many runs may be under way when a round is chosen
    _before: int = field(init=False)  # how many runs are listed before the next round
    _last: int = field(init=False)  # how many runs the last round has
    _choices: dict[int, list[Proposal]] = field(default_factory=dict, init=False)  # by how many records

    def __post_init__(self) -> None:
        self._before = self.first.size
        self._last = self.first.trials * (self.folds or 1)
        self._few = max(1, min(_FEW, self._last // _PART))

    def ask(self, room: int) -> Sequence[Proposal] | Answer:
        """The next runs to list; see ``Proposer``."""
        if isinstance(begin := self.first.ask(room), list):
            return begin
        while (chosen := self._chosen()) is not None:
            if missing := [each for each in chosen if _key(each) not in self._listed]:
                return missing[:room]
            if not chosen and self._before == len(self._order):
                return "done"
            self._go_on(chosen)
        return "later"

    def tell(self, entry: RunEntry, record: Record | None) -> None:
        """Hear that a run is listed, and what came of it; see ``Proposer``."""
        if entry.confirms:
            return
        self.first.tell(entry, record)
        if entry.index not in self._told:
            self._listed[canonical(entry.params), entry.repeat, entry.fold] = entry.index
            insort(self._order, entry.index)
        self._told[entry.index] = entry, record if record and record.state in OVER else None
        place = bisect_left(self._order, entry.index)
        if place < self._over:  # it was counted as over, or as not there
            self._over = place
            self._choices.clear()

    def _chosen(self) -> list[Proposal] | None:
        """The next round; empty if there is none, None if that is not known yet."""
        for unknown in (0,) if self.waits else (max(self._few, self._last // _PART), 0):
            if not self._is_known(self._before - unknown):
                return None
            if chosen := self._choose(self._before - unknown):
                return chosen
        return []

    def _is_known(self, count: int) -> bool:
        """Whether that many runs at the beginning of the list are over."""
        while self._over < len(self._order) and self._told[self._order[self._over]][1] is not None:
            self._over += 1
        return count <= self._over

    def _choose(self, known: int) -> list[Proposal]:
        """The next round, chosen by the records of that many runs."""
        if known not in self._choices:
            self._choices[known] = self._round([self._told[index] for index in self._order[:known]])
        return self._choices[known]

    def _round(self, known: Sequence[Told]) -> list[Proposal]:
        have = self._repeats()
        left = [canonical(params) for params in self.judge(known)]
        fewest = min((have[trial] for trial in left), default=self.most_repeats)
        if len(left) < 2 or fewest >= self.most_repeats:
            return []
        # The first run of a trial has the index of the trial.
        places = sorted(self._listed[trial, 0, 0 if self.folds else None] for trial in left if have[trial] == fewest)
        trials = [Trial(place, self._told[place][0].params) for place in places]
        return list(runs_of(trials, repetitions(range(fewest, fewest + 1), self.folds)))

    def _repeats(self) -> dict[str, int]:
        """How many repeats each trial has before the round."""
        have: dict[str, int] = {}
        for index in self._order[: self._before]:
            entry = self._told[index][0]
            trial = canonical(entry.params)
            have[trial] = max(have.get(trial, 0), entry.repeat + 1)
        return have

    def _go_on(self, chosen: Sequence[Proposal]) -> None:
        """Go on behind a round that is listed, or behind what somebody else has added."""
        end = max((self._listed[_key(each)] for each in chosen), default=self._order[-1])
        self._before = max(self._before, bisect_left(self._order, end) + 1)
        self._last = len(chosen) or self._last
        self._choices.clear()


def _key(of: Proposal) -> tuple[Any, ...]:
    repetition: Repetition = of.repetition
    return canonical(of.trial.params), repetition.repeat, repetition.fold.index if repetition.fold else None
