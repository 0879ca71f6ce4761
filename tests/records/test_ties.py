"""What tells the best of equal ones, seen at once or one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.records.objective import Objective
from gridfold.records.ties import Leaders, Tie
from gridfold.runs.record import Record

F1 = Objective("f1")
few = st.sampled_from([0.25, 0.5, 1.0])


def record(index, **metrics):
    return Record(f"{index}", index, "s", {}, "t:t", state="completed", metrics=metrics)


@given(st.lists(st.tuples(few, few, few), min_size=1, max_size=8))
def test_who_hears_of_runs_one_by_one_says_the_same(found):
    records = [record(place, f1=f1, loss=loss, acc=acc) for place, (f1, loss, acc) in enumerate(found)]
    leaders = Leaders(F1)
    for each in records:
        leaders.add(each)
    best = max(f1 for f1, _, _ in found)
    equal = sorted((each for each in records if each.metrics["f1"] == best), key=lambda each: F1.rank(each, each.index))
    assert leaders.tie == Tie.of(F1, [each.metrics for each in equal])
    assert leaders.count == len(equal)


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ([{"loss": 1}, {"loss": 2}], ("loss",)),
        ([{"loss": 1, "acc": 2}, {"loss": 1, "acc": 1}], ("acc",)),
        ([{"loss": 1, "acc": 2}, {"loss": 1, "acc": 1}, {"loss": 3, "acc": 1}], ("loss", "acc")),
        ([{"loss": 1}, {"loss": 1}], ()),
        ([{"epoch": 1, "test_loss": 1, "seconds": 1, "train_runtime": 1}, {"epoch": 2, "test_loss": 2}], ()),
        ([{"loss": 1}, {"loss": float("nan")}], ("loss",)),
        ([{"loss": float("nan")}, {"loss": float("nan")}], ()),
    ],
)
def test_metrics_that_tell_them_apart(metrics, told):
    assert Tie.of(F1, [{"f1": 1, **each} for each in metrics]).metrics == told


def test_one_alone_and_failures_are_no_tie():
    leaders = Leaders(F1)
    for each in (None, record(0, f1=0.5), record(1, f1=float("nan")), record(2, loss=1)):
        leaders.add(each)
    assert (leaders.count, leaders.tie) == (1, None)
