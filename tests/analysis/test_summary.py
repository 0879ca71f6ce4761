"""All numbers at once: from real directories, of a truth that is known, of noise, and of next to nothing."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gridfold.analysis.summary import Summary
from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective
from gridfold.records.trials import Results
from tests.show.synthetic import grid, noise, on_disk, results

CONFIG = "lr: [1e-7, 5e-7, 1e-6, 5e-6, 1e-5]\nsize: [16, 32, 64]\np: [0.1, 0.2, 0.3]\n"


def truth(params, repeat, scale=0.003):
    """The rate matters, best at its edge; size and p only together; noise, some of it by the seed."""
    random = np.random.default_rng([repeat, *(int(value * 1e8) for value in params.values())])
    seed = np.random.default_rng(repeat).standard_normal()
    together = 0.02 * ((params["size"] == 16) == (params["p"] == 0.1))
    return 0.7 + 0.05 * math.log10(params["lr"] * 1e7) + together + scale * (random.standard_normal() + seed)


@pytest.fixture
def search(tmp_path):
    return on_disk(tmp_path, CONFIG, truth, repeats=3)


class TestAKnownTruth:
    def test_figures_are_those_of_the_files(self, search):
        found = Summary.of(Results.read([search]))
        files = [json.loads(path.read_text()) for path in search.dir.parent.glob("*/run.json")]
        frame = pd.DataFrame([{**each["params"], "y": each["metrics"]["val_f1"]} for each in files])
        table = frame.groupby(["lr", "size", "p"])["y"].agg(["mean", "std", "sem", "count"]).sort_values("mean")[::-1]
        assert [tuple(each.params.values()) for each in found.trials] == list(table.index)
        for each, row in zip(found.trials, table.itertuples(), strict=True):
            low, high = stats.t.interval(0.95, row.count - 1, row.mean, row.sem)
            assert (each.n, each.mean, each.std) == pytest.approx((row.count, row.mean, row.std))
            assert (each.low, each.high) == pytest.approx((low, high))
        for each in found.effects:
            means = frame.groupby(each.path)["y"].mean()
            assert {level.value: level.mean for level in each.levels} == pytest.approx(means.to_dict())

    def test_effects_shares_advice_and_words_find_it(self, search):
        found = Summary.of(Results.read([search]))
        assert found.effects[0].path == "lr"
        assert found.effects[0].share > 0.5
        assert found.interactions[0].paths == ("size", "p")
        assert found.interactions[0].p < 1e-6
        assert found.interactions[1].p > 0.001
        assert found.advice[0].kind == "extend"
        assert "lr=1e-7,5e-7,1e-6,5e-6,1e-5,5e-5" in found.advice[0].command
        assert found.advice[0].runs == 27
        assert any("size and p depend on each other" in each for each in found.answer)
        assert all(each.params["lr"] == 1e-5 for each in found.trials[:5])
        assert all(each.distinguishable for each in found.trials if each.params["lr"] < 1e-6)

    def test_the_same_each_time(self, search):
        one, other = (Summary.of(Results.read([search])) for _ in range(2))
        assert (one.effects, one.interactions, one.answer, one.advice) == (
            other.effects,
            other.interactions,
            other.answer,
            other.advice,
        )


def test_on_noise_the_answer_says_nothing_can_be_told_apart():
    points = grid(lr=[1, 2, 3, 4], size=[16, 32], kind=["a", "b"])
    silent = 0
    for seed in range(100):
        answer = Summary.of(results(points, noise(16, 3, seed, shared=0.02))).answer
        silent += answer[1].startswith(
            "Nothing can be told apart: none of the 15 others is distinguishable from it."
        ) and not any("What mattered" in said or "depend on each other" in said for said in answer)
    assert silent >= 95


class TestCurves:
    def test_epochs_or_positions_of_the_best(self, tmp_path):
        search = on_disk(tmp_path, "lr: [1, 2]\n", lambda params, repeat: params["lr"] / 10)
        first, second = search.entries()
        for epoch in range(1, 2001):
            search.run(first).report(epoch=epoch / 2, val_f1=epoch / 1e5)
        search.run(second).report(val_f1=0.5)
        search.run(second).report(val_f1=float("nan"))
        search.run(second).report(val_f1=0.6)
        curves = {each.run.index: each.points for each in Summary.of(Results.read([search])).curves}
        assert len(curves[0]) == 500
        assert (curves[0][0], curves[0][-1]) == ((0.5, 1e-5), (1000, 0.02))
        assert curves[1] == ((1, 0.5), (3, 0.6))


class TestFailures:
    def test_they_are_grouped_counted_and_said(self):
        values = [[None, None], [0.5, 0.6], [math.nan, 0.7]]
        found = Summary.of(results(grid(lr=[1, 2, 3]), values))
        assert [len(each.runs) for each in found.failures] == [2]
        assert [(each.value, each.failed, each.of) for each in found.regions] == [(1, 2, 2), (3, 1, 2)]
        assert found.answer[-2:] == ("2 of 6 runs failed.", "1 of 6 runs gave no finite val_f1.")
        assert len(found.ranked) == 2

    def test_only_failures(self):
        found = Summary.of(results(grid(lr=[1, 2]), [[None], [None]]))
        assert found.ranked == found.effects == found.advice == ()
        assert found.answer == ("No run has a value of val_f1 yet.", "2 of 2 runs failed.")


class TestHardlyAnything:
    @pytest.mark.parametrize(
        ("points", "values"),
        [
            ([], []),
            ([{}], [[0.5]]),
            ([{}], [[0.5, 0.6]]),
            (grid(lr=[1, 2]), [[0.5], [...]]),
            (grid(lr=[1, 2]), [[0.5, 0.5], [0.5, 0.5]]),
            (grid(lr=["a", None, True, [1, 2]]), [[0.1], [0.2], [0.3], [0.4]]),
            (grid(lr=[1, 2, 3], size=[1, 2]), [[0.0]] * 6),
            ([{"a": 1}, {"b": 2}, {"a": 2, "b": 1}], [[0.1, 0.2], [0.2, 0.1], [0.3, 0.3]]),
            (grid(lr=[1, 2]), [[1e300, 1e300], [1e-300, 2e-300]]),
        ],
    )
    def test_it_is_computed(self, points, values):
        found = Summary.of(results(points, values))
        assert all(isinstance(sentence, str) for sentence in found.answer)
        assert [each.rank is None for each in found.trials] == sorted(each.rank is None for each in found.trials)
        assert json.loads(found.json(), parse_constant=pytest.fail)["answer"] == list(found.answer)

    def test_without_scipy(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "scipy", None)
        with pytest.raises(ConfigError, match=r'scipy is not installed.*\n  pip install "gridfold\[report\]"'):
            Summary.of(results(grid(lr=[1, 2]), [[0.1], [0.2]]))


def test_another_metric(search):
    for entry in search.entries():
        search.run(entry).report(epoch=1, val_loss=entry.params["lr"])
    found = Summary.of(Results.read([search], Objective("val_loss")))
    assert found.trials[0].params["lr"] == 1e-7
    assert [each.difference >= 0 for each in found.trials] == [True] * 45
