"""Trials that are chosen by results: the contract of proposers, and what Optuna does that must not reach anybody."""

import math
import random
import warnings

import pytest

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.propose.sample import Method, Sample
from gridfold.propose.sampled import Evenly, Random, Sampled
from gridfold.propose.study import Known
from gridfold.space.axes import Linked, Union
from gridfold.space.parameters import Interval, ListedParameter, Normal, RangeParameter
from gridfold.space.product import Product
from gridfold.space.repeats import repetitions
from gridfold.space.rules import Exclusion
from tests.propose.contract import Playing, ProposerContract


def listed(path, *values):
    return ListedParameter(path, values)


BRANCHES = (
    (RangeParameter("weight_decay", Interval(1e-6, 1e-2, log=True)),),
    (listed("momentum", 0, 0.5, 0.9), listed("nesterov", True, False)),
)
SPACE = Product(
    (
        RangeParameter("learning_rate", Interval(1e-6, 1e-3, log=True)),
        listed("batch_size", 8, 16, 32, 64),
        Union(listed("optimizer.name", "adamw", "sgd"), BRANCHES),
        Linked((listed("hidden", 1, 2, 3), listed("layers", 3, 2, 1))),
        RangeParameter("epochs", Interval(1, 30, whole=True)),
        RangeParameter("noise", Normal(0.0, 1.0)),
    ),
    (Exclusion("batch_size == 64 and learning_rate > 0.0001"),),
)


POINTS = ((1e-5, (2.0,)), (1e-4, None))
FIRST = {"tpe": 10, "gp": 10, "cmaes": 1, "nsga": 8}


def loss(params):
    away = abs(math.log10(params["learning_rate"]) + 4)
    return away + (params["optimizer.name"] == "sgd") + params["batch_size"] / 64 + abs(params["noise"])


def measured(entry, record):
    return (record.metrics["value"],) if record.metrics else None


def finite(entry, record):
    value = record.metrics["value"]
    return (value,) if math.isfinite(value) else None


def both(entry, record):
    return (record.metrics["value"], float(entry.params["epochs"])) if record.metrics else None


def a_sample(name, trials=14, space=SPACE, measure=measured, repeats=1, folds=None, **how):
    method = Method(name, FIRST[name], objectives=2 if name == "nsga" else 1)
    return Sample(Sampled(space, trials, Random(0)), list(repetitions(range(repeats), folds)), method, measure, **how)


class LearningContract(ProposerContract):
    """With fewer seeds: a sampler takes its time."""

    learns = True

    @pytest.mark.parametrize("seed", range(2))
    def test_runs_may_end_in_any_order(self, seed, usual):
        super().test_runs_may_end_in_any_order(seed, usual)

    @pytest.mark.parametrize("seed", range(4))
    def test_a_new_one_goes_on_where_another_was_killed(self, seed, usual):
        super().test_a_new_one_goes_on_where_another_was_killed(seed, usual)

    @pytest.mark.parametrize("room", [2])
    def test_room_is_respected_and_makes_no_difference(self, room, usual):
        super().test_room_is_respected_and_makes_no_difference(room, usual)


class SampleContract(LearningContract):
    name = ""
    trials = 14

    def make(self):
        return a_sample(self.name, self.trials)

    def value(self, entry):
        return loss(entry.params)

    def test_there_are_as_many_trials_as_were_asked_for(self, usual):
        assert len({trial for trial, *_ in usual}) == self.trials

    @pytest.mark.parametrize("places", [2, 5])
    def test_with_several_places_no_trial_is_run_twice(self, places):
        playing = self.playing().play(random.Random(1), places, room=1)
        assert len(set(playing.runs)) == len(playing.runs) == self.trials

    def test_what_is_excluded_is_not_proposed(self, usual):
        listed = self.playing().play(random.Random(0), 1).listed
        assert not any(entry.params["batch_size"] == 64 and entry.params["learning_rate"] > 1e-4 for entry in listed)

    def test_nothing_is_warned_of_or_printed(self, capfd, recwarn):
        warnings.simplefilter("always")
        self.playing().play(random.Random(0), 1)
        assert not recwarn.list
        assert capfd.readouterr() == ("", "")


class TestTPE(SampleContract):
    name = "tpe"
    trials = 25


class TestCMAES(SampleContract):
    name = "cmaes"


