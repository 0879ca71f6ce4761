"""What every proposer does: a class to inherit, and a search that only plays."""

import random

import pytest

from gridfold.core.values import canonical
from gridfold.propose.protocol import Proposal
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record


class Playing:
    """A search whose runs end when the test says so: what is listed, and what came of it."""

    def __init__(self, proposer, value):
        self.proposer, self.value = proposer, value
        self.listed, self.ended, self.answer = [], {}, None

    @property
    def under_way(self):
        return [entry for entry in self.listed if entry.index not in self.ended]

    def ask(self, room):
        """Ask once, and list what is named; how many."""
        self.answer = self.proposer.ask(room)
        if isinstance(self.answer, str):
            return 0
        assert all(isinstance(each, Proposal) for each in self.answer)
        assert 1 <= len(self.answer) <= room
        added = [self._entry(index, each) for index, each in enumerate(self.answer, len(self.listed))]
        self.listed += added
        for entry in added:
            self.proposer.tell(entry, None)
        return len(added)

    def end(self, entry, state="completed"):
        value = {"value": self.value(entry)} if state != "failed" else {}
        self.ended[entry.index] = Record(entry.id, entry.index, "s", entry.params, "t", state=state, metrics=value)
        self.proposer.tell(entry, self.ended[entry.index])

    def resume(self, proposer, draw):
        """Go on with a new proposer, which is told all, in some order."""
        self.proposer = proposer
        for entry in draw.sample(self.listed, len(self.listed)):
            proposer.tell(entry, self.ended.get(entry.index))

    def play(self, draw, places=3, room=1000, kill=0.0, make=None):
        """Go on until nothing is left: runs end in some order, and the search may be killed at any moment."""
        while True:
            if make and draw.random() < kill:
                self.resume(make(), draw)
            if len(self.under_way) < places and self.ask(room):
                continue
            if not self.under_way:
                break
            self.end(draw.choice(self.under_way[:places]))
        assert self.answer == "done"
        return self

    @property
    def runs(self):
        return [(canonical(entry.params), entry.repeat, entry.fold) for entry in self.listed]

    @staticmethod
    def _entry(index, proposal):
        repetition = proposal.repetition
        fold = repetition.fold.index if repetition.fold else None
        return RunEntry(index, f"r{index}", proposal.trial.params, f"{index}", repetition.repeat, fold)


class ProposerContract:
    """Inherit it, and say how the proposer is made and what runs give.

    A proposer that learns may propose other runs if it knows more: it is played by one worker with one place.
    """

    learns = False

    def make(self):
        raise NotImplementedError

    def value(self, entry):
        raise NotImplementedError

    @pytest.fixture
    def usual(self):
        return self.playing().play(random.Random(0), places=self.places(3)).runs

    def places(self, count):
        return 1 if self.learns else count

    def playing(self):
        return Playing(self.make(), self.value)

    def test_what_is_asked_is_exhausted_and_nothing_is_asked_twice(self, usual):
        assert usual
        assert len(set(usual)) == len(usual)

    def test_the_same_is_asked_until_it_is_listed(self):
        proposer = self.make()
        assert list(proposer.ask(2)) == list(proposer.ask(2))

    @pytest.mark.parametrize("seed", range(20))
    def test_runs_may_end_in_any_order(self, seed, usual):
        draw = random.Random(seed)
        assert self.playing().play(draw, places=self.places(draw.choice([1, 2, 5, 50]))).runs == usual

    @pytest.mark.parametrize("room", [1, 2, 3, 7])
    def test_room_is_respected_and_makes_no_difference(self, room, usual):
        assert self.playing().play(random.Random(room), self.places(3), room=room).runs == usual

    @pytest.mark.parametrize("seed", range(20))
    def test_a_new_one_goes_on_where_another_was_killed(self, seed, usual):
        draw = random.Random(seed)
        again = self.playing().play(draw, self.places(draw.choice([1, 3])), draw.choice([1, 3, 1000]), 0.2, self.make)
        assert again.runs == usual

    def test_later_is_said_only_while_a_run_is_under_way(self):
        playing, draw = self.playing(), random.Random(0)
        while playing.answer != "done":
            while playing.ask(1000):
                if self.learns:
                    break
            assert playing.under_way or playing.answer == "done"
            for entry in playing.under_way[: draw.randrange(1, 4)]:
                playing.end(entry)

    def test_done_stays_done(self):
        playing = self.playing().play(random.Random(0))
        assert [playing.proposer.ask(1) for _ in range(3)] == ["done"] * 3

    def test_a_run_that_was_told_to_stop_has_a_result(self, usual):
        playing = self.playing()
        end, playing.end = playing.end, lambda entry: end(entry, "stopped")
        assert playing.play(random.Random(0), self.places(3)).runs == usual

    def test_runs_on_fresh_seeds_count_for_nothing(self, usual):
        playing = self.playing().play(random.Random(0), self.places(3))
        fresh = RunEntry(len(usual), "fresh", playing.listed[0].params, "x", 1000, confirms=True)
        playing.proposer.tell(fresh, None)
        assert playing.proposer.ask(1) == "done"
