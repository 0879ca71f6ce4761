"""The answer in words, whole."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.analysis.answer import _Words, digits
from gridfold.analysis.effects import Effect, Interaction
from gridfold.analysis.significance import contenders
from gridfold.analysis.summary import Summary
from gridfold.records.objective import Objective
from gridfold.records.trials import Results
from gridfold.show import effect_figures, figures, page
from tests.show.synthetic import grid, noise, on_disk, results

POINTS = grid(training__lr=[1e-6, 5e-6, 1e-5], training__batch_size=[16, 32])


def answer(values, **options):
    return "\n".join(Summary.of(results(POINTS, values, **options)).answer)


def effect_of_rate(repeats):
    return [
        {1e-6: 0, 5e-6: 0.06, 1e-5: 0.1}[p["training.lr"]] + row
        for p, row in zip(POINTS, noise(6, repeats, 1), strict=True)
    ]


def test_a_winner_with_another_that_is_cheaper(snapshot):
    seconds = lambda params: 6.2 - params["training.batch_size"] / 10  # noqa: E731
    assert answer(effect_of_rate(5), seconds=seconds) == snapshot


def test_nothing_can_be_told_apart(snapshot):
    assert answer(noise(6, 3, 2)) == snapshot


def test_one_repeat(snapshot):
    assert answer(noise(6, 1, 2), seconds=40.0) == snapshot


def test_a_clear_winner(snapshot):
    values = noise(6, 4, 2)
    values[3] += 0.5
    assert answer(values) == snapshot


def test_failures_and_a_confirmation(snapshot):
    values = [list(row) for row in effect_of_rate(3)]
    values[0] = [None, None, 0.8]
    assert answer(values, confirming={4: [0.97, 0.98, 0.99], 5: [0.98, 0.97, 0.985]}) == snapshot


def said(points, values, **options):
    return Summary.of(results(points, values, **options)).answer


def measured(points, repeats, seed, *, scale=0.01, **slopes):
    """A sum of the parameters, each by its slope, and noise."""
    found = noise(len(points), repeats, seed, scale=scale)
    return [
        sum(slopes[name] * params[name] for name in slopes) + row for params, row in zip(points, found, strict=True)
    ]


class TestWhatMattered:
    ABC = grid(a=[1, 2, 3], b=[1, 2], c=[1, 2])

    def test_sure_not_certain_and_no_sign_agree_with_the_page(self, snapshot):
        values = measured(self.ABC, 3, 5, a=0.02, b=0.009)
        summary = Summary.of(results(self.ABC, values))
        verdicts = {each.path: (each.verdict, each.p) for each in summary.effects}
        assert [verdicts[path][0] for path in "abc"] == ["sure", "not certain", "no sign"]
        assert 0.001 < verdicts["b"][1] < 0.05
        captions = {each.title: each.caption for each in effect_figures.effects(summary)}
        assert ["it matters" in captions["a"], "not certain" in captions["b"], "no sign" in captions["c"]] == [True] * 3
        assert "\n".join(summary.answer) == snapshot

    def test_shares_are_exact_where_they_can_be(self):
        points = grid(a=[1, 2, 3, 4], b=[1, 2, 3, 4])
        exact = [[params["a"] + 2 * params["b"]] for params in points]
        assert "What mattered: b (80 % of the variance), a (20 % of the variance)." in said(points, exact)
        small = [[params["a"] + 200 * params["b"]] * 2 for params in points]
        assert "What mattered: b (100 % of the variance), a (less than 1 % of the variance)." in said(points, small)

    def test_what_matters_with_another_for_sure_is_not_said_to_be_uncertain(self):
        points = grid(a=[1, 2], b=[1, 2])
        found = results(points, noise(4, 2, 0))
        effects = [Effect(name, (), 0.02, 0.1, "not certain") for name in "ab"]
        said = _Words(found, contenders(found)).mattered(effects, [Interaction(("a", "b"), 1e-9, 0.5, "sure")])
        assert said == ["a and b depend on each other."]

    def test_of_many_that_are_not_certain_three_are_named(self):
        effects = [Effect(name, (), 0.02, 0.0, "not certain") for name in "abcde"]
        points = grid(a=[1, 2], b=[1, 2], c=[1, 2], d=[1, 2], e=[1, 2])
        found = results(points, noise(32, 2, 0))
        (sentence,) = _Words(found, contenders(found)).mattered(effects, [])
        assert sentence == (
            "Not certain yet, as p is to be below 0.01 after correction for 5 tests: a (p = 0.020), b (p = 0.020), "
            "c (p = 0.020) and 2 more. More repeats would tell."
        )


class TestWhatItTakes:
    @pytest.mark.parametrize(
        ("seconds", "sentence"),
        [
            ({1: 0.03, 2: 0.09}, "They take about the same time, 0.03 s a run; the cheapest by a little is a 1."),
            ({1: 11, 2: 10}, "They take about the same time, 10 s a run; the cheapest by a little is the best."),
        ],
    )
    def test_a_difference_that_is_nothing(self, seconds, sentence):
        points = grid(a=[1, 2])
        assert sentence in said(points, noise(2, 3, 0), seconds=lambda params: seconds[params["a"]])


class TestDigits:
    def test_without_noise_as_many_as_tell_the_best_from_the_next(self):
        points = grid(a=[1, 2, 3])
        best = said(points, [[100.0884], [100.0974], [101.5]], metric="loss", maximize=False)[0]
        assert best == "Best: a 1: loss 100.09 (1 run)."
        assert said(points, [[100.0884], [100.0889], [101.5]], metric="loss", maximize=False)[0].endswith(
            "100.088 (1 run)."
        )
        assert said(points, [[0.5], [0.9], [0.8]])[0] == "Best: a 2: val_f1 0.9 (1 run)."

    def test_a_trainer_without_noise(self):
        first = said(grid(a=[1, 2]), [[100.0884] * 2, [100.0974] * 2])[0]
        assert first == "Best: a 2: val_f1 100.1 (the same in 2 runs)."


class TestTies:
    def tied(self, values, beside):
        """The numbers of trials with a second metric."""
        return Summary.of(self.results(values, beside))

    def results(self, values, beside):
        found = results(grid(a=list(range(1, len(values) + 1))), values)
        trials = [
            replace(trial, runs=tuple(replace(run, metrics={**run.metrics, **other}) for run in trial.runs))
            for trial, other in zip(found.trials, beside, strict=True)
        ]
        return replace(found, trials=tuple(trials))

    def test_the_other_metric_tells_them_apart(self):
        losses = [{"val_loss": 0.3}, {"val_loss": 0.1}, {"val_loss": 0.2}, {"val_loss": 0.0}]
        summary = self.tied([[0.9], [0.9], [0.9], [0.5]], losses)
        assert summary.answer[0] == (
            "3 trials tie at val_f1 0.9 (1 run each); of these a 2 has the lowest val_loss (0.1000)."
        )
        assert [each.params["a"] for each in summary.trials] == [2, 3, 1, 4]

    def test_none_tells_them_apart(self):
        beside = [{"val_loss": 0.1, "epoch": 2, "test_loss": 3, "runtime": 4}, {"val_loss": 0.1}, {"val_loss": 0.0}]
        summary = self.tied([[0.9], [0.9], [0.8]], beside)
        assert summary.answer[0] == (
            "2 trials tie at val_f1 0.9 (1 run each); no other metric tells them apart; the first is a 1."
        )

    def test_a_second_metric_that_ties_too(self):
        beside = [{"loss": 1, "acc": 0.1}, {"loss": 1, "acc": 0.9}, {"loss": 2, "acc": 0.95}]
        assert "; of these a 2 is the best by loss, then acc." in self.tied([[0.9]] * 3, beside).answer[0]

    def test_means_of_the_same_values_in_another_order(self):
        summary = self.tied([[0.1, 0.2, 0.3], [0.3, 0.1, 0.2], [0.2, 0.2, 0.2]], [{}, {}, {}])
        assert summary.answer[0].startswith("3 trials tie at val_f1 0.20 (mean of 3 each); ")

    def test_neither_advice_nor_figures_name_a_winner(self, tmp_path):
        found = on_disk(tmp_path, "lr: [1, 2, 3]\n", lambda params, _: min(params["lr"], 2) / 4)
        summary = Summary.of(Results.read([found]))
        assert [each.kind for each in summary.advice] == ["repeat"]
        assert [(each.rank, each.standing) for each in summary.trials] == [(1, "best"), (1, "best"), (3, "other")]
        rows = re.findall(r"<tr class=.*?</tr>", page.render(summary, found), re.DOTALL)
        assert [re.findall("tied|best<|unknown", row) for row in rows] == [["tied"], ["tied"], ["unknown"]]
        assert "2 trials tie at val_f1 0.5000" in figures.parallel(summary).caption
        (effect,) = effect_figures.effects(summary)
        assert effect.caption.startswith("Best at 2 and 3 (0.5000), worst at 1 (0.2500)")

    @given(st.lists(st.tuples(st.sampled_from([0.25, 0.5]), st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6))
    def test_the_first_is_never_worse_than_another(self, found):
        values = [[value] for value, _, _ in found]
        beside = [{"val_loss": loss, "val_acc": accuracy} for _, loss, accuracy in found]
        results = self.results(values, beside)
        best = max(value for value, _, _ in found)
        first = min((loss, -accuracy) for value, loss, accuracy in found if value == best)
        ranked = [(trial.mean, trial.metrics["val_loss"], -trial.metrics["val_acc"]) for trial in results.ranked]
        assert ranked[0] == (best, *first)
        assert len(results.tied) == sum(value == best for value, _, _ in found)
        assert (results.tie is None) == (len(results.tied) == 1)


def test_metrics_of_the_test_set_only():
    search = results(grid(a=[1, 2]), [[0.5], [0.6]], metric="test_acc")
    trials = tuple(
        replace(trial, runs=tuple(replace(run, value=None) for run in trial.runs)) for trial in search.trials
    )
    (sentence,) = Summary.of(replace(search, objective=Objective().of({"test_acc": 1}), trials=trials)).answer
    assert sentence == (
        "The runs have only metrics of the test set (test_acc), and are not compared by those unless you say so: "
        "--metric test_acc."
    )


@pytest.mark.parametrize(
    ("value", "noise", "expected"),
    [
        (0.91234, 0.006, "0.912"),
        (0.91234, 0.06, "0.91"),
        (0.91234, 0.01, "0.912"),
        (91.234, 3.0, "91"),
        (1234.5, 200.0, "1234"),
        (0.5, None, "0.5"),
        (0.123456, 0.0, "0.1235"),
    ],
)
def test_the_noise_decides_how_many_digits(value, noise, expected):
    assert digits(value, noise) == expected
