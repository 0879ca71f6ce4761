"""HyperParamSearch, the documented Python interface."""

import io
import itertools
import json
import re

import pytest
from rich.console import Console

from gridfold import ConfigError, HyperParamSearch
from gridfold.core.process.identity import Owner
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.record import Record, started
from gridfold.runs.store import Store
from gridfold.search.execute import execute_search
from gridfold.search.pending import Pending
from gridfold.show.live import live
from tests.loaders import pyyaml

CONFIG = {"gridfold": {"trainer": "toy:train"}, "training": {"lr": [0.5, 0.25], "size": 16}, "betas": [0.9, 0.99]}

LOOP = []
LOOP.append(LOOP)


def configs(run_dirs):
    return [pyyaml((run / "config.yaml").read_text()) for run in run_dirs]


def test_variations_of_the_config(project):
    run_dirs = HyperParamSearch(CONFIG).run_grid_search(run_prefix="experiment")
    assert len(run_dirs) == 4
    assert [c["training"]["lr"] for c in configs(run_dirs)] == [0.5, 0.5, 0.25, 0.25]
    assert all(re.match(r"runs/experiment_\d{6}_lr_0\.\d+_betas_0\.9", str(run)) for run in run_dirs)
    assert not list(project.glob("runs/*/run.json"))


def test_explicit_variations_are_laid_over_those_of_the_config(project):
    search = HyperParamSearch(CONFIG)
    run_dirs = search.run_grid_search({"training.size": [1, 2], "betas": 0.5, "+training.new": ["x", None]})
    found = [(c["training"]["lr"], c["training"]["size"], c["training"]["new"], c["betas"]) for c in configs(run_dirs)]
    assert found == [(lr, size, new, 0.5) for lr, size, new in itertools.product([0.5, 0.25], [1, 2], ["x", None])]


def test_execute(project):
    run_dirs = HyperParamSearch(CONFIG, runs_dir="elsewhere").run_grid_search({"betas": 0.5}, execute=True)
    assert [json.loads((run / "run.json").read_text())["state"] for run in run_dirs] == ["completed"] * 2
    assert run_dirs[0].parent.name == "elsewhere"


def test_run_directories_are_a_sequence(project):
    run_dirs = HyperParamSearch(CONFIG).run_grid_search()
    assert run_dirs[-1] == list(run_dirs)[3]
    assert run_dirs[1:3] == [run_dirs[1], run_dirs[2]]
    assert run_dirs[0] in run_dirs
    assert repr(run_dirs).startswith("<4 run directories, runs/run_")


def test_equal_configs_have_equal_ids(project):
    first = HyperParamSearch({"a": [1e-5, 2], "b": 1}).run_grid_search(run_prefix="x")
    second = HyperParamSearch({"b": 1, "a": 0}).run_grid_search({"a": [2, 0.00001]}, run_prefix="y")
    ids = [
        [json.loads(line)["id"] for line in next(project.glob(f"runs/{p}_*/runs.jsonl")).read_text().splitlines()]
        for p in "xy"
    ]
    assert len(first) == len(second) == 2
    assert ids[0] == ids[1][::-1]


@pytest.mark.parametrize(
    ("variations", "message"),
    [
        ({"training.lrr": [1]}, "training.lrr: no such path in the config\n  did you mean 'training.lr'?"),
        ({"training.lr": []}, "training.lr: no values, so there would be no runs"),
        ({"training.lr": [object()]}, "training.lr.0: a object is not allowed in a config"),
        ({3: [1]}, "not a dotted path: 3"),
        ({"training.lr": LOOP}, "a value that contains itself"),
        (["training.lr"], "variations are a mapping of path to values"),
    ],
)
def test_bad_variations(project, variations, message):
    with pytest.raises(ConfigError) as caught:
        HyperParamSearch(CONFIG).run_grid_search(variations)
    assert message in str(caught.value)
    assert not (project / "runs").exists()


