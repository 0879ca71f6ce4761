"""Results: the runs of searches as trials with repeats."""

import csv
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, _comparable, compare, write_results
from gridfold.runs.store import Store
from tests import made

EPOCHS = [
    {"epoch": 1, "f1": 0.5, "loss": 0.9, "train_loss": 2},
    {"epoch": 2, "f1": 0.8, "loss": 0.7, "train_loss": 1},
    {"epoch": 3, "f1": 0.7, "loss": 0.6, "train_loss": 0.5},
]


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


class TestValue:
    def test_it_is_that_of_the_best_epoch(self, runs):
        search = made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=0.7, loss=0.6, test_f1=0.65)])
        (trial,) = Results.read([search]).trials
        assert trial.runs[0].value == trial.mean == 0.8
        assert trial.runs[0].metrics == {"f1": 0.8, "loss": 0.7, "test_f1": 0.65, "epoch": 2, "train_loss": 1}

    def test_final_metrics_count_as_one_more_epoch(self, runs):
        search = made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=0.9), made.completed(2, f1=math.nan)])
        one, other = Results.read([search]).trials
        assert (one.mean, one.runs[0].metrics.get("epoch"), other.mean) == (0.9, None, None)

    @pytest.mark.parametrize("shared", [2.0, None, math.inf, 10**400, "2", -1], ids=lambda shared: f"{shared}"[:5])
    def test_a_run_alone_takes_what_it_shared_too(self, runs, shared):
        search = made.search(runs, "a", [made.completed(1, f1=0.5) | {"seconds": 1.5}])
        (trial,) = Results.read([search]).trials
        record = replace(trial.runs[0].record, sharing={"shared_seconds": shared})
        trial = replace(trial, runs=(replace(trial.runs[0], record=record),))
        assert (trial.seconds, trial.lone_seconds) == (1.5, 3.5 if shared == 2.0 else 1.5)

    def test_beside_it_are_metrics_of_the_same_epoch_only(self, runs):
        reports = [{"epoch": 1, "train": 9}, {"epoch": 1, "f1": 0.8}, {"epoch": 2, "acc": 2}, {"epoch": 2, "f1": 0.7}]
        search = made.search(runs, "a", [made.completed(1, reports=reports, f1=0.7, acc=2, size=5)])
        (trial,) = Results.read([search]).trials
        assert trial.runs[0].metrics == {"epoch": 1, "train": 9, "f1": 0.8, "size": 5}

    @pytest.mark.parametrize("metric", [None, "loss"])
    def test_results_csv_has_it_too(self, runs, metric):
        search = made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=0.7, loss=0.6)], metric=metric)
        write_results(search)
        with search.results_path.open() as file:
            (row,) = csv.DictReader(file)
        (trial,) = Results.read([search]).trials
        assert {name: float(row[name]) for name in trial.runs[0].metrics} == trial.runs[0].metrics
        assert float(row["f1"]) == (0.8 if metric is None else 0.7)

    def test_another_metric_has_another_best_epoch(self, runs):
        search = made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=0.7, loss=0.6)])
        (trial,) = Results.read([search], Objective("loss")).trials
        assert (trial.mean, trial.runs[0].metrics["f1"]) == (0.6, 0.7)
        (trial,) = Results.read([search], Objective("loss", maximize=True)).trials
        assert trial.mean == 0.9

    def test_without_epochs_it_is_the_final_one(self, runs):
        search = made.search(runs, "a", [made.completed(1, f1=0.7)])
        assert Results.read([search]).trials[0].mean == 0.7

    def test_a_result_that_was_reused_has_the_epochs_of_the_run_that_made_it(self, runs):
        made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=0.7)])
        search = made.search(runs, "b", [made.completed(1, f1=0.7) | {"reused": "a_0"}])
        assert Results.read([search]).trials[0].mean == 0.8

    @pytest.mark.parametrize("state", ["running", "failed", "interrupted", "stopped"])
    def test_a_run_that_is_not_completed_has_none(self, runs, state):
        search = made.search(runs, "a", [made.completed(1, reports=EPOCHS, f1=1) | {"state": state}])
        results = Results.read([search], Objective("f1"))
        assert results.trials[0].runs[0].value is results.trials[0].mean is None
        assert results.ranked == []

    def test_torn_lines_and_what_is_no_number_are_passed_over(self, runs):
        search = made.search(runs, "a", [made.completed(1, f1=0.7)])
        lines = b'{"f1": 0.9, "phase": "val", "x": null}\n{"f1": 0.95\nnonsense\n[1]\n\n'
        (runs / "a_0" / "metrics.jsonl").write_bytes(lines)
        assert Results.read([search]).trials[0].runs[0].metrics == {"f1": 0.9}


