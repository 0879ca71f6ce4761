"""Effects: figures recomputed by other ways, and a truth that is known."""

import itertools
import math
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gridfold.analysis.cells import heatmaps, regions
from gridfold.analysis.effects import Effect, Interaction, Model, effects, interactions, judged
from gridfold.analysis.factors import is_geometric
from tests.show.synthetic import grid, noise, results

POINTS = grid(lr=[1e-4, 1e-3, 1e-2], size=[16, 32], kind=["a", "b"])


def truth(params):
    """The learning rate matters, its size only together with the kind."""
    rate = {1e-4: 0.0, 1e-3: 0.05, 1e-2: 0.1}[params["lr"]]
    return 0.7 + rate + 0.04 * ((params["size"] == 16) == (params["kind"] == "a"))


def measured(repeats, seed=0, scale=0.005):
    return [truth(params) + row for params, row in zip(POINTS, noise(12, repeats, seed, scale=scale), strict=True)]


def frame(points, values):
    return pd.DataFrame([{**params, "y": np.mean(row)} for params, row in zip(points, values, strict=True)])


def by_name(found):
    return {each.path: each for each in found}


class TestMainEffects:
    def test_means_and_intervals_of_a_full_grid(self):
        values = measured(4)
        found = by_name(effects(Model.of(results(POINTS, values))))
        table = frame(POINTS, values)
        array = np.array(values)
        left = array - array.mean(1, keepdims=True) - array.mean(0) + array.mean()
        variance = (left**2).sum() / (11 * 3)
        for path, effect in found.items():
            means = table.groupby(path)["y"].mean()
            assert {level.value: level.mean for level in effect.levels} == pytest.approx(means.to_dict())
            for level in effect.levels:
                reach = stats.t.ppf(0.975, 33) * math.sqrt(variance / 4 / level.n)
                assert (level.low, level.high) == pytest.approx((level.mean - reach, level.mean + reach))
                assert level.n == (table[path] == level.value).sum()
            squares = level.n * ((means - table["y"].mean()) ** 2).sum()
            df = len(means) - 1
            assert effect.p == pytest.approx(stats.f.sf(squares / df / (variance / 4), df, 33))

    def test_of_one_parameter_without_repeats_it_is_the_anova(self):
        random = np.random.default_rng(0)
        points = [{"lr": value} for value in (1, 2, 3) for _ in range(4)]
        y = random.standard_normal(12)
        (effect,) = effects(Model.of(results(points, y[:, None])))
        assert effect.p == pytest.approx(stats.f_oneway(y[:4], y[4:8], y[8:]).pvalue)

    def test_missing_cells_are_not_mistaken_for_effects(self):
        points = grid(a=[1, 2], b=[1, 2, 3])[:-1]
        values = [[params["a"] + 10 * params["b"]] * 2 for params in points]
        found = by_name(effects(Model.of(results(points, values))))
        assert [level.mean for level in found["a"].levels] == pytest.approx([21, 22])
        assert [level.mean for level in found["b"].levels] == pytest.approx([11.5, 21.5, 31.5])

    def test_without_a_degree_of_freedom_nothing_is_known_of_noise(self):
        for effect in effects(Model.of(results(grid(lr=[1, 2, 3]), [[0.1], [0.2], [0.3]]))):
            assert effect.p is None
            assert all((level.low, level.high) == (None, None) for level in effect.levels)

    def test_failed_and_diverged_runs_are_left_out(self):
        values = [[None, None] if params["lr"] == 1e-2 else [truth(params), truth(params)] for params in POINTS]
        values[0] = [math.nan, values[0][1]]
        found = by_name(effects(Model.of(results(POINTS, values))))
        assert [level.value for level in found["lr"].levels] == [1e-4, 1e-3]

    def test_without_noise_what_is_there_is_sure(self):
        values = [[0.5 + (params["lr"] == 1e-2)] * 3 for params in POINTS]
        assert {path: each.p for path, each in by_name(effects(Model.of(results(POINTS, values)))).items()} == {
            "lr": 0.0,
            "size": 1.0,
            "kind": 1.0,
        }

    def test_noise_is_rarely_taken_for_an_effect(self):
        models = [Model.of(results(POINTS, noise(12, 3, seed, shared=0.1))) for seed in range(200)]
        p = [each.p for model in models for each in interactions(model)]
        assert stats.kstest(p, "uniform").pvalue > 0.001


