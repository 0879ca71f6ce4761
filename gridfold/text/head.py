"""The classification head: layers by the names that ``torch.nn`` gives them, in snake case.

Layers are described, checked and sized without torch, so that a config is checked without it; only `build_head`
imports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gridfold.core.errors import ConfigError, nearest
from gridfold.text.section import BELOW_ONE, FLAG, NOT_NEGATIVE, POSITIVE, TEXT, Kind, Section, choice, number, whole

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LayerType:
    """A kind of layer.

    Attributes:
        torch_name: the class of ``torch.nn``.
        options: keyword arguments that a config may give.
        width: the keyword argument that takes the width of the layer before, "" where there is none.
    """

    torch_name: str
    options: Mapping[str, Kind[Any]] = field(default_factory=dict)
    width: str = ""


_NUMBER = number("a number", lambda _: True)
_MOMENTUM = number("a number from 0 to 1", lambda v: 0 <= v <= 1)

LAYERS: Mapping[str, LayerType] = {
    "linear": LayerType("Linear", {"out_features": whole(1), "bias": FLAG}, width="in_features"),
    "dropout": LayerType("Dropout", {"p": BELOW_ONE}),
    "alpha_dropout": LayerType("AlphaDropout", {"p": BELOW_ONE}),
    "identity": LayerType("Identity"),
    "layer_norm": LayerType(
        "LayerNorm", {"eps": POSITIVE, "elementwise_affine": FLAG, "bias": FLAG}, width="normalized_shape"
    ),
    "rms_norm": LayerType("RMSNorm", {"eps": POSITIVE, "elementwise_affine": FLAG}, width="normalized_shape"),
    "batch_norm": LayerType(
        "BatchNorm1d",
        {"eps": POSITIVE, "momentum": _MOMENTUM, "affine": FLAG, "track_running_stats": FLAG},
        width="num_features",
    ),
    "relu": LayerType("ReLU"),
    "relu6": LayerType("ReLU6"),
    "leaky_relu": LayerType("LeakyReLU", {"negative_slope": NOT_NEGATIVE}),
    "prelu": LayerType("PReLU", {"init": _NUMBER}),
    "elu": LayerType("ELU", {"alpha": POSITIVE}),
    "celu": LayerType("CELU", {"alpha": POSITIVE}),
    "selu": LayerType("SELU"),
    "gelu": LayerType("GELU", {"approximate": choice("'none' or 'tanh'", ("none", "tanh"))}),
    "silu": LayerType("SiLU"),
    "mish": LayerType("Mish"),
    "softplus": LayerType("Softplus", {"beta": POSITIVE, "threshold": POSITIVE}),
    "softsign": LayerType("Softsign"),
    "tanh": LayerType("Tanh"),
    "sigmoid": LayerType("Sigmoid"),
    "hardtanh": LayerType("Hardtanh", {"min_val": _NUMBER, "max_val": _NUMBER}),
    "hardsigmoid": LayerType("Hardsigmoid"),
    "hardswish": LayerType("Hardswish"),
}


@dataclass(frozen=True)
class Layer:
    """One layer as the config gives it: its type and the options that were written."""

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """A classification head, the first layer first. The last layer is linear; its width may follow from the data."""

    layers: tuple[Layer, ...]

    @property
    def out_features(self) -> int | None:
        """How many logits the head gives; None to have as many as the data need."""
        return self.layers[-1].options.get("out_features")

    def giving(self, out_features: int) -> Head:
        """The same with so many logits, unless it says itself how many."""
        *body, last = self.layers
        return Head((*body, replace(last, options={"out_features": out_features, **last.options})))

    def sized(self, in_features: int) -> list[dict[str, Any]]:
        """The layers as plain mappings with every inferred size written out, for inputs of ``in_features`` columns."""
        rows, width = [], in_features
        for layer in self.layers:
            inferred = LAYERS[layer.type].width
            rows.append({"type": layer.type, **({inferred: width} if inferred else {}), **layer.options})
            width = layer.options.get("out_features", width)
        return rows


def read_head(model: Section) -> Head:
    """The head under ``model.classification_head``; ``ConfigError`` where it cannot be built."""
    section = model.section("classification_head")
    section.reject_unknown({"architecture"})
    items = section.sections("architecture")
    layers = tuple(_read_layer(item, is_last=item is items[-1]) for item in items)
    path = section.path_of("architecture")
    if not layers:
        raise ConfigError("no layers: the last one must be linear", path=path)
    if layers[-1].type != "linear":
        problem = f"the last layer must be linear, to give one logit a class; found {layers[-1].type}"
        raise ConfigError(problem, path=f"{path}.{len(layers) - 1}.type")
    return Head(layers)


def _read_layer(section: Section, *, is_last: bool) -> Layer:
    if "type" not in section:
        raise ConfigError(
            "a layer without a type",
            path=section.path,
            hint=f"expected {{type: ...}}, found {', '.join(section) or '{}'}",
        )
    name = section.require("type", TEXT)
    if name not in LAYERS:
        near, valid = nearest(name, LAYERS), f"valid: {', '.join(sorted(LAYERS))}"
        hint = near if near == valid else f"{near}\n{valid}"
        raise ConfigError(f"unknown layer '{name}'", path=section.path_of("type"), hint=hint)
    layer = LAYERS[name]
    if layer.width in section:
        problem = "gridfold sets it: the width of the layer before"
        raise ConfigError(problem, path=section.path_of(layer.width), hint="leave it out")
    section.reject_unknown({"type", *layer.options})
    if name == "linear" and not is_last:
        section.require("out_features", layer.options["out_features"])
    return Layer(name, {key: section.get(key, layer.options[key], None) for key in section if key != "type"})


def build_head(sized: Sequence[Mapping[str, Any]]) -> nn.Sequential:
    """The head as a module, its weights drawn from torch's global random state.

    Args:
        sized: layers with all their sizes, as `Head.sized` gives them.

    Returns:
        A module from features ``(n, in_features)`` to logits ``(n, out_features)``.
    """
    from torch import nn  # this module is read without torch when a config is checked

    modules = []
    for row in sized:
        options = {key: value for key, value in row.items() if key != "type"}
        modules.append(getattr(nn, LAYERS[row["type"]].torch_name)(**options))
    return nn.Sequential(*modules)