def test_a_config_that_contains_itself():
    with pytest.raises(ConfigError, match="contains itself"):
        HyperParamSearch({"lr": [0.1, 0.2], "x": LOOP})


def test_the_executed_config_is_checked_by_the_trainer(project):
    (project / "toy2.py").write_text(
        "from gridfold import ConfigError\n"
        "class trainer:\n"
        "    def check(config):\n"
        "        if config['training']['lr'] < 0.5: raise ConfigError('too small', path='training.lr')\n"
        "    train = None\n"
    )
    (project / "c.yaml").write_text("gridfold: {trainer: 'toy2:trainer'}\ntraining:\n  lr: [0.5, 0.25]\n")
    with pytest.raises(ConfigError, match=r"^c.yaml:3:7: training.lr: too small$"):
        HyperParamSearch("c.yaml").run_grid_search(execute=True)
    assert not (project / "runs").exists()


def test_a_run_whose_process_ends_while_it_is_looked_at_is_not_taken_over(project, monkeypatch):
    HyperParamSearch({"gridfold": {"trainer": "toy:train"}, "what": ["nap", "finish"]}).run_grid_search()
    search = Store().find("last")
    entry = next(search.entries())
    record = Record(entry.id, entry.index, search.name, entry.params, "toy:train", attempt=1)
    assert search.run(entry).claims.take(started(record))
    lives = iter(["alive"])
    monkeypatch.setattr(Owner, "life", property(lambda _: next(lives, "dead")))
    assert list(Pending.read(search).held) == [entry.index]


def test_the_usual_time_of_a_run_is_the_median(project):
    HyperParamSearch({"gridfold": {"trainer": "toy:train"}, "what": ["nap", "finish", "sleep"]}).run_grid_search()
    search = Store().find("last")
    for entry, seconds in zip(search.entries(), (20, 30, 100), strict=True):
        record = Record(entry.id, entry.index, search.name, entry.params, "toy:train", attempt=1)
        search.run(entry).write(record.changed(state="completed", seconds=seconds))
    assert Pending.read(search).usual_seconds() == 30


class TestWatchers:
    """Whoever looks at a search does not end it."""

    @pytest.fixture
    def execute(self, project):
        def run(watcher, trainer="toy:train"):
            HyperParamSearch({"gridfold": {"trainer": trainer}, "what": ["nap", "finish"]}).run_grid_search()
            search = Store().find("last")
            with LocalExecutor() as executor:
                outcome = execute_search(Pending.read(search), executor, watcher)
            return search, outcome, [record.state for _, record in search.records()]

        return run

    @pytest.mark.parametrize("error", [ValueError("not\nshown"), SystemExit(1)])
    def test_the_first_exception_of_one_is_logged(self, execute, error):
        class Broken:
            def running(self, run):
                raise error

            def ended(self, run, record, *, again=False):
                raise error

        search, _, states = execute(Broken())
        assert states == ["completed"] * 2
        said = re.findall("not all was shown: (.*)", (search.dir / "search.log").read_text())
        assert len(said) == 1
        assert re.match(r"(ValueError|SystemExit) at .*:\d+: (not|1)", said[0])

    def test_ctrl_c_goes_through(self, execute):
        class Stopped:
            def running(self, run):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            execute(Stopped())

    @pytest.mark.parametrize("steps", [float("inf"), float("nan"), 10**18])
    def test_progress_without_an_end_is_shown(self, execute, write, steps):
        code = f"""
import time
from math import inf, nan
def train(config, run):
    for step in (0, 1):
        run.progress(step=step, steps={steps}, epoch=inf, loss=nan)
        time.sleep(0.3)
    return 1
"""
        write("endless.py", code)
        with live(Console(file=io.StringIO(), force_terminal=True), 2) as view:
            search, _, states = execute(view, "endless:train")
        assert states == ["completed"] * 2
        assert "not all was shown" not in (search.dir / "search.log").read_text()
