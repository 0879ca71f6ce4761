"""Adapters: what is trained beside a frozen encoder, what is saved of it, and that its runs share the encoder."""

from __future__ import annotations

import copy
import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from gridfold.core.errors import ConfigError
from gridfold.executors.local.executor import LocalExecutor
from gridfold.text import load, trainer
from gridfold.text.adapter import Adapter
from gridfold.text.encoder import PooledEncoder, load_encoder
from gridfold.text.lora import add_adapter, load_adapter, merge_adapter, save_adapter
from tests.text.architectures import ENCODERS, small_model
from tests.text.examples import TOPICS, NotedRun
from tests.text.test_shared_runs import both

TEXTS = ["a cat and a dog", "red", "we saw the storm here today and it was very white"]
WITHOUT_LINEAR = ["ibert", "squeezebert"]  # theirs are quantized, or convolutions
PROBE = {"input_ids": torch.arange(5, 15).view(2, 5), "attention_mask": torch.ones(2, 5, dtype=torch.long)}


@pytest.fixture
def adapted(config: dict[str, Any]) -> dict[str, Any]:
    """A config with an adapter."""
    changed = copy.deepcopy(config)
    changed["model"]["adapter"] = {"type": "lora", "r": 4, "alpha": 8, "dropout": 0.1}
    changed["training"] |= {"num_epochs": 2, "learning_rate": 2e-2}
    return changed


def small_encoder(kind: str) -> PooledEncoder:
    return PooledEncoder(small_model(kind), "mean")


def weights_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.safetensors"))}


def test_a_run_saves_its_adapter_and_predicts_as_it_did(
    adapted: dict[str, Any], new_run: Callable[[str], NotedRun]
) -> None:
    run = new_run("run")
    trainer.check(adapted)
    trainer.train(adapted, run)

    assert set(weights_of(run.dir)) == {"head.safetensors", "adapter/adapter_model.safetensors"}
    with (run.dir / "predictions.csv").open(newline="") as file:
        said = list(csv.DictReader(file))
    labels, chances = load(run.dir).predict([row["text"] for row in said])
    assert labels == [row["prediction"] for row in said]
    assert chances.tolist() == [[float(row[f"probability_{label}"]) for label in sorted(TOPICS)] for row in said]


@pytest.mark.parametrize("frozen_layers", [0, 1])
def test_only_what_the_adapter_adds_is_trained(
    adapted: dict[str, Any], new_run: Callable[[str], NotedRun], frozen_layers: int
) -> None:
    adapted["model"]["frozen_layers"] = frozen_layers
    run = new_run("run")
    trainer.train(adapted, run)

    saved = load_file(run.dir / "adapter" / "adapter_model.safetensors")
    layers = {name.split(".layer.")[1][0] for name in saved}
    assert layers == {"0", "1"} - {str(layer) for layer in range(frozen_layers)}
    assert all(weight.abs().sum() > 0 for weight in saved.values())
    classifier = load(run.dir)
    base = load_encoder(adapted["model"]["name"], "mean").model.state_dict()
    trained = {name.replace(".base_layer", ""): w for name, w in classifier.encoder.model.state_dict().items()}
    assert all(torch.equal(weight, trained[name]) for name, weight in base.items())


def test_runs_that_share_the_encoder_are_what_they_are_alone(
    adapted: dict[str, Any], executors: dict[bool, LocalExecutor], tmp_path: Path
) -> None:
    configs = []
    for rank in (2, 4):
        own = copy.deepcopy(adapted)
        own["model"]["adapter"]["r"] = rank
        own["training"]["num_epochs"] = 1
        configs.append(own)
    for shared, alone in both(executors, tmp_path, configs):
        assert shared.read().metrics == alone.read().metrics
        assert weights_of(shared.dir) == weights_of(alone.dir)


def test_a_head_learns_in_float32_whatever_the_checkpoint_is_stored_in(
    adapted: dict[str, Any], tiny_model: Path, tmp_path: Path, new_run: Callable[[str], NotedRun]
) -> None:
    import shutil

    from transformers import AutoModel

    half = shutil.copytree(tiny_model, tmp_path / "half")
    AutoModel.from_pretrained(tiny_model).to(torch.bfloat16).save_pretrained(half)
    adapted["model"]["name"] = str(half)
    adapted["training"] |= {"learning_rate": 1e-5, "num_epochs": 1, "weight_decay": 0.0}
    long, short = new_run("long"), new_run("short")
    trainer.train(adapted, long)
    adapted["training"]["max_steps"] = 1
    trainer.train(adapted, short)

    heads = [load_file(run.dir / "head.safetensors") for run in (long, short)]
    assert all(weight.dtype == torch.float32 for head in heads for weight in head.values())
    moved = torch.cat([(heads[0][name] != heads[1][name]).flatten() for name in heads[0]])
    assert moved.float().mean() > 0.95


