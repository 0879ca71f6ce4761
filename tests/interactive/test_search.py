"""``gridfold.search``: functions from anywhere, and what comes back."""

import importlib
import inspect
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import gridfold
from gridfold import ConfigError, HyperParamSearch
from gridfold.runs.store import Store
from gridfold.trainers.saved import name_of
from tests.conftest import ROOT

SCRIPT = '''
import functools
import math
import pickle
import gridfold

RATES = {"small": 0.25, "large": 0.5}
TABLE = [math.sin(x) for x in range(20_000)]


class Model:
    """A class of the script, of which a run saves an object."""

    def __init__(self, weight):
        self.weight = weight


@functools.cache
def total(count):
    return sum(TABLE[:count])


def make(offset):
    def train(config, run):
        start = total(20_000)  # the same for all runs
        model = Model(RATES[config["rate"]])
        for epoch in range(config["epochs"]):
            model.weight *= 1 - config["decay"]
            run.report(epoch=epoch, loss=start + model.weight + offset)
        (run.dir / "model.pkl").write_bytes(pickle.dumps(model))
        return {"loss": start + model.weight + offset}

    return train


if __name__ == "__main__":
    found = gridfold.search(
        make(1), {"rate": ["small", "large"], "decay": (0.1, 0.2), "epochs": 3}, name="script", parallel=2
    )
    print(found)
    print(found.best)
    pickle.loads((found.best.directory / "model.pkl").read_bytes())
'''


NOISY = """
def train(config, run):
    for epoch in range(3):
        run.report(epoch=epoch, loss=config["x"] / (epoch + 1), val_f1=0.5)
"""


@pytest.fixture
def train():
    """A function that is in no module."""

    def train(config, run):
        for epoch in range(3):
            run.report(epoch=epoch, loss=config["x"] / (epoch + 1), val_f1=0.5)

    return train


@pytest.fixture
def module(project, monkeypatch):
    """The same in a module."""
    (project / "beside.py").write_text(NOISY)
    monkeypatch.syspath_prepend(str(project))
    yield importlib.import_module("beside")
    del sys.modules["beside"]


