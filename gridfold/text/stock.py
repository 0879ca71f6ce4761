"""Heads that a class of ``transformers`` has: such a classifier can be exported as a plain model of that class."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

_IDLE = (nn.Dropout, nn.AlphaDropout, nn.Identity)  # that do nothing once a model is trained
_ACTIVATIONS: Mapping[type[nn.Module], str] = {
    nn.Tanh: "tanh",
    nn.ReLU: "relu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Identity: "linear",
}


@dataclass(frozen=True)
class _Stock:
    """The head that a kind of model has: a square linear layer, an activation, and the linear layer of the labels.

    Attributes:
        dense: the name of the first layer.
        out: the name of the last layer.
        activation: what is between them; "" for what the config says.
        named_in: where the config says it.
    """

    dense: str
    out: str
    activation: str = ""
    named_in: str = ""


_ROBERTA = _Stock("classifier.dense", "classifier.out_proj", "tanh")
_DEBERTA = _Stock("pooler.dense", "classifier", named_in="pooler_hidden_act")
_STOCK: Mapping[str, _Stock] = {
    "bert": _Stock("bert.pooler.dense", "classifier", "tanh"),
    "albert": _Stock("albert.pooler", "classifier", "tanh"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _ROBERTA,
    "electra": _Stock("classifier.dense", "classifier.out_proj", "gelu"),
    "distilbert": _Stock("pre_classifier", "classifier", "relu"),
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
}


def stock_model(encoder: PreTrainedModel, pooling: str, head: Sequence[nn.Module]) -> PreTrainedModel | None:
    """The model of ``transformers`` that computes what an encoder with a head does; None if there is none.

    There is one where the first token stands for the text (pooling ``cls``), and the head is a linear layer that is
    not wider than the encoder, the activation that this kind of model has, and the linear layer of the labels. A
    narrower layer is filled up with zeros. DeBERTa takes any activation, and the layer of the labels alone, too.
    """
    stock = _STOCK.get(encoder.config.model_type)
    if stock is None or pooling != "cls":
        return None
    layers, width = [layer for layer in head if not isinstance(layer, _IDLE)], encoder.config.hidden_size
    if len(layers) == 1 and stock.named_in:
        layers = [_unchanged(width), nn.Identity(), *layers]
    activation = _activation(layers, width)
    if activation is None or (stock.activation or activation) != activation:
        return None
    first, last = layers[0], layers[-1]
    config: Any = copy.deepcopy(encoder.config)
    config.num_labels = last.out_features
    if stock.named_in:
        setattr(config, stock.named_in, activation)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    model.base_model.load_state_dict(encoder.state_dict(), strict=False)
    _fill(model.get_submodule(stock.dense), first)
    _fill(model.get_submodule(stock.out), last)
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _activation(layers: Sequence[Any], width: int) -> str | None:
    """The activation of a head of two linear layers, by its name; None if it is another head."""
    if len(layers) != 3 or not all(isinstance(layer, nn.Linear) for layer in (layers[0], layers[-1])):
        return None
    if layers[0].out_features > width or (isinstance(layers[1], nn.GELU) and layers[1].approximate != "none"):
        return None
    return _ACTIVATIONS.get(type(layers[1]))


def _unchanged(width: int) -> nn.Linear:
    """A layer that gives what it is given."""
    layer = nn.Linear(width, width)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(width))
        layer.bias.zero_()
    return layer


def _fill(layer: Any, weights: Any) -> None:
    """Give a layer the weights of one that is not larger, and zeros beyond."""
    with torch.no_grad():
        _fill_tensor(layer.weight, weights.weight)
        _fill_tensor(layer.bias, weights.bias if weights.bias is not None else torch.zeros(0))


def _fill_tensor(target: Tensor, values: Tensor) -> None:
    target.zero_()
    target[tuple(slice(size) for size in values.shape)] = values