@pytest.mark.parametrize("kind", [kind for kind in ENCODERS if kind not in WITHOUT_LINEAR])
def test_an_adapter_of_every_architecture_is_saved_loaded_and_merged(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    encoder = small_encoder(kind)
    before = encoder(**PROBE)
    add_adapter(encoder.model, Adapter("lora"))
    assert torch.equal(encoder(**PROBE), before)
    for name, weight in encoder.named_parameters():
        assert weight.requires_grad == ("lora_" in name)
        if weight.requires_grad:
            torch.nn.init.normal_(weight.data, std=0.3)
    after = encoder.eval()(**PROBE)
    assert not torch.allclose(after, before)

    save_adapter(encoder.model, "base", tmp_path / "adapter")
    other = small_encoder(kind)
    load_adapter(other.model, tmp_path / "adapter")
    assert torch.equal(other.eval()(**PROBE), after)
    merge_adapter(other.model)
    assert other.model.state_dict().keys() == small_encoder(kind).model.state_dict().keys()
    assert torch.allclose(other(**PROBE), after, atol=1e-5)


@pytest.mark.parametrize("kind", WITHOUT_LINEAR)
def test_an_encoder_without_linear_layers_is_refused(kind: str, snapshot: Any) -> None:
    with pytest.raises(ConfigError) as error:
        add_adapter(small_encoder(kind).model, Adapter("lora"))
    assert str(error.value) == snapshot


def test_peft_loads_what_is_saved(tmp_path: Path) -> None:
    from peft import PeftModel

    encoder = small_encoder("bert")
    add_adapter(encoder.model, Adapter("lora", r=2))
    for weight in encoder.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight.data, std=0.3)
    save_adapter(encoder.model, "base", tmp_path / "adapter")
    other = small_encoder("bert")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of peft 0.21 with transformers 5.23
        PeftModel.from_pretrained(other.model, tmp_path / "adapter")
    assert torch.equal(other(**PROBE), encoder(**PROBE))


def test_a_training_goes_on_from_its_checkpoint(
    adapted: dict[str, Any], new_run: Callable[[str], NotedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which holds nothing of the base."""
    from gridfold.text.checkpoint import CheckpointFile
    from gridfold.text.finetune import _FineTuner

    adapted["training"]["num_epochs"] = 3
    whole, interrupted = new_run("whole"), new_run("interrupted")
    trainer.train(adapted, whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointFile, "affordable", True)
        patch.setattr(_FineTuner, "on_epoch_end", _stop_after(2))
        with pytest.raises(KeyboardInterrupt):
            trainer.train(adapted, interrupted)
    assert (interrupted.dir / "checkpoint.pt").stat().st_size < 200_000
    trainer.train(adapted, interrupted)
    assert weights_of(interrupted.dir) == weights_of(whole.dir)


def _stop_after(epoch: int) -> Callable[..., None]:
    def stop(self: Any, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.epoch == epoch:
            raise KeyboardInterrupt

    return stop


WRONG = {
    "type_missing": {"r": 4},
    "type": {"type": "prefix"},
    "rank": {"type": "lora", "r": 0},
    "peft_name": {"type": "lora", "lora_alpha": 8},
    "one_text": {"type": "lora", "target": "query_proj"},
    "no_such_module": {"type": "lora", "target": ["query"]},
    "list": ["lora"],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_adapters_are_errors_before_the_first_run(name: str, config: dict[str, Any], snapshot: Any) -> None:
    config["model"]["adapter"] = WRONG[name]
    with pytest.raises(ConfigError) as error:
        trainer.check(config)
    assert str(error.value) == snapshot


def test_a_frozen_encoder_has_no_adapter(adapted: dict[str, Any], snapshot: Any) -> None:
    adapted["model"]["freeze_encoder"] = True
    with pytest.raises(ConfigError) as error:
        trainer.check(adapted)
    assert str(error.value) == snapshot


def test_frozen_layers_have_no_adapter(adapted: dict[str, Any], snapshot: Any) -> None:
    adapted["model"] |= {"frozen_layers": 1, "adapter": {"type": "lora", "target": ["word_embeddings"]}}
    with pytest.raises(ConfigError) as error:
        trainer.check(adapted)
    assert str(error.value) == snapshot


def test_null_is_no_adapter(config: dict[str, Any], new_run: Callable[[str], NotedRun]) -> None:
    config["model"]["adapter"] = None
    config["model"]["freeze_encoder"] = True
    trainer.check(config)
