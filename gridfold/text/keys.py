"""The keys of a config of the ready trainer, for whoever asks what they are for. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, replace
from importlib.util import find_spec
from pathlib import Path

from gridfold.config.importing.section import text_of
from gridfold.config.key import ITEM, REQUIRED, Key
from gridfold.text.adapter import Adapter
from gridfold.text.data_settings import DataSettings
from gridfold.text.head import LAYERS
from gridfold.text.section import keys_of
from gridfold.text.settings import LONG_NAMES, EndSettings, ModelSettings, TrainingSettings
from gridfold.text.trainer_arguments import HONOURED_WHEN_FROZEN, SET_BY_GRIDFOLD, kind_of_field

_HEAD = "model.classification_head.architecture"
_LAYER = f"{_HEAD}.{ITEM}"
_TRAINING = "training"


def keys() -> Iterator[Key]:
    """All keys but the fields of ``transformers.TrainingArguments``, of which only the usual ones are here."""
    yield from keys_of("model", ModelSettings)
    yield Key(
        "model.adapter",
        "train an adapter in place of the encoder's own weights",
        "a mapping, or null",
        example="{type: lora, r: 8}",
    )
    for each in keys_of("model.adapter", Adapter):
        given = "" if each.path.endswith(".type") else f", {each.path.rpartition('.')[2]}: {each.example}"
        yield replace(each, at="model.adapter", example=f"{{type: lora{given}}}")
    yield Key(
        _HEAD,
        "the layers of the head, by the names that torch.nn gives them in snake case; the last one is linear",
        "a list of mappings",
        REQUIRED,
        "[{type: dropout, p: 0.1}, {type: linear}]",
    )
    yield from _layers()
    yield from keys_of("data", DataSettings)
    yield from keys_of(_TRAINING, TrainingSettings, LONG_NAMES)
    yield from keys_of(_TRAINING, EndSettings, LONG_NAMES)
    for name, kind in HONOURED_WHEN_FROZEN.items():
        meaning, default, example = _FIELDS[name]
        yield Key(f"{_TRAINING}.{name}", meaning, kind.expected, default, example)


def key(path: str) -> Key | None:
    """The key at a path that is any other field of ``transformers.TrainingArguments``; None if there is no such field.

    It is asked for by itself, because importing transformers takes seconds; a typo costs none.
    """
    section, _, name = path.rpartition(".")
    if section != _TRAINING or not _is_in_source(name):
        return None
    kind = kind_of_field(name)
    if kind is None:
        return None
    if name in SET_BY_GRIDFOLD:
        return Key(path, "a field of transformers.TrainingArguments that a config cannot set", "nothing", "gridfold's")
    from transformers import TrainingArguments  # as above

    default = TrainingArguments.__dataclass_fields__[name].default
    said = "null" if default is MISSING else text_of(getattr(default, "value", default))
    return Key(path, _documented(name, TrainingArguments.__doc__ or ""), kind.expected, said, _usual_example(said))


def _is_in_source(name: str) -> bool:
    """Whether the class may have a field, as far as its source tells."""
    package = find_spec("transformers")
    places = package.submodule_search_locations if package else None
    if not places:
        return False
    source = Path(places[0], "training_args.py").read_text(encoding="utf-8")
    return re.search(rf"^    {re.escape(name)}: ", source, re.MULTILINE) is not None


def _documented(name: str, documentation: str) -> str:
    """The first sentence on a field."""
    found = re.search(rf"\b{name} ?\([^\n]*\):\s+(.+?)(?:[.:]\s|$)", documentation, re.DOTALL)
    of = "a field of transformers.TrainingArguments"
    return f"{of}: {' '.join(found[1].split())}" if found else of


def _usual_example(default: str) -> str:
    return {"false": "true", "true": "false", "null": ""}.get(default, default)


# What they are for, their defaults there, and an example.
_FIELDS: Mapping[str, tuple[str, str, str]] = {
    "optim": ("the optimiser, by the name that transformers has for it", "adamw_torch_fused", "sgd"),
    "optim_args": ("options of the optimiser, as transformers reads them", "null", '"momentum=0.9"'),
    "adam_beta1": ("decay of the mean of the gradients, in AdamW", "0.9", "0.95"),
    "adam_beta2": ("decay of the mean of their squares, in AdamW", "0.999", "0.98"),
    "adam_epsilon": ("what AdamW adds to a divisor", "1e-8", "1e-6"),
    "max_grad_norm": ("the largest norm of a gradient; 0 for any", "1.0", "0.5"),
    "gradient_accumulation_steps": ("batches whose gradients are added up for a step", "1", "4"),
    "label_smoothing_factor": ("share of certainty that is spread evenly over the labels", "0.0", "0.1"),
    "lr_scheduler_kwargs": ("options of the scheduler", "null", "{num_cycles: 2}"),
    "warmup_steps": ("steps in which the learning rate rises; below 1, a share of all", "0", "100"),
    "dataloader_drop_last": ("leave out a last batch that is not full", "false", "true"),
    "max_steps": ("train for exactly this many steps, whatever num_epochs says", "-1", "1000"),
    "use_cpu": ("compute on the CPU, also where there is a GPU", "false", "true"),
}

# What torch has where a layer does not say it, and a layer that does.
_OPTIONS: Mapping[str, tuple[str, str]] = {
    "out_features": (
        "of the last layer: as many as the task needs",
        "{type: linear, out_features: 256}",
    ),
    "bias": ("true", "{type: linear, out_features: 256, bias: false}"),
    "p": ("0.5", "{type: dropout, p: 0.1}"),
    "eps": ("1e-5; of rms_norm null", "{type: layer_norm, eps: 1e-6}"),
    "elementwise_affine": ("true", "{type: layer_norm, elementwise_affine: false}"),
    "momentum": ("0.1", "{type: batch_norm, momentum: 0.05}"),
    "affine": ("true", "{type: batch_norm, affine: false}"),
    "track_running_stats": ("true", "{type: batch_norm, track_running_stats: false}"),
    "negative_slope": ("0.01", "{type: leaky_relu, negative_slope: 0.1}"),
    "init": ("0.25", "{type: prelu, init: 0.1}"),
    "alpha": ("1.0", "{type: elu, alpha: 0.5}"),
    "approximate": ("none", "{type: gelu, approximate: tanh}"),
    "beta": ("1.0", "{type: softplus, beta: 2.0}"),
    "threshold": ("20.0", "{type: softplus, threshold: 10.0}"),
    "min_val": ("-1.0", "{type: hardtanh, min_val: -2.0}"),
    "max_val": ("1.0", "{type: hardtanh, max_val: 2.0}"),
}


def _layers() -> Iterator[Key]:
    """What each layer takes."""
    names = tuple(sorted(LAYERS))
    yield Key(f"{_LAYER}.type", "the kind of the layer", "a layer", REQUIRED, "[{type: linear}]", names, at=_HEAD)
    options = {name: kind for layer in LAYERS.values() for name, kind in layer.options.items()}
    for option, kind in options.items():
        owners = ", ".join(name for name in names if option in LAYERS[name].options)
        default, example = _OPTIONS[option]
        head = f"[{example}, {{type: linear}}]"
        yield Key(f"{_LAYER}.{option}", f"option of {owners}", kind.expected, default, head, kind.choices, at=_HEAD)
