"""Dense layers of a sentence-transformers model, which come after the pooling."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from gridfold.core.errors import ConfigError
from gridfold.text.sentence_model import CONFIG, DENSE_WEIGHTS, MODULES, DenseLayer

_PREFIX = "linear."


def load_dense(layers: Sequence[DenseLayer]) -> nn.Sequential:
    """A linear module and an activation for each layer, in float32.

    Raises:
        ConfigError: their weights cannot be read, or are not those that their config tells of.
    """
    return nn.Sequential(*(part for layer in layers for part in _parts(layer)))


def _parts(layer: DenseLayer) -> tuple[nn.Module, nn.Module]:
    linear = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias)
    try:
        linear.load_state_dict({name.removeprefix(_PREFIX): weight for name, weight in _weights(layer.weights).items()})
    except Exception as error:  # there is no end to what a file of garbage raises
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"cannot read {layer.weights}: {reason}", path="model.name") from error
    return linear, getattr(nn, layer.activation)()


def _weights(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        return load_file(file)
    weights: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return weights


def save_dense(modules: nn.Sequential, folder: Path) -> None:
    """Write what `load_dense` gave, and training may have changed, into the folder of the encoder, to be read again."""
    listed = [{"path": "", "type": "Transformer"}]
    parts: list[Any] = list(modules)
    for linear, activation in zip(parts[::2], parts[1::2], strict=True):
        path = f"{len(listed)}_Dense"
        listed.append({"path": path, "type": "Dense"})
        (folder / path).mkdir()
        weights = {_PREFIX + name: weight.detach().cpu().contiguous() for name, weight in linear.state_dict().items()}
        (folder / path / DENSE_WEIGHTS[0]).write_bytes(to_bytes(weights))
        kind = type(activation)
        said = {name: getattr(linear, name) for name in ("in_features", "out_features")}
        said |= {"bias": linear.bias is not None, "activation_function": f"{kind.__module__}.{kind.__qualname__}"}
        (folder / path / CONFIG).write_text(json.dumps(said), encoding="utf-8")
    if parts:
        (folder / MODULES).write_text(json.dumps(listed), encoding="utf-8")
