"""Which run is the better one."""

import math

import pytest

from gridfold.records.ranking import Objective, first_metric, is_finite, is_of_test, lower_is_better


class TestObjective:
    def test_the_first_metric_is_the_one_to_compare_by(self):
        assert Objective().of({"val_f1": 0.9, "val_loss": 0.1}) == Objective("val_f1", True)
        assert Objective().of({"val_loss": 0.1, "val_f1": 0.9}) == Objective("val_loss", False)

    def test_a_metric_of_the_test_set_is_never_chosen_by_default(self):
        assert Objective().of({"test_f1": 0.9, "val_loss": 0.1}) == Objective("val_loss", False)
        assert Objective().of({"test_f1": 0.9}).metric == ""
        assert Objective("test_f1").of({}) == Objective("test_f1", True)

    def test_what_is_said_counts(self):
        assert Objective("val_loss", True).of({"val_f1": 1}) == Objective("val_loss", True)
        assert Objective("val_loss", True).sign("val_loss") == 1
        assert Objective("val_loss").sign("val_loss") == -1

    def test_the_best_epoch_is_the_first_of_equals(self):
        epochs = [{"epoch": 1, "f1": 0.5}, {"epoch": 2, "f1": 0.9}, {"epoch": 3, "f1": 0.9}, {"epoch": 4}]
        assert Objective().best_epoch(epochs, "f1") == epochs[1]
        assert Objective("f1", False).best_epoch(epochs, "f1") == epochs[0]
        assert Objective().best_epoch(epochs, "loss") is None

    def test_what_is_no_finite_number_is_no_best_epoch(self):
        epochs = [{"f1": math.nan}, {"f1": math.inf}, {"f1": "good"}, {"f1": None}, {"f1": 10**400}, {"f1": 0.1}]
        assert Objective().best_epoch(epochs, "f1") == {"f1": 0.1}


@pytest.mark.parametrize(
    ("name", "lower"),
    [
        ("val_loss", True),
        ("loss", True),
        ("eval/RMSE", True),
        ("val_f1", False),
        ("closs", False),
        ("error_rate", True),
    ],
)
def test_the_direction_is_told_by_words_of_the_name(name, lower):
    assert lower_is_better(name) is lower


def test_names_and_numbers():
    assert first_metric({"test_a": 1, "b": 2}) == "b"
    assert is_of_test("test_f1")
    assert not is_of_test("val_test")
    assert is_finite(0)
    assert not any(map(is_finite, (math.nan, -math.inf, "1", None, 10**400)))
