"""Searches by a strategy, through the real command line: what is listed, when, and again after any kill."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import gridfold
from gridfold.cli import main
from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.runs.entries import RunEntry
from gridfold.runs.search import SearchDirectory
from gridfold.search.directories import extend
from gridfold.search.more_runs import proposer_of
from gridfold.search.pending import Pending
from gridfold.search.plan import plan_of
from gridfold.search.said import plan_said

ROOT = Path(__file__).parents[2]
CONFIG = """\
lr: !log [1.0e-6, 1.0e-3]
size: [8, 16, 32]
flag: [true, 1, null]
optimizer: !one_of
  - {name: adamw, decay: !log [1.0e-4, 1.0e-1]}
  - {name: sgd, momentum: !uniform [0.0, 0.9]}
gridfold:
  trainer: trains:train
  strategy: {name: NAME, trials: 14, seed: 3}
"""
TRAINER = """\
import math


def train(config, run):
    if config["lr"] > 8e-4:
        raise ValueError("diverged")
    return {"loss": abs(math.log10(config["lr"]) + 4) + config["size"] / 32 + (config["optimizer"]["name"] == "sgd")}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "trains.py").write_text(TRAINER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda name="tpe": (tmp_path / "c.yaml").write_text(CONFIG.replace("NAME", name))


def begin(*words, folder="."):
    command = [sys.executable, "-m", "gridfold", *words]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    _, errors = process.communicate(timeout=600)
    assert process.returncode in (0, 1), errors  # 1: some runs failed
    return errors


def listed(folder="runs"):
    (path,) = Path(folder).glob("*/runs.jsonl")
    entries = [RunEntry.read(line) for line in path.read_text().splitlines()]
    assert [entry.index for entry in entries] == list(range(len(entries)))
    return [entry.params for entry in entries]


def search_in(folder="runs"):
    (path,) = Path(folder).glob("*/search.json")
    return SearchDirectory(path.parent)


@pytest.mark.parametrize("name", ["tpe", "cmaes"])
def test_a_search_that_is_killed_at_any_moment_makes_the_same_trials(name, project, tmp_path):
    project(name)
    finish(begin("search", "--config", "c.yaml", "--parallel", "1", "--quiet"))
    usual, draw = listed(), random.Random(name)
    Path("runs").rename("unkilled")
    process = begin("search", "--config", "c.yaml", "--parallel", "1")
    for _ in range(6):
        aim = len(list(tmp_path.glob("runs/*/.claim-*"))) + draw.choice((1, 2, 5))
        while process.poll() is None and len(list(tmp_path.glob("runs/*/.claim-*"))) < aim:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        process = begin("resume", "last")
    finish(process)
    finish(begin("resume", "last"))
    assert listed() == usual
    assert len({json.dumps(each) for each in usual}) == 14


def test_several_workers_list_each_trial_once(project):
    project()
    finish(begin("search", "--config", "c.yaml", "--no-execute"))
    workers = [begin("work", "last", "--parallel", "2") for _ in range(3)]
    for worker in workers:
        finish(worker)
    assert len({json.dumps(each) for each in listed()}) == len(listed()) == 14


class TestByHand:
    @pytest.fixture(autouse=True)
    def _project(self, project):
        project("random")

    def run(self, *words):
        return main(["search", "--config", "c.yaml", "--parallel", "1", "--quiet", *words])

    def test_all_trials_of_a_drawn_strategy_are_listed_when_it_begins(self):
        assert self.run("--no-execute") == 0
        assert len(listed()) == 14

    def test_one_that_learns_begins_with_its_random_trials(self):
        assert self.run("--no-execute", "--strategy", "tpe") == 0
        assert len(listed()) == 10

    def test_the_first_trials_of_all_that_learn_are_those_of_random(self):
        self.run("--no-execute", "--run-prefix", "a")
        self.run("--no-execute", "--run-prefix", "b", "--strategy", "gp")
        first, second = (SearchDirectory(path.parent) for path in sorted(Path("runs").glob("*/search.json")))
        assert [entry.params for entry in second.entries()] == [entry.params for entry in first.entries()][:10]

    @pytest.mark.parametrize("strategy", ["random", "tpe"])
    def test_resume_goes_on_to_more_trials(self, strategy):
        self.run("--strategy", strategy, "--trials", "11")
        before = listed()
        assert main(["resume", "last", "--trials", "13", "--quiet"]) in (0, 1)
        assert listed()[:11] == before
        assert len(listed()) == 13

    def test_a_budget_needs_no_number_of_trials(self):
        Path("c.yaml").write_text(CONFIG.replace("NAME", "random").replace(" trials: 14,", ""))
        self.run("--budget", "3s")
        assert len(listed()) > 10

    def test_a_strategy_learns_from_earlier_searches_that_fit(self, capsys):
        self.run("--run-prefix", "a", "--trials", "12")
        Path("c.yaml").write_text(CONFIG.replace("NAME", "tpe").replace("[8, 16, 32]", "[8, 16]"))
        assert main(["search", "--config", "c.yaml", "--no-execute", "--learn-from", "last", "--run-prefix", "b"]) == 0
        said = capsys.readouterr().out
        assert "Learns from " in said
        assert "are not of this space" in said

    def test_in_python(self):
        import trains

        found = gridfold.search(trains.train, "c.yaml", strategy={"name": "tpe", "trials": 12}, parallel=1, quiet=True)
        assert len(found.to_frame()) == 12


def test_two_that_list_at_once_list_one(project):
    """Both were asked when ten runs were listed: the second finds eleven, and looks at them first."""
    project()
    main(["search", "--config", "c.yaml", "--quiet", "--no-execute"])
    search = search_in()
    plan = plan_of(search)
    first, second = (Pending.read(search, None, proposer_of(search)) for _ in range(2))
    named = [pending.proposer.ask(1) for pending in (first, second)]
    assert extend(search, plan, named[0], behind=10) == 1
    assert extend(search, plan, named[1], behind=10) == 0
    assert second._see_added() == 1


def test_a_line_that_is_torn_is_taken_back_when_the_next_is_added(project):
    project()
    main(["search", "--config", "c.yaml", "--quiet", "--no-execute"])
    search = search_in()
    named = Pending.read(search, None, proposer_of(search)).proposer.ask(1)
    with (search.dir / "runs.jsonl").open("a") as listing:
        listing.write('{"index": 10, "run": "hal')
    assert len(list(search.entries())) == 10
    assert extend(search, plan_of(search), named, behind=10) == 1
    assert len(listed()) == 11


def planned():
    plan = plan_said(Config.load("c.yaml"))
    plan.space  # noqa: B018 - what is wrong with it
    plan.check_end()


def message(text):
    Path("c.yaml").write_text(text)
    with pytest.raises(ConfigError) as found:
        planned()
    return str(found.value)


@pytest.mark.parametrize(
    "strategy",
    [
        "tpee",
        "bayes",
        "{name: tpe, trial: 3}",
        "{name: tpe, trials: 0}",
        "{name: random, trials: 5, first: 3}",
        "{name: tpe, metrics: {a: max, b: min}}",
        "{name: nsga, metrics: {a: up, b: min}}",
        "{trials: 5}",
        "tpe",
        "[tpe]",
    ],
)
def test_bad_strategies_are_said_at_their_line(strategy, project, snapshot):
    assert message(f"lr: !log [1.0e-6, 1.0e-3]\ngridfold:\n  strategy: {strategy}\n") == snapshot


def test_a_grid_of_a_range_names_the_strategies(project, snapshot):
    assert message("lr: !log [1.0e-6, 1.0e-3]\n") == snapshot
