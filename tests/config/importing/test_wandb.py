"""W&B sweeps: every distribution, the command, what cannot be translated."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.config.document import Document
from gridfold.config.importing import wandb
from gridfold.config.importing.imported import Choices, Constant, Imported, Word
from gridfold.config.importing.section import config_text
from gridfold.config.importing.source import Source
from gridfold.config.space import space_of
from gridfold.space.parameters import Interval


def imported(text):
    found = Imported("sweep.yaml, a W&B sweep")
    wandb.read(Source(Document.parse(text, "sweep.yaml")).root, found)
    return found


def parameter(said, method="random"):
    """The form of one parameter, and the remarks about it."""
    cap = "run_cap: 3" if method != "grid" else ""
    found = imported(f"method: {method}\n{cap}\nprogram: t.py\nparameters: {{x: {json.dumps(said)}}}\n")
    return found.parameters["x"].form if "x" in found.parameters else None, found.remarks


@pytest.mark.parametrize(
    ("said", "form"),
    [
        ({"value": 3}, Constant(3)),
        ({"value": None, "distribution": "constant"}, Constant(None)),
        ({"values": ["a", "b"]}, Choices(("a", "b"))),
        ({"values": [7]}, Constant(7)),
        ({"values": [True, 1, 1.0]}, Choices((True, 1, 1.0))),
        ({"min": 1, "max": 9}, Word("int", (1, 9))),
        ({"min": 0, "max": 0.5}, Word("uniform", (0, 0.5))),
        ({"min": 0, "max": 1, "distribution": "uniform"}, Word("uniform", (0, 1))),
        ({"min": 1e-5, "max": 0.1, "distribution": "log_uniform_values"}, Word("log", (1e-5, 0.1))),
        ({"min": 1e-5, "max": 0.1, "distribution": "inv_log_uniform_values"}, Word("log", (1e-5, 0.1))),
        ({"min": -9.21034, "max": -2.302585, "distribution": "log_uniform"}, Word("log", (0.0001, 0.1))),
        ({"min": 2.302585, "max": 9.21034, "distribution": "inv_log_uniform"}, Word("log", (0.0001, 0.1))),
        ({"min": 8, "max": 256, "q": 8, "distribution": "q_uniform"}, Word("int", (8, 256, 8))),
        ({"min": 0, "max": 256, "distribution": "q_uniform"}, Word("int", (0, 256))),
        ({"min": 0, "max": 1, "q": 0.5, "distribution": "q_uniform"}, Choices((0.0, 0.5, 1.0))),
        ({"min": 0, "max": 1, "q": 0.05, "distribution": "q_uniform"}, Word("uniform", (0.0, 1.0, 21))),
        ({"min": 9.5, "max": 3000.5, "q": 1, "distribution": "q_log_uniform_values"}, Word("log_int", (10, 3000))),
        ({"min": 0, "max": math.log(100), "distribution": "q_log_uniform"}, Word("log_int", (1, 100))),
        ({"mu": 2, "sigma": 0.5, "distribution": "normal"}, Word("normal", (2, 0.5))),
        ({"distribution": "beta"}, Word("uniform", (0.0, 1.0))),
    ],
)
def test_what_has_a_word(said, form):
    found, remarks = parameter(said)
    assert found == form
    assert not remarks


@pytest.mark.parametrize(
    ("said", "form", "problem"),
    [
        ({"values": ["a", "b", "a"]}, Choices(("a", "b")), "twice"),
        ({"values": [1, 2], "probabilities": [0.9, 0.1]}, Choices((1, 2)), "probabilities"),
        ({"min": 1e-4, "max": 0.1, "distribution": "log_uniform"}, Word("log", (1.0001, 1.10517)), "exponents"),
        ({"min": 32, "max": 64, "q": 32, "distribution": "q_log_uniform_values"}, Choices((32, 64)), "multiples of 32"),
        ({"distribution": "q_normal", "q": 2}, Word("normal", (0, 1)), "multiples of 2"),
        ({"distribution": "log_normal"}, Word("log", (0.135335, 7.38906)), "95%"),
        ({"distribution": "beta", "a": 2}, Word("uniform", (0.0, 1.0)), "beta"),
        ({"min": 3, "max": 3}, None, "min has to be less than max"),
        ({"min": "a", "max": 3, "distribution": "uniform"}, None, "expected a number for min"),
        ({"min": 0, "max": 1, "distribution": "log_uniform_values"}, None, "positive numbers"),
        ({"distribution": "lognormal"}, None, "did you mean 'log_normal'?"),
        ({"values": []}, None, "expected a list of values"),
        ({"low": 1}, None, "expected value, values, or min and max, found low"),
        (3, None, "expected value, values"),
    ],
)
def test_what_is_different_is_said_with_its_line(said, form, problem):
    found, (remark,) = parameter(said)
    assert found == form
    assert problem in remark.problem
    assert remark.where == "sweep.yaml:4:14"
    assert remark.subject == "x"


def test_a_value_of_no_probability_is_not_taken():
    assert parameter({"values": [1, 2, 3], "probabilities": [0.5, 0.5, 0]}) == (Choices((1, 2)), [])


@given(st.integers(-50, 50), st.integers(1, 60), st.sampled_from([1, 2, 7, 0.3, 0.25]))
def test_a_grid_ends_before_the_maximum(low, width, q):
    found, remarks = parameter({"min": low, "max": low + width, "q": q, "distribution": "q_uniform"}, "grid")
    count = math.ceil(round(width / q, 9))
    assert not remarks
    assert listed(found) == pytest.approx([low + index * q for index in range(count)])


@given(st.integers(0, 40), st.integers(1, 60), st.sampled_from([0.1, 0.25, 0.5]))
def test_rounded_numbers_are_those_of_wandb(first, count, q):
    """W&B draws evenly and rounds to multiples of q."""
    low, high = first * q, (first + count) * q
    found, remarks = parameter({"min": low, "max": high, "q": q, "distribution": "q_uniform"})
    assert not remarks
    assert listed(found) == [pytest.approx(index * q) for index in range(first, first + count + 1)]


def listed(form):
    if isinstance(form, Word):
        low, high, *third = form.numbers
        if form.name == "int":
            return list(range(low, high + 1, *third))
        return [low + (high - low) * index / (third[0] - 1) for index in range(third[0])]
    return list(form.values) if isinstance(form, Choices) else [form.value]


SWEEP = """\
program: train.py
name: Sweep of (v5)
method: bayes
metric: {name: eval/reward, goal: maximize}
run_cap: 40
parameters:
  optimizer:
    parameters:
      lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-3}
      betas: {value: [0.9, 0.99]}
  blocks: {values: [{depth: 1}, {depth: 2}]}
  epochs: {value: 3}
