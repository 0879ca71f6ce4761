"""A coding agent's session: it knows the guide, and reads nothing but JSON."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from gridfold.export.json.document import schema
from tests.conftest import ROOT

SCRIPT = """
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
if options.lr > 0.5:
    raise SystemExit(f"diverged at {options.lr}")
noise = (options.seed * 7919 % 101) / 1e5
print("val_loss", (options.lr - 0.03) ** 2 + (options.momentum - 0.9) ** 2 + noise)
"""


class Agent:
    """Runs commands in a folder, and reads their documents."""

    def __init__(self, folder):
        self._folder = folder

    def run(self, *words):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": path}
        done = subprocess.run(
            [sys.executable, "-m", "gridfold", *words],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout

    def ask(self, *words):
        code, said = self.run(*words, "--json")
        document = json.loads(said)
        jsonschema.validate(document, schema(document["schema"].removeprefix("gridfold/")))
        return code, document


@pytest.fixture
def agent(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    return Agent(tmp_path)


def test_an_agent_finds_and_confirms_the_best(agent, tmp_path):
    code, guide = agent.run("guide")
    assert code == 0
    assert len(guide.splitlines()) <= 60
    commands = re.search(r"```bash\n(.*?)```", guide, re.DOTALL)[1]
    named = re.findall(r"^gridfold (\w+)", commands, re.MULTILINE)
    assert named == ["init", "plan", "search", "status", "best", "confirm"]

    assert agent.run("init", "train.py")[0] == 0
    settings = agent.ask("explain", "gridfold")[1]["keys"]
    assert {"gridfold.metric", "gridfold.maximize"} <= {key["path"] for key in settings}
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("gridfold:\n", "gridfold:\n  metric: val_loss\n  maximize: false\n"))

    wanted = ("--config", "config.yaml", "--repeats", "3", "--param-variations")
    code, error = agent.ask("plan", *wanted, "lrr=0.01,0.03")  # a slip; the hint corrects it
    assert (code, error["error"]["exit_code"]) == (2, 2)
    name = re.search(r"did you mean '(\w+)'", error["error"]["hint"])[1]
    wanted += (f"{name}=0.01,0.03,0.1,0.9",)
    code, plan = agent.ask("plan", *wanted)
    assert (code, plan["runs"], plan["metric"], plan["maximize"]) == (0, 12, "val_loss", False)
    assert plan["first_command"] == "python train.py --lr 0.01 --momentum 0.9 --seed 0"
    assert not (tmp_path / "runs").exists()

    code, ended = agent.ask("search", *wanted, "--run-prefix", "lr")
    assert code == ended["exit_code"] == 1  # some runs failed
    search = ended["search"]
    status = agent.ask("status", search)[1]
    assert status["states"] == {"completed": 9, "failed": 3}
    assert [(each["count"], each["message"]) for each in status["failures"]] == [(3, "exit code 1: diverged at 0.9")]
    results = agent.ask("results", search)[1]
    assert [row["params"]["lr"] for row in results["rows"]] == [0.03, 0.01, 0.1, 0.9]

    best = agent.ask("best", search)[1]
    assert (best["params"], best["n"], best["tied"], best["confirmation"]) == ({"lr": 0.03}, 3, [], [])
    assert agent.ask("confirm", search, "--repeats", "3")[0] == 0
    best = agent.ask("best", search)[1]
    first, second = best["confirmation"]
    assert (first["params"], first["n"], second["params"]) == ({"lr": 0.03}, 3, {"lr": 0.01})
    assert first["mean"] < second["mean"]
    assert best["run"]["config"] == {"lr": 0.03, "momentum": 0.9, "seed": best["run"]["config"]["seed"]}
    assert any(command.startswith("gridfold reproduce") for command in best["commands"])
