"""Which trials are apart: figures recomputed otherwise, noise that must be silent, differences that must be seen."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gridfold.analysis.significance import confirmation, contenders, estimates, holm, in_contention
from tests.show.synthetic import grid, noise, results

ROWS = [[0.91, 0.92, 0.90], [0.95, 0.97, 0.93], [0.5, None, 0.6], [None, None, None], [0.7]]
POINTS = grid(lr=[1, 2, 3, 4, 5])
probabilities = st.lists(st.none() | st.floats(0, 1), max_size=30)


def trials(values):
    return results(grid(lr=list(range(len(values)))), values)


def told_apart(values):
    return [each.estimate.trial.params["lr"] for each in contenders(trials(values)) if each.distinguishable]


class TestEstimates:
    def test_best_first_with_t_intervals(self):
        found = estimates(results(POINTS, ROWS))
        assert [each.trial.params["lr"] for each in found] == [2, 1, 5, 3]
        assert [each.n for each in found] == [3, 3, 1, 2]
        for each in found:
            values = list(each.trial.values.values())
            assert each.mean == pytest.approx(np.mean(values))
            if each.n > 1:
                assert each.std == pytest.approx(stats.tstd(values))
                low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
                assert (each.low, each.high) == pytest.approx((low, high))
            else:
                assert (each.std, each.low, each.high) == (None, None, None)

    def test_lower_is_better_where_that_is_so(self):
        found = estimates(results(POINTS, ROWS, metric="val_loss", maximize=False))
        assert [each.trial.params["lr"] for each in found] == [3, 5, 1, 2]

    def test_folds_are_not_independent(self):
        values = [0.9, 0.8, 0.85, 0.95, 0.9]
        (found,) = estimates(results([{}], [values], folds=5))
        reach = stats.t.ppf(0.975, 4) * stats.tstd(values) * math.sqrt(1 / 5 + 1 / 4)
        assert (found.low, found.high) == pytest.approx((np.mean(values) - reach, np.mean(values) + reach))


class TestContenders:
    def test_of_two_trials_it_is_the_paired_t_test(self):
        one, other = [0.9, 0.95, 0.91, 0.97], [0.88, 0.9, 0.88, 0.91]
        first, second = contenders(trials([other, one]))
        assert (first.estimate.trial.params["lr"], first.difference, first.p, first.distinguishable) == (
            1,
            0,
            None,
            False,
        )
        assert second.difference == pytest.approx(np.mean(np.subtract(one, other)))
        assert second.p == pytest.approx(stats.ttest_rel(one, other).pvalue)
        assert second.distinguishable == (second.p < 0.05)

    def test_only_common_repeats_are_compared(self):
        one, other = [0.9, 0.95, 0.91, 0.97], [0.88, 0.9, None, 0.91]
        _, second = contenders(trials([other, one]))
        assert second.p == pytest.approx(stats.ttest_rel([0.9, 0.95, 0.97], [0.88, 0.9, 0.91]).pvalue)

    def test_of_folds_the_variance_is_corrected(self):
        one, other = np.array([0.9, 0.95, 0.91, 0.97]), np.array([0.88, 0.9, 0.88, 0.91])
        _, second = contenders(results(grid(lr=[1, 2]), [one, other], folds=4))
        apart = one - other
        t = apart.mean() / (apart.std(ddof=1) * math.sqrt(1 / 4 + 1 / 3))
        assert second.p == pytest.approx(2 * stats.t.sf(t, 3))

    def test_lower_is_better_where_that_is_so(self):
        found = contenders(results(grid(lr=[1, 2]), [[0.1, 0.2], [0.5, 0.65]], metric="loss", maximize=False))
        assert [each.estimate.trial.params["lr"] for each in found] == [1, 2]
        assert found[1].difference == pytest.approx(0.425)

    @pytest.mark.parametrize("repeats", [2, 3, 5])
    @pytest.mark.parametrize("shared", [0, 0.05])
    @pytest.mark.parametrize("size", [6, 20])
    def test_noise_is_silent(self, size, repeats, shared):
        silent = sum(not told_apart(noise(size, repeats, seed, shared=shared)) for seed in range(100))
        assert silent >= 95

    @pytest.mark.parametrize("repeats", [2, 3])
    def test_noise_of_many_trials_and_somewhat_different_size_is_silent(self, repeats):
        silent = sum(not told_apart(noise(45, repeats, seed, spread=0.2)) for seed in range(100))
        assert silent >= 95

    def test_a_trial_that_is_worse_is_told_apart(self):
        found = 0
        for seed in range(50):
            values = noise(45, 3, seed, shared=0.05, scale=0.01)
            values[7] -= 0.04
            found += told_apart(values) == [7]
        assert found >= 40

    @pytest.mark.parametrize("size", [1e-9, 0.1])
    def test_trials_at_chance_level_do_not_blur_the_others(self, size):
        seen = 0
        for seed in range(20):
            random = np.random.default_rng(seed)
            chance = 0.2 + size * random.standard_normal((15, 3))
            values = np.concatenate([noise(15, 3, seed), noise(15, 3, 100 + seed) - 0.1, chance])
            seen += set(range(15, 45)) - set(told_apart(values)) == set()
        assert seen >= 18

    def test_bad_trials_that_are_noisy_are_worse(self):
        good = [[0.98, 0.98, 0.99], [0.97, 0.99, 0.99], [0.98, 0.98, 0.98], [0.97, 0.98, 0.99], [0.97, 0.97, 0.98]]
        bad = [[0.87, 0.90, 0.92], [0.81, 0.91, 0.93], [0.69, 0.90, 0.87], [0.26, 0.73, 0.27]]
        assert told_apart(np.array(good + bad)) == [5, 6, 7, 8]

    def test_one_bad_run_is_no_bad_trial(self):
        values = [[0.98, 0.98, 0.99], [0.97, 0.99, 0.99], [0.98, 0.98, 0.98], [0.98, 0.99, 0.60]]
        assert told_apart(np.array(values)) == []

    def test_one_trial_that_is_wild_does_not_blur_the_others(self):
        values = noise(12, 3, 1)
        values[3] -= 0.1
        values[11] = [0.2, 0.7, 0.1]
        assert 3 in told_apart(values)

    def test_identical_repeats_tell_nothing_of_the_noise(self):
        results = trials([[0.5, 0.5], [0.6, 0.6], [0.6, 0.6]])
        found = contenders(results)
        assert [(each.p, each.distinguishable) for each in found] == [(None, False)] * 3
        assert [(each.estimate.low, each.estimate.high) for each in found] == [(None, None)] * 3
        assert [trial.mean for trial in in_contention(results)] == [0.6, 0.6]  # a repeat would be the same again

    def test_identical_repeats_of_some_trials_are_noise_of_none(self):
        found = contenders(trials([[0.5, 0.5, 0.5], [0.6, 0.6, 0.6], [0.1, 0.11, 0.1]]))
        assert found[-1].distinguishable

    def test_one_repeat_tells_nothing(self):
        found = contenders(trials([[0.5], [0.6], [0.1]]))
        assert [each.p for each in found] == [None] * 3
        assert [each.difference for each in found] == pytest.approx([0, 0.1, 0.5])
        assert len(in_contention(trials([[0.5], [0.6], [0.1]]))) == 3

    def test_a_trial_of_one_repeat_is_judged_by_the_noise_of_others(self):
        values = [list(row) for row in noise(10, 3, 4)]
        values += [[0.1], [values[0][0]]]
        assert told_apart(values) == [10]

    def test_trials_without_a_common_repeat_cannot_be_compared(self):
        found = contenders(trials([[0.5, None], [None, 0.6]]))
        assert (found[1].difference, found[1].p, found[1].distinguishable) == (None, None, False)

    @pytest.mark.parametrize("values", [[], [[None, None]], [[math.nan]], [[...]], [[0.5]], [[0.5, 0.6]]])
    def test_hardly_anything(self, values):
        assert len(contenders(trials(values))) == len(in_contention(trials(values))) <= 1

    def test_in_contention_are_those_not_told_apart_best_first(self):
        values = noise(10, 5, 3)
        values[2:] -= 0.2
        assert {trial.params["lr"] for trial in in_contention(trials(values))} == {0, 1}


class TestHolm:
    @given(probabilities, st.integers(0, 100))
    def test_against_its_definition(self, p, more):
        known = sorted(value for value in p if value is not None)
        tests = len(known) + more
        wanted = [min(1, (tests - rank) * value) for rank, value in enumerate(known)]
        wanted = list(itertools.accumulate(wanted, max))
        found = holm(p, tests)
        assert sorted(value for value in found if value is not None) == wanted
        assert [value is None for value in found] == [value is None for value in p]

    @given(probabilities)
    def test_order_is_kept_and_nothing_gets_smaller(self, p):
        pairs = [(a, b) for a, b in zip(p, holm(p, len(p)), strict=True) if a is not None]
        assert all(before <= after <= 1 for before, after in pairs)
        assert [after for _, after in sorted(pairs)] == sorted(after for _, after in pairs)


class TestConfirmation:
    def test_winner_and_runner_up_on_fresh_seeds(self):
        fresh = {0: [0.8, 0.82, 0.85], 1: [0.79, 0.78, 0.8]}
        found = confirmation(results(grid(lr=[1, 2, 3]), [[0.9, 0.91], [0.89, 0.9], [0.1, 0.2]], confirming=fresh))
        assert [each.mean for each in found.estimates] == pytest.approx([np.mean(row) for row in fresh.values()])
        assert found.selected == pytest.approx((0.905, 0.895))
        assert found.p == pytest.approx(stats.ttest_rel(*fresh.values()).pvalue)

    def test_of_one_trial_or_none(self):
        assert confirmation(trials([[0.9], [0.8]])) is None
        found = confirmation(results(grid(lr=[1, 2]), [[0.9], [0.8]], confirming={0: [0.7]}))
        assert (len(found.estimates), found.p) == (1, None)
