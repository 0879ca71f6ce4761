"""``gridfold explain``: what the keys of a config are for."""

import json
import re
from dataclasses import fields

import jsonschema
import pytest

from gridfold.cli import main
from gridfold.config.config import Config
from gridfold.config.document import Document
from gridfold.config.settings import Settings
from gridfold.export.json.document import schema
from gridfold.text.adapter import read_adapter
from gridfold.text.data_settings import read_data, read_fold
from gridfold.text.head import read_head
from gridfold.text.section import LazyConfig
from gridfold.text.settings import read_model, read_training
from gridfold.trainers.explain import all_keys
from tests.conftest import ROOT

KEYS = all_keys()
SETTINGS = [key for key in KEYS if key.path.startswith("gridfold.")]
OF_TRAINER = [key for key in KEYS if key not in SETTINGS]
REQUIRED = """
model: {name: m, classification_head: {architecture: [{type: linear}]}}
data: {train: d, folds: 5, fold: 1}
"""
SECTIONS = ("model", "data", "training", "model.adapter")


@pytest.mark.parametrize(
    "words",
    [
        ("gridfold.repeats",),  # an option sets it
        ("seed",),  # three keys end like this
        ("training.num_train_epochs",),  # another name
        ("model.classification_head.architecture.2.p",),  # a path as errors have it
        ("strategy",),  # with what is in it
        ("batch_siz",),
        ("gridfold.strategy.trails",),
        ("parallel",),  # an option, not a key
        ("nothing like it",),
    ],
    ids=" ".join,
)
def test_a_key(gridfold, snapshot, words):
    assert gridfold("explain", *words) == snapshot


def test_all_of_them(gridfold, snapshot):
    assert gridfold("explain") == (0, snapshot)


def test_a_section_is_what_is_in_it(gridfold):
    code, said = gridfold("explain", "training")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()[1:] if line.startswith("  ")] == [
        key.path.removeprefix("training.") for key in KEYS if key.path.startswith("training.")
    ]


def test_as_json(capfd):
    assert main(["explain", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    jsonschema.validate(found, schema("explain/1"))
    by_path = {key["path"]: key for key in found["keys"]}
    assert [*by_path] == [key.path for key in KEYS]
    assert by_path["gridfold.strategy.trials"]["option"] == "--trials N"
    assert by_path["model.name"] | {"required": True, "default": None} == by_path["model.name"]


def test_every_setting_has_a_key():
    named = {key.path.split(".")[1] for key in SETTINGS}
    assert named == {each.name for each in fields(Settings)} - {"run_seed", "fold"}  # those are not of a base config


@pytest.mark.parametrize("key", SETTINGS, ids=lambda key: key.path)
def test_the_example_of_a_setting_is_one(key):
    assert Settings.read(Document.parse(key.snippet, "config.yaml")) != Settings()


@pytest.mark.parametrize("key", [key for key in OF_TRAINER if key.path != "training.optim"], ids=lambda key: key.path)
def test_the_example_of_a_key_is_one(key):
    config = read(REQUIRED)
    for section, values in read(key.snippet).items():
        config[section] = config.get(section, {}) | values
    lazy = LazyConfig(config)
    read_model(lazy)
    read_fold(lazy, read_data(lazy))
    read_head(lazy.section("model"))
    read_adapter(lazy.section("model"))
    read_training(lazy, frozen=False)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_documentation_says_the_same(section):
    text = (ROOT / "docs" / "text.md").read_text()
    part = text.partition(f"\n## `{section}`\n")[2].partition("\n## ")[0]
    documented = {}
    for names, default in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| `?(.*?)`? \|", part, re.MULTILINE):
        documented |= dict.fromkeys(re.findall(r"\w+", names), default)
    for name, default in documented.items():
        (key,) = (key for key in KEYS if key.path == f"{section}.{name}")
        told = {"by task", "null", "-"}  # in words on one side, or no default
        assert default in told or default == key.default or read(f"it: {key.default}") == read(f"it: {default}"), name


def read(text):
    return dict(Config.parse(text, "config.yaml").data)