@pytest.fixture
def python(project):
    """Runs a script in the project."""

    def run(text, **variables):
        (project / "script.py").write_text(text)
        return subprocess.run(
            [sys.executable, "-W", "error", "script.py"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"} | variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


def without_times(text):
    text = re.sub(r"test_search\.py:\d+", "test_search.py:LINE", text.replace(str(ROOT), "ROOT"))
    text = re.sub(r"_\d{6}(?=\b|_)", "_HHMMSS", text)
    text = re.sub(r"(?<=functions/)(\w+)_[0-9a-f]{12}", r"\1_DIGEST", text)
    return re.sub(r"\b\d+\.\d(?= │$)", "0.0", text, flags=re.MULTILINE)


class TestFunctionsOfAScript:
    """A function that is in no module is like any other."""

    @pytest.fixture
    def searched(self, python):
        result = python(SCRIPT)
        assert result.returncode == 0, result.stderr
        return result

    def test_all_that_it_uses_is_there_and_every_command_works(self, searched, gridfold, snapshot):
        assert without_times(searched.stdout) == snapshot
        code, said = gridfold("verify", "last", "--all")
        assert "4 of 4 runs give the same alone, to the last bit" in said
        assert code == 0
        events = Store().find("last").sharing_events()
        assert next(event["sizes"] for event in events if "split" in event) == [2, 2]  # total() was computed once
        code, said = gridfold("resume", "last", "--repeats", "2", "--top", "1")
        assert code == 0, said
        assert len(list(Store().find("last").entries())) == 5
        assert gridfold("reproduce", "0")[0] == 0
        run = Store().find_run("0")
        assert gridfold("train", "--config", str(run.config_path))[0] == 0

    def test_a_failure_shows_the_line(self, python, gridfold):
        result = python(SCRIPT.replace('"epochs": 3', '"epochs": "many"'))
        assert "TypeError at runs/.functions/train_" in result.stdout
        assert "/script.py:27: 'str' object cannot be interpreted as an integer" in result.stdout
        records = Store().find("last").records()
        failed = next(entry.run for entry, record in records if record.state == "failed")  # the last may be stopped
        assert 'for epoch in range(config["epochs"]):' in gridfold("logs", failed)[1]

    def test_it_gives_what_a_function_of_a_module_gives(self, module, train):
        metrics = []
        for trainer in (train, module.train, "beside:train"):
            found = gridfold.search(trainer, {"x": [0.1, 0.7, 1 / 3]}, quiet=True)
            records = [record for _, record in Store().find(found.name).records()]
            metrics.append([repr(record.metrics) for record in records])
        assert metrics[0] == metrics[1] == metrics[2]

    def test_a_function_of_a_module_is_named(self, module):
        assert name_of(module.train, Path("runs")) == "beside:train"
        assert not Path("runs").exists()


class TestIdentity:
    """The name of a saved function says what it is."""

    SCRIPT = """
import math

WORDS = {"a", "b", "c"}
SIZE = 3


class Base:
    rate = 1


def helper(x, y=2):
    return math.sqrt(x) + y + Base.rate


def make(k):
    def train(config):
        return helper(SIZE) + k + (config["x"] in WORDS)

    return train
"""

    @pytest.fixture
    def name(self, project):
        def of(text, k=1):
            script = {"__name__": "__main__"}
            exec(text, script)
            return name_of(script["make"](k), Path("runs"))

        return of

    def test_it_is_the_same_in_every_process(self, name, python):
        said = "import gridfold.trainers.saved, pathlib\n"
        said += "print(gridfold.trainers.saved.name_of(make(1), pathlib.Path('runs')))\n"
        names = [python(self.SCRIPT + said, PYTHONHASHSEED=str(seed)).stdout.strip() for seed in (1, 2)]
        assert names == [name(self.SCRIPT)] * 2

    def test_comments_and_what_it_does_not_use_do_not_count(self, name):
        assert name(self.SCRIPT) == name(self.SCRIPT.replace("SIZE = 3", "# a comment\nSIZE = 3\nOTHER = 4"))

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("SIZE = 3", "SIZE = 4"),
            ("SIZE = 3", "SIZE = 3.0"),
            ('"c"}', '"d"}'),
            ("y=2", "y=3"),
            ("rate = 1", "rate = 2"),
            ("math.sqrt", "math.exp"),
            ("+ k", "- k"),
        ],
    )
    def test_all_that_the_function_uses_counts(self, name, before, after):
        assert name(self.SCRIPT) != name(self.SCRIPT.replace(before, after))

    def test_what_is_around_it_counts(self, name):
        assert name(self.SCRIPT) != name(self.SCRIPT, 2)

    def test_results_are_reused_while_it_is_the_same(self, project):
        def search(offset):
            found = gridfold.search(lambda config: config["x"] + offset, {"x": [1, 2]}, reuse=True, quiet=True)
            return [bool(record.reused) for _, record in Store().find(found.name).records()]

        assert search(1) == [False, False]
        assert search(1) == [True, True]
        assert search(2) == [False, False]

    def test_a_module_that_it_imports_counts(self, project, monkeypatch):
        monkeypatch.syspath_prepend(str(project))

        def train(config):
            import values

            return values.ONE + config["x"]

        facts = []
        for value in (1, 2):
            (project / "values.py").write_text(f"ONE = {value}\n")
            found = gridfold.search(train, {"x": [1, 2]}, quiet=True)
            facts.append(Store().find(found.name).facts())
        assert facts[0]["trainer"] == facts[1]["trainer"]
        (sources,) = Store().find("last").codes().values()
        assert [*sources.files] == ["values.py"]
        assert facts[0]["fingerprint"] != facts[1]["fingerprint"]


