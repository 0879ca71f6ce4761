"""A search whose first run has no metric stops before the second is paid for, and says what to write."""

import re
import sys

import pytest

import gridfold as gridfold_in_python
from gridfold import ConfigError, HyperParamSearch
from gridfold.runs.store import Store

FUNCTIONS = """
def nothing(config):
    print("the answer is 42")

def empty(config):
    return {}

def two(config, run):
    run.report(epoch=1, val_acc=0.5)
    return {"val_f1": config["x"] / 4, "val_loss": 0.2}
"""
SILENT = "print('done')\n"
NUMBERS = "print('starts')\nprint('seed 17, lr 0.1, step 3 of 9 took 0.2 s')\n"
NAMED = "print('lr: 0.1, elapsed: 3.5')\nprint('it reached: 0.71')\n"
JSON = "import json\nprint(json.dumps({'val_f1': 0.5, 'val_loss': 0.2}))\n"
CRASH = """
import sys

print("loading")
def train():
    raise ValueError("expected 3 channels, found 1")
try:
    sys.stderr.write("\\r  0%|          | 0/9 [00:00<?, ?it/s]\\r 33%|###3      | 3/9 [00:01<00:02,  2.9it/s]")
    sys.stderr.flush()
    train()
except ValueError:
    import traceback
    traceback.print_exc()
sys.stderr.write("\\r 33%|###3      | 3/9 [00:01<00:02,  2.9it/s]\\n")
sys.exit(1)
"""


@pytest.fixture
def search(project, write, gridfold):
    """Runs a search of four runs, one at a time: of a script's text, or of a function of `FUNCTIONS`."""
    write("functions.py", FUNCTIONS)
    write("c.yaml", "x: [1, 2, 3, 4]\n")

    def run(trainer, *options):
        begin = ["search", "--config", "c.yaml", "--parallel", "1", *options]
        if trainer.isidentifier():
            return gridfold(*begin, "--trainer", f"functions:{trainer}")
        return gridfold(*begin, "--", sys.executable, write("t.py", trainer), "{x}")

    return run


def states():
    return [record.state if record else "created" for _, record in Store().find("last").records()]


def ending(said):
    """What was said since the runs began, with no number in it that the next time is another."""
    said = said[said.index("run directories") :].partition("\n")[2]
    said = re.sub(r"\d+\.\d+ s\b", "N s", re.sub(r"run_\d{6}", "run_HHMMSS", said))
    return re.sub(r", \d:\d\d:\d\d left$", "", re.sub(r"\d\.\d │$", "N.N │", said, flags=re.M), flags=re.M)


SEARCHES = {
    "no_metric_at_all": (SILENT,),
    "numbers_that_are_no_metrics": (NUMBERS,),
    "numbers_with_names": (NAMED,),
    "another_metric": (JSON, "--metric", "val_f2"),
    "a_metric_that_no_name_is_near": (JSON, "--metric", "quality"),
    "a_function_that_returns_nothing": ("nothing",),
    "a_function_with_another_metric": ("two", "--metric", "val_accuracy"),
}


@pytest.mark.parametrize("which", SEARCHES)
def test_what_is_said(search, snapshot, which):
    code, said = search(*SEARCHES[which])
    assert (code, states()) == (1, ["completed", "created", "created", "created"])
    assert ending(said) == snapshot


def test_a_crash_under_a_progress_bar(search, snapshot):
    code, said = search(CRASH)
    assert (code, states()) == (1, ["failed", "failed", "failed", "created"])
    assert ending(said) == snapshot


@pytest.mark.parametrize("trainer", [SILENT, "nothing", "empty"])
def test_whoever_means_it_goes_on(search, gridfold, trainer):
    code, said = search(trainer, "--keep-going")
    assert (code, states()) == (0, ["completed"] * 4)
    assert said.count("warning: the first run has no metric\n") == 1
    assert "4 completed without metrics" in said


def test_a_search_that_stopped_goes_on_when_that_is_said(search, gridfold):
    search(SILENT)
    assert gridfold("resume", "last")[0] == 1
    assert states().count("completed") == 1
    assert gridfold("resume", "last", "--keep-going")[0] == 0
    assert states() == ["completed"] * 4


def test_it_goes_on_when_the_program_was_changed(search, gridfold, write):
    search(SILENT)
    write("t.py", JSON)
    code, said = gridfold("resume", "last")
    assert (code, states()) == (0, ["completed"] * 4)
    assert "1 completed without metrics" in said