class TestTrials:
    def test_repeats_are_one_trial(self, runs):
        of = [made.completed(lr, f1=lr + repeat / 10) | {"repeat": repeat} for repeat in (0, 1) for lr in (1, 2)]
        of.append(made.completed(2, f1=9) | {"repeat": 2, "confirms": True})
        results = Results.read([made.search(runs, "a", of)])
        assert [trial.params for trial in results.trials] == [{"training.lr": 1}, {"training.lr": 2}]
        assert results.trials[0].values == {(0, None): 1, (1, None): 1.1}
        assert results.trials[1].mean == pytest.approx(2.05)
        assert [run.value for run in results.trials[1].confirming] == [9]
        assert [trial.mean for trial in results.ranked] == pytest.approx([2.05, 1.05])

    def test_a_run_that_diverged_is_no_part_of_the_mean(self, runs):
        of = [made.completed(1, f1=value) | {"repeat": repeat} for repeat, value in enumerate((1, math.nan, math.inf))]
        (trial,) = Results.read([made.search(runs, "a", of)]).trials
        assert (trial.values, len(trial.runs)) == ({(0, None): 1}, 3)

    def test_values_of_two_types_are_two_trials(self, runs):
        values = [1, 1.0, True, "1", 0.0, -0.0, {1: "x"}, {"1": "x"}, {True: "x"}, [1], [True], None, math.nan]
        found = Results.read([made.search(runs, "a", [made.completed(value, f1=0) for value in (*values, math.nan)])])
        assert [repr(trial.params["training.lr"]) for trial in found.trials] == list(map(repr, values))
        recorded = [trial.runs[0].record.params for trial in found.trials]
        assert repr(recorded) == repr([trial.params for trial in found.trials])

    def test_a_run_that_was_never_started(self, runs):
        (trial,) = Results.read([made.search(runs, "a", [{"params": {}}])]).trials
        assert (trial.runs[0].state, trial.mean, trial.seconds) == ("created", None, None)


class TestComparable:
    """Trials with different repeats are compared as if they had the same."""

    def results(self, runs, values):
        of = [
            made.completed(lr, f1=value) | {"repeat": repeat}
            for lr, row in enumerate(values)
            for repeat, value in enumerate(row)
            if value is not None
        ]
        return Results.read([made.search(runs, "a", of)])

    def test_it_is_the_mean_where_repeats_are_equal(self, runs):
        found = self.results(runs, [[0.1, 0.3], [0.7, 0.2], [0.9, 0.4]])
        assert found.comparable == tuple(trial.mean for trial in found.trials)
        assert found.has_equal_repeats

    def test_a_trial_without_the_hard_seed_gains_nothing(self, runs):
        seeds = [0.2, -0.1, -0.4]  # what each does to all
        levels = [0.5, 0.6, 0.4, 0.3]
        values = [[level + seed for seed in seeds] for level in levels]
        values[0][1:] = values[2][1:] = [None, None]  # as resume --top 2 leaves it
        found = self.results(runs, values)
        assert not found.has_equal_repeats
        assert found.comparable == pytest.approx([level + sum(seeds) / 3 for level in levels])
        assert [trial.params["training.lr"] for trial in found.ranked] == [1, 0, 2, 3]

    @given(
        seeds=st.lists(st.floats(-1, 1), min_size=2, max_size=4),
        levels=st.lists(st.floats(-1, 1), min_size=2, max_size=8),
        missing=st.data(),
    )
    def test_least_squares_find_what_was_added(self, seeds, levels, missing):
        rows = [{(number, None): level + seed for number, seed in enumerate(seeds)} for level in levels]
        for row in rows[1:]:  # the first has all, so every repeat can be told from the others
            for place in missing.draw(st.sets(st.sampled_from(sorted(row)), max_size=len(row) - 1)):
                del row[place]
        usual = sum(seeds) / len(seeds)
        assert _comparable(rows) == pytest.approx([level + usual for level in levels], abs=1e-6)


class TestCompare:
    def test_what_a_search_was_told_counts(self, runs):
        made.search(runs, "a", [made.completed(1, f1=1, loss=2)])
        made.search(runs, "b", [made.completed(1, f1=1, loss=2)], metric="loss", maximize=True)
        store = Store(runs)
        assert compare(store, ["a"]).objective == Objective("f1", maximize=True)
        assert compare(store, ["a", "b"]).objective == Objective("loss", maximize=True)
        assert compare(store, ["b"], Objective(None, maximize=False)).objective == Objective("loss", maximize=False)
        assert compare(store, ["b"], Objective("f1")).objective == Objective("f1", maximize=True)
        assert compare(store, ["b"], Objective("loss")).objective.maximize is True
        made.search(runs, "c", [made.completed(1, f1=1, loss=2)], maximize=False)
        assert compare(store, ["c"]).objective == Objective("f1", maximize=False)
        assert compare(store, ["c"], Objective("f1")).objective == Objective("f1", maximize=True)

    def test_a_search_that_is_named_twice_counts_once(self, runs):
        made.search(runs, "a", [made.completed(1, f1=1)])
        assert len(compare(Store(runs), ["a", "last", str(runs / "a")]).trials) == 1

    def test_an_unknown_metric(self, runs):
        made.search(runs, "a", [made.completed(1, val_f1=1)])
        with pytest.raises(ConfigError, match=r"no run has the metric 'val_fl'\n  did you mean 'val_f1'\?"):
            compare(Store(runs), ["a"], Objective("val_fl"))

    def test_a_metric_is_not_unknown_before_there_is_any(self, runs):
        made.search(runs, "a", [{"params": {}}], metric="f1")
        assert compare(Store(runs), ["a"]).objective == Objective("f1", maximize=True)
