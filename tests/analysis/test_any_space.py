"""Effects where a search is no full grid: numbers from ranges, branches, links, exclusions, runs stopped early."""

import math

import numpy as np
import pytest

from gridfold.analysis.cells import heatmaps, regions
from gridfold.analysis.effects import Model, effects, interactions
from gridfold.analysis.significance import contenders, in_contention
from gridfold.analysis.summary import Summary
from gridfold.records.reach import alike
from gridfold.records.trials import Results
from tests import made
from tests.show.synthetic import grid, results

BRANCHES = [
    *({"lr": lr, "optimizer.name": "adamw", "optimizer.decay": value} for lr in (0.1, 0.01) for value in (0.0, 0.01)),
    *({"lr": lr, "optimizer.name": "sgd", "optimizer.momentum": value} for lr in (0.1, 0.01) for value in (0.0, 0.9)),
]


def found(points, value, **how):
    """The effects of some trials, by parameter."""
    model = Model.of(results(points, [[value(params)] for params in points], **how))
    return {each.path: each for each in effects(model)}


def draws(count, seed=0):
    random = np.random.default_rng(seed)
    return [
        {"lr": float(f"{10 ** random.uniform(-6, -3):.6g}"), "size": int(random.integers(8, 129)), "kind": kind}
        for kind in random.choice(["a", "b"], count).tolist()
    ]


class TestNumbersFromRanges:
    def test_a_smooth_effect_is_found_and_no_other(self):
        random = np.random.default_rng(1)
        by_path = found(draws(40), lambda p: 0.9 - 0.05 * math.log10(p["lr"] / 3e-5) ** 2 + random.normal(0, 0.01))
        assert by_path["lr"].p < 1e-9
        assert by_path["lr"].share > 0.7
        assert min(by_path["size"].p, by_path["kind"].p) > 0.01
        assert [by_path[path].scale for path in ("lr", "size", "kind")] == ["log", "linear", None]
        best = max(by_path["lr"].levels, key=lambda level: level.mean)
        assert 1e-5 < best.value < 1e-4
        assert best.low < best.mean < best.high
        assert len(by_path["lr"].points) == 40

    def test_what_counts_a_hundred_times_as_much_is_told_to(self):
        """Optuna's importances of this are 50 and 50 %."""
        random = np.random.default_rng(0)
        points = [{"a": a, "b": b} for a, b in random.uniform(0, 1, (60, 2)).round(6).tolist()]
        by_path = found(points, lambda p: 100 * p["a"] + p["b"])
        assert by_path["a"].share > 0.99
        assert by_path["b"].share < 0.01
        assert list(by_path) == ["a", "b"]

    def test_noise_is_rarely_taken_for_an_effect(self):
        p = []
        for seed in range(60):
            random = np.random.default_rng(seed)
            p += [each.p for each in found(draws(40, seed), lambda _, r=random: r.normal()).values()]
        assert 0.01 < np.mean(np.array(p) < 0.05) < 0.12

    def test_two_that_act_together(self):
        points = [{"a": a, "b": b} for a, b in np.random.default_rng(0).uniform(-1, 1, (40, 2)).round(6).tolist()]
        model = Model.of(results(points, [[params["a"] * params["b"]] for params in points]))
        (both,) = interactions(model)
        assert both.p < 1e-9

    def test_values_that_repeat_have_a_mean_each(self):
        (effect,) = found([{"x": x} for x in range(1, 9) for _ in range(3)], lambda p: float(p["x"] == 3)).values()
        assert effect.scale is None
        assert [level.n for level in effect.levels] == [3] * 8

    def test_heat_maps_and_failures_are_by_parts_of_the_range(self):
        points = draws(40)
        values = [[None if params["lr"] > 1e-4 else 0.5 + params["size"] / 1000] for params in points]
        of = results(points, values)
        shown = next(each for each in heatmaps(Model.of(of), maximize=True) if each.paths == ("lr", "size"))
        assert len(shown.rows) <= 6
        assert all(low < high for low, high in shown.rows)
        worst = regions(of)[0]
        assert worst.path == "lr"
        assert worst.value[0] > 5e-5
        assert sum(each.of for each in regions(of) if each.path == "lr") <= 40

    @pytest.mark.parametrize("values", [[1e308, -1e308], [1, 1.0]])
    def test_extreme_numbers(self, values):
        points = [{"x": value} for value in [*values, 2, 3, 4, 5, 6, 7, 8]]
        assert found(points, lambda p: 1.0)["x"].share == 0