class TestErrors:
    @pytest.fixture
    def message(self, project, snapshot):
        def check(*arguments, **options):
            with pytest.raises(ConfigError) as caught:
                gridfold.search(*arguments, **options)
            assert without_times(str(caught.value)) == snapshot
            assert not list(project.glob("runs/*"))

        return check

    def test_a_variable_that_cannot_be_saved(self, message):
        connection = sqlite3.connect(":memory:")
        message(lambda config: connection.execute("select 1"), {"x": [1, 2]})
        connection.close()

    def test_one_that_another_function_uses(self, message):
        connection = sqlite3.connect(":memory:")

        def query():
            return connection.execute("select 1")

        def train(config):
            return query()

        message(train, {"x": [1, 2]})
        connection.close()

    @pytest.mark.parametrize("trainer", [3, lambda: 1, "no colon", "nowhere:train"], ids=str.__class__)
    def test_no_trainer(self, message, trainer):
        message(trainer, {"x": [1, 2]})

    @pytest.mark.parametrize(
        ("config", "options"),
        [
            ({"x": [1, 2], "gridfold": {"nope": 1}}, {}),
            ({"x": [1j]}, {}),
            ("nowhere.yaml", {}),
            ({"x": [1, 2]}, {"name": "a/b"}),
            ({"x": [1, 2]}, {"parallel": 0}),
            ({"x": [1, 2]}, {"timeout": -1}),
            ({"x": [1, 2]}, {"repeats": "many"}),
            ({"x": list(range(200)), "y": list(range(200))}, {}),
        ],
    )
    def test_bad_input(self, message, train, config, options):
        message(train, config, **options)

    def test_a_saved_function_that_is_gone(self, project, snapshot, gridfold):
        trainer = self.saved(project)
        trainer.unlink()
        assert (2, without_times(gridfold("resume", "last")[1])) == (gridfold("resume", "last")[0], snapshot)

    def test_one_of_another_version_of_python(self, project, snapshot, gridfold):
        facts = self.saved(project).with_name("function.json")
        facts.write_text(json.dumps(json.loads(facts.read_text()) | {"python": "3.7"}))
        code, said = gridfold("resume", "last")
        assert code == 2
        assert without_times(said).replace(f"{sys.version_info.major}.{sys.version_info.minor}", "X.Y") == snapshot

    @staticmethod
    def saved(project):
        HyperParamSearch({"x": [1, 2]}, trainer=lambda config: config["x"]).run_grid_search()
        return next(project.glob("runs/.functions/*/function.pkl"))


