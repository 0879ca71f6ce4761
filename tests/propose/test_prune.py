"""Which runs go on follows from their values alone."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.propose.prune import Asha, Hyperband, Median

VALUES = st.one_of(st.floats(-1, 1), st.sampled_from([0.5, 0.25]), st.just(math.nan))
TOLD = st.dictionaries(st.integers(0, 40), st.lists(VALUES, min_size=1, max_size=4), min_size=1, max_size=25)
RULES = [
    lambda: Asha(1, 3),
    lambda: Asha(1, 2, 5),
    lambda: Hyperband(1, 3, 27),
    lambda: Median(1, 1, 2),
    lambda: Median(2, 3, 1, 20),
]
rules = pytest.mark.parametrize("make", RULES)


def told(rule, runs, order=None):
    """Let each run have reached as many rungs as it has values; the best so far counts."""
    steps = dict.fromkeys(runs, 0.0)
    reached = []
    for run, values in runs.items():
        best = -math.inf
        for value in values:
            best = best if math.isnan(value) else max(best, value)
            steps[run] = rung = rule.rung_after(run, steps[run])
            if rung == math.inf:
                break
            reached.append((run, rung, best))
    for place in order or range(len(reached)):
        if place < len(reached):
            rule.reach(*reached[place])
    return {run for run, _, _ in reached}


def answers(rule, runs):
    return {run: (rule.goes_on(run), rule.stays(run), rule.place(run), rule.standing(run)) for run in runs}


@rules
@given(TOLD, st.randoms(use_true_random=False))
def test_the_order_in_which_runs_are_told_does_not_matter(make, runs, random):
    one, other = make(), make()
    order = list(range(200))
    random.shuffle(order)
    known = told(one, runs)
    assert told(other, runs, order) == known
    assert answers(one, known) == answers(other, known)


@rules
@given(TOLD, st.data())
def test_a_run_that_left_might_as_well_not_have_been(make, runs, data):
    gone = data.draw(st.sampled_from(sorted(runs)))
    one, other = make(), make()
    told(one, runs)
    one.leave(gone)
    known = told(other, {run: values for run, values in runs.items() if run != gone})
    assert answers(one, known) == answers(other, known)


@given(TOLD)
def test_asha_lets_the_best_of_a_rung_go_on(runs):
    rule = Asha(1, 3)
    known = told(rule, runs)
    for rung in {rule.last[run] for run in known}:
        values = rule.rungs[rung].values
        best = sorted(values, key=lambda run: (-values[run], run))[: len(values) // 3]
        wanted = {run for run in best if values[run] > -math.inf}
        assert {run for run in known if rule.last[run] == rung and rule.goes_on(run)} == wanted & {
            run for run in known if rule.last[run] == rung
        }


@given(TOLD)
def test_the_median_rule_lets_those_wait_that_are_below_the_median_of_the_others(runs):
    rule = Median(1, 1, 2)
    for run in told(rule, runs):
        values = rule.rungs[rule.last[run]].values
        others = sorted(value for other, value in values.items() if other != run)
        waits = len(others) >= 2 and values[run] < others[(len(others) - 1) // 2]
        assert rule.goes_on(run) == (not waits)


@rules
@given(TOLD)
def test_whoever_may_go_on_need_not_end_if_it_cannot_wait(make, runs):
    rule = make()
    assert all(rule.stays(run) or not rule.goes_on(run) for run in told(rule, runs))


@rules
@given(st.integers(0, 10**9), st.floats(0, 100))
def test_rungs_lie_behind_each_other(make, run, step):
    rule = make()
    following = rule.rung_after(run, step)
    assert following > step
    assert following >= rule.first
    assert following == math.inf or rule.rung_after(run, following) > following
    assert following == math.inf or rule.rung_after(run, math.nextafter(following, 0)) == following


def test_runs_are_spread_over_the_brackets_of_hyperband_as_it_shares_them():
    rule = Hyperband(1, 3, 27)
    firsts = [rule.rung_after(run, 0) for run in range(4000)]
    counts = [firsts.count(rung) for rung in (1, 3, 9, math.inf)]
    shares = [count / 4000 * (27 + 12 + 6 + 4) for count in counts]
    assert shares == pytest.approx([27, 12, 6, 4], abs=1.5)
    assert sum(counts) == 4000


def test_a_rung_that_has_the_number_of_all_epochs_is_none():
    assert Asha(1, 3, 9).rung_after(0, 3) == math.inf
    assert Median(1, 1, 4, 3).rung_after(0, 2) == math.inf
