"""What is said of files that runs write outside their directories, and of a ``runs/`` that others write in, too."""

import json
import re

import pytest

COLLIDES = """
import json, os, pathlib, sys

os.makedirs("out", exist_ok=True)
pathlib.Path("out/model.pt").write_text(sys.argv[1])
pathlib.Path("out/args.json").write_text(sys.argv[1])
pathlib.Path("vocab.txt").write_text("the same for all")
with open("train.log", "a") as log:
    log.write("added to")
os.system(f"echo {sys.argv[1]} > weights.bin")  # not heard, as what C++ writes
print(json.dumps({"loss": float(sys.argv[1])}))
"""


@pytest.fixture
def search(command, write):
    def run(text, *arguments, values="0.1, 0.2, 0.3"):
        write("train.py", text)
        return command("hyper_main.py", "--config", write("c.yaml", f"lr: [{values}]\n"), *arguments)

    return run


def plain(text):
    text = re.sub(r"_\d{6}", "_HHMMSS", re.sub(r"(?<=│)( +)\d+\.\d │$", r"\1TIME │", text, flags=re.MULTILINE))
    return re.sub(r"(, TIME)+$", ", TIME", re.sub(r"\d+\.\d s\b|\d:\d\d:\d\d left", "TIME", text), flags=re.MULTILINE)


def facts(project):
    (found,) = project.glob("runs/*/search.json")
    return json.loads(found.read_text())


def test_two_runs_that_collide(search, command, project, snapshot):
    result = search(COLLIDES, "--parallel", "1", "--", "python", "train.py", "{lr}")
    assert result.returncode == 0
    assert plain(result.stdout) == snapshot
    assert list(facts(project)["warnings"]) == ["collisions"]
    again = command("gridfold/__main__.py", "resume", "last", "--repeats", "2")
    assert "both wrote" not in again.stdout + again.stderr


def test_runs_side_by_side_are_told_of_what_both_were_heard_to_write(search):
    result = search(COLLIDES, "--parallel", "2", "--", "python", "train.py", "{lr}", values="0.1, 0.2")
    assert re.search(r"runs 0 and 1 both wrote .*out/model.pt", result.stdout)


def test_runs_that_write_where_no_other_does_are_told_nothing(search, project):
    own = COLLIDES.replace('"out/', 'f"out/{sys.argv[1]}-').replace("weights", "weights-{sys.argv[1]}")
    result = search(own, "--parallel", "2", "--", "python", "train.py", "{lr}")
    assert "both wrote" not in result.stdout
    assert "warnings" not in facts(project)
    assert len(list((project / "out").iterdir())) == 6


def test_a_function_is_told_to_write_into_its_directory(command, write, project):
    text = "import pathlib\n\n\ndef train(config):\n    pathlib.Path('a.pt').write_text(str(config['lr']))\n"
    write("own.py", f"{text}    return 1.0\n")
    config = write("c.yaml", "gridfold: {trainer: 'own:train'}\nlr: [1, 2]\n")
    result = command("hyper_main.py", "--config", config, "--parallel", "1")
    assert "runs 0 and 1 both wrote a.pt, so what the first one wrote is gone: use run.dir in" in result.stdout


STAMPS = """
import json, os, sys, time

os.makedirs(f"runs/exp__{sys.argv[1][:0]}1__{int(time.time())}")
folder = time.strftime("output/%Y%m%d-%H%M%S")
os.makedirs(folder)
with open(f"{folder}/args.txt", "w") as file:
    file.write(sys.argv[1])
with open(f"runs/exp__1__{int(time.time())}.txt", "w") as file:
    file.write(sys.argv[1])
print(json.dumps({"loss": float(sys.argv[1])}))
"""


