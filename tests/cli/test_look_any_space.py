"""Looking at searches that are no full grid: trials that lack parameters, values from ranges, runs stopped early."""

import json

import pytest

import gridfold as public
from tests import made

UNION = """\
gridfold: {trainer: "toy:train"}
training: {lr: [0.1, 0.01]}
optimizer: !one_of
  - {name: adamw, decay: [0.0, 0.01]}
  - {name: sgd, momentum: [0, 1]}
"""
RANGE = """\
gridfold: {trainer: "toy:train", strategy: {name: tpe, trials: 5}}
training: {lr: !log [1e-6, 1e-3]}
optimizer: {name: sgd, momentum: 1}
"""
DRAWN = (5.7923e-05, 2.69024e-05, 2.69025e-05)


@pytest.fixture
def union(project):
    runs = []
    for lr in (0.1, 0.01):
        for name, own, values in (("adamw", "decay", (0.0, 0.01)), ("sgd", "momentum", (0, 1))):
            for value in values:
                params = {"training.lr": lr, "optimizer.name": name, f"optimizer.{own}": value}
                runs.append({"params": params, "metrics": {"f1": lr + value}})
    return made.search(project / "runs", "union_000000", runs, base=UNION)


@pytest.fixture
def drawn(project):
    runs = [{"params": {"training.lr": lr}, "metrics": {"f1": 1000 * lr}} for lr in DRAWN]
    said = {"strategy": {"name": "tpe", "trials": 5}, "created": "2025-01-02T12:00:00.000+00:00"}
    return made.search(project / "runs", "drawn_000000", runs, base=RANGE, **said)


@pytest.fixture
def stopped(project):
    runs = []
    for place, (end, state) in enumerate([(9, "completed"), (3, "stopped"), (1, "stopped"), (2, "failed")]):
        reports = [{"epoch": epoch, "f1": 0.1 * epoch - place / 100} for epoch in range(1, end + 1)]
        runs.append({"params": {"training.lr": place}, "metrics": {"f1": reports[-1]["f1"]}, "reports": reports})
        runs[-1] |= {"state": state, "step": float(end)}
    runs[-1]["error"] = {"type": "ValueError", "message": "no"}
    return made.search(project / "runs", "stopped_000000", runs)


def test_what_a_trial_lacks_is_an_empty_cell(union, gridfold, snapshot):
    assert gridfold("results", union.name)[1] == snapshot
    assert gridfold("results", union.name, "--format", "csv", "-n", "3")[1] == snapshot
    assert gridfold("best", union.name)[1] == snapshot


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("optimizer.momentum == 0", 2),
        ("decay < 1", 4),
        ("not decay < 1", 4),
        ("decay >= 0 or momentum == 1", 6),
        ("optimizer.name == 'sgd' and lr > 0.05", 2),
    ],
)
def test_conditions_on_what_is_not_there(union, gridfold, condition, found):
    said = gridfold("results", union.name, "--where", condition, "--format", "jsonl")[1]
    assert len(said.splitlines()) == found


def test_sorted_by_a_parameter_of_a_branch(union, gridfold):
    said = gridfold("results", union.name, "--sort", "momentum", "--format", "jsonl")[1]
    assert [json.loads(line)["optimizer.momentum"] for line in said.splitlines()] == [0, 0, 1, 1, *[None] * 4]


def test_a_data_frame_has_nothing_where_a_trial_lacks_a_parameter(union):
    frame = public.results(union.name)
    assert str(frame["optimizer.momentum"].dtype) == "Int64"
    assert frame["optimizer.decay"].isna().sum() == frame["optimizer.momentum"].isna().sum() == 4
    assert [*frame.columns[2:6]] == ["training.lr", "optimizer.name", "optimizer.decay", "optimizer.momentum"]


def test_a_grid_beside_a_random_search(union, drawn, gridfold, snapshot):
    assert gridfold("results", union.name, drawn.name)[1] == snapshot


def test_numbers_that_were_drawn_stay_apart(drawn, gridfold):
    said = gridfold("results", drawn.name)[1]
    assert [said.count(text) for text in ("5.7923e-05", "2.69024e-05", "2.69025e-05")] == [1, 1, 1]


def test_runs_that_a_strategy_has_still_to_name_are_left(drawn, gridfold, snapshot):
    assert gridfold("status", drawn.name)[1] == snapshot
    assert "3/5" in gridfold("list")[1]
    assert "2 left" in gridfold("list")[1]


def test_how_far_runs_came(stopped, gridfold, snapshot):
    assert gridfold("results", stopped.name)[1] == snapshot
    assert gridfold("results", "--where", "reached < 3", "--columns", "lr,reached", "--format", "csv")[1] == snapshot


def test_the_best_may_be_one_that_was_stopped(project, gridfold):
    reports = [{"epoch": 1, "f1": 0.9}]
    runs = [
        made.completed(0.1, f1=0.5, reports=[{"epoch": 2, "f1": 0.5}]),
        made.completed(0.2, f1=0.9, reports=reports),
    ]
    runs[1]["state"] = "stopped"
    made.search(project / "runs", "a_000000", runs)
    said = gridfold("best")[1]
    assert "Run: runs/a_000000_1, stopped early at epoch 1" in said
    assert "1 of 2 trials were stopped early at epoch 1" in said


def test_mappings_are_values(project, gridfold, snapshot):
    values = ({"name": "adam", "betas": [0.9, 0.99]}, {"name": "sgd"}, None, [1, 2])
    runs = [{"params": {"optimizer": value}, "metrics": {"f1": place}} for place, value in enumerate(values)]
    base = (
        "gridfold: {trainer: 't:t'}\noptimizer: !choice [{name: adam, betas: [0.9, 0.99]}, {name: sgd}, null, [1, 2]]\n"
    )
    made.search(project / "runs", "a_000000", runs, base=base)
    assert gridfold("results")[1] == snapshot
    assert "Report" in gridfold("report")[1]
