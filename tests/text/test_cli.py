"""Bad input to the built-in trainer, on the command line: one message with its place, exit code 2, no file."""

import json
from contextlib import AbstractContextManager

import pytest

from gridfold.cli import search
from gridfold.executors import registry

CONFIG = """\
model:
  name: tiny
  freeze_encoder: true
  classification_head:
    architecture:
      - {type: linear, out_features: 8}
      - type: relu
      - {type: linear, out_features: 2}
data:
  train: train.csv
training:
  learning_rate: [1e-3, 1e-2]
  num_epochs: 1
"""

BAD = {
    "unknown key in model": ("  freeze_encoder:", "  freeze_encodr:"),
    "unknown key in data": ("  train:", "  limt: 3\n  train:"),
    "unknown key in training": ("  num_epochs: 1", "  num_epoch: 1"),
    "unknown layer": ("type: relu", "type: rleu"),
    "unknown option of a layer": ("type: relu", "type: dropout\n        prob: 0.1"),
    "one value of a varied list": ("[1e-3, 1e-2]", "[1e-3, -1]"),
    "a number in quotes": ("num_epochs: 1", "num_epochs: '1'"),
    "missing file": ("train.csv", "trian.csv"),
    "missing column": ("  train:", "  text_column: body\n  train:"),
    "labels that do not fit": ("out_features: 2", "out_features: 3"),
    "empty split": ("  train:", "  limit: 1\n  train:"),
    "no such model": ("name: tiny", "name: ./tinny"),
    "package that is not there": ("name: tiny", "name: package:no_such_package/model"),
    "misspelled section": ("training:", "trainig:"),
    "a list of one value": ("num_epochs: 1", "num_epochs: [1]"),
    "layer without a type": ("type: relu", "typ: relu"),
    "no architecture": ("architecture:", "layers:"),
    "interpolation to nothing": ("num_epochs: 1", "num_epochs: ${epochs}"),
    "set by gridfold": ("num_epochs: 1", "output_dir: elsewhere"),
    "without effect when frozen": ("num_epochs: 1", "fp16: true"),
}


@pytest.fixture
def inputs(project, write):
    """A model folder that is complete as far as can be seen without loading it, and some texts."""
    write("tiny/config.json", json.dumps({"model_type": "bert"}))
    write("tiny/model.safetensors", "")
    write("tiny/tokenizer.json", "{}")
    rows = [f"text {number},{'ab'[number % 2]}" for number in range(20)]
    write("train.csv", "\n".join(["text,label", *rows, ""]))
    return project


class Here(AbstractContextManager):
    """An executor that checks in this process: it imports torch and transformers once for all tests."""

    parallel = 1

    def __init__(self, options):
        pass

    def __exit__(self, *_):
        pass

    def call(self, trainer, function, *arguments):
        return function(*arguments)


def broken(name):
    """The config with one mistake in it."""
    old, new = BAD[name]
    assert CONFIG.count(old) == 1
    return CONFIG.replace(old, new)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_the_first_run(inputs, write, capsys, monkeypatch, name, snapshot):
    monkeypatch.setitem(registry._OWN, registry.LOCAL, f"{__name__}:Here")
    monkeypatch.setenv("COLUMNS", "160")
    code = search(["--config", write("c.yaml", broken(name))])
    assert code == 2
    assert capsys.readouterr().err == snapshot
    assert not (inputs / "runs").exists()


def test_bad_input_is_refused_where_a_process_of_its_own_checks(inputs, command, write):
    result = command("hyper_main.py", "--config", write("c.yaml", broken("unknown layer")))
    assert result.returncode == 2, result.stdout + result.stderr
    place = "c.yaml:7:15: model.classification_head.architecture.1.type"
    assert result.stderr.startswith(f"error: {place}: unknown layer 'rleu'\n  did you mean 'relu'?\n  valid: ")
    assert not (inputs / "runs").exists()
