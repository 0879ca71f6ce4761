"""Trackers beside a search: whatever they do, the search goes on, and what they write is whole."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from gridfold.search import tracking
from tests.conftest import ROOT

pytest.importorskip("tensorboard")
from tests.export.trackers import test_tensorboard as tensorboard

CONFIG = "gridfold: {trainer: 'toy:train', metric: val_f1}\nlr: [0.1, 0.2]\n"
HELD = """
import os, time


def train(config, run):
    run.report(epoch=1, val_f1=config["lr"])
    while config["lr"] == 0.2 and not os.path.exists("go"):
        time.sleep(0.01)
    run.report(epoch=2, val_f1=2 * config["lr"])
"""

ENVIRONMENT = """
import os


def train(config):
    print(sorted(os.environ), os.getpgrp() == os.getpid())
    return {"val_f1": 1.0}
"""


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def has_time(monkeypatch):
    """A tracker is given up by what it does, however busy the machine is."""
    monkeypatch.setattr(tracking, "_QUIET_SECONDS", 300.0)
    monkeypatch.setattr(tracking, "_MOST_SECONDS", 300.0)


@pytest.fixture
def tool(write, monkeypatch, project):
    """Replaces TensorBoard by a package of this content."""

    def replace(content):
        write("fake/tensorboard/__init__.py", content)
        monkeypatch.syspath_prepend(project / "fake")

    return replace


@pytest.fixture
def tracked(gridfold, write):
    """Runs a search of two runs, and gives its exit code, what it said that concerns trackers, and its directory."""
    write("c.yaml", CONFIG)

    def run(*options):
        code, said = gridfold("search", "--config", "c.yaml", *options)
        (directory,) = Path("runs").glob("run_*/search.json")
        lines = [line for line in said.splitlines() if "tensorboard" in line or line.startswith("  the search")]
        return code, "\n".join(lines).replace(directory.parent.name, "SEARCH"), directory.parent

    return run


def test_a_tool_that_hangs_is_left(tool, tracked, monkeypatch, snapshot):
    monkeypatch.setattr(tracking, "_QUIET_SECONDS", 0.0)
    tool("import time\ntime.sleep(3000)\n")
    code, said, directory = tracked("--track", "tensorboard")
    assert code == 0
    assert re.sub(r"\d+ s", "N s", said) == snapshot
    assert (directory / "results.csv").read_text().count("completed") == 2


@pytest.mark.parametrize(
    "content",
    [
        "raise RuntimeError('no such server')",
        "raise ModuleNotFoundError('No', name='tensorboard')",
        "import os; os.abort()",
    ],
    ids=["fails", "is not there", "dies"],
)
def test_a_tool_that_cannot_is_told_of_once(tool, tracked, content, snapshot):
    tool(content)
    code, said, directory = tracked("--track", "tensorboard")
    assert (code, said) == (0, snapshot)
    assert (directory / "results.csv").read_text().count("completed") == 2


def test_a_failure_is_told_although_the_command_is_quiet(tool, tracked):
    tool("raise RuntimeError('no such server')")
    code, said, _ = tracked("--track", "tensorboard", "--quiet")
    assert code == 0
    assert "warning: tensorboard: RuntimeError: no such server" in said


def test_runs_are_what_they_are_without_it(gridfold, write):
    write("env.py", ENVIRONMENT)
    write("c.yaml", CONFIG.replace("toy", "env"))
    for prefix, options in (("plain", ()), ("tracked", ("--track", "tensorboard"))):
        assert gridfold("search", "--config", "c.yaml", "--run-prefix", prefix, *options)[0] == 0
    logs = [
        [path.read_text() for path in sorted(Path("runs").glob(f"{prefix}_*_lr_*/log.txt"))]
        for prefix in ("plain", "tracked")
    ]
    assert logs[0] == logs[1]
    files = [{path.name for path in Path("runs").glob(f"{prefix}_*_lr_*/*")} for prefix in ("plain", "tracked")]
    assert files[0] == files[1]


def test_a_search_that_is_killed_and_resumed_is_there_once(project, write, gridfold):
    write("held.py", HELD)
    write("c.yaml", CONFIG.replace("toy", "held"))
    search = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "hyper_main.py"),
            "--config",
            "c.yaml",
            "--parallel",
            "2",
            "--track",
            "tensorboard",
        ],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    reader = tensorboard.TestTensorBoard()

    def found():
        (directory,) = Path("runs").glob("run_*/search.json")
        return reader.read(directory.parent / "tensorboard") if (directory.parent / "tensorboard").exists() else {}

    try:
        wait_for(lambda: [*Path("runs").glob("run_*/.track/tensorboard.jsonl")])
        wait_for(lambda: len(found()) == 2 and found()[1].curves)  # the second run is under way, and seen
        assert {index: run.state for index, run in found().items()} == {0: "completed", 1: "running"}
        assert [value for _, value in found()[1].curves["val_f1"]] == [pytest.approx(0.2)]
    finally:
        search.send_signal(signal.SIGKILL)
        search.wait()
    (lock,) = Path("runs").glob("run_*/.track/tensorboard.lock")
    wait_for(lambda: is_free(lock))  # no tracker is left
    write("go", "")
    assert gridfold("resume", "last")[0] == 0
    curves = {index: [round(value, 3) for _, value in run.curves["val_f1"]] for index, run in found().items()}
    assert curves == {0: [0.1, 0.2], 1: [0.2, 0.4]}
    assert {run.state for run in found().values()} == {"completed"}


def is_free(lock):
    with contextlib.suppress(Timeout), FileLock(lock).acquire(blocking=False):
        return True
    return False


@pytest.mark.parametrize("option", ["tensorbord", "tensorboard,", "none,mlflow"])
def test_an_unknown_tracker_is_an_error(gridfold, write, snapshot, option):
    write("c.yaml", CONFIG)
    assert gridfold("search", "--config", "c.yaml", "--track", option) == snapshot
    assert not Path("runs").exists()


@pytest.mark.parametrize("value", ["tensorbord", "[mlflow, 1]", "{mlflow: true}", "[wandb, x]"])
def test_an_unknown_tracker_in_the_config_is_an_error(gridfold, write, snapshot, value):
    write("c.yaml", CONFIG.replace("metric: val_f1", f"track: {value}"))
    assert gridfold("search", "--config", "c.yaml") == snapshot


def test_trackers_of_the_config_can_be_left_out(gridfold, write):
    write("c.yaml", CONFIG.replace("metric: val_f1", "track: tensorboard"))
    assert gridfold("search", "--config", "c.yaml", "--track", "none")[0] == 0
    assert not [*Path("runs").glob("run_*/.track")]


def test_whoever_only_prepares_a_search_says_that_nobody_tracks_it(gridfold, write, snapshot):
    write("c.yaml", CONFIG)
    code, said = gridfold("search", "--config", "c.yaml", "--workers-by-hand", "--track", "tensorboard,mlflow")
    assert code == 0
    assert re.sub(r"run_\d+", "SEARCH", said[said.index("warning") :]) == snapshot
    assert gridfold("work", "last")[0] == 0
    assert not [*Path("runs").glob("run_*/.track")]