class TestInteractions:
    def test_they_are_found_and_figures_are_right(self):
        values = measured(3)
        first, *others = interactions(Model.of(results(POINTS, values)))
        assert first.paths == ("size", "kind")
        assert first.p < 1e-6
        assert all(each.p > 0.01 for each in others)
        table = frame(POINTS, values)
        cells = table.pivot_table(index="size", columns="kind", values="y")
        both = cells.sub(cells.mean(axis=1), axis=0).sub(cells.mean(axis=0), axis=1) + cells.values.mean()
        squares = 3 * (both**2).to_numpy().sum()
        array = np.array(values)
        left = array - array.mean(1, keepdims=True) - array.mean(0) + array.mean()
        error = (left**2).sum() / 22 / 3
        whole = ((table["y"] - table["y"].mean()) ** 2).sum()
        assert first.share == pytest.approx((squares - error) / (whole + error))

    def test_without_repeats_the_rest_is_noise(self):
        values = measured(1)
        found = interactions(Model.of(results(POINTS, values)))
        assert found[0].paths == ("size", "kind")
        assert found[0].p < 0.01
        only = interactions(Model.of(results(grid(a=[1, 2], b=[1, 2]), [[0.1], [0.2], [0.3], [0.9]])))
        assert [each.p for each in only] == [None]
        assert only[0].share == pytest.approx(0.25**2 / 0.3875)


def plus(**parameters):
    """The points of a grid, and a + 2 b on each."""
    points = grid(**parameters)
    return points, [[params["a"] + 2 * params["b"]] for params in points]


class TestShares:
    @pytest.mark.parametrize("levels", [[1, 2], [1, 2, 3], [1, 2, 3, 4, 5]])
    @pytest.mark.parametrize("repeats", [1, 3])
    def test_of_a_sum_on_a_full_grid_they_are_exact(self, levels, repeats):
        points, values = plus(a=levels, b=levels)
        found = effects(Model.of(results(points, [row * repeats for row in values])))
        assert [(each.path, each.share) for each in found] == [("b", pytest.approx(0.8)), ("a", pytest.approx(0.2))]

    def test_parameters_and_pairs_add_up_to_the_whole(self):
        points = grid(a=[1, 2, 3], b=[1, 2, 3, 4], c=[0, 1])
        truth = [params["a"] * params["b"] + params["c"] for params in points]
        values = [[value, value + 1e-9 * (place % 2)] for place, value in enumerate(truth)]
        model = Model.of(results(points, values))
        assert sum(each.share for each in (*effects(model), *interactions(model))) == pytest.approx(1)

    def test_where_trials_failed_a_share_is_of_what_a_parameter_does_by_itself(self):
        points, values = plus(a=[1, 2, 3], b=[1, 2, 3])
        values[0] = values[5] = [None]
        found = by_name(effects(Model.of(results(points, values))))
        table = frame([p for p, row in zip(points, values, strict=True) if row[0]], [row for row in values if row[0]])
        whole = ((table["y"] - table["y"].mean()) ** 2).sum()
        for path, slope in (("a", 1), ("b", 2)):
            inside = slope**2 * (table[path] - table[path].mean()) ** 2
            assert found[path].share == pytest.approx(inside.sum() / whole)

    def test_noise_has_no_share(self):
        """Of 60 levels, noise alone would give the squares of 59 degrees of freedom."""
        points = grid(a=list(range(60)), b=[1, 2])
        found = [by_name(effects(Model.of(results(points, noise(120, 3, seed)))))["a"].share for seed in range(40)]
        assert np.mean(found) < 0.06

    def test_with_noise_they_are_those_of_the_truth(self):
        values = [
            np.mean(
                [each.share for each in sorted(effects(Model.of(results(POINTS, rows))), key=lambda e: e.path)[1:2]]
            )
            for rows in (measured(3, seed, 0.05) for seed in range(60))
        ]
        truths = np.array([truth(params) for params in POINTS])
        signal, of_mean = ((truths - truths.mean()) ** 2).sum(), 0.05**2 / 3
        assert np.mean(values) == pytest.approx(12 * 0.05**2 * 2 / 3 / (signal + 12 * of_mean), abs=0.05)

    def test_omega_squared_of_a_textbook(self):
        values = measured(4)
        found = by_name(effects(Model.of(results(POINTS, values))))
        array, table = np.array(values), frame(POINTS, values)
        left = array - array.mean(1, keepdims=True) - array.mean(0) + array.mean()
        error = (left**2).sum() / 33 / 4
        whole = ((table["y"] - table["y"].mean()) ** 2).sum()
        squares = 4 * ((table.groupby("lr")["y"].mean() - table["y"].mean()) ** 2).sum()
        assert found["lr"].share == pytest.approx((squares - 2 * error) / (whole + error))

    def test_where_nothing_moves(self):
        assert {each.share for each in effects(Model.of(results(POINTS, [[0.5]] * 12)))} == {0.0}


