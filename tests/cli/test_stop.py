"""A run that is told to stop ends with the value that it has reached, which counts as a result."""

import csv
import os
import subprocess
import sys
import time

import pytest

from gridfold.runs.store import Store
from tests.conftest import ROOT

TRAINER = """
import time

def train(config, run):
    for epoch in (1, 2, 3):
        run.report(epoch=epoch, f1=config["lr"] * epoch)
        if run.should_stop():
            return
        while config.get("waits") and not run.should_stop():
            time.sleep(0.01)
"""


@pytest.fixture
def begun(gridfold, write):
    """A search of two runs, created only; the first was told to stop."""
    write("asks.py", TRAINER)
    write("c.yaml", "lr: [5, 1]\ngridfold: {trainer: asks:train, metric: f1}\n")
    assert gridfold("search", "--config", "c.yaml", "--no-execute")[0] == 0
    return gridfold("stop", "0")


@pytest.fixture
def stopped(begun, gridfold):
    """The same search, executed."""
    code, said = gridfold("resume", "last")
    assert code == 0, said
    return Store().find("last")


def states():
    return [(record.state, dict(record.metrics)) for _, record in Store().find("last").records()]


def test_what_is_said(begun, snapshot):
    code, said = begun
    assert (code, said.partition("_")[2].partition("_")[2]) == (0, snapshot)


def test_it_ends_with_the_value_that_it_has_reached(stopped):
    assert states() == [("stopped", {"f1": 5, "epoch": 1}), ("completed", {"f1": 3, "epoch": 3})]


def test_it_counts_as_a_result(stopped, gridfold):
    with stopped.results_path.open() as file:
        assert [(row["state"], row["f1"]) for row in csv.DictReader(file)] == [("stopped", "5"), ("completed", "3")]
    table = gridfold("results", "last", "--format", "csv", "--columns", "state,f1")[1]
    assert table.split() == ["state,f1", "stopped,5", "completed,3"]
    assert "lr_5" in gridfold("best", "last")[1]
    assert "2 runs: 1 stopped, 1 completed" in gridfold("status", "last")[1]
    assert "To continue" not in gridfold("status", "last")[1]


def test_it_is_done(stopped, gridfold):
    assert "2 of 2 runs are completed, 0 to do" in gridfold("resume", "last")[1]
    assert states()[0][0] == "stopped"


def test_another_search_does_not_take_its_result(stopped, gridfold):
    assert gridfold("search", "--config", "c.yaml", "--reuse", "--run-prefix", "again")[0] == 0
    assert states() == [("completed", {"f1": 15, "epoch": 3}), ("completed", {"f1": 3, "epoch": 3})]


def test_it_is_not_verified(stopped, gridfold):
    code, said = gridfold("verify", "last", "--all")
    assert (code, "lr_5" in said) == (0, False)


def test_a_run_that_is_over_cannot_be_told(stopped, gridfold, snapshot):
    code, said = gridfold("stop", "1")
    assert (code, said.partition(":")[2].partition("lr_1: ")[2]) == (2, snapshot)


def test_a_run_that_is_under_way_is_told(gridfold, write, project):
    write("asks.py", TRAINER)
    write("c.yaml", "lr: 5\nwaits: true\ngridfold: {trainer: asks:train}\n")
    line = [sys.executable, str(ROOT / "hyper_main.py"), "--config", "c.yaml"]
    search = subprocess.Popen(line, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    while not list(project.glob("runs/*/metrics.jsonl")):
        time.sleep(0.01)
    assert gridfold("stop", "0")[0] == 0
    assert search.wait(600) == 0
    assert states() == [("stopped", {"f1": 10, "epoch": 2})]