"""


CONFIG = """\
gridfold:
  # Imported from sweep.yaml, a W&B sweep
  # gridfold search --config config.yaml --run-prefix Sweep_of_v5
  trainer: [python, train.py, '--optimizer.betas={optimizer.betas}', '--epochs={epochs}', '{args}']
  strategy: {name: gp, trials: 40}
  metric: eval/reward
  maximize: true
optimizer:
  lr: !log [1e-5, 0.001]
  betas: !fixed [0.9, 0.99]
blocks: !choice [{depth: 1}, {depth: 2}]
epochs: 3
"""


def test_a_sweep_becomes_a_config():
    text = config_text(imported(SWEEP), "config.yaml")
    assert text == CONFIG
    rate, blocks = space_of(Config.parse(text, "config.yaml")).parameters
    assert (rate.path, rate.values, rate.distribution) == ("optimizer.lr", None, Interval(1e-5, 1e-3, log=True))
    assert (blocks.path, blocks.values) == ("blocks", ({"depth": 1}, {"depth": 2}))


@given(st.integers(-9, 9), st.integers(1, 60), st.sampled_from([1, 3, 0.1, 0.25]))
def test_the_config_has_the_numbers_of_the_sweep(low, width, q):
    """W&B draws evenly from the range, and rounds to multiples of q."""
    said = {"distribution": "q_uniform", "min": low, "max": low + width, "q": q}
    found = imported(json.dumps({"method": "random", "run_cap": 1, "program": "t", "parameters": {"x": said}}))
    space = space_of(Config.parse(config_text(found, "c"), "c"))
    expected = range(round(low / q), round((low + width) / q) + 1)
    if len(expected) > 1:
        assert space.parameters[0].values == pytest.approx([index * q for index in expected])
        assert {type(value) for value in space.parameters[0].values} == {type(q)}


@pytest.mark.parametrize(
    ("command", "trainer"),
    [
        (["${env}", "${interpreter}", "${program}", "${args}"], ["python", "t.py", "--c={c}", "{args}"]),
        (["${program}", "${args_no_hyphens}"], ["t.py", "c={c}", "{args:hydra}"]),
        (["python3", "-m", "a.b", "${args_json_file}"], ["python3", "-m", "a.b", "{config:json}"]),
        (["/usr/bin/env", "t"], ["t"]),
    ],
)
def test_a_command(command, trainer):
    parameters = "{a: {values: [1, 2]}, c: {value: 1}}"
    text = f"program: t.py\nmethod: grid\ncommand: {json.dumps(command)}\nparameters: {parameters}"
    found = imported(text)
    assert found.settings["trainer"] == trainer
    assert not found.remarks


def test_nothing_is_dropped_without_a_word():
    """Each key that is no part of the config is in a remark."""
    extra = {"project": "p", "entity": "e", "controller": {"type": "local"}, "image_uri": "x", "whatever": 1}
    said = {
        "method": "custom",
        "run_cap": 3,
        "metrics": [{"name": "a", "goal": "maximize"}, {"name": "b"}],
        "parameters": {"a": {"value": 1}},
    }
    found = imported(json.dumps(said | extra | {"early_terminate": {"type": "hyperband", "min_iter": 3}}))
    assert {remark.subject for remark in found.remarks} == {*extra, "early_terminate", "program"}
    assert found.settings == {
        "prune": {"name": "asha", "min": 3, "eta": 3},
        "strategy": {"name": "nsga", "trials": 3, "metrics": {"a": "max", "b": "min"}},
    }


def test_a_sweep_without_an_end_gets_one():
    found = imported("method: random\nprogram: t.py\nparameters: {a: {values: [1, 2]}}")
    assert found.settings["strategy"] == {"name": "random", "trials": 50}
    assert [remark.subject for remark in found.remarks] == ["method"]


def test_names_that_are_in_each_others_way():
    found = imported("method: grid\nprogram: t\nparameters: {a: {value: 1}, a.b: {value: 2}}")
    assert "a:\n  b: 2\n" in config_text(found, "c.yaml")
    assert [remark.subject for remark in found.remarks] == ["a"]
    assert found.settings["trainer"] == ["python", "t", "--a.b={a.b}", "{args}"]


@pytest.mark.parametrize(
    ("said", "prune"),
    [
        ({"min_iter": 5}, {"min": 5, "eta": 3}),
        ({"min_iter": 5, "eta": 2, "s": 2}, {"min": 5, "eta": 2}),
        ({"max_iter": 27, "s": 2}, {"min": 3, "eta": 3, "max": 27}),
        ({"max_iter": 27, "s": 2, "eta": 1.5}, {"min": 12, "eta": 2, "max": 27}),
        ({"min_iter": "x"}, {"min": 1, "eta": 3}),
    ],
)
def test_hyperband_of_wandb(said, prune):
    sweep = {"method": "grid", "program": "t", "parameters": {"a": {"value": 1}}}
    found = imported(json.dumps(sweep | {"early_terminate": {"type": "hyperband", **said}}))
    assert found.settings["prune"] == {"name": "asha", **prune}
    assert [remark.subject for remark in found.remarks] == ["early_terminate"]


@pytest.mark.parametrize(
    "parameter",
    [
        {"distribution": {"a": 1}},
        {"distribution": ["uniform"]},
        {"values": [1, 2], "probabilities": [[0.5], {"a": 1}]},
        {"min": 10**400, "max": 10**401, "distribution": "uniform"},
        {"min": 1, "max": 10**400, "distribution": "log_uniform_values"},
        {"min": 0, "max": 1000, "distribution": "log_uniform"},
    ],
)
def test_nonsense_is_said_and_left_out(parameter):
    found = imported(json.dumps({"method": "random", "run_cap": 0, "program": "t", "parameters": {"x": parameter}}))
    assert not found.parameters
    assert {remark.subject for remark in found.remarks} == {"method", "x"}
    assert found.settings["strategy"]["trials"] == 50