class TestVerdicts:
    def verdicts(self, *p):
        found, _ = judged([Effect(str(place), (), each, 0.0) for place, each in enumerate(p)], [])
        return [each.verdict for each in found]

    def test_sure_not_certain_and_no_sign(self):
        assert self.verdicts(0.003, 0.004, 0.026, 0.06) == ["not certain"] * 3 + ["no sign"]
        assert self.verdicts(0.002, 0.004, 0.026, None) == ["sure", "sure", "not certain", "unknown"]
        assert self.verdicts(0.009) == ["sure"]

    def test_pairs_count_as_tests_too(self):
        pairs = [Interaction((f"{place}", "x"), 0.5, 0.0) for place in range(9)]
        ((effect,), together) = judged([Effect("a", (), 0.0011, 0.0)], pairs)
        assert effect.verdict == "not certain"
        assert {each.verdict for each in together} == {"no sign"}
        assert judged([effect], pairs[:8])[0][0].verdict == "sure"


class TestHeatmaps:
    @pytest.mark.parametrize("maximize", [True, False])
    def test_against_pandas(self, maximize):
        values = measured(2)
        values[3] = [None, None]
        found = heatmaps(Model.of(results(POINTS, values)), maximize=maximize)
        assert [each.paths for each in found] == list(itertools.combinations(["lr", "size", "kind"], 2))
        table = frame([p for p, row in zip(POINTS, values, strict=True) if row[0]], [row for row in values if row[0]])
        for each in found:
            for over, cells in (("mean", each.mean), ("max" if maximize else "min", each.best)):
                pivot = table.pivot_table(index=each.paths[0], columns=each.paths[1], values="y", aggfunc=over)
                wanted = pivot.reindex(index=each.rows, columns=each.columns).to_numpy()
                assert np.array(cells, dtype=float) == pytest.approx(wanted, nan_ok=True)


class TestRegions:
    def test_where_runs_fail(self):
        values = [[None, math.nan] if params["lr"] == 1e-2 else [0.5, 0.6] for params in POINTS]
        values[0] = [None, ...]
        found = regions(results(POINTS, values))
        assert [(each.path, each.value, each.failed, each.of) for each in found][:2] == [
            ("lr", 1e-2, 8, 8),
            ("size", 16, 5, 11),
        ]
        assert ("lr", 1e-3) not in [(each.path, each.value) for each in found]

    def test_none_where_none_fail(self):
        assert regions(results(POINTS, measured(1))) == ()
        assert regions(results(POINTS, [[...]] * 12)) == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e-7, 5e-7, 1e-6, 5e-6, 1e-5], True),
        ([0.1, 0.2, 0.3], False),
        ([16, 32, 64], True),
        ([1, 2, 3], False),
        ([0, 1, 10], False),
        ([16, 32], True),
        ([1, 2], False),
        ([1e-4, 1e-3], True),
        ([0.1, 0.3], False),
        ([0.8, 0.9], False),
    ],
)
def test_spacing(values, expected):
    assert is_geometric(values) == expected


def test_a_thousand_trials_are_quick():
    points = grid(a=list(range(10)), b=list(range(5)), c=["w", "x", "y", "z"], d=[0.1, 0.2, 0.3, 0.4, 0.5])
    begun = time.process_time()
    model = Model.of(results(points, noise(1000, 1, 0)))
    assert len(effects(model)) == 4
    assert len(interactions(model)) == 6
    assert time.process_time() - begun < 10
