"""Hydra's sweepers. What the values of overrides mean was taken from Hydra 1.3.8, of which this is a record."""

import pytest

from gridfold.config.document import Document
from gridfold.config.importing import hydra
from gridfold.config.importing.hydra_values import Choice, Glob, HydraSyntaxError, Range, Span, parse
from gridfold.config.importing.imported import Choices, Constant, Imported, Word
from gridfold.config.importing.source import Source


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("+3", 3),
        ("1_000", 1000),
        ("08", "08"),
        ("1e3", 1000.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("10e", "10e"),
        ("-inf", float("-inf")),
        ("TRUE", True),
        ("NULL", None),
        ("a b", "a b"),
        ("a/b.c-d", "a/b.c-d"),
        ("x:y", "x:y"),
        ("'1'", "1"),
        ('"a, b"', "a, b"),
        ("'it\\'s'", "it's"),
        ("a\\,b", "a,b"),
        ("${foo.bar}", "${foo.bar}"),
        ("[1, [a, 'b']]", [1, ["a", "b"]]),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("", ""),
        ("1, 2", Choice((1, 2))),
        ("[0.9,0.99],[0.9,0.999]", Choice(([0.9, 0.99], [0.9, 0.999]))),
        ("choice(a, 1.5, true, null)", Choice(("a", 1.5, True, None))),
        ("choice (a,b)", Choice(("a", "b"))),
        ("choice(1,2,3),", None),
        ("range(5)", Range(0, 5, 1)),
        ("range(1, 10, step=2)", Range(1, 10, 2)),
        ("range(start=0, stop=1, step=0.25)", Range(0, 1, 0.25)),
        ("interval(1, 5)", Span(1.0, 5.0)),
        ("tag(log, interval(1e-5, 0.1))", Span(1e-5, 0.1, ("log",))),
        ("tag(log, int(interval(1, 100)))", Span(1, 100, ("log",))),
        ("int(tag(log, interval(1, 100)))", Span(1, 100, ("log",))),
        ("float(choice(1, 2))", Choice((1.0, 2.0))),
        ("str(choice(1, true))", Choice(("1", "true"))),
        ("int(3.9)", 3),
        ("shuffle(a, b)", Choice(("a", "b"), is_shuffled=True)),
        ("shuffle(range(3))", Range(0, 3, 1, is_shuffled=True)),
        ("sort(choice(3, 1, 2), reverse=true)", Choice((3, 2, 1))),
        ("sort(range(3, 0, -1))", Choice((1, 2, 3))),
        ("glob([a*, b*], exclude=ab)", Glob("['a*', 'b*'], without ab")),
        ("choices(1, 2)", None),
        ("choice(", None),
        ("interval(1)", None),
        ("range(1, 5, 0)", None),
        ("choice(interval(1, 2), 3)", None),
        ("'a", None),
        ("[1, 2", None),
        ("a]b", None),
    ],
)
def test_values(text, value):
    if value is None and text.lower() != "null":
        with pytest.raises(HydraSyntaxError):
            parse(text)
    else:
        assert repr(parse(text)) == repr(value)


@pytest.mark.parametrize(
    ("numbers", "values"),
    [
        (Range(1, 4, 1), (1, 2, 3)),
        (Range(3, 0, -1), (3, 2, 1)),
        (Range(0, 0.3, 0.1), (0.0, 0.1, 0.2)),
        (Range(0.1, 0.1, 1), ()),
    ],
)
def test_a_range_ends_before_its_stop(numbers, values):
    assert numbers.values == values


def imported(text):
    found = Imported("config.yaml, a Hydra sweeper")
    root = Source(Document.parse(text, "config.yaml")).root
    assert hydra.is_sweeper(root)
    hydra.read(root, found)
    return found


def forms(found):
    return {path: parameter.form for path, parameter in found.parameters.items()}


def of_params(params, sweeper=""):
    return imported(f"hydra:\n  sweeper:\n    {sweeper}\n    params:\n" + "".join(f"      {line}\n" for line in params))


def test_the_basic_sweeper():
    found = of_params(
        ["lr: 1e-3, 1e-4", "+seed: range(0, 3)", "agent: iql", "wide: range(0, 64)", "x: range(1, 0, -0.5)"]
    )
    assert forms(found) == {
        "lr": Choices((1e-3, 1e-4)),
        "seed": Choices((0, 1, 2)),
        "agent": Constant("iql"),
        "wide": Word("int", (0, 63)),
        "x": Choices((1.0, 0.5)),
    }
    assert [remark.subject for remark in found.remarks] == ["seed", "program"]
    assert "strategy" not in found.settings


def test_the_optuna_sweeper_draws_the_end_of_a_range_too():
    params = [
        "a: range(1, 4)",
        "b: range(0, 1, step=0.5)",
        "c: tag(log, interval(1e-5, 0.1))",
        "d: int(interval(1, 9))",
    ]
    found = of_params(params, "n_trials: 30")
    assert forms(found) == {
        "a": Choices((1, 2, 3, 4)),
        "b": Choices((0.0, 0.5, 1.0)),
        "c": Word("log", (1e-5, 0.1)),
        "d": Word("int", (1, 9)),
    }
    assert found.settings == {"strategy": {"name": "tpe", "trials": 30}, "maximize": False}
    assert {remark.subject for remark in found.remarks} == {"direction", "program"}