def test_runs_that_name_folders_by_the_second_start_in_different_ones(search, project, command):
    result = search(STAMPS, "--parallel", "1", "--", "python", "train.py", "{lr}", values="1, 2, 3, 4")
    assert result.returncode == 0, result.stdout
    assert len(list((project / "output").iterdir())) == 4
    assert result.stdout.count("so each starts in another one") == 1
    assert "both wrote" not in result.stdout
    again = search(STAMPS, "--parallel", "4", "--", "python", "train.py", "{lr}", values="1, 2, 3, 4")
    assert again.returncode == 0, again.stdout
    assert len(list((project / "output").iterdir())) == 8
    assert all(len(list(folder.parent.glob(".second-*"))) < 4 for folder in project.glob("runs/*/.seconds"))


MARKS = """
import glob, json, time

name = time.strftime("%Y%m%d-%H%M%S")
print(json.dumps({"loss": len(glob.glob("runs/*/.seconds*")) + 10 * len(glob.glob("runs/.verify/*/.seconds"))}))
"""


def test_so_do_those_of_a_first_search_if_the_source_names_seconds_and_those_that_are_compared(
    search, project, command
):
    result = search(MARKS, "--", "python", "train.py", "{lr}", values="1")
    assert "completed, loss 1," in result.stdout
    assert not list(project.glob("runs/*/.seconds*"))
    (facts_path,) = project.glob("runs/*/search.json")
    (facts_path.parent / ".seconds").touch()
    result = command("gridfold/__main__.py", "verify", "--all")
    assert "loss: 11 instead of 1" in result.stdout
    assert not list(project.glob("runs/.verify/*/.second*"))


def foreign(runs):
    """What TensorBoard and cleanrl leave in their ``runs/``."""
    name = "events.out.tfevents.1732871234.host.4711.0"
    for folder in ("Nov29_10-15-00_host", "CartPole-v1__ppo__1__1732871234", "exp1/validation"):
        (runs / folder).mkdir(parents=True)
        (runs / folder / name).write_bytes(b"\0\1")
    (runs / name).write_bytes(b"")
    (runs / "config.yaml").write_text("theirs: 1\n")
    (runs / "exp1" / "config.yaml").write_text("theirs: [1, 2\n")
    (runs / "exp2").mkdir()
    (runs / "exp2" / "run.json").write_text("{}")
    (runs / "exp3").mkdir()
    (runs / "exp3" / "search.json").write_text("[1]")


def test_a_foreign_runs_folder_is_no_trouble(gridfold, write, project):
    foreign(project / "runs")
    config = write("c.yaml", "gridfold: {trainer: 'toy:train'}\nlr: [0.1, 0.2]\n")
    before = sorted(project.glob("runs/*"))
    for words in (
        ["search", "--config", config, "--parallel", "1"],
        ["search", "--config", config, "--reuse", "--run-prefix", "second"],
        ["plan", "--config", config],
        ["status"],
        ["results"],
        ["best"],
        ["sharing"],
        ["diff", "0", "1"],
        ["logs", "0"],
        ["resume", "last", "--repeats", "2"],
        ["verify", "-n", "1"],
        ["reproduce", "1"],
    ):
        code, said = gridfold(*words)
        assert code == 0, (words, said)
    assert "completed in earlier searches" not in said
    assert set(before) < set(project.glob("runs/*"))


def test_side_by_side_a_program_that_writes_into_runs_gets_on(search, project, gridfold):
    cleanrl = """
import json, os, sys, time

name = f"runs/CartPole__ppo__{sys.argv[1]}__{int(time.time())}"
os.makedirs(name)
with open(f"{name}/events.out.tfevents.{int(time.time())}.host.{os.getpid()}.0", "wb") as file:
    file.write(sys.argv[1].encode())
print(json.dumps({"loss": float(sys.argv[1])}))
"""
    result = search(cleanrl, "--parallel", "2", "--", "python", "train.py", "{lr}", values="1, 2, 3, 4")
    assert result.returncode == 0, result.stdout
    assert len(list(project.glob("runs/CartPole__*/events*"))) == 4
    assert "both wrote" not in result.stdout
    assert gridfold("results")[0] == gridfold("status")[0] == 0
