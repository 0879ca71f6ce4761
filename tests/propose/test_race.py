"""A race gives more repeats to those trials only that may still be the best, and does not wait for the last run."""

import random
from dataclasses import replace
from statistics import mean

import pytest

from gridfold.core.values import canonical
from gridfold.propose.grid import Grid
from gridfold.propose.race import Race
from gridfold.runs.entries import RunEntry
from gridfold.space.parameters import ListedParameter
from gridfold.space.product import Product
from gridfold.space.repeats import repetitions
from tests.propose.contract import Playing, ProposerContract

NOISE = 0.5


def value(entry):
    """What a run gives: better for a larger x, with noise that is always the same."""
    return entry.params["x"] / 10 + random.Random(f"{entry.params} {entry.repeat} {entry.fold}").gauss(0, NOISE)


def near_the_best(runs):
    """A stand-in for statistics: means nearer to each other than the noise of a mean of so many."""
    values = {}
    for entry, record in runs:
        if record and record.metrics:
            values.setdefault(canonical(entry.params), (entry.params, []))[1].append(record.metrics["value"])
    best = max((mean(found) for _, found in values.values()), default=0)
    return [params for params, found in values.values() if best - mean(found) < 3 * NOISE / len(found) ** 0.5]


def a_race(trials=8, repeats=9, folds=None, first=2, judge=near_the_best):
    grid = Grid(Product((ListedParameter("x", tuple(range(trials))),)), trials, list(repetitions(range(first), folds)))
    return Race(grid, judge, repeats, folds)


class TestRace(ProposerContract):
    def make(self):
        return a_race()

    def value(self, entry):
        return value(entry)

    def test_trials_have_different_numbers_of_repeats(self, usual):
        counts = {trial: sum(run[0] == trial for run in usual) for trial, *_ in usual}
        assert min(counts.values()) < 9
        assert len(set(counts.values())) > 2

    def test_repeats_are_listed_without_gaps(self, usual):
        for trial, *_ in usual:
            repeats = [repeat for name, repeat, _ in usual if name == trial]
            assert repeats == list(range(len(repeats)))


class TestRaceOfAnOlderGridfold(TestRace):
    def make(self):
        return replace(super().make(), waits=True)


class TestRaceWithFolds(ProposerContract):
    def make(self):
        return a_race(5, 4, folds=3, first=1)

    def value(self, entry):
        return value(entry)


class TestRaceOfTwo(ProposerContract):
    def make(self):
        return a_race(2, 12)

    def value(self, entry):
        return value(entry)


class TestRaceOfOne(ProposerContract):
    def make(self):
        return a_race(1)

    def value(self, entry):
        return value(entry)


class TestRaceWhereNothingIsKnown(ProposerContract):
    """No run has a value, so no trial is in contention."""

    def make(self):
        return a_race(3, 4, judge=lambda runs: [])

    def value(self, entry):
        return value(entry)


def listed(playing):
    return len(playing.listed)


class TestNoPlaceWaits:
    """Of 8 trials, a quarter may be under way when their next repeat is chosen."""

    @pytest.fixture
    def playing(self):
        playing = Playing(a_race(judge=lambda runs: [{"x": x} for x in range(8)]), value)
        assert (playing.ask(1000), listed(playing)) == (16, 16)
        return playing

    def test_the_next_repeat_is_listed_while_runs_of_this_one_are_under_way(self, playing):
        slow = playing.listed[14]
        for entry in playing.listed[:13]:
            playing.end(entry)
        assert (playing.ask(1000), playing.answer) == (0, "later")
        playing.end(playing.listed[13])
        assert playing.ask(1000) == 8
        assert {entry.repeat for entry in playing.listed[16:]} == {2}
        assert slow in playing.under_way

    def test_which_run_is_slow_makes_a_difference_to_when_and_to_nothing_else(self, playing):
        for entry in playing.listed[1:]:
            playing.end(entry)
        assert (playing.ask(1000), playing.answer) == (0, "later")
        playing.end(playing.listed[0])
        assert playing.ask(1000) == 8

    def test_of_many_trials_four_runs_may_be_under_way_however_few_are_left(self):
        playing = Playing(a_race(20, judge=lambda runs: [{"x": 0}, {"x": 1}]), value)
        playing.ask(1000)
        for entry in playing.listed[:35]:
            playing.end(entry)
        assert playing.ask(1000) == 2
        for entry in playing.listed[35:38]:
            playing.end(entry)
        assert playing.ask(1000) == 2
        assert [entry.repeat for entry in playing.under_way] == [1, 1, 2, 2, 3, 3]
        assert (playing.ask(1000), playing.answer) == (0, "later")

    def test_the_end_of_a_race_is_decided_by_all_runs(self):
        """By all but the last, one trial is left; the last brings another back."""
        names = [{"x": x} for x in range(4)]
        playing = Playing(a_race(4, judge=lambda runs: names[:1] if len(runs) < 8 else names[2:]), value)
        playing.ask(1000)
        for entry in playing.listed[:7]:
            playing.end(entry)
        assert (playing.ask(1000), playing.answer) == (0, "later")
        playing.end(playing.listed[7])
        assert playing.ask(1000) == 2
        assert [entry.params["x"] for entry in playing.listed[8:]] == [2, 3]


def test_repeats_that_somebody_else_has_added_are_runs_like_others():
    """``resume --repeats`` gave each trial a third repeat, in the middle of a race."""
    playing = Playing(a_race(4, 5, judge=lambda runs: [{"x": x} for x in (1, 2)]), value)
    playing.ask(1000)
    for x in range(4):
        entry = RunEntry(8 + x, f"r{8 + x}", {"x": x}, f"{8 + x}", 2)
        playing.listed.append(entry)
        playing.proposer.tell(entry, None)
    playing.play(random.Random(0))
    counts = {x: sum(entry.params["x"] == x for entry in playing.listed) for x in range(4)}
    assert counts == {0: 3, 1: 5, 2: 5, 3: 3}
    assert len(set(playing.runs)) == len(playing.runs)


def test_a_trial_that_comes_into_question_again_catches_up():
    """It is left out of a round, and of later ones it has as many repeats as the others in the end."""

    def judge(runs):
        return [{"x": x} for x in ((0, 1) if len(runs) < 8 else (0, 2))]

    playing = Playing(a_race(3, 5, judge=judge), value).play(random.Random(0))
    counts = {x: sum(entry.params["x"] == x for entry in playing.listed) for x in range(3)}
    assert counts[2] == counts[0] == 5
    assert counts[1] < 5


def test_a_run_that_failed_and_is_tried_again_is_waited_for():
    playing = Playing(a_race(4), value)
    playing.ask(1000)
    for entry in playing.listed:
        playing.end(entry, "failed" if entry.index == 0 else "completed")
    resumed = a_race(4)
    for entry in playing.listed:
        resumed.tell(entry, playing.ended[entry.index] if entry.index else None)
    assert resumed.ask(1000) == "later"
    playing.proposer = resumed
    playing.end(playing.listed[0])
    assert playing.ask(1000)
