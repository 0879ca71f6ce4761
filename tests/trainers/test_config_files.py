"""The config of a run as JSON, TOML and flags, read by the usual readers."""

import argparse
import json
import math
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.core.values import canonical
from gridfold.runs.run import Run
from gridfold.trainers.command import CommandTrainer
from gridfold.trainers.config_files import write_formats

CONFIG = {"lr": 1e-7, "model": {"name": 'é a"b', "sizes": [64, 32], "bias": False}, "steps": 3, "x": -math.inf}
KEYS = st.text('ab.c ="é', min_size=1, max_size=5)
SCALARS = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
)
CONFIGS = st.dictionaries(
    KEYS, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
)


@given(CONFIGS)
def test_every_value_is_the_same_again(tmp_path_factory, config):
    folder = tmp_path_factory.mktemp("run")
    write_formats(["{config:json}", "--toml={config:toml}"], config, folder)
    assert canonical(json.loads((folder / "config.json").read_text())) == canonical(config)
    assert canonical(tomllib.loads((folder / "config.toml").read_text())) == canonical(config)


def test_json_has_null(tmp_path):
    write_formats(["{config:json}"], {"a": None}, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": None}


def test_absl_and_argparse_read_the_flags(tmp_path):
    absl_flags = pytest.importorskip("absl.flags")
    write_formats(["@{config:flags}"], CONFIG | {"none": None, "tags": ["a", "b"]}, tmp_path)
    path = tmp_path / "config.flags"
    values = absl_flags.FlagValues()
    for name in ("lr", "x"):
        absl_flags.DEFINE_float(name, 0, "", flag_values=values)
    absl_flags.DEFINE_string("model.name", "", "", flag_values=values)
    absl_flags.DEFINE_multi_integer("model.sizes", [], "", flag_values=values)
    absl_flags.DEFINE_bool("model.bias", True, "", flag_values=values)
    absl_flags.DEFINE_integer("steps", 0, "", flag_values=values)
    absl_flags.DEFINE_multi_string("tags", [], "", flag_values=values)
    values(["program", f"--flagfile={path}"])
    assert values["model.sizes"].value == [64, 32]
    assert [values[name].value for name in ("lr", "x", "model.name", "model.bias", "tags")] == [
        *(1e-7, -math.inf, 'é a"b', False, ["a", "b"])
    ]
    parser = argparse.ArgumentParser(fromfile_prefix_chars="@")
    parser.add_argument("--lr", type=float)
    parser.add_argument("--model.sizes", action="append", type=int)
    found, _ = parser.parse_known_args([f"@{path}"])
    assert vars(found) == {"lr": 1e-7, "model.sizes": [64, 32]}


def test_a_program_gets_the_path(tmp_path):
    run = Run(tmp_path)
    code = "import json, sys, tomllib; print(json.dumps({'lr': tomllib.load(open(sys.argv[1], 'rb'))['lr']}))"
    trainer = CommandTrainer((sys.executable, "-c", code, "{config:toml}"))
    trainer.check({"lr": 0.1})
    assert trainer.train({"lr": 0.1}, run) == {"lr": 0.1}
    assert run.results() == []
    assert trainer.may_look


REFUSED = {
    "null in TOML": ("{config:toml}", {"a": {"b": [1, None]}}),
    "a line break in flags": ("{config:flags}", {"a": {"b": "x\ny"}}),
    "no format": ("{config:yml}", {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, snapshot):
    argument, config = REFUSED[case]
    with pytest.raises(ConfigError) as error:
        CommandTrainer((sys.executable, argument)).check(config)
    assert str(error.value) == snapshot


def test_without_tomli_w(snapshot, monkeypatch):
    monkeypatch.setitem(sys.modules, "tomli_w", None)
    with pytest.raises(ConfigError) as error:
        CommandTrainer((sys.executable, "{config:toml}")).check({})
    assert str(error.value) == snapshot
