"""Searches that prune: what is chosen, what it costs, and that promoted runs are what they would be alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gridfold.core.process import proc
from gridfold.runs.store import Store
from tests.conftest import ROOT

TRAINERS = """
import random, time


def learns(config, run):
    draw, total = random.Random(config["lr"]), 0.0
    for epoch in range(1, 10):
        total += config["lr"] * draw.random()
        with open("trace", "a") as file:
            file.write(f"{config['lr']} {epoch}\\n")
        run.report(epoch=epoch, train_loss=1 - total, val_f1=total)
    return {"val_f1": total}


def fails(config, run):
    if config["lr"] == 9:
        run.report(epoch=1, val_f1=100)
        raise ValueError("no good")
    return learns(config, run)


def falls(config, run):
    for epoch in range(1, 10):
        run.report(epoch=epoch, val_loss=config["lr"] / epoch)
    return {"val_loss": config["lr"] / epoch}


def slow(config, run):
    for epoch in range(1, 10):
        run.report(epoch=epoch, val_f1=config["lr"])
        time.sleep(0.05 if config["lr"] < 8 else 3000)


def silent(config, run):
    return {"val_f1": config["lr"]}


def returns_other(config, run):
    for epoch in range(1, 10):
        run.report(epoch=epoch, train_loss=config["lr"], val_loss=1 / config["lr"], val_f1=config["lr"])
    return {"val_loss": 1 / config["lr"], "val_f1": config["lr"]}
