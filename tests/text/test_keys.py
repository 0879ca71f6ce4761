"""The keys of the ready trainer that are those of other libraries: what gridfold says of them is what they do."""

import inspect

import pytest
from torch import nn

from gridfold.config.config import Config
from gridfold.text import trainer
from gridfold.text.head import LAYERS
from gridfold.trainers.explain import all_keys

KEYS = {key.path: key for key in all_keys()}
OPTIONS = [(name, option) for name, layer in LAYERS.items() for option in layer.options if option != "out_features"]


def value(text):
    return Config.parse(f"it: {text}", "config.yaml").data["it"]


@pytest.mark.parametrize("name", ["optim_args", "adam_beta2", "max_grad_norm", "max_steps", "use_cpu", "warmup_steps"])
def test_defaults_are_those_of_transformers(name):
    assert KEYS[f"training.{name}"].default == trainer.key(f"training.{name}").default


@pytest.mark.parametrize(("layer", "option"), OPTIONS)
def test_defaults_are_those_of_torch(layer, option):
    default = inspect.signature(getattr(nn, LAYERS[layer].torch_name)).parameters[option].default
    said = KEYS[f"model.classification_head.architecture.N.{option}"].default
    assert default in {value(each.removeprefix(" of rms_norm ")) for each in said.split(";")}


def test_a_field_of_transformers():
    assert trainer.key("training.dataloader_num_workers").default == "0"
    assert trainer.key("training.save_steps").expected == "nothing"
    assert trainer.key("training.no_such_field") is None
    assert trainer.key("data.dataloader_num_workers") is None