class Malicious:
    """Who unpickles it makes a file."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


def test_commands_that_only_look_load_no_function(project, gridfold):
    import pickle

    HyperParamSearch({"x": [1, 2]}, trainer=lambda config: config["x"]).run_grid_search(execute=True)
    next(project.glob("runs/.functions/*/function.pkl")).write_bytes(pickle.dumps(Malicious()))
    for command in ("list", "status", "results", "best", "report", "sharing", "logs 0", "diff 0 1", "diff last 0 1"):
        assert gridfold(*command.split())[0] == 0, command
    assert not Path("unpickled").exists()
    gridfold("verify", "last", "-n", "1")
    assert Path("unpickled").exists()  # which runs it


class TestResult:
    @pytest.fixture
    def found(self, project, train):
        return gridfold.search(
            train, {"x": [1, 3, 2], "kind": gridfold.fixed(["a", "b"])}, metric="loss", name="found", quiet=True
        )

    def test_as_text_and_in_a_notebook(self, found, snapshot):
        assert without_times(repr(found)) == snapshot
        assert without_times(re.sub(r"\b\d+\.\d(?=</td></tr>|</th></tr>)", "0.0", found._repr_html_())) == snapshot

    def test_an_earlier_search(self, found):
        for name in (found.name, found.directory, "last"):
            assert repr(gridfold.Search(name)) == repr(found)
        with pytest.raises(ConfigError, match="no search 'fund'"):
            gridfold.Search("fund")

    def test_the_best(self, found):
        assert found.best.values == {"x": 1}
        assert found.best.metrics == {"loss": 1 / 3, "val_f1": 0.5, "epoch": 2}
        assert found.best.directory == next(Path("runs").glob("found_*_x_1"))

    def test_as_a_frame(self, found):
        pytest.importorskip("pandas")
        assert list(found.to_frame()["x"]) == [1, 2, 3]
        assert list(found.to_frame(by="run")["run"]) == [
            path.name for x in "123" for path in Path("runs").glob(f"*_x_{x}")
        ]

    def test_its_report_and_figures(self, found):
        pytest.importorskip("scipy")
        assert found.report() == found.directory / "report.html"
        assert found.report().read_text().startswith("<!DOCTYPE html>")
        for kind in ("parallel", "curves"):
            picture = found.figure(kind)._repr_svg_()
            assert picture.startswith("<svg ")
            assert picture.count('class="best"') == 1
        with pytest.raises(ConfigError, match="no figure 'curve'\n  did you mean 'curves'"):
            found.figure("curve")

    def test_the_list_that_is_fixed_is_not_swept(self, found):
        configs = [path.read_text() for path in Path("runs").glob("*_x_*/config.yaml")]
        assert len(configs) == 3
        assert all("[a, b]" in text or "- a\n- b" in text for text in configs)

    def test_failures(self, project, snapshot):
        def fails(config):
            raise ValueError("<b>no</b>")

        found = gridfold.search(fails, {"x": list(range(5))}, parallel=1, name="found", quiet=True)
        assert without_times(repr(found)) == snapshot
        assert "&lt;b&gt;no&lt;/b&gt;" in found._repr_html_()
        with pytest.raises(ConfigError, match="no run is completed with a metric to compare by"):
            _ = found.best

    def test_metric_and_direction(self, project, train):
        found = gridfold.search(train, {"x": [1, 2]}, metric="loss", maximize=True, quiet=True)
        assert found.best.values == {"x": 2}
        HyperParamSearch({"x": [1, 2]}, trainer=train, metric="loss", maximize=True).run_grid_search(execute=True)
        facts = Store().find("last").facts()
        assert (facts["metric"], facts["maximize"]) == ("loss", True)

    def test_what_options_are_called_in_python(self, project):
        found = gridfold.search(lambda config: config["x"], {"x": [1, 2]}, quiet=True)
        assert "if lower is better, say so by maximize=False." in repr(found)

    def test_a_command(self, project):
        found = gridfold.search(["echo", '{"score": {x}}'], {"x": [1, 2]}, quiet=True)
        assert found.best.values == {"x": 2}


class TestTheName:
    """``gridfold.search`` is the room of that name, and can be called, whoever has imported what before."""

    def test_it_can_be_called_after_any_import(self, project):
        for name in ("plan", "loop", "hyperparam_search"):
            importlib.import_module(f"gridfold.search.{name}")
        assert callable(gridfold.search)
        from gridfold import search

        assert search is gridfold.search
        assert gridfold.search.plan.Plan

    def test_it_says_what_it_takes(self):
        assert list(inspect.signature(gridfold.search).parameters)[:3] == ["trainer", "config", "name"]
        assert gridfold.search.__doc__.startswith("Run every combination of the lists in a config")

    def test_the_package_shows_its_public_names(self):
        assert dir(gridfold) == sorted(gridfold.__all__)
        assert all(hasattr(gridfold, name) for name in gridfold.__all__)


def test_an_interruption(python, gridfold):
    result = python("""
import os, pathlib, signal, threading, time
import gridfold

HERE = pathlib.Path.cwd()


def train(config, run):
    (HERE / "begun").touch()
    time.sleep(config["seconds"])
    return {"loss": 1}


def interrupt():
    while not (HERE / "begun").exists():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


threading.Thread(target=interrupt).start()
try:
    gridfold.search(train, {"seconds": [60, 0]}, parallel=1, quiet=True)
except KeyboardInterrupt:
    print("interrupted")
""")
    assert (result.returncode, result.stdout) == (0, "interrupted\n")
    states = [record.state if record else "created" for _, record in Store().find("last").records()]
    assert states == ["interrupted", "created"]


def test_an_object_that_trains(project):
    class Trainer:
        checkpoints = ("*.bin",)

        def check(self, config):
            if config["x"] > 2:
                raise ConfigError("too large", path="x")

        def train(self, config, run):
            return {"loss": config["x"]}

    assert gridfold.search(Trainer(), {"x": [1, 2]}, quiet=True).best.values == {"x": 1}
    with pytest.raises(ConfigError, match="x: too large"):
        gridfold.search(Trainer(), {"x": [1, 3]}, quiet=True)
