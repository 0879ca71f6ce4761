"""Searches that go with the time: races, whose runs are chosen under way, and what other searchers leave."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import datetime

import pytest

from tests.conftest import ROOT

TRAINERS = '''
import random, time
from pathlib import Path


def noisy(config, run):
    """Hardly any work, and noise that is the same each time."""
    draw = random.Random(f"{config['lr']} {run.seed}")
    time.sleep(draw.uniform(0, 0.05))
    return config["lr"] / 4 + draw.gauss(0, 0.5)


def waits(config, run):
    """The last run of the second repeat ends when one of the third was seen to begin."""
    Path(f"began-{run.seed}").touch()
    deadline = time.monotonic() + 300
    while config["lr"] == 8 and run.seed == 1 and not Path("began-2").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("no run of the third repeat began")
        time.sleep(0.01)
    return noisy(config, run)


def sticks(config, run):
    """The first run ends only if it is tried again, and the last one after that."""
    if config["lr"] == 1 and not Path("stuck").exists():
        Path("stuck").touch()
        time.sleep(3000)
    if config["lr"] == 1:
        Path("again").touch()
    deadline = time.monotonic() + 300
    while config["lr"] == 8 and not Path("again").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("nobody took the first run over")
        time.sleep(0.01)
    return 1.0
'''
RACE = ("--race", "--repeats", "9", "--parallel", "2")


class Project:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        (folder / "races.py").write_text(TRAINERS)
        (folder / "c.yaml").write_text("lr: [1, 2, 3, 4, 5, 6, 7, 8]\n")

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "gridfold", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self, trainer, *options):
        return self.start("search", "--config", "c.yaml", "--trainer", f"races:{trainer}", *RACE, *options)

    def finish(self, process):
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors

    def started(self):
        """How many attempts have begun."""
        return len(list(self.folder.glob("runs/*/.claim-*")))

    def listed(self):
        """The runs, in the order in which they were chosen."""
        (listing,) = self.folder.glob("runs/*/runs.jsonl")
        entries = [json.loads(line) for line in listing.read_text().splitlines()]
        assert [entry["index"] for entry in entries] == list(range(len(entries)))
        return [(entry["params"]["lr"], entry.get("repeat", 0)) for entry in entries]

    def records(self):
        found = [json.loads(path.read_text()) for path in self.folder.glob("runs/*/run.json")]
        return {(record["params"]["lr"], record["repeat"]): record for record in found}


@pytest.fixture
def project(tmp_path):
    return lambda name: Project(tmp_path / name)


def wait_for(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill_after(made, process, more, pause):
    """Kill a search when so many more attempts have begun."""
    aim = made.started() + more
    while process.poll() is None and made.started() < aim:
        time.sleep(0.002)
    time.sleep(pause)
    process.kill()
    process.communicate()


def test_a_race_that_is_killed_at_20_moments_makes_the_same_runs(project):
    """Some kills hit runs, some the choice of the next ones, some the command before it does anything."""
    unkilled, killed, draw = project("unkilled"), project("killed"), random.Random(1)
    whole = unkilled.begin("noisy")
    process = killed.begin("noisy", "--no-execute")
    killed.finish(process)
    for _ in range(20):
        kill_after(killed, killed.start("resume", "last"), draw.choice((1, 2, 3)), draw.uniform(0, 0.05))
    killed.finish(killed.start("resume", "last"))
    unkilled.finish(whole)
    assert killed.listed() == unkilled.listed()
    assert 24 < len(killed.listed()) < 8 * 9
    values = [{run: record["metrics"] for run, record in made.records().items()} for made in (killed, unkilled)]
    assert values[0] == values[1]
    assert killed.started() > len(killed.listed()), "attempts were cut off"


@pytest.mark.parametrize("options", [(), ("--no-share",)])
def test_no_place_waits_for_the_last_run_of_a_repeat(project, options):
    made = project("one")
    made.finish(made.begin("waits", *options))
    records = made.records()
    slow, third = records[8, 1], [record for (_, repeat), record in records.items() if repeat == 2]
    assert slow["state"] == "completed"
    times = {name: datetime.fromisoformat(slow[name]) for name in ("started", "ended")}
    first = min(datetime.fromisoformat(record["started"]) for record in third)
    assert times["started"] < first < times["ended"]


def test_searchers_that_share_a_race_list_the_same_runs_as_one(project):
    alone, together = project("alone"), project("together")
    alone.finish(alone.begin("noisy"))
    together.finish(together.begin("noisy", "--no-execute"))
    searchers = [together.start("resume", "last") for _ in range(3)]
    for process in searchers:
        process.communicate(timeout=600)
        assert process.returncode in (0, 3)  # 3: others were at the last runs
    assert together.listed() == alone.listed()
    assert {record["state"] for record in together.records().values()} == {"completed"}
    assert together.started() == len(together.listed()), "no run was made twice"


def test_a_run_whose_searcher_was_killed_is_taken_over_by_one_that_is_at_work(project):
    made = project("one")
    first = made.start("search", "--config", "c.yaml", "--trainer", "races:sticks", "--parallel", "1", "--no-share")
    wait_for((made.folder / "stuck").exists)
    second = made.start("resume", "last", "--parallel", "2", "--no-share")
    wait_for(lambda: made.started() == 8)
    first.kill()
    first.communicate()
    made.finish(second)
    assert {(lr, record["attempt"]) for (lr, _), record in made.records().items() if lr == 1} == {(1, 2)}
    assert {record["state"] for record in made.records().values()} == {"completed"}
