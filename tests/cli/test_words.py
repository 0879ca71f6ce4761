"""Searches that need no config: values in the command, on the command line, in constants of the script."""

import json
import re
import sys

import pytest

SCRIPT = """\
import argparse, json, os

rate = 0.1
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0)
parser.add_argument("--wd", type=float, default=0)
parser.add_argument("--amp", action=argparse.BooleanOptionalAction)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
print(os.sys.argv[1:])
print(json.dumps({"loss": options.lr + 10 * options.wd + 100 * options.seed + 1000 * rate}))
"""
VALUES = ("--", sys.executable, "train.py", "--lr", "{lr=0.1,2e-1}", "--wd", "{wd=0,1e-2}", "--seed", "{seed=0}")


@pytest.fixture(autouse=True)
def script(write):
    return write("train.py", SCRIPT)


@pytest.fixture
def directories(project):
    """The run directories of the last search, by the names behind its stamp."""

    def find():
        search = max(project.glob("runs/*/search.json"), key=lambda path: path.stat().st_mtime_ns).parent
        names = [json.loads(line)["run"] for line in (search / "runs.jsonl").read_text().splitlines()]
        return {name.removeprefix(f"{search.name}_"): search.parent / name for name in names}

    return find


def loss(run):
    return json.loads((run / "run.json").read_text())["metrics"]["loss"]


def test_values_in_the_command_are_a_config(gridfold, directories, project):
    code, said = gridfold("search", *VALUES)
    assert code == 0, said
    runs = directories()
    assert list(runs) == ["lr_0.1_wd_0", "lr_0.1_wd_0.01", "lr_0.2_wd_0", "lr_0.2_wd_0.01"]
    assert [round(loss(run), 3) for run in runs.values()] == [100.1, 100.2, 100.2, 100.3]
    last = runs["lr_0.2_wd_0.01"]
    assert (last / "config.yaml").read_text().startswith("lr: 0.2\nwd: 0.01\nseed: 0\n# gridfold: {trainer: ")
    assert (last / "log.txt").read_text().startswith("['--lr', '2e-1', '--wd', '1e-2', '--seed', '0']\n")
    assert gridfold("verify", "--all")[1].endswith("4 of 4 runs give the same alone, to the last bit\n")
    assert gridfold("reproduce", str(last))[0] == 0
    assert gridfold("train", "--config", str(last / "config.yaml"))[0] == 0


def test_a_search_goes_on_as_it_began(gridfold, directories):
    assert gridfold("search", "--no-execute", *VALUES)[0] == 0
    assert gridfold("resume", "last")[0] == 0
    assert gridfold("resume", "last", "--repeats", "2", "--top", "1")[0] == 0
    runs = directories()
    assert [name for name in runs if "seed_1" in name] == ["lr_0.1_wd_0_seed_1"]
    assert round(loss(runs["lr_0.1_wd_0_seed_1"]), 3) == 200.1


def test_more_values_are_added_to_those_that_were_run(gridfold):
    assert gridfold("search", *VALUES)[0] == 0
    more = [word.replace("2e-1", "2e-1, 0.3") for word in VALUES]
    assert "Reused 4 results of earlier searches" in gridfold("search", "--reuse", *more)[1]


def test_a_file_with_these_keys_gives_the_same_configs(gridfold, write, directories):
    assert gridfold("search", "--no-execute", *VALUES)[0] == 0
    in_command = {name: run / "config.yaml" for name, run in directories().items()}
    write("c.yaml", "lr: [0.1, 2e-1]\nwd: [0, 1e-2]\nseed: 0\n")
    command = [re.sub("=.*}", "}", word) for word in VALUES]
    assert gridfold("search", "--no-execute", "--run-prefix", "file", "--config", "c.yaml", *command)[0] == 0
    for name, run in directories().items():
        config = (run / "config.yaml").read_text().partition("# gridfold")[0]
        assert config == in_command[name].read_text().partition("# gridfold")[0]


def test_the_first_config_is_used_unless_it_is_not_wanted(gridfold, write):
    write("config/a.yaml", "lr: 5\nwd: [7, 8]\n")
    _, said = gridfold(
        "plan", "--", sys.executable, "train.py", "--lr", "{lr=1,2}", "--wd", "{wd}", "--seed", "{seed=3}"
    )
    assert said.startswith("config/a.yaml: 4 runs = 2 × 2\n")
    assert "train.py --lr 1 --wd 7 --seed 3\n" in said
    _, said = gridfold("plan", "--no-config", "--", sys.executable, "train.py", "--lr", "{lr=1,2}")
    assert said.startswith("command line: 2 runs\n")