def test_it_goes_on_with_a_file_put_there_by_hand(search, gridfold, write):
    search(SILENT)
    write(f"runs/{next(Store().find('last').entries()).run}/metrics.json", '{"val_loss": 0.5}')
    assert gridfold("collect")[0] == 0
    assert gridfold("resume", "last")[0] == 0
    assert states() == ["completed"] * 4


def test_it_goes_on_with_the_metric_that_there_is(search, gridfold):
    said = search("two", "--metric", "val_f2")[1]
    again = re.search("To continue: gridfold (.*)", said)[1].split()
    assert again[2:] == ["--metric", "val_f1"]
    assert gridfold(*again)[0] == 0
    assert states() == ["completed"] * 4


def test_a_pattern_in_the_command(search, gridfold):
    code, said = search(NAMED, "--metrics", r"quality=it reached: ([\d.]+)")
    assert code == 0, said
    assert "Metrics of run 0: quality from the log" in said
    assert gridfold("search", "--metrics", "quality=(", "--", "true", "{x=1,2}")[0] == 2


def test_a_metric_of_an_epoch_counts(search):
    assert search("two", "--metric", "val_acc")[0] == 0


def test_quiet_says_it_too(search):
    code, said = search(SILENT, "--quiet")
    assert code == 1
    assert "Stopped: run 0, the first to end, has no metric" in said


def test_runs_under_way_are_ended_and_can_be_resumed(search, gridfold, write, project):
    script = """
import pathlib, sys, time
if sys.argv[1] != "1":
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
"""
    code, _ = search(script, "--parallel", "3")
    assert (code, states()) == (1, ["completed", "interrupted", "interrupted", "created"])
    write("go", "")
    assert gridfold("resume", "last", "--keep-going")[0] == 0
    assert states() == ["completed"] * 4


def test_a_search_of_one_run(search, write):
    write("c.yaml", "x: 1\n")
    code, said = search(SILENT)
    assert (code, states()) == (1, ["completed"])
    assert "Stopped: run 0, the first to end, has no metric" in said
    assert "To continue" not in said


def test_directories_only(search, gridfold):
    assert search(SILENT, "--no-execute")[0] == 0
    assert gridfold("resume", "last", "--parallel", "1")[0] == 1
    assert states() == ["completed", "created", "created", "created"]


def test_a_race(search):
    code, said = search("nothing", "--race", "--repeats", "3")
    assert (code, states().count("completed")) == (1, 1)
    assert "has no metric" in said


def test_train_says_it(write, gridfold, project, snapshot):
    write("functions.py", FUNCTIONS)
    code, said = gridfold("train", "--config", write("one.yaml", "x: 1\n"), "--trainer", "functions:nothing")
    assert code == 0
    assert re.sub(r"runs/[\d_-]+", "runs/RUN", said[said.index("warning") :]) == snapshot


def test_from_python(search, write, project, snapshot):
    write("functions.py", FUNCTIONS)
    grid = HyperParamSearch({"gridfold": {"trainer": "functions:nothing"}, "x": [1, 2]})
    with pytest.raises(ConfigError) as caught:
        grid.run_grid_search(execute=True)
    assert re.sub(r"\d{6}", "HHMMSS", str(caught.value)) == snapshot
    assert sorted(states()) == ["completed", "created"]
    grid.run_grid_search(execute=True, keep_going=True)
    assert states() == ["completed", "completed"]


def test_a_call_in_python(write, project, snapshot):
    write("functions.py", FUNCTIONS)
    found = gridfold_in_python.search("functions:nothing", {"x": [1, 2]}, parallel=1, quiet=True)
    said = re.sub(r"run_\d{6}", "run_HHMMSS", repr(found))
    assert said[said.index("Stopped") :] == snapshot
    found = gridfold_in_python.search("functions:nothing", {"x": [1, 2]}, keep_going=True, quiet=True)
    assert "Stopped" not in repr(found)
    assert states() == ["completed", "completed"]


@pytest.mark.parametrize(("options", "count"), [((), 0), (("--metric", "val_f1"), 4), (("--metric", "nll"), 0)])
def test_reuse_takes_no_run_without_the_metric(search, gridfold, options, count):
    trainer = "two" if options else "empty"
    search(trainer, "--keep-going")
    code, said = search(trainer, "--reuse", "--keep-going", "--run-prefix", "again", *options)
    assert code == 0
    reused = [bool(record.reused) for _, record in Store().find("last").records()]
    assert reused == [count > 0] * 4
    assert ("Not reused: 4 results of the same config: no metric" in said) == (count == 0)