"""
CONFIG = "lr: [4, 9, 2, 7, 5, 1, 8, 3, 6]\ngridfold: {trainer: 'trainers:TRAINER'}\n"


@pytest.fixture
def search(project, write, gridfold):
    write("trainers.py", TRAINERS)

    def run(trainer, *options):
        write("c.yaml", CONFIG.replace("TRAINER", trainer))
        return gridfold("search", "--config", "c.yaml", "--parallel", "2", *options)

    return run


def records():
    return {entry.params["lr"]: record for entry, record in Store().find("last").records()}


def states():
    return {lr: record.state if record else "created" for lr, record in records().items()}


def trace(project):
    return (project / "trace").read_text().split("\n")[:-1]


def log():
    return (Store().find("last").dir / "search.log").read_text()


@pytest.mark.parametrize("share", ["--share", "--no-share"])
def test_asha_finds_the_best_with_a_part_of_the_epochs_and_trains_none_twice(search, project, share):
    assert search("learns", "--prune", "asha", share)[0] == 0
    found = records()
    assert max(found.values(), key=lambda record: record.metrics["val_f1"]).state == "completed"
    assert {record.state for record in found.values()} == {"completed", "stopped"}
    steps = [record.step for record in found.values()]
    assert set(steps) <= {1, 3, 9}
    assert len(trace(project)) == len(set(trace(project))) == sum(steps) < 50
    assert all(record.pruned == (record.state == "stopped") for record in found.values())
    assert all(record.seconds is not None for record in found.values())
    facts = Store().find("last").facts()
    assert facts["prune"] == {"name": "asha", "min": 1, "eta": 3}


def test_promoted_runs_are_what_they_are_alone(search, gridfold):
    search("learns", "--prune", "asha", "--share")
    code, said = gridfold("verify", "last", "--all")
    assert code == 0, said
    assert "waits at step 1 (asha: val_f1 " in log()


def test_in_the_end_all_are_finished_if_that_is_wanted(search, project):
    assert search("learns", "--prune", "asha,eta=2", "--finish-all")[0] == 0
    assert set(states().values()) == {"completed"}
    assert len(trace(project)) == len(set(trace(project))) == 81
    assert "waits at step" in log()


@pytest.mark.parametrize("prune", ["hyperband,max=9", "median,others=2"])
def test_others_prune_too(search, project, prune):
    assert search("learns", "--prune", prune)[0] == 0
    assert {"stopped", "completed"} == set(states().values())
    assert len(trace(project)) == len(set(trace(project))) < 81


def test_the_config_may_say_so(project, write, gridfold):
    write("trainers.py", TRAINERS)
    write("c.yaml", "lr: [1, 2, 3]\ngridfold: {trainer: 'trainers:learns', prune: {name: asha, eta: 2, max: 9}}\n")
    assert gridfold("search", "--config", "c.yaml")[0] == 0
    assert Store().find("last").facts()["prune"] == {"name": "asha", "min": 1, "eta": 2, "max": 9}
    assert "stopped" in states().values()


def test_less_is_better_where_it_is(search):
    search("falls", "--prune", "asha", "--parallel", "1")
    found = states()
    assert found[1] == "completed"
    assert found[9] == "stopped"


def test_a_run_that_fails_leaves_its_rung(search):
    assert search("fails", "--prune", "asha", "--parallel", "1")[0] == 1
    assert records()[9].state == "failed"
    assert "completed" in states().values()


def test_runs_that_report_nothing_are_not_pruned(search):
    assert search("silent", "--prune", "asha")[0] == 0
    assert set(states().values()) == {"completed"}


def test_the_metric_that_a_run_returns_first_is_the_one_to_compare_by(search):
    search("returns_other", "--prune", "asha", "--parallel", "1")
    assert states()[9] == "completed"
    assert "asha: val_loss" in log()


def test_stopped_runs_are_continued_if_that_is_wanted(search, gridfold, project):
    search("learns", "--prune", "asha")
    stopped = [lr for lr, state in states().items() if state == "stopped"]
    assert gridfold("resume", "last")[0] == 0
    assert states()[stopped[0]] == "stopped"
    assert gridfold("resume", "last", "--finish-all")[0] == 0
    assert set(states().values()) == {"completed"}
    assert {record.attempt for record in records().values()} == {1, 2}
    assert len(trace(project)) > 81


def begin(project, *options):
    """A search by itself, once some of its runs wait."""
    (project / "trainers.py").write_text(TRAINERS)
    (project / "c.yaml").write_text(CONFIG.replace("TRAINER", "slow"))
    arguments = ["search", "--config", "c.yaml", "--parallel", "2", "--prune", "asha", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "gridfold", *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=project
    )
    deadline = time.monotonic() + 120
    while len(sleeping(project)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(sleeping(project)) >= 3
    return process


def sleeping(project):
    """The processes of runs that wait."""
    return [json.loads((path.parent / ".claim-1").read_text())["pid"] for path in project.glob("runs/*/.waiting-*")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_run_that_waits_outlives_its_search(project, gridfold, number):
    process = begin(project)
    pids = sleeping(project)
    process.send_signal(number)
    process.wait(60)
    deadline = time.monotonic() + 60
    while any(proc.start(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(proc.start(pid) for pid in pids)
    if number != signal.SIGKILL:
        assert "interrupted" in states().values()
        assert set(states().values()) <= {"interrupted", "created"}
    (project / "trainers.py").write_text(TRAINERS.replace("3000", "0.05"))
    assert gridfold("resume", "last")[0] == 0
    assert set(states().values()) <= {"completed", "stopped"}
    assert states()[9] == "completed"


def test_how_many_wait_can_be_seen(project, gridfold):
    process = begin(project)
    try:
        assert re.search(r"\d waiting", gridfold("status", "last")[1])
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize(
    "said",
    ["ahsa", "asha,etta=3", "asha,eta=1", "hyperband", "median,max=1", "asha,min=x"],
)
def test_what_cannot_be_is_said(search, project, snapshot, said):
    code, told = search("learns", "--prune", said)
    assert code == 2
    assert not Path("runs").exists()
    assert told == snapshot


def test_an_executor_that_cannot_let_runs_wait_is_refused(search, project, write, monkeypatch):
    write("pooled-1.dist-info/METADATA", "Name: pooled\nVersion: 1\n")
    points = "[gridfold.executors]\npool = tests.executors.pool:PoolExecutor\n"
    write("pooled-1.dist-info/entry_points.txt", points)
    monkeypatch.syspath_prepend(project)
    code, told = search("learns", "--prune", "asha", "--executor", "pool")
    assert code == 2
    assert "cannot let runs wait" in told


SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
lr = parser.parse_args().lr
for epoch in range(1, 10):
    with open("trace", "a") as file:
        file.write(f"{lr} {epoch}\\n")
    print(f"epoch {epoch} val_f1={lr * epoch:.4f}")
"""
# A program goes on for a moment after it has said something, until somebody looks; in a test, until that has happened.
HEARD = """
import os, time
def heard(epoch):
    folder = os.environ["GRIDFOLD_RUN_DIR"]
    if ".verify" in folder:  # nobody looks at a run that is made again, alone
        return
    deadline = time.monotonic() + 60
    while epoch in (1, 3) and time.monotonic() < deadline:
        try:
            if f'"epoch": {epoch}' in open(f"{folder}/.reports-1").read():
                return
        except FileNotFoundError:
            pass
        time.sleep(0.01)
"""


@pytest.mark.parametrize("options", [[], ["--no-share"]])
def test_programs_wait_whose_epochs_are_in_their_log(project, write, gridfold, options):
    script = SCRIPT.replace("import argparse", f"import argparse{HEARD}")
    write("train.py", f"{script}    heard(epoch)\n")
    write("c.yaml", "lr: [4, 9, 2, 7, 5, 1]\n")
    words = ["search", "--config", "c.yaml", "--parallel", "2", "--prune", "asha", *options]
    code, said = gridfold(*words, "--", sys.executable, "train.py", "--lr", "{lr}")
    assert code == 0, said
    found = records()
    assert found[9].state == "completed"
    assert found[9].metrics["val_f1"] == 81
    assert found[1].state == "stopped"
    assert found[1].metrics["val_f1"] < 9
    assert found[1].step < 9
    assert all(record.error is None for record in found.values())
    assert len(trace(project)) == len(set(trace(project))) < 54
    assert gridfold("verify", "last", "--all")[0] == 0