def test_options_alone(gridfold, directories):
    values = ("--param-variations", "lr=0.1,0.2", "+amp=true,false,null", "wd=1")
    code, said = gridfold("search", *values, "--", sys.executable, "train.py", "{args}")
    assert code == 0, said
    printed = [(run / "log.txt").read_text().splitlines()[0] for run in directories().values()]
    assert printed[:3] == [
        "['--lr', '0.1', '--amp', '--wd', '1']",
        "['--lr', '0.1', '--no-amp', '--wd', '1']",
        "['--lr', '0.1', '--wd', '1']",
    ]


def test_the_plan_shows_the_first_command_and_the_lines_of_the_script(gridfold, snapshot, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    code, said = gridfold(
        "plan", "--set", "rate=0.2,0.5", "--param-variations", "lr=-1e-5", "amp=true", "--repeats", "2",
        "--", "python", "train.py", "{args:dash}", "--seed", "{seed}", "--name", "a b",
    )  # fmt: skip
    assert code == 0
    assert said == snapshot
    assert gridfold("search", "--dry-run", "--set", "rate=0.2,0.5", "--", "python", "train.py")[0] == 0


def test_constants_of_the_script(gridfold, directories, project):
    code, said = gridfold("search", "--set", "rate=0.5,1.5", "--", sys.executable, "train.py", "--lr", "{lr=3}")
    assert code == 0, said
    assert [loss(run) for run in directories().values()] == [503, 1503]
    assert gridfold("verify", "--all")[0] == 0
    assert gridfold("reproduce", str(directories()["rate_1.5"]))[0] == 0
    assert gridfold("resume", "last", "--repeats", "2")[0] == 0
    assert (project / "train.py").read_text() == SCRIPT


def test_one_run(gridfold, project):
    code, said = gridfold("train", "--set", "rate=0.5", "--", sys.executable, "train.py", "--lr", "{lr=3}")
    assert code == 0, said
    (record,) = project.glob("runs/*/run.json")
    assert json.loads(record.read_text())["metrics"] == {"loss": 503}
    ids = {json.loads(record.read_text())["id"]}
    gridfold("search", "--no-execute", "--set", "rate=0.5", "--", sys.executable, "train.py", "--lr", "{lr=3}")
    (listing,) = project.glob("runs/*/runs.jsonl")
    assert {json.loads(listing.read_text())["id"]} == ids


def test_hyper_main_takes_them_too(command):
    result = command("hyper_main.py", "--quiet", *VALUES)
    assert result.returncode == 0, result.stderr
    assert command("hyper_main.py", "--resume", "last", "--set", "a=1").returncode == 2


def test_awk_keeps_its_braces(gridfold, directories):
    command = (
        "sh",
        "-c",
        """echo 1 2 | awk '{s=$1; n=NF} END {print "{\\"loss\\": " s + n * '$1' "}"}'""",
        "sh",
        "{k=3,4}",
    )
    assert gridfold("search", "--", *command)[0] == 0
    assert [loss(run) for run in directories().values()] == [7, 9]


REFUSED = {
    "nothing at all": ["search"],
    "no values": ["search", "--", "python", "train.py"],
    "no config, and no trainer": ["search", "--no-config", "--param-variations", "lr=1,2"],
    "a config and none": ["search", "--no-config", "--config", "c.yaml", "--", "python", "train.py"],
    "taken apart": ["search", "--", "python", "train.py", "--lr", "lr=0.1", "0.2"],
    "several values for one run": ["train", "--", "python", "train.py", "--lr", "{lr=1,2}"],
    "no value for one run": ["train", "--", "python", "train.py"],
    "no config for one run": ["train"],
    "no script": ["search", "--set", "rate=1,2", "--trainer", "toy:train"],
    "no such constant": ["search", "--set", "rat=1,2", "--", sys.executable, "train.py"],
    "no value of a constant": ["search", "--set", "rate", "--", sys.executable, "train.py"],
    "in the command, too": ["search", "--set", "lr=1", "--", "python", "train.py", "--lr", "{lr=1,2}"],
    "in two options": ["search", "--set", "lr=1", "--param-variations", "lr=2", "--", "python", "train.py"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, gridfold, project, snapshot):
    code, said = gridfold(*REFUSED[case])
    assert code == 2
    assert said.rpartition("┘\n")[2] == snapshot
    assert not (project / "runs").exists()
