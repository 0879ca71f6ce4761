"""LoRA adapters by ``peft``, which is imported when it is first needed: few configs have one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.pytorch_utils import Conv1D

from gridfold.core.errors import ConfigError, nearest
from gridfold.text.adapter import Adapter
from gridfold.text.layers import layers_of
from gridfold.text.pretrained import quiet, reference

_PATH = "model.adapter"
_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # what peft puts before the names of weights in its files
_POOLER = "pooler"  # of what it computes nothing is used


def check_adapter(adapter: Adapter, name: str, frozen_layers: int) -> None:
    """Raise ``ConfigError`` if a model has no modules that an adapter is to be of.

    Args:
        adapter: what is asked for.
        name: ``model.name``.
        frozen_layers: ``model.frozen_layers``, which get no adapter.
    """
    _check_targets(adapter.target, name, frozen_layers)


@lru_cache(maxsize=64)
def _check_targets(target: tuple[str, ...], name: str, frozen_layers: int) -> None:
    with quiet(), torch.device("meta"):
        config = AutoConfig.from_pretrained(reference(name))
        model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    _targets(model, target, frozen_layers)


def add_adapter(model: nn.Module, adapter: Adapter, frozen_layers: int = 0) -> None:
    """Freeze a model's weights, and let its modules compute with adapters.

    The adapters' first weights are drawn from torch's global random state. They and all of what is trained are in
    float32. Frozen weights are not written to, so that forked processes have one copy of them.

    Args:
        model: changed in place; it computes as before, until an adapter has learned something.
        adapter: of which kind.
        frozen_layers: layers that get no adapter, from the embeddings on and with them.

    Raises:
        ConfigError: the model has no such modules.
    """
    from peft import LoraConfig, inject_adapter_in_model

    from gridfold.text.lora_linear import use_fused_linear

    targets = _targets(model, adapter.target, frozen_layers)
    options = LoraConfig(r=adapter.r, lora_alpha=adapter.alpha, lora_dropout=adapter.dropout, target_modules=targets)
    inject_adapter_in_model(options, model)
    use_fused_linear(model)


def save_adapter(model: nn.Module, base: str, folder: Path) -> None:
    """Write a model's adapter as ``peft`` does.

    Args:
        model: has been given an adapter.
        base: the model whose weights it has beside.
        folder: is made.
    """
    from peft import get_peft_model_state_dict

    folder.mkdir()
    options = _options(model)
    options.base_model_name_or_path = base
    options.save_pretrained(folder)
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    named = {_PREFIX + name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    (folder / _WEIGHTS).write_bytes(to_bytes(named, metadata={"format": "pt"}))


def load_adapter(model: nn.Module, folder: Path) -> None:
    """Let a model, which is changed in place, compute with an adapter that was saved."""
    from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict

    from gridfold.text.lora_linear import use_fused_linear

    inject_adapter_in_model(PeftConfig.from_pretrained(str(folder)), model)
    weights = {name.removeprefix(_PREFIX): weight for name, weight in load_file(folder / _WEIGHTS).items()}
    fitting: Any = set_peft_model_state_dict(model, weights)
    if fitting.unexpected_keys:
        raise ConfigError(f"the adapter in {folder} is of another model: it has {fitting.unexpected_keys[0]}")
    use_fused_linear(model)
    model.eval()


def merge_adapter(model: nn.Module) -> None:
    """Add a model's adapter to its weights, and let it be a plain model of ``transformers`` again; changed in place.

    What it computes is the same up to rounding.
    """
    from peft.tuners.lora import LoraLayer

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer)]
    for name, layer in layers:
        layer.merge()
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, layer.get_base_layer())
    for leftover in ("peft_config", "_hf_peft_config_loaded"):
        vars(model).pop(leftover, None)


def _options(model: nn.Module) -> Any:
    adapters: Any = model.peft_config
    (options,) = adapters.values()
    return options


def _targets(model: nn.Module, target: Sequence[str], frozen_layers: int) -> list[str]:
    """The names of the modules that an adapter is to be of."""
    found = _candidates(model, frozen_layers)
    if not target:
        linear = [name for name, kind in found.items() if kind != "Embedding" and _POOLER not in name.split(".")]
        if not linear:
            problem = f"a {type(model).__name__} has no linear layers that an adapter can be of"
            raise ConfigError(problem, path=_PATH, hint="leave it out, or give another model")
        return linear
    for wanted in target:
        if not any(_ends_with(name, wanted) for name in found):
            above = f" above its {frozen_layers} frozen layers" if frozen_layers else ""
            problem = f"no linear layer or embedding of a {type(model).__name__}{above} is called '{wanted}'"
            hint = nearest(wanted, {name.rpartition(".")[2] for name in found})
            raise ConfigError(problem, path=f"{_PATH}.target", hint=hint)
    return [name for name in found if any(_ends_with(name, wanted) for wanted in target)]


def _ends_with(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _candidates(model: nn.Module, frozen_layers: int) -> dict[str, str]:
    """The modules that can have an adapter, with what they are."""
    above = layers_of(model, frozen_layers)[frozen_layers:] if frozen_layers else [model]
    inside = {id(module) for part in above for module in part.modules()}
    return {
        name: type(module).__name__
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding | Conv1D) and id(module) in inside
    }
