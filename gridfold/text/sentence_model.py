"""What a sentence-transformers folder says of its model: how the states of tokens become one vector. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.text.settings import AUTO, POOLINGS, ModelSettings

MODULES = "modules.json"
CONFIG = "config.json"
DENSE_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_PROMPTS = "config_sentence_transformers.json"
ReadFile = Callable[[str], "Path | None"]
"""Where a file of the model is, by its path inside the folder; None if there is none."""

# In the order in which sentence-transformers puts the vectors of several one after the other.
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_OTHER_NAMES = {"mean_sqrt_len_tokens": "mean_sqrt_len"}
_WITHOUT_EFFECT = ("Dropout",)  # where nothing is learned; the head has its own
_ACTIVATIONS = (
    "Identity",
    "Tanh",
    "ReLU",
    "GELU",
    "SiLU",
    "Sigmoid",
    "Mish",
    "ELU",
    "LeakyReLU",
    "Softplus",
)  # of torch.nn
_VECTOR = "sentence_embedding"


@dataclass(frozen=True)
class DenseLayer:
    """A linear layer with an activation, as a folder describes it.

    Attributes:
        weights: the file that has them.
        in_features: how long the vectors are that it takes,
        out_features: and those that it gives.
        bias: whether it adds one.
        activation: a class of ``torch.nn``.
    """

    weights: Path
    in_features: int
    out_features: int
    bias: bool
    activation: str


@dataclass(frozen=True)
class SentenceModel:
    """How a model makes vectors of texts, as its folder says.

    Attributes:
        pooling: names of ``POOLINGS``, joined by ``+``.
        dense: the layers after it.
        normalize: whether vectors are of length 1.
        leaves_out_prompt: whether the tokens of a prompt before the text do not count in the pooling.
        unknown: the kinds of modules that gridfold has not.
        prompts: what texts began with when the model was trained, of one kind and another.
    """

    pooling: str = "mean"
    dense: tuple[DenseLayer, ...] = ()
    normalize: bool = False
    leaves_out_prompt: bool = False
    unknown: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()


def read_sentence_model(file_of: ReadFile) -> SentenceModel:
    """What the folder says; mean pooling where it says nothing.

    Raises:
        ConfigError: a file of it cannot be read, or names a pooling that is not known.
    """
    listed = file_of(MODULES)
    if listed is None:
        return SentenceModel()
    found = SentenceModel()
    unknown: list[str] = []
    for module in _modules(listed):
        kind = str(module.get("type", "")).rpartition(".")[2]
        follows = not unknown and not found.normalize  # else it is left out, as what comes before it is
        layer = _dense(module, file_of) if kind == "Dense" and follows else None
        if kind == "Pooling":
            if config := file_of(f"{module.get('path', '')}/{CONFIG}"):
                said = _mapping(config)
                leaves_out = said.get("include_prompt") is False
                found = replace(found, pooling=_pooling(said, config), leaves_out_prompt=leaves_out)
        elif kind == "Normalize":
            found = replace(found, normalize=True)
        elif layer:
            found = replace(found, dense=(*found.dense, layer))
        elif kind not in ("Transformer", *_WITHOUT_EFFECT):
            unknown.append(kind)
    return replace(found, unknown=tuple(unknown), prompts=_prompts(file_of(_PROMPTS)))


def transformer_folder(folder: Path) -> Path:
    """Where the encoder is: in the folder itself, or, in older ones, in the folder of its first module."""
    if (folder / CONFIG).is_file() or not (folder / MODULES).is_file():
        return folder
    modules = _modules(folder / MODULES)
    return folder / str(modules[0].get("path", "")) if modules else folder


@dataclass(frozen=True)
class EncoderSettings(ModelSettings):
    """The settings, once what they leave to the model's folder is known.

    Attributes:
        dense: the layers after the pooling.
    """

    dense: tuple[DenseLayer, ...] = ()


def resolved(model: ModelSettings, found: SentenceModel) -> EncoderSettings:
    """The settings with what the config leaves to the folder.

    A config that gives the pooling makes vectors of its own: no dense layers follow, and they are brought to length 1
    only where it says so.

    Raises:
        ConfigError: the folder's pooling leaves out a prefix, and there is one.
    """
    left_to_folder = model.pooling == AUTO
    if left_to_folder and found.leaves_out_prompt and model.prefix:
        problem = "the model's own pooling leaves out the tokens of a prefix, which gridfold cannot do"
        raise ConfigError(problem, path="model.prefix", hint=f"remove it, or give the pooling: {found.pooling}")
    pooling = found.pooling if left_to_folder else model.pooling
    normalize = (left_to_folder and found.normalize) if model.normalize is None else model.normalize
    dense = found.dense if left_to_folder else ()
    return EncoderSettings(**{**vars(model), "pooling": pooling, "normalize": normalize, "dense": dense})


def _dense(module: Mapping[str, Any], file_of: ReadFile) -> DenseLayer | None:
    """A dense layer; None if it is one that gridfold has not.

    Raises:
        ConfigError: a file of it is not there, or cannot be read.
    """
    path = module.get("path", "")
    config = file_of(f"{path}/{CONFIG}")
    weights = next(filter(None, (file_of(f"{path}/{name}") for name in DENSE_WEIGHTS)), None)
    if config is None or weights is None:
        missing = CONFIG if config is None else f"weights, {' or '.join(DENSE_WEIGHTS)}"
        raise ConfigError(f"the model is not whole: its module {path} has no {missing}", path="model.name")
    said = _mapping(config)
    taken, given = said.get("in_features"), said.get("out_features")
    library, _, activation = str(said.get("activation_function", "torch.nn.Tanh")).rpartition(".")
    names = {said.get("module_input_name", _VECTOR), said.get("module_output_name") or _VECTOR}
    is_known = library.startswith("torch.nn") and activation in _ACTIVATIONS and names == {_VECTOR}
    if not is_known or said.get("use_residual") or not (isinstance(taken, int) and isinstance(given, int)):
        return None
    return DenseLayer(weights, taken, given, said.get("bias", True), activation)


def _mapping(file: Path) -> Mapping[str, Any]:
    found = _parsed(file)
    if not isinstance(found, Mapping):
        raise ConfigError(f"cannot read {file}: it holds no mapping", path="model.name")
    return found


def _modules(file: Path) -> list[Mapping[str, Any]]:
    found = _parsed(file)
    if not isinstance(found, list) or not all(isinstance(module, Mapping) for module in found):
        raise ConfigError(f"cannot read {file}: it holds no list of modules", path="model.name")
    return found


def _parsed(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {file}: {error}", path="model.name") from error


def _prompts(file: Path | None) -> tuple[str, ...]:
    said = _mapping(file).get("prompts") if file else None
    return tuple(dict.fromkeys(prompt for prompt in said.values() if prompt)) if isinstance(said, Mapping) else ()


def _pooling(config: Mapping[str, Any], file: Path) -> str:
    given = config.get("pooling_mode")
    if given is None:
        given = [name for flag, name in _FLAGS.items() if config.get(flag)] or "mean"
    names = [_OTHER_NAMES.get(name, name) for name in ([given] if isinstance(given, str) else given)]
    for name in names:
        if name not in POOLINGS:
            problem = f"{file} names a pooling that is not known: {name}"
            raise ConfigError(problem, path="model.pooling", hint=f"give one: {', '.join(POOLINGS)}")
    return "+".join(names)