class TestNSGA(SampleContract):
    name = "nsga"
    trials = 25

    def make(self):
        return a_sample("nsga", self.trials, measure=both)


class TestGP:
    """Only once: it takes seconds."""

    def test_it_goes_on_where_another_was_killed(self):
        def make():
            return a_sample("gp", 12, Product(SPACE.axes[:2]))

        def value(entry):
            return entry.params["learning_rate"] * entry.params["batch_size"]

        usual = Playing(make(), value).play(random.Random(0), 1).runs
        again = Playing(make(), value).play(random.Random(0), 1, kill=0.5, make=make).runs
        assert again == usual
        assert len(set(usual)) == 12


class TestFailures:
    """A trial that failed is never taken for a good one, whatever is known when."""

    def test_a_gaussian_process_is_told_the_worst_value_also_if_that_comes_later(self):
        values = [None, 3.0, None, 1.0, 7.0, 5.0]
        study = Method("gp", 1).study(Product(SPACE.axes[:1]))
        known = [
            Known(str(place), {"learning_rate": 10.0 ** (-3.5 - place / 5)}, is_over=True, values=value and (value,))
            for place, value in enumerate(values)
        ]
        for count in range(1, len(known) + 1):
            study.next(known[:count])
        told = [trial.value for trial in study._study.trials if trial.state.name == "COMPLETE"]
        assert told == [7, 3, 7, 1, 7, 5]

    def test_one_value_is_better_than_a_failure(self):
        study = Method("gp", 1).study(Product(SPACE.axes[:1]))
        study.next([Known(str(each), {"learning_rate": each}, True, values) for each, values in POINTS])
        assert [trial.value for trial in study._study.trials if trial.state.name == "COMPLETE"] == [2.0, 4.0]

    @pytest.mark.parametrize("name", ["tpe", "cmaes"])
    def test_a_region_in_which_all_fails_is_left(self, name):
        space = Product((RangeParameter("x", Interval(0, 1)),))
        sample = Sample(Sampled(space, 40, Random(0)), list(repetitions(range(1), None)), Method(name, 3), finite)
        runs = Playing(sample, lambda entry: entry.params["x"] if entry.params["x"] > 0.6 else math.nan)
        tried = [entry.params["x"] for entry in runs.play(random.Random(0), 1).listed]
        assert sum(x < 0.5 for x in tried[20:]) < 8


class TestRepeatsAndFolds(LearningContract):
    def make(self):
        return a_sample("tpe", repeats=2, folds=2)

    def value(self, entry):
        return loss(entry.params) + random.Random(f"{entry.repeat} {entry.fold}").random()


class TestWhatOptunaDoes:
    """Optuna compares choices by equality, runs a trial twice, and forgets what failed: nobody here shall see that."""

    def test_choices_that_are_equal_are_several(self):
        space = Product((listed("flag", True, 1, 1.0, None, "None"), listed("x", *range(6))))
        playing = Playing(a_sample("tpe", 30, space), lambda entry: entry.params["x"]).play(random.Random(0), 1)
        assert len(set(playing.runs)) == 30
        assert {repr(entry.params["flag"]) for entry in playing.listed} == {"True", "1", "1.0", "None", "'None'"}

    @pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga"])
    def test_a_space_that_is_used_up_ends_the_search(self, name):
        space = Product((listed("x", 1, 2, 3), listed("y", 1, 2, 3)), (Exclusion("x == 2 and y == 2"),))
        measure = both_of if name == "nsga" else measured
        playing = Playing(a_sample(name, 50, space, measure), lambda entry: entry.params["x"] + entry.params["y"])
        playing.play(random.Random(0), 1)
        assert sorted(trial for trial, *_ in playing.runs) == sorted(canonical(trial.params) for trial in space)

    @pytest.mark.parametrize("name", ["tpe", "cmaes"])
    def test_a_region_that_fails_is_not_tried_for_ever(self, name):
        """What is best fails: half of the space, in which an optimizer would stay."""
        space = Product((RangeParameter("x", Interval(0, 1)), RangeParameter("y", Interval(0, 1))))
        playing = Playing(a_sample(name, 40, space), lambda entry: (entry.params["x"] - 0.5) ** 2 + entry.params["y"])
        end = playing.end
        playing.end = lambda entry: end(entry, "failed" if entry.params["x"] < 0.5 else "completed")
        playing.play(random.Random(0), 1)
        late = [entry for entry in playing.listed[25:] if entry.params["x"] < 0.5]
        assert len(late) < 8

    @pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga"])
    def test_where_all_fail_trials_are_random(self, name):
        playing = Playing(a_sample(name, 20, measure=both if name == "nsga" else measured), lambda entry: 0.0)
        end = playing.end
        playing.end = lambda entry: end(entry, "failed")
        assert len(set(playing.play(random.Random(0), 1).runs)) == 20

    def test_values_that_are_no_numbers_count_as_failures(self):
        playing = Playing(a_sample("tpe", 14, measure=lambda *_: None), lambda entry: 0.0).play(random.Random(0), 1)
        assert len(set(playing.runs)) == 14

    def test_a_value_that_is_no_longer_in_the_space_teaches_nothing(self):
        playing = Playing(a_sample("tpe", 12), lambda entry: loss(entry.params)).play(random.Random(0), 1)
        smaller = Product((*SPACE.axes[:1], listed("batch_size", 8, 16), *SPACE.axes[2:]))
        edited = a_sample("tpe", 14, smaller)
        for entry in playing.listed:
            edited.tell(entry, playing.ended[entry.index])
        (proposal,) = [each for each in edited.ask(1000) if each.trial.index is None or each.trial.index >= 0][:1]
        assert proposal.trial.params["batch_size"] in (8, 16)


