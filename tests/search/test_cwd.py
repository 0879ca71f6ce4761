"""Each run works in a folder of its own, ``--cwd run``, as commands and functions see it."""

import json
import os

import pytest

SCRIPT = """
import argparse, json, os, sys
import helper

parser = argparse.ArgumentParser()
for name in ("--lr", "--data", "--folder", "--config"):
    parser.add_argument(name)
options = parser.parse_args()
assert open(options.data).read() == "rows" and os.listdir(options.folder) == ["rows.csv"]
assert os.getcwd() == os.environ["PWD"] == os.path.join(os.environ["GRIDFOLD_RUN_DIR"], "work")
os.makedirs("out", exist_ok=True)
with open("out/model.pt", "x") as file:
    file.write(options.lr)
print(json.dumps({"loss": float(options.lr) * helper.FACTOR}))
"""
CONFIG = "lr: [1, 2]\ndata: data/rows.csv\nname: data\n"


@pytest.fixture
def program(project):
    """A script that writes where it works, and reads what is elsewhere."""
    (project / "data").mkdir()
    (project / "data" / "rows.csv").write_text("rows")
    (project / "helper.py").write_text("FACTOR = 2")
    (project / "package").mkdir()
    for path in ("train.py", "package/train.py"):
        (project / path).write_text(SCRIPT)
    return project


@pytest.fixture
def search(command, write, project):
    """Runs a search with ``--cwd run``; its runs, by number."""

    def run(text, *arguments, code=0):
        result = command("hyper_main.py", "--config", write("c.yaml", text), "--cwd", "run", *arguments)
        assert result.returncode == code, result.stdout + result.stderr
        return runs(project)

    return run


def runs(project):
    (listing,) = project.glob("runs/*/runs.jsonl")
    return [listing.parent.parent / json.loads(line)["run"] for line in listing.read_text().splitlines()]


def record(run):
    return json.loads((run / "run.json").read_text())


@pytest.mark.parametrize("python", [("train.py",), ("-m", "package.train")])
def test_a_command_finds_what_it_found_and_writes_where_no_other_run_does(python, program, search, command):
    read = ("--data={data}", "--folder", "./data", "--config", "{config}")
    found = search(CONFIG, "--", "python", *python, "--lr", "{lr}", *read)
    assert [(run / "work" / "out" / "model.pt").read_text() for run in found] == ["1", "2"]
    assert not (program / "out").exists()
    again = command("gridfold/__main__.py", "reproduce", "0")
    assert again.returncode == 0, again.stdout + again.stderr
    alone = command("main.py", "--config", str(found[0] / "config.yaml"), "--quiet")
    assert (program / alone.stdout.strip() / "work" / "out" / "model.pt").read_text() == "1"


def test_a_command_that_reads_its_config_reads_paths_from_the_root(program, search):
    (program / "show.py").write_text("import sys\nwith open(sys.argv[1]) as file: print(file.read(), '{\"x\": 1}')")
    found = search(CONFIG, "--", "python", "show.py", "{config}")
    assert (found[0] / "log.txt").read_text().startswith(f"lr: 1\ndata: {program}/data/rows.csv\nname: data\n")
    assert "data: data/rows.csv" in (found[0] / "config.yaml").read_text()


def test_a_folder_without_a_slash_is_a_path_where_its_option_says_so(program, search):
    (program / "show.py").write_text("import sys\nprint(sys.argv[1:], '\\n{\"loss\": 1}')")
    words = (
        "--data-dir",
        "data",
        "--train_path=data",
        "--output-dir",
        "data",
        "--dataset",
        "data",
        "--image.root",
        "data",
    )
    (run, *_) = search(CONFIG, "--", "python", "show.py", *words)
    there = str(program / "data")
    shown = [
        "--data-dir",
        there,
        f"--train_path={there}",
        "--output-dir",
        "data",
        "--dataset",
        "data",
        "--image.root",
        there,
    ]
    assert str(shown) in (run / "log.txt").read_text()