def test_a_config_with_defaults_and_values_of_its_own():
    found = imported(
        """\
defaults:
  - _self_
  - override hydra/sweeper: optuna
  - override /hydra/sweeper/sampler: cmaes
  - model: resnet
optimized_metric: val/acc
model: {layers: [64, 32], dim: 8}
run: ???
hydra:
  mode: MULTIRUN
  sweeper:
    direction: maximize
    n_jobs: 4
    storage: sqlite:///a.db
    sampler: {seed: 7, sigma0: 0.1}
    params: {lr: "interval(0, 1)"}
"""
    )
    assert found.settings["strategy"] == {"name": "cmaes", "trials": 20, "seed": 7}
    assert found.settings["metric"] == "val/acc"
    assert found.settings["maximize"] is True
    assert found.options == ["--parallel 4"]
    assert forms(found) == {
        "model.layers": Constant([64, 32]),
        "model.dim": Constant(8),
        "lr": Word("uniform", (0.0, 1.0)),
    }
    assert {remark.subject: remark.where for remark in found.remarks} == {
        "run": "config.yaml:8:1",
        "defaults": "config.yaml:1:1",
        "hydra.mode": "config.yaml:10:3",
        "sampler.sigma0": "config.yaml:15:24",
        "storage": "config.yaml:14:5",
        "lr": "config.yaml:16:14",
        "program": "config.yaml:11:3",
    }


def test_the_space_as_it_was_before_hydra_1_2():
    found = imported(
        """\
sweeper:
  direction: maximize
  sampler: {_target_: optuna.samplers.NSGAIIISampler}
  search_space:
    lr: {type: float, low: 1e-4, high: 1e-3, log: true}
    n: {type: int, low: 1, high: 9, step: 4}
    x: {type: float, low: 0, high: 1}
    opt: {type: categorical, choices: [SGD, Adam]}
    bad: {type: float, low: 0}
"""
    )
    assert forms(found) == {
        "lr": Word("log", (1e-4, 1e-3)),
        "n": Choices((1, 5, 9)),
        "x": Word("uniform", (0.0, 1.0)),
        "opt": Choices(("SGD", "Adam")),
    }
    assert found.settings["strategy"] == {"name": "nsga", "trials": 20}
    assert "bad" in {remark.subject for remark in found.remarks}


@pytest.mark.parametrize(
    ("line", "subject", "problem"),
    [
        ("model/net: a,b", "model/net", "group"),
        ("db@backup: a,b", "db@backup", "group"),
        ("~x.y: null", "~x.y", "takes a key out"),
        ("hydra.job.name: x", "hydra.job.name", "how Hydra runs"),
        ("a: glob(*)", "a", "glob"),
        ("a: interval(0, 1)", "a", "no intervals"),
        ("a: choice(1", "a", "not closed"),
        ("a: shuffle(1, 2)", "a", "order"),
        ("a: [1, 2]", "a", "as one value"),
        ("a: range(3, 3)", "a", "empty"),
    ],
)
def test_what_has_no_translation_is_said_with_its_line(line, subject, problem):
    remark = of_params([line]).remarks[0]
    assert (remark.subject, remark.where) == (subject, "config.yaml:5:7")
    assert problem in remark.problem


def test_a_sweeper_of_another_kind_is_read_as_far_as_it_goes():
    found = of_params(["a: choice(1, 2)"], "_target_: hydra_plugins.hydra_ax_sweeper.ax_sweeper.AxSweeper")
    assert forms(found) == {"a": Choices((1, 2))}
    assert "sweeper" in {remark.subject for remark in found.remarks}


def test_the_command_line_that_a_multirun_has_kept():
    """As ``multirun.yaml`` has it, in part: with the config that was composed, and the groups that were chosen."""
    found = imported(
        """\
hydra:
  launcher: {_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher}
  sweeper: {_target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper, max_batch_size: null, params: null}
  overrides:
    hydra: [hydra.mode=MULTIRUN]
    task:
    - lr=choice(1e-3,1e-4)
    - model=a,b
    - +opt.betas=[0.9,0.99],[0.9,0.999]
  runtime: {choices: {model: a, hydra/sweeper: basic}}
model: {dim: 1}
lr: 0.1
batch: 16
"""
    )
    assert forms(found) == {
        "lr": Choices((1e-3, 1e-4)),
        "batch": Constant(16),
        "model": Choices(("a", "b")),
        "opt.betas": Choices(([0.9, 0.99], [0.9, 0.999])),
    }
    assert {remark.subject: remark.where for remark in found.remarks} == {
        "model": "config.yaml:8:7",
        "program": "config.yaml:3:3",
    }