class TestBranches:
    def test_a_parameter_of_a_branch_is_looked_at_within_it(self):
        by_path = found(BRANCHES, lambda p: (p["optimizer.name"] == "sgd") + 10 * p.get("optimizer.decay", 0) + p["lr"])
        assert [(level.value, level.n) for level in by_path["optimizer.decay"].levels] == [(0.0, 2), (0.01, 2)]
        assert [level.mean for level in by_path["optimizer.decay"].levels] == pytest.approx([0.055, 0.155])
        assert (by_path["optimizer.decay"].n, by_path["optimizer.decay"].of) == (4, 8)
        assert [level.mean for level in by_path["optimizer.name"].levels] == pytest.approx([0.105, 1.055])
        assert by_path["optimizer.momentum"].share == pytest.approx(0, abs=1e-9)
        assert next(iter(by_path)) == "optimizer.name"
        within = sum((y - np.mean([0.1, 0.2, 0.01, 0.11])) ** 2 for y in (0.1, 0.2, 0.01, 0.11))
        assert by_path["optimizer.decay"].share == pytest.approx(4 * 0.05**2 / within)

    def test_no_pair_of_parameters_that_never_meet(self):
        model = Model.of(results(BRANCHES, [[float(place % 3)] for place in range(8)]))
        never = {("optimizer.decay", "optimizer.momentum"), ("optimizer.name", "optimizer.decay")}
        assert never.isdisjoint(each.paths for each in interactions(model))
        assert never.isdisjoint(each.paths for each in heatmaps(model, maximize=True))

    def test_a_parameter_that_has_other_values_in_each_branch(self):
        points = [{"name": name, "lr": lr, "x": x} for name, rates in (("a", (1, 2)), ("b", (10, 20))) for lr in rates
                  for x in (0, 1)]  # fmt: skip
        by_path = found(points, lambda p: (p["name"] == "b") + 0.1 * (p["lr"] in (2, 20)) + 0.01 * p["x"])
        assert [level.mean for level in by_path["name"].levels] == pytest.approx([0.055, 1.055])
        assert by_path["name"].share > 0.9

    def test_the_answer_says_among_which_trials(self):
        answer = Summary.of(results(BRANCHES, [[p.get("optimizer.momentum", 1) + p["lr"] / 50] * 2 for p in BRANCHES]))
        assert "momentum (100 % of the variance among the 4 trials that have it)" in " ".join(answer.answer)


class TestLinks:
    def test_linked_parameters_have_one_effect(self):
        points = [{"hidden": hidden, "layers": layers, "lr": lr} for hidden, layers in ((64, 2), (128, 4), (256, 3))
                  for lr in (0.1, 0.2)]  # fmt: skip
        by_path = found(points, lambda p: p["layers"] + p["lr"])
        assert list(by_path) == ["hidden", "lr"]
        assert by_path["hidden"].linked == ("layers",)
        assert by_path["hidden"].p < 1e-6
        summary = Summary.of(results(points, [[p["layers"] + p["lr"]] for p in points]))
        assert "hidden with layers (100 % of the variance)" in " ".join(summary.answer)

    def test_numbers_that_were_drawn_are_not_linked(self):
        assert {each.linked for each in found(draws(12), lambda p: p["lr"]).values()} == {()}

    def test_many_that_rise_together_are(self):
        (effect,) = found([{"a": place, "b": -place / 7} for place in range(12)], lambda p: p["b"]).values()
        assert (effect.path, effect.linked) == ("a", ("b",))


class TestExclusions:
    def test_means_are_as_if_all_combinations_were_there(self):
        points = [each for each in grid(a=[1, 2, 3], b=[1, 2, 3]) if not (each["a"] == 3 and each["b"] > 1)]
        by_path = found(points, lambda p: p["a"] + 10 * p["b"])
        assert [level.mean for level in by_path["a"].levels] == pytest.approx([21, 22, 23])
        assert [level.mean for level in by_path["b"].levels] == pytest.approx([12, 22, 32])


def stopped(root, ends, repeats=1):
    """A search by one number, of which each trial was stopped at an epoch; None for one that was completed at 9."""
    runs = []
    for place, end in enumerate(ends):
        value = [0.1 * place + epoch / 100 for epoch in range(1, (end or 9) + 1)]
        reports = [{"epoch": epoch, "val_f1": each} for epoch, each in enumerate(value, start=1)]
        said = {"params": {"training.lr": place}, "metrics": {"val_f1": value[-1]}, "reports": reports}
        runs += [said | {"repeat": repeat, "state": "stopped" if end else "completed"} for repeat in range(repeats)]
    return made.search(root, "stopped_000000", runs, repeats=repeats)


class TestStoppedEarly:
    def test_effects_compare_all_at_the_last_step_that_all_came_to(self, tmp_path):
        of = Results.read([stopped(tmp_path, [3, None, 2, None])])
        assert alike(of).step == 2
        assert alike(of).comparable == pytest.approx([0.02, 0.12, 0.22, 0.32])
        summary = Summary.of(of)
        assert summary.step == 2
        assert summary.trials[0].mean == pytest.approx(0.39)
        assert [trial.step for trial in summary.trials] == [9, 2, 9, 3]

    def test_what_did_not_come_as_far_as_the_best_is_not_called_worse(self, tmp_path):
        of = Results.read([stopped(tmp_path, [3, None, 2, None], repeats=3)])
        compared = contenders(of)
        assert [each.stopped for each in compared] == [False, True, False, True]
        assert [each.estimate.trial.params["training.lr"] for each in compared] == [3, 2, 1, 0]
        assert all(each.p is None for each in compared if each.stopped)
        assert {trial.params["training.lr"] for trial in in_contention(of)} <= {1, 3}

    def test_where_none_was_stopped_all_stays_as_it_is(self, tmp_path):
        of = Results.read([stopped(tmp_path, [None, None])])
        assert alike(of) is of

    def test_a_run_that_reported_nothing_cannot_be_compared(self, tmp_path):
        runs = [made.completed(0.1, f1=0.5), made.completed(0.2, f1=0.6, reports=[{"epoch": 1, "f1": 0.6}])]
        runs[1]["state"] = "stopped"
        of = Results.read([made.search(tmp_path, "a_000000", runs)])
        assert alike(of).comparable == (None, 0.6)

    def test_in_words(self, tmp_path, snapshot):
        ends = [2, 3, 3, 9, 2, 2, 3, None, None]
        summary = Summary.of(Results.read([stopped(tmp_path, ends)]))
        assert "\n".join(summary.answer) == snapshot
