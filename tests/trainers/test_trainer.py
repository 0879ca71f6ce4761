"""The contract of trainers, which every kind of trainer keeps."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from gridfold.core.errors import ConfigError
from gridfold.runs.run import Run
from gridfold.trainers.function import FunctionTrainer
from gridfold.trainers.resolve import resolve


class TrainerContract:
    """What the worker relies on. A subclass gives a trainer, a config it takes and one it refuses or fails at."""

    @pytest.fixture
    def trainer(self):
        raise NotImplementedError

    @pytest.fixture
    def config(self):
        raise NotImplementedError

    def test_check_takes_a_good_config(self, trainer, config):
        assert trainer.check(config) is None

    def test_train_returns_numbers_by_name(self, trainer, config, tmp_path):
        metrics = trainer.train(config, Run(tmp_path))
        assert metrics
        assert all(isinstance(name, str) and isinstance(value, (int, float)) for name, value in metrics.items())

    def test_training_again_gives_the_same(self, trainer, config, tmp_path):
        for name in "ab":
            (tmp_path / name).mkdir()
        assert trainer.train(config, Run(tmp_path / "a")) == trainer.train(config, Run(tmp_path / "b"))

    def test_the_config_is_left_as_it_was(self, trainer, config, tmp_path):
        before = repr(config)
        trainer.train(config, Run(tmp_path))
        assert repr(config) == before


class TestFunctionOfConfigAndRun(TrainerContract):
    @pytest.fixture
    def trainer(self):
        return FunctionTrainer(lambda config, run: {"loss": config["a"] * 0.5, "seed": run.seed})

    @pytest.fixture
    def config(self):
        return {"a": 3}


class TestFunctionOfConfig(TestFunctionOfConfigAndRun):
    @pytest.fixture
    def trainer(self):
        return FunctionTrainer(lambda config: config["a"])


@pytest.mark.parametrize("result", ["good", {"f1": "high"}, [1]])
def test_a_function_that_returns_no_numbers(result, tmp_path):
    with pytest.raises(TypeError, match="a trainer returns a mapping of numbers, or a number"):
        FunctionTrainer(lambda config: result).train({}, Run(tmp_path))


@pytest.mark.parametrize("result", [None, {}])
def test_a_function_without_metrics(result, tmp_path):
    assert FunctionTrainer(lambda config: result).train({}, Run(tmp_path)) == {}


def test_of_a_function_that_returns_nothing_the_last_report_counts(tmp_path):
    def train(config, run):
        for epoch in (1, 2):
            run.report(epoch=epoch, f1=epoch / 10)

    found = FunctionTrainer(train).train({}, Run(tmp_path))
    assert list(found.items()) == [("f1", 0.2), ("epoch", 2)]


def test_the_last_value_of_each_metric_counts(tmp_path):
    def train(config, run):
        run.report(step=1, loss=0.9, val_acc=0.5)
        run.report(step=2, loss=0.8, val_acc=0.6)
        run.report(step=3, loss=0.7)

    found = FunctionTrainer(train).train({}, Run(tmp_path))
    assert list(found.items()) == [("loss", 0.7), ("val_acc", 0.6), ("step", 3)]


def test_what_was_reported_counts_beside_a_runtime(tmp_path):
    def train(config, run):
        run.report(epoch=1, val_acc=0.5)
        return config

    trainer = FunctionTrainer(train)
    cost = {"train_runtime": 3.5, "epoch": 2}
    assert trainer.train(cost, Run(tmp_path)) == {"val_acc": 0.5, "epoch": 2, "train_runtime": 3.5}
    assert trainer.train(cost | {"f1": 0.1}, Run(tmp_path)) == cost | {"f1": 0.1}


def test_one_metric_that_is_none_or_no_number_does_not_fail_a_run(tmp_path):
    run = Run(tmp_path)
    metrics = FunctionTrainer(lambda config: {"acc": 0.5, "auc": None, "model": "svm", "matrix": [[1]]}).train({}, run)
    assert (list(metrics), metrics["acc"]) == (["acc", "auc"], 0.5)
    assert math.isnan(metrics["auc"])
    assert run.notes == [
        "'auc' has no value: the trainer returned None",
        "'model' is no metric, as it is no number: 'svm'",
        "'matrix' is no metric, as it is no number: [[1]]",
    ]


def test_of_epochs_too(tmp_path):
    Run(tmp_path).report(epoch=1, acc=0.5, auc=None)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 1, "acc": 0.5, "auc": NaN}\n'


class Scalar:
    def __init__(self, value):
        self.item = lambda: value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Decimal("0.5"), 0.5), (Fraction(1, 2), 0.5), (True, 1), (Scalar(3), 3), (Scalar(0.5), 0.5), (2**70, 2**70)],
)
def test_numbers_of_any_class(value, expected, tmp_path):
    found = FunctionTrainer(lambda config: {"x": value}).train({}, Run(tmp_path))["x"]
    assert (found, type(found)) == (expected, type(expected) if expected is not True else int)


@pytest.mark.parametrize("value", [1j, Scalar(1j), "0.5", b"1", object(), Decimal("sNaN")])
def test_what_is_no_number(value, tmp_path):
    with pytest.raises(TypeError, match="a trainer returns a mapping of numbers, or a number"):
        FunctionTrainer(lambda config: {"x": value}).train({}, Run(tmp_path))


@pytest.mark.parametrize("name", ["", ":", "x", ":x", "x:", "no_such_module_here:x", "json:no_such"])
def test_names_that_lead_nowhere(name):
    with pytest.raises(ConfigError):
        resolve(name)


KINDS = """
class Trainer:
    def check(self, config): ...
    def train(self, config, run): return 1.0

trainer = Trainer()
number = 1
def no_arguments(): return 1.0
def three(a, b, c): return 1.0
def keywords(*, config): return 1.0
def with_default(config, run=None): return 1.0
def anything(*arguments): return 1.0
def options(config, *, scale=1.0, **others): return scale
"""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("os:path", "is a module, which cannot be called"),
        ("kinds:number", "is a int, which cannot be called"),
        ("kinds:no_arguments", "cannot be called with a config"),
        ("kinds:three", "cannot be called with a config"),
        ("kinds:keywords", "cannot be called with a config"),
        ("os:getcwd", "cannot be called with a config"),
        ("kinds:Trainer", "is a class"),
    ],
)
def test_names_that_lead_to_what_is_no_trainer(write, name, problem):
    write("kinds.py", KINDS)
    with pytest.raises(ConfigError, match=f"'{name}' {problem}"):
        resolve(name)


@pytest.mark.parametrize("name", ["trainer", "with_default", "anything", "options"])
def test_names_that_lead_to_a_trainer(write, tmp_path, name):
    write("kinds.py", KINDS)
    assert resolve(f"kinds:{name}").train({}, Run(tmp_path))
