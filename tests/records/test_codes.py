"""A search that is resumed after its code was edited: nothing is mixed without a word."""

import json
import re

import pytest

from tests import made
from tests.cli.test_run import records, searches, start, wait_for  # noqa: F401 - a fixture

CONFIG = "gridfold: {trainer: 'f:train'}\nx: [1, 2, 3, 4, 5, 6]\n"
CODE = """
import os, time


def train(config):
    x = config["x"]
    while x > 3 and os.path.exists(f"{os.getcwd()}/wait"):  # it would count if a text named it
        time.sleep(0.05)
    return x
"""
EDITED = CODE.replace("return x", "return x + 1000")


@pytest.fixture
def gridfold(command):
    return lambda *arguments: command("gridfold/__main__.py", *arguments)


@pytest.fixture
def killed(project, write, start):  # noqa: F811
    """A search of six runs, of which three are completed; it was killed."""
    write("f.py", CODE)
    write("wait", "")
    process = start("x: [1, 2, 3, 4, 5, 6]\n", "--trainer", "f:train", "--parallel", "1")
    wait_for(lambda: len([each for each in _records(project) if each["state"] == "completed"]) == 3)
    process.kill()
    process.wait()
    (project / "wait").unlink()
    return searches(project)[0].name


def _records(project):
    found = [json.loads(path.read_text()) for path in project.glob("runs/*/run.json")]
    return sorted(found, key=lambda record: record["index"])


def values(project, which=-1):
    return [record["metrics"]["result"] for record in records(project, which)]


def test_each_run_says_what_it_was_executed_with_and_resume_warns(project, killed, write, gridfold):
    write("f.py", EDITED)
    result = gridfold("resume", "last")
    assert result.returncode == 0
    assert values(project) == [1, 2, 3, 1004, 1005, 1006]
    assert result.stderr.count("warning: 3 completed runs were made by other code, ") == 1
    assert "start a new search with --reuse" in result.stderr
    codes = [record["code"] for record in records(project)]
    facts = json.loads((searches(project)[0] / "search.json").read_text())
    assert codes[:3] == [facts["fingerprint"]] * 3
    assert len(set(codes[3:])) == 1
    assert codes[3] != codes[0]
    assert facts["codes"] == [codes[0], codes[3]]
    # The table in the end says it once, and so do tables later.
    said = (
        f"warning: the runs of {killed} were made by different code, package versions or data files (3 like run 0, 3 "
    )
    assert result.stdout.count(said) == 1
    assert gridfold("results").stderr.count(said) == 1


def test_the_code_of_two_runs_is_compared(project, killed, write, gridfold):
    write("f.py", EDITED)
    gridfold("resume", "last")
    assert "Code: the same" in gridfold("diff", "0", "1").stdout
    said = gridfold("diff", "0", "5").stdout
    one, other = (records(project)[index]["code"] for index in (0, 5))
    assert re.search(rf"fingerprint +│ {one} +│ {other} ", said)


def test_reuse_takes_what_the_same_code_has_made(project, killed, write, gridfold):
    write("f.py", EDITED)
    gridfold("resume", "last")
    write("f.py", CODE)
    assert "Reused 3 results" in gridfold("search", "--config", "c.yaml", "--trainer", "f:train", "--reuse").stdout
    assert values(project) == [1, 2, 3, 4, 5, 6]
    assert len({record["code"] for record in records(project)}) == 1
    write("f.py", EDITED)
    assert "Reused 3 results" in gridfold("search", "--config", "c.yaml", "--trainer", "f:train", "--reuse").stdout
    assert values(project) == [1001, 1002, 1003, 1004, 1005, 1006]


def test_all_is_well_while_the_code_is_the_same(project, killed, gridfold):
    result = gridfold("resume", "last")
    assert values(project) == [1, 2, 3, 4, 5, 6]
    assert "warning" not in result.stdout + result.stderr + gridfold("results").stderr


@pytest.mark.parametrize(
    "arguments", [("resume", "last", "--failed"), ("resume", "last", "--repeats", "2"), ("confirm", "--repeats", "1")]
)
def test_whatever_continues_a_search_warns(project, write, gridfold, arguments):
    write("f.py", "def train(config): return 1 / (config['x'] - 3)\n")
    gridfold("search", "--config", write("c.yaml", CONFIG))
    write("f.py", "def train(config): return 1 / max(1, config['x'] - 3)\n")
    result = gridfold(*arguments)
    assert result.stderr.count("warning: 5 completed runs were made by other code, ") == 1


def test_a_run_of_its_own_says_it_too(project, gridfold, write):
    config = write("c.yaml", "gridfold: {trainer: 'toy:number'}\nlr: 1\n")
    assert gridfold("train", "--config", config).returncode == 0
    assert gridfold("search", "--config", config).returncode == 0
    first, second = _records(project)
    assert first["code"] == second["code"] is not None


def test_an_older_run_has_the_code_of_its_search(project, gridfold):
    runs = [made.completed(1, f1=1), made.completed(2, f1=2) | {"code": "bbbb"}]
    made.search(project / "runs", "a_1", runs)  # of the code aaaa
    assert "(1 like run 0, 1 like run 1)" in gridfold("results").stderr
    runs[1]["code"] = "aaaa"
    made.search(project / "runs", "b_1", runs)
    assert gridfold("results", "b_1").stderr == ""
