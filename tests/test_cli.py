"""The command line, run in a subprocess: what it prints, makes and returns."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.loaders import LOADERS, same

USERS_EXAMPLE = """\
# config/mlp_hyperparam_config.yaml
model:
  name: "microsoft/deberta-v3-base"
  classification_head:
    architecture:
      - type: linear
        out_features: 256
      - type: relu
      - type: dropout
        p: [0.1, 0.2, 0.3] # Will try different dropout rates
      - type: linear
        out_features: 5

training:
  batch_size: [16, 32, 64] # Will try different batch sizes
  learning_rate: [1e-7, 5e-7, 1e-6, 5e-6, 1e-5] # Will try 5 different learning rates
  num_epochs: 10 # Not a list, will be fixed for all runs
"""
PLAIN = "gridfold: {trainer: 'toy:train'}\nlr: 0.5\nsize: 16\n"
GRID = "gridfold: {trainer: 'toy:train'}\nlr: [0.5, 0.25]\nsize: [16, 32]\n"


def run_directories(search):
    return [search.parent / json.loads(line)["run"] for line in (search / "runs.jsonl").read_text().splitlines()]


def only_search(project):
    (found,) = project.glob("runs/*/search.json")
    return found.parent


def test_the_users_example_makes_45_runs(command, write, project):
    config = write("config/mlp_hyperparam_config.yaml", USERS_EXAMPLE)
    result = command("hyper_main.py", "--config", config, "--run-prefix", "mlp_experiment", "--no-execute")
    assert result.returncode == 0, result.stderr
    assert "45 runs = 3 × 3 × 5" in result.stdout
    search = only_search(project)
    runs = run_directories(search)
    assert len(runs) == len(set(runs)) == 45
    assert re.fullmatch(r"mlp_experiment_\d{6}_p_0\.1_batch_size_16_learning_rate_1e-07", runs[0].name)
    assert sorted([*runs, search]) == sorted((project / "runs").iterdir())
    seen = set()
    for run in runs:
        assert [path.name for path in run.iterdir()] == ["config.yaml"]
        text = (run / "config.yaml").read_text()
        configs = [load(text) for load in LOADERS]
        assert all(same(configs[0], config) for config in configs)
        training, p = configs[0]["training"], configs[0]["model"]["classification_head"]["architecture"][2]["p"]
        seen.add((training["learning_rate"], training["batch_size"], p))
        base = USERS_EXAMPLE.splitlines()
        differing = [number for number, line in enumerate(text.splitlines()) if line != base[number]]
        assert differing == [9, 14, 15]
    assert seen == {(lr, b, p) for lr in (1e-7, 5e-7, 1e-6, 5e-6, 1e-5) for b in (16, 32, 64) for p in (0.1, 0.2, 0.3)}
    assert (search / "base.yaml").read_bytes() == (project / config).read_bytes()


def test_variations_on_the_command_line(command, write, project):
    config = write("config/mlp_config.yaml", re.sub(r"\[([^,]+),[^]]*\]", r"\1", USERS_EXAMPLE))
    result = command(
        "hyper_main.py", "--config", config,
        "--param-variations", "training.learning_rate=1e-3,1e-4,1e-5", "training.batch_size=16,32,64",
        "--run-prefix", "mlp_experiment", "--no-execute",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    names = [run.name for run in run_directories(only_search(project))]
    assert len(names) == 9
    assert re.fullmatch(r"mlp_experiment_\d{6}_learning_rate_0\.001_batch_size_32", names[1])


def test_the_first_config_alphabetically(command, write, project):
    write("config/b.yaml", "a: [1, 2, 3]\n")
    write("config/a.yml", "a: [1, 2]\n")
    assert command("hyper_main.py", "--no-execute").returncode == 0
    assert len(run_directories(only_search(project))) == 2
    assert only_search(project).name.startswith("run_")


def test_a_search_runs_records_and_compares(command, write, project):
    result = command("hyper_main.py", "--config", write("c.yaml", GRID), "--run-prefix", "exp")
    assert result.returncode == 0, result.stderr
    search = only_search(project)
    assert "Results, best first" in result.stdout
    for index, run in enumerate(run_directories(search)):
        record = json.loads((run / "run.json").read_text())
        lr, size = (0.5, 0.25)[index // 2], (16, 32)[index % 2]
        assert record["state"] == "completed"
        assert record["metrics"] == {"val_f1": lr, "val_loss": 0.1}
        assert record["params"] == {"lr": lr, "size": size}
        assert (record["index"], record["search"], record["attempt"]) == (index, search.name, 1)
        assert record["seconds"] >= 0
        assert record["started"] <= record["ended"]
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in lines] == [1, 2]
        assert (run / "log.txt").read_text() == f"trained {run.name} 0\n"
        names = sorted(path.name for path in run.iterdir())
        assert names == [".claim-1", "config.yaml", "log.txt", "metrics.jsonl", "run.json"]
    with (search / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["index"], row["lr"], row["size"], row["state"], row["val_f1"]) for row in rows] == [
        ("0", "0.5", "16", "completed", "0.6000000000000001"),  # of the second epoch, which is the best
        ("1", "0.5", "32", "completed", "0.6000000000000001"),
        ("2", "0.25", "16", "completed", "0.6000000000000001"),
        ("3", "0.25", "32", "completed", "0.6000000000000001"),
    ]
    facts = json.loads((search / "search.json").read_text())
    assert facts["runs"] == 4
    assert facts["started"] <= facts["ended"]
    assert facts["parameters"] == {"lr": [0.5, 0.25], "size": [16, 32]}
    assert len((search / "search.log").read_text().splitlines()) == 7


def test_a_failing_run_is_a_record_and_the_others_go_on(command, write, project):
    text = GRID + "what: [finish, raise, exit, die]\n"
    result = command("hyper_main.py", "--config", write("c.yaml", text), "--param-variations", "lr=1", "size=1")
    assert result.returncode == 1
    records = [json.loads((run / "run.json").read_text()) for run in run_directories(only_search(project))]
    assert [record["state"] for record in records] == ["completed", "failed", "failed", "failed"]
    assert [record["error"] and (record["error"]["type"], record["error"]["message"]) for record in records] == [
        None,
        ("ValueError", "this one fails\nfor a reason"),
        ("SystemExit", "3"),
        ("Killed", "killed by SIGKILL"),
    ]
    assert 'raise ValueError("this one fails' in records[1]["error"]["traceback"]
    assert "failed: ValueError: this one fails (see runs/" in result.stdout
    assert (only_search(project) / "results.csv").read_text().count(",failed,") == 3


def test_nothing_varies(command, write, project):
    result = command("hyper_main.py", "--config", write("c.yaml", PLAIN))
    assert result.returncode == 0, result.stderr
    assert "nothing varies, so this is a search of one run" in result.stdout
    (run,) = run_directories(only_search(project))
    assert json.loads((run / "run.json").read_text())["state"] == "completed"


def test_the_plan_says_what_stays_a_list_and_what_is_set(command, write):
    text = PLAIN + "betas: !fixed [0.9, 0.999]\nkeys: [q]\nother: [1, 2]\n"
    result = command("hyper_main.py", "--config", write("c.yaml", text), "--no-execute", "--param-variations", "lr=1")
    assert re.search(r"other +│ 1, 2 +│ +2 values", result.stdout)
    assert re.search(r"lr +│ 1 +│ +set", result.stdout)
    assert re.search(r"betas +│ \[0\.9, 0\.999\] +│ +stays a list: !fixed", result.stdout)
    assert re.search(r"keys +│ \[q\] +│ +stays a list: one value", result.stdout)


def test_main_trains_one_config(command, write, project):
    result = command("main.py", "--config", write("c.yaml", PLAIN))
    assert result.returncode == 0, result.stderr
    (run,) = (project / "runs").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d{6}", run.name)
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], record["search"], record["metrics"]["val_f1"]) == ("completed", None, 0.5)
    assert (run / "config.yaml").read_text() == "lr: 0.5\nsize: 16\n# gridfold: {trainer: 'toy:train'}\n"
    again = command("main.py", "--config", str(run / "config.yaml"))
    assert again.returncode == 0, again.stderr  # the config alone says which trainer


def test_the_installed_command_is_the_same(project, write):
    write("c.yaml", GRID)
    command = [sys.executable, "-m", "gridfold"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for arguments in (["search", "--config", "c.yaml", "--no-execute"], ["--version"], ["train", "--help"]):
        subprocess.run([*command, *arguments], cwd=project, env=environment, check=True, capture_output=True)
    assert len(run_directories(only_search(project))) == 4


def test_two_searches_of_one_second_share_nothing(write, project):
    write("c.yaml", GRID)
    command = [
        sys.executable,
        str(ROOT / "hyper_main.py"),
        "--config",
        "c.yaml",
        "--run-prefix",
        "same",
        "--no-execute",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    searches = [subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [search.wait(600) for search in searches] == [0] * 6
    found = list(project.glob("runs/*/search.json"))
    runs = [run for search in found for run in run_directories(search.parent)]
    assert len(found) == 6
    assert len(set(runs)) == len(runs) == 24
    assert all((run / "config.yaml").is_file() for run in runs)
    assert len(list((project / "runs").iterdir())) == 30


IN_THE_BACKGROUND = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # Ctrl-C is ignored, as shells have it there


@pytest.mark.parametrize(
    ("ending", "before"),
    [(signal.SIGINT, []), (signal.SIGTERM, []), (signal.SIGTERM, IN_THE_BACKGROUND)],
    ids=["Ctrl-C", "SIGTERM", "SIGTERM in the background"],
)
def test_a_search_that_is_stopped_keeps_what_has_finished(write, project, ending, before):
    write("c.yaml", "gridfold: {trainer: 'toy:train'}\nwhat: [finish, sleep, raise]\n")
    command = [*before, sys.executable, str(ROOT / "hyper_main.py"), "--config", "c.yaml", "--parallel", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    search = subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while (
        not list(project.glob("runs/*sleep/log.txt"))
        or "trained" not in next(project.glob("runs/*sleep/log.txt")).read_text()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    search.send_signal(ending)
    _, errors = search.communicate(timeout=600)
    assert search.returncode == 130
    assert "Traceback" not in errors
    records = [run / "run.json" for run in run_directories(only_search(project))]
    states = [json.loads(record.read_text())["state"] if record.is_file() else None for record in records]
    assert states == ["completed", "interrupted", None]
    assert (only_search(project) / "results.csv").is_file()


def test_a_search_under_nohup_outlives_its_terminal(write, project):
    write("c.yaml", "gridfold: {trainer: 'toy:train'}\nlr: [1, 2, 3, 4, 5, 6]\n")
    command = ["nohup", sys.executable, str(ROOT / "hyper_main.py"), "--config", "c.yaml"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    search = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not list(project.glob("runs/*/run.json")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    search.send_signal(signal.SIGHUP)
    assert search.wait(600) == 0
    states = [json.loads(path.read_text())["state"] for path in project.glob("runs/*/run.json")]
    assert states == ["completed"] * 6


@pytest.mark.parametrize(
    "shell", ["exec {} >&-", "exec {} <&- >&-", "{{ {}; echo $? > code; }} | true; exit $(cat code)"]
)
def test_a_search_that_nobody_can_read_goes_on(write, project, shell):
    write("c.yaml", "gridfold: {trainer: 'toy:train'}\nlr: [1, 2]\n")
    command = shlex.join([sys.executable, str(ROOT / "hyper_main.py"), "--config", "c.yaml"])
    said = subprocess.run(
        ["sh", "-c", shell.format(command)],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        timeout=600,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, b"")
    states = [json.loads(path.read_text())["state"] for path in project.glob("runs/*/run.json")]
    assert states == ["completed"] * 2
    assert (only_search(project) / "results.csv").exists()


BAD_INPUTS = {
    "no such config": (None, ["--config", "nope.yaml"]),
    "no such config, near one": (GRID, ["--config", "cc.yaml"]),
    "no config folder": (None, []),
    "empty config": ("", []),
    "list config": ("- 1\n", []),
    "not YAML": ("a: [1, 2\n", []),
    "tab": ("a:\n\tb: 1\n", []),
    "repeated key": ("lr: [1, 2]\nlr: 3\n", []),
    "repeated value": ("lr: [1, 2]\n", ["--param-variations", "lr=1,1"]),
    "two documents": ("a: 1\n---\nb: 1\n", []),
    "unknown tag": ("a: !env x\n", []),
    "anchor in a varied list": ("a: [&x 1, 2]\nb: *x\n", []),
    "unknown setting": ("gridfold: {fixd: [a]}\n", []),
    "only settings": ("gridfold: {fixed: []}\n", []),
    "unknown fixed path": ("gridfold: {fixed: [lrr]}\nlr: [1, 2]\n", []),
    "unknown trainer module": ("gridfold: {trainer: 'no_such:train'}\n" + "lr: 1\n", ["execute"]),
    "unknown trainer function": ("gridfold: {trainer: 'toy:tren'}\n" + "lr: 1\n", ["execute"]),
    "trainer without a function": ("gridfold: {trainer: toy}\n" + "lr: 1\n", ["execute"]),
    "unknown path": (GRID, ["--param-variations", "lrr=1,2"]),
    "known leaf, wrong parent": ("training: {lr: 1}\n", ["--param-variations", "train.lr=1,2"]),
    "no equals sign": (GRID, ["--param-variations", "lr"]),
    "no path": (GRID, ["--param-variations", "=1,2"]),
    "empty path part": (GRID, ["--param-variations", "a..b=1"]),
    "no values": (GRID, ["--param-variations", "lr="]),
    "missing value": (GRID, ["--param-variations", "lr=1,,2"]),
    "trailing comma": (GRID, ["--param-variations", "lr=1,2,"]),
    "unclosed list": (GRID, ["--param-variations", "lr=[1,2"]),
    "brackets that break out": (GRID, ["--param-variations", "lr=1]\nx: [2"]),
    "glob": (GRID, ["--param-variations", "lr=*.txt"]),
    "path given twice": (GRID, ["--param-variations", "lr=1", "lr=2"]),
    "path and a path in it": ("a: {b: 1}\n", ["--param-variations", "a=1", "a.b=2"]),
    "value of a varied list": (GRID, ["--param-variations", "lr.0=2"]),
    "new path that is there": (GRID, ["--param-variations", "+lr=2"]),
    "new path below a value": (GRID, ["--param-variations", "+size.x=2"]),
    "setting varied": (GRID, ["--param-variations", "gridfold.trainer=a,b"]),
    "prefix with a slash": (GRID, ["--run-prefix", "../up"]),
    "empty prefix": (GRID, ["--run-prefix", ""]),
    "long prefix": (GRID, ["--run-prefix", "x" * 300]),
    "unknown option": (GRID, ["--run-prefx", "x"]),
    "option without a value": (GRID, ["--run-prefix"]),
    "no variations given": (GRID, ["--param-variations"]),
    "failed runs of no search": (GRID, ["--failed"]),
    "best runs of no search": (GRID, ["--repeats", "3", "--top", "2"]),
    "a config for what is continued": (GRID, ["--config", "config/c.yaml", "--resume", "last"]),
    "variations of what is continued": (GRID, ["--resume", "last", "--param-variations", "lr=1"]),
    "a command for what is continued": (GRID, ["--resume", "last", "--", "python", "train.py"]),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input(command, write, project, name, snapshot):
    text, arguments = BAD_INPUTS[name]
    if text is not None:
        write("config/c.yaml", text)
    if "cc.yaml" in arguments:
        arguments = ["--config", "config/cc.yaml"]
    executes = arguments == ["execute"]
    before = sorted(project.rglob("*"))
    result = command("hyper_main.py", *([] if executes else ["--no-execute", *arguments]))
    assert result.returncode == 2, result.stdout
    assert "Traceback" not in result.stderr
    assert [path for path in sorted(project.rglob("*")) if "__pycache__" not in path.parts] == before
    assert result.stderr == snapshot


def test_bad_input_to_main(command, write, project, snapshot):
    result = command("main.py", "--config", write("c.yaml", GRID))
    assert result.returncode == 2
    assert result.stderr == snapshot
    assert not (project / "runs").exists()
    assert command("main.py").returncode == 2


@pytest.mark.parametrize(
    ("script", "trains", "searches"),
    [
        (("main.py",), "main.py", "python hyper_main.py"),
        (("gridfold/__main__.py", "train"), "gridfold train", "gridfold search"),
    ],
)
def test_variations_where_one_config_is_trained(command, write, script, trains, searches):
    """Whoever has called one command is told the other, with all that was said."""
    arguments = ["--config", write("c.yaml", GRID), "--threads", "1"]
    for trainer in (["--trainer", "toy:number"], ["--", "echo", "{lr}"]):
        said = command(*script, *arguments, *trainer).stderr
        assert f"but {trains} trains a single config\n" in said
        options = shlex.join([*arguments, *trainer])
        assert re.search(rf"  to run all \d+ combinations: {re.escape(f'{searches} {options}')}\n", said)


@pytest.mark.parametrize("name", ["toy.py", "./toy.py", "models/toy.py"])
def test_the_file_of_a_trainer_is_no_module(command, write, project, name):
    write("models/toy.py", "")
    said = command(
        "gridfold/__main__.py", "search", "--config", write("c.yaml", GRID), "--trainer", f"{name}:number"
    ).stderr
    module = "models.toy" if "models" in name else "toy"
    assert said == f"error: command line: gridfold.trainer: no module '{name}'\n  did you mean '{module}:number'?\n"
    assert not (project / "runs").exists()


def test_runs_cannot_be_created(command, write, project):
    write("runs", "a file, not a folder")
    result = command("hyper_main.py", "--config", write("c.yaml", GRID), "--no-execute")
    assert result.returncode == 2
    assert result.stderr == "error: runs: cannot be created: File exists\n"


HEAVY = ("torch", "transformers", "pandas", "numpy", "sklearn", "omegaconf")


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import gridfold", HEAVY),
        ("import gridfold.text", HEAVY),
        ("import gridfold.cli as c; c.main(['--help'])", HEAVY),
        # The processes of runs are forked from it: what is there, each copies in part.
        ("import gridfold.executors.local.import_server", ("logging", "random", "subprocess", "threading", "uuid")),
    ],
)
def test_imports_are_light(code, heavy):
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit: pass\nprint([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_documented_import_path():
    from gridfold import HyperParamSearch
    from src.utils.hyperparam_search import HyperParamSearch as Documented

    assert Documented is HyperParamSearch
    assert Path(ROOT / "src/utils/hyperparam_search.py").read_text().count("\n") < 10
