"""Bad input to the built-in trainer, on the command line: one message with its place, exit code 2, no file."""

import json

import pytest

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


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_the_first_run(inputs, command, write, name, snapshot):
    old, new = BAD[name]
    assert CONFIG.count(old) == 1
    result = command("hyper_main.py", "--config", write("c.yaml", CONFIG.replace(old, new)))
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr == snapshot
    assert not (inputs / "runs").exists()
