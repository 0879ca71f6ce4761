"""``gridfold import``: what is printed, what is written, what is refused."""

import pytest
import yaml

from gridfold.core.values import Loader

SWEEP = """\
program: train.py
method: random
run_cap: 8
metric: {name: val_loss, goal: minimize, target: 0.1}
parameters:
  model.dropout: {min: 0.0, max: 0.5}
  lr: {distribution: log_uniform_values, min: 1e-5, max: 1e-1}
  size: {distribution: q_log_uniform_values, min: 32, max: 256, q: 8}
  epochs: {value: 3}
"""
BASE = """\
# What we train.
gridfold: {trainer: "train:train", metric: val_f1}  # ours
model:
  dropout: 0.1  # of the head
size:
  - 16  # as before
  - 32
epochs: 5
"""


@pytest.fixture
def sweep(write):
    return write("sweep.yaml", SWEEP)


def test_a_config_on_the_screen(gridfold, sweep, snapshot):
    assert gridfold("import", sweep) == snapshot


def test_a_base_keeps_its_text(gridfold, sweep, write, project, snapshot):
    base = write("base.yaml", BASE)
    assert gridfold("import", sweep, "--base", base, "-o", "config.yaml") == snapshot
    assert (project / "config.yaml").read_text() == snapshot
    assert (project / "base.yaml").read_text() == BASE


@pytest.mark.parametrize(
    "base",
    [
        "",
        "gridfold:\nx: 1\n",
        "gridfold:\n  threads: 2\nx: 1",
        "gridfold: {threads: 2}\nx: 1\n",
        "# a\r\nx: 1\r\ngridfold:\r\n  threads: 2\r\n",
        "x: 1\ngridfold:\n    threads: 2  # two\n",
        "\ufeffx: 1\n",
    ],
)
def test_the_section_joins_the_one_that_is_there(gridfold, sweep, write, project, base):
    write(
        "base.yaml", base + "lr: 3\nsize: [1, 2]\n" if base.endswith("\n") or not base else f"{base}\nlr: 3\nsize: 2\n"
    )
    code, _ = gridfold("import", sweep, "--base", "base.yaml", "-o", "out.yaml")
    assert code == 0
    text = (project / "out.yaml").read_bytes().decode()
    assert ("\r\n" in base) == ("\r\n" in text)
    found = yaml.load(text.replace("!log", "").replace("!int", ""), Loader=Loader)
    assert found["gridfold"]["strategy"] == {"name": "random", "trials": 8}
    assert found["lr"] == [1e-5, 0.1]
    assert found["gridfold"].get("threads") == (2 if "threads" in base else None)


def test_an_alias_is_not_torn(gridfold, sweep, write, project):
    write("base.yaml", "a: &a 1\nlr: *a\nsize: 2\n")
    assert gridfold("import", sweep, "--base", "base.yaml", "-o", "out.yaml")[0] == 0
    assert "a: &a 1\nlr: *a\n" in (project / "out.yaml").read_text()


def test_hydra_choosing_a_group(gridfold, write):
    write("base.yaml", "model: {name: a}\n")
    write("conf.yaml", "hydra: {sweeper: {params: {model: 'a,b'}}}\n")
    _, said = gridfold("import", "conf.yaml", "--base", "base.yaml")
    assert (
        "base.yaml:1:8: model: is a section of base.yaml, and its values are [a, b]\n  if they choose a config" in said
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sweep.yam", None),
        ("study.pkl", "x"),
        ("sweep.py", "x"),
        ("other.yaml", "a: 1"),
        ("broken.yaml", "a: [1"),
        ("bad.yaml", "method: grid\nparameters: 3"),
    ],
)
def test_what_cannot_be_imported(gridfold, sweep, write, name, text, snapshot):
    if text is not None:
        write(name, text)
    assert gridfold("import", name) == snapshot


def test_no_file_is_overwritten(gridfold, sweep, project):
    code, said = gridfold("import", sweep, "-o", "sweep.yaml")
    assert (code, said) == (2, "error: sweep.yaml: there is such a file already\n  name another one, or remove it\n")
    assert (project / "sweep.yaml").read_text() == SWEEP
