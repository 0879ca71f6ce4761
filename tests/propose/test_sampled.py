"""Trials that are drawn without looking at results: no doubles, in flat memory, and an end wherever few are left."""

import tracemalloc
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.core.values import canonical
from gridfold.propose.grid import Grid
from gridfold.propose.sample import Sample
from gridfold.propose.sampled import Evenly, Random, Sampled
from gridfold.space.axes import Linked, Union
from gridfold.space.parameters import Interval, ListedParameter, Normal, RangeParameter
from gridfold.space.product import Product
from gridfold.space.repeats import repetitions
from gridfold.space.rules import Addition, Exclusion
from tests.propose.contract import ProposerContract


def listed(path, *values):
    return ListedParameter(path, values)


RANGE = RangeParameter("rate", Interval(1e-6, 1e-3, log=True))
MIXED = Product(
    (
        RANGE,
        listed("size", 8, 16, 32),
        Union(listed("kind", "a", "b"), ((listed("depth", 1, 2),), (RangeParameter("width", Normal(0.0, 1.0)),))),
        Linked((listed("one", 1, 2), listed("two", "x", "y"))),
    )
)


def draws(name, space, seed=0):
    return Random(seed) if name == "random" else Evenly(seed, tuple(each.path for each in space.parameters))


def keys(trials):
    return [canonical(trial.params) for trial in trials]


@pytest.mark.parametrize("name", ["random", "sobol"])
class TestBoth:
    def test_no_trial_comes_twice_and_each_is_of_the_space(self, name):
        found = Sampled(MIXED, 500, draws(name, MIXED))
        assert len(set(keys(found))) == len(found) == 500
        assert all(MIXED.decisions(trial.params) is not None for trial in found)

    def test_iterating_and_indexing_give_the_same_in_any_order(self, name):
        found, again = (Sampled(MIXED, 300, draws(name, MIXED)) for _ in range(2))
        assert [again[place].params for place in reversed(range(300))] == [trial.params for trial in found][::-1]
        assert [trial.index for trial in found] == list(range(300))
        with pytest.raises(IndexError):
            found[300]

    def test_more_trials_begin_with_those_of_fewer(self, name):
        few, many = (Sampled(MIXED, count, draws(name, MIXED)) for count in (20, 200))
        assert keys(few) == keys(islice(many, 20))

    def test_another_seed_gives_others(self, name):
        assert keys(Sampled(MIXED, 20, draws(name, MIXED))) != keys(Sampled(MIXED, 20, draws(name, MIXED, 1)))

    def test_a_small_space_gives_all_it_has_in_another_order(self, name):
        space = Product((listed("a", *range(5)), listed("b", "x", "y")), (Exclusion("a == 2"),))
        found = Sampled(space, 50, draws(name, space))
        assert len(found) == 8
        assert sorted(keys(found)) == sorted(keys(space))
        assert keys(found) != keys(space)

    def test_a_condition_that_leaves_few_of_many_does_not_search_for_ever(self, name):
        values = tuple(range(180))
        space = Product((listed("a", *values), listed("b", *values)), (Exclusion("a != b or a > 30"),))
        assert sorted(keys(Sampled(space, 1000, draws(name, space)))) == sorted(keys(space))


class TestStreams:
    def values(self, *axes, path="rate", count=40):
        return [trial.params[path] for trial in Sampled(Product(axes), count, Random(3))]

    def test_a_parameter_that_is_added_leaves_the_values_of_others(self):
        alone = self.values(RANGE, listed("size", 1, 2, 3))
        assert self.values(listed("new", *"abc"), RANGE, listed("size", 1, 2, 3)) == alone

    def test_a_value_that_is_added_leaves_the_values_of_others(self):
        assert self.values(RANGE, listed("size", 1, 2)) == self.values(RANGE, listed("size", 1, 2, 3))

    def test_parameters_do_not_have_the_same_quantiles(self):
        found = Sampled(
            Product((RangeParameter("a", Interval(0, 1)), RangeParameter("b", Interval(0, 1)))), 200, Random(0)
        )
        pairs = [(trial.params["a"], trial.params["b"]) for trial in found]
        means = [sum(values) / 200 for values in zip(*pairs, strict=True)]
        covariance = sum((a - means[0]) * (b - means[1]) for a, b in pairs) / 200
        assert abs(covariance) < 0.02
        assert all(abs(mean - 0.5) < 0.06 for mean in means)


def test_sobol_fills_a_range_more_evenly_than_chance():
    space = Product((RangeParameter("a", Interval(0, 1)), RangeParameter("b", Interval(0, 1))))
    cells = {(int(t.params["a"] * 8), int(t.params["b"] * 8)) for t in Sampled(space, 64, draws("sobol", space))}
    assert len(cells) > 60


def test_a_space_of_2_to_the_60_costs_what_is_drawn():
    binary = tuple(listed(f"p{place}", 0, 1) for place in range(60))
    space = Product(binary, (Exclusion("p0 == 1 and p1 == 1"), Exclusion("p2 == 1 and p3 == 0")))
    found = Sampled(space, 600, Random(0))
    next(iter(found))
    tracemalloc.start()
    seen = [hash(canonical(trial.params)) for trial in found]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(seen)) == 600
    assert peak < 600 * 300
    assert not any(trial.params["p0"] == trial.params["p1"] == 1 for trial in islice(found, 50))


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_small_spaces_are_drawn_without_doubles(size, most, seed):
    space = Product((listed("a", *range(size)), RangeParameter("b", Interval(0, 1, whole=True))))
    found = Sampled(space, most, Random(seed))
    assert len(set(keys(found))) == len(found) == min(most, 2 * size)


class TestGridOfDrawnTrials(ProposerContract):
    def make(self):
        return Grid(Sampled(MIXED, 6, Random(0)), 6, list(repetitions(range(2), None)))

    def value(self, entry):
        return 0.0


class TestDrawnOneByOne(ProposerContract):
    learns = True

    def make(self):
        return Sample(Sampled(MIXED, 12, Random(0)), list(repetitions(range(2), None)))

    def value(self, entry):
        return 0.0


class TestDrawnAtOnce(ProposerContract):
    def make(self):
        return Sample(Sampled(MIXED, 12, Random(0)), list(repetitions(range(1), None)), is_lazy=False)

    def value(self, entry):
        return 0.0


@pytest.mark.parametrize("name", ["random", "sobol"])
def test_trials_that_are_added_come_first_and_once(name):
    added = (Addition({"a": 2, "b": 1}), Addition({"a": 7}))  # one of the grid, one that is not
    space = Product((listed("a", 1, 2, 3), listed("b", 0, 1)), (), added)
    drawn = list(Sampled(space, 100, draws(name, space)))
    assert [trial.params for trial in drawn[:2]] == [{"a": 2, "b": 1}, {"a": 7, "b": 0}]
    assert len({canonical(trial.params) for trial in drawn}) == len(drawn) == space.count() == 7
    assert [trial.params for trial in Sampled(space, 1, draws(name, space))] == [{"a": 2, "b": 1}]