FUNCTION = """
import os

CALLS = []


def train(config, run):
    with open(config["data"]) as file:
        assert file.read() == "rows"
    assert not os.path.exists("toy.py") and os.listdir(".") == []
    with open("shared.log", "a") as file:
        file.write("written once by each run")
    where = os.getcwd()
    assert where == str(run.dir / "work")
    with open("model.pt", "x") as file:
        file.write(str(config["lr"]))
    return {"loss": config["lr"]}
"""
ASKS = """
import os
from pathlib import Path


def train(config, run):
    seen = [os.getcwd(), str(Path("x").absolute().parent), os.path.dirname(os.path.abspath("x"))]
    assert set(seen) == {str(run.dir / "work")}
    return {"loss": config["lr"]}
"""


@pytest.mark.parametrize("sharing", ["--share", "--no-share", None])
@pytest.mark.parametrize("function", [FUNCTION, ASKS])
def test_a_function_works_there_though_it_shares_its_beginning(function, sharing, program, search, command):
    (program / "own.py").write_text(function)
    found = search(f"gridfold: {{trainer: 'own:train'}}\n{CONFIG}", *([sharing] if sharing else []))
    if function == FUNCTION:
        assert [(run / "work" / "model.pt").read_text() for run in found] == ["1", "2"]
        assert {(run / "work" / "shared.log").read_text() for run in found} == {"written once by each run"}
    assert not list(program.glob("runs/*/work-*"))
    assert command("gridfold/__main__.py", "verify").returncode == 0


def test_the_setting_of_the_config_counts_and_another_value_is_refused(program, command, write):
    text = "gridfold: {cwd: RUN, trainer: [sh, -c, 'pwd; echo {{\"x\": 1}}']}\nlr: [1, 2]\n"
    result = command("hyper_main.py", "--keep-going", "--config", write("c.yaml", text.replace("RUN", "run")))
    assert result.returncode == 0, result.stderr
    assert (runs(program)[1] / "log.txt").read_text().splitlines()[0] == str(runs(program)[1] / "work")
    for refused in (command("hyper_main.py", "--config", write("c.yaml", text)), command("main.py", "--cwd", "here")):
        assert refused.returncode == 2
        assert "expected 'run'" in refused.stderr
    refused = command("hyper_main.py", "--resume", "last", "--cwd", "run")
    assert refused.returncode == 2
    assert "--cwd cannot be combined with --resume" in refused.stderr


def test_what_a_program_does_not_find_there_is_told(program, search, command):
    (program / "finds.py").write_text("open('data/rows.csv')")
    search("lr: [1, 2]\n", "--keep-going", "--", "python", "finds.py", "{lr}", code=1)
    log = next(program.glob("runs/*/search.log")).read_text()
    assert log.count("each run works in a folder of its own, which has no data/rows.csv: name it in the config") == 1


def test_a_second_attempt_begins_with_an_empty_folder(program, search, command):
    (program / "fails.py").write_text(
        "import json, os, sys\nassert os.listdir('.') == []\nopen('ckpt.pt', 'w').close()\n"
        "print(json.dumps({'loss': 1}))\nsys.exit(os.path.exists(os.environ['FAILS']))"
    )
    (program / "fails").touch()
    os.environ["FAILS"] = str(program / "fails")
    found = search("lr: [1, 2]\n", "--keep-going", "--", "python", "fails.py", "{lr}", code=1)
    (program / "fails").unlink()
    assert command("gridfold/__main__.py", "resume", "last", "--keep-checkpoints", "best:1").returncode == 0
    assert record(found[0])["attempt"] == 2
    assert (found[0] / "work-attempt-1" / "ckpt.pt").exists()
    assert (found[0] / "work" / "ckpt.pt").exists()
    assert not (found[1] / "work" / "ckpt.pt").exists()
