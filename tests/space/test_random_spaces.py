"""Random spaces against a plain enumeration."""

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.space import enumeration
from tests.space.contract import Replay
from tests.space.random_spaces import cases, left, makes_no_sense


def made(case):
    """The space of a case; None if its rules make no sense, and it says so."""
    if makes_no_sense(case):
        with pytest.raises(ConfigError):
            case.space  # noqa: B018
        return None
    return case.space


def expected(case):
    """The values of all trials: what the rules leave, and what is added."""
    found = {canonical(params): params for params in left(case)}
    found |= {canonical(params): params for params in case.added if canonical(params) not in found}
    return list(found)


def texts(trials):
    return [canonical(trial.params) for trial in trials]


@given(cases())
def test_trials_are_those_of_a_plain_enumeration(case):
    if (space := made(case)) is None:
        return
    trials, wanted = list(space), expected(case)
    assert texts(trials) == wanted
    assert len(set(wanted)) == len(wanted) == space.count()
    assert space.is_exact
    assert [trial.index for trial in trials] == list(range(len(trials)))
    assert [space[index] for index in range(len(trials))] == trials
    assert [space.trial(trial.params) for trial in trials] == trials


@given(cases())
def test_the_decisions_of_a_trial_give_it_again(case):
    if (space := made(case)) is None:
        return
    grid = set(texts(space)) - {canonical(params) for params in case.added}
    for trial in space:
        decisions = space.decisions(trial.params)
        if decisions is None:
            assert canonical(trial.params) not in grid
            continue
        chooser = Replay(decisions)
        assert canonical(space.draw(chooser).params) == canonical(trial.params)
        assert chooser.asked == decisions.keys()


class Draws:
    def __init__(self, random):
        self.random, self.counts = random, {}

    def position(self, path, count, *, ordered):
        assert self.counts.setdefault(path, count) == count
        return self.random.randrange(count)


@given(cases(), st.randoms(use_true_random=False))
def test_what_is_drawn_is_a_trial(case, random):
    if (space := made(case)) is None:
        return
    chooser, known = Draws(random), set(texts(space))
    for _ in range(10):
        trial = space.draw(chooser)
        if trial is not None:
            assert canonical(trial.params) in known
            assert space.decisions(trial.params) is not None


@given(cases())
def test_a_sample_has_every_value_that_occurs(case):
    if (space := made(case)) is None:
        return
    sample, every = list(space.sample(2)), list(space)
    assert set(texts(sample)) <= set(texts(every))
    assert {(path, canonical(value)) for trial in sample for path, value in trial.params.items()} == {
        (path, canonical(value)) for trial in every for path, value in trial.params.items()
    }


@given(cases())
def test_parameters_have_the_values_of_the_trials(case):
    if (space := made(case)) is None:
        return
    parameters = {parameter.path: parameter for parameter in space.parameters}
    for trial in space:
        assert trial.params.keys() <= parameters.keys()
        assert {path for path, each in parameters.items() if not each.optional} <= trial.params.keys()
        for path, value in trial.params.items():
            assert canonical(value) in map(canonical, parameters[path].values)


@given(cases())
def test_it_is_explained(case):
    if (space := made(case)) is None:
        return
    why = space.explain()
    then = [removed.then for removed in why.removed]
    assert why.raw - sum(then) + len(why.added) == why.count == len(expected(case))
    assert all(0 <= each.then <= each.alone for each in why.removed)
    grid = left(case)
    for branch in why.branches:
        assert branch.count == sum(params.get(branch.path) == branch.value for params in grid)


@given(cases(), st.integers(0, 12))
def test_what_is_too_much_to_count_is_tested_one_by_one(case, most):
    if makes_no_sense(case):
        return
    with mock.patch.object(enumeration, "_MOST_WAYS", most), mock.patch.object(enumeration, "_MOST_EDGES", most):
        space, wanted = case.space, expected(case)
        assert space.count() >= len(wanted)
        assert not space.is_exact or space.count() == len(wanted)
        trials = list(space)
        assert texts(trials) == wanted
        assert [canonical(space[index].params) for index in range(len(trials))] == wanted
        assert set(texts(space.sample(3))) <= set(wanted)
        for index in range(len(trials), space.count()):
            with pytest.raises(IndexError):
                space[index]