def both_of(entry, record):
    return (float(entry.params["x"]), float(-entry.params["y"])) if record.metrics else None


def test_what_was_learned_before_is_known_from_the_first_ask():
    """Of 30 trials of an earlier search, all of the best are near one place: so are those that follow."""
    space = Product((RangeParameter("x", Interval(0, 1)),))
    known = [
        Known(f"learned {place}", {"x": place / 30}, is_over=True, values=(abs(place / 30 - 0.8),))
        for place in range(30)
    ]
    taught = a_sample("tpe", 12, space, learned=known)
    playing = Playing(taught, lambda entry: abs(entry.params["x"] - 0.8)).play(random.Random(0), 1)
    assert sum(abs(entry.params["x"] - 0.8) < 0.15 for entry in playing.listed[1:]) > 8


def test_as_many_trials_are_random_as_too_few_were_learned():
    space = Product((RangeParameter("x", Interval(0.0, 1.0)),))
    known = [Known(f"learned {place}", {"x": place / 30}, is_over=True, values=(1.0,)) for place in range(7)]
    assert len(a_sample("tpe", 12, space, learned=[*known, Known("bad", {"x": 0.5}, is_over=True)]).ask(100)) == 3


def test_a_package_that_is_missing_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr("gridfold.propose.sample.find_spec", lambda name: None)
    with pytest.raises(ConfigError) as found:
        Method("cmaes", 1).study(SPACE)
    assert str(found.value) == (
        'strategy cmaes: needs optuna, which is not installed\n  pip install "gridfold[search]"'
    )


class TestDrawnOnly:
    """What depends on no result: random draws, and Sobol's sequence."""

    def test_sobols_sequence_goes_on_beyond_its_first_block(self):
        space = Product((RangeParameter("x", Interval(0, 1)),))
        drawn = [trial.params["x"] for trial in Sampled(space, 600, Evenly(0, ("x",)))]
        assert all(sum(low / 10 <= x < (low + 1) / 10 for x in drawn[256:]) in range(30, 40) for low in range(10))

    def test_a_name_that_two_branches_have_with_other_values_is_two_dimensions(self):
        ranges = (RangeParameter("q", Interval(1, 5, whole=True)), RangeParameter("q", Interval(0.0, 1.0)))
        space = Product((Union(listed("kind", "a", "b"), tuple((each,) for each in ranges)),))
        drawn = list(Sampled(space, 20, Evenly(0, tuple(space.names))))
        assert {(each.params["kind"], type(each.params["q"])) for each in drawn} == {("a", int), ("b", float)}

    @pytest.mark.parametrize("draws", [Random(0), Evenly(0, ("x",))])
    def test_a_range_of_which_conditions_leave_little_has_as_many_trials_as_are_found(self, draws):
        space = Product((RangeParameter("x", Interval(0.0, 1.0)),), (Exclusion("x > 0.0005"),))
        drawn = Sampled(space, 200, draws)
        assert len(drawn) == len(list(drawn)) == len({drawn[place].params["x"] for place in range(len(drawn))})
        assert 0 < len(drawn) < 200
