"""Encoders of every family: trained, accumulated, frozen in part, saved and loaded."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from gridfold.core.errors import ConfigError
from gridfold.text import load, pipeline, trainer
from gridfold.text.saved import save
from gridfold.text.section import LazyConfig
from tests.text.architectures import TRAINED, saved_model
from tests.text.examples import NotedRun

ONE_STEP = {
    "optim": "sgd",
    "learning_rate": 0.5,
    "max_grad_norm": 0.0,
    "weight_decay": 0.0,
    "scheduler": "constant",
    "max_steps": 1,
}


@pytest.fixture(scope="module")
def folder_of(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = saved_model(kind, tiny_model, tmp_path_factory.mktemp("models") / kind)
        return made[kind]

    return folder


@pytest.fixture
def config_of(config: dict[str, Any], folder_of: Callable[[str], Path]) -> Callable[..., dict[str, Any]]:
    """Configs of one step over all 21 examples; what is learned in it is the gradient."""
    config["data"]["limit"] = 30
    config["model"]["classification_head"]["architecture"].pop(2)  # dropout

    def made(kind: str, model: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
        changed = copy.deepcopy(config)
        changed["model"] |= {"name": str(folder_of(kind)), **(model or {})}
        changed["training"] = ONE_STEP | {"batch_size": 21} | training
        return changed

    return made


def weights_of(trained: pipeline.Trained) -> dict[str, torch.Tensor]:
    assert trained.encoder is not None
    head = {f"head.{name}": weight for name, weight in trained.head.state_dict().items()}
    return head | trained.encoder.model.state_dict()


def learned(config: dict[str, Any], run: NotedRun) -> dict[str, torch.Tensor]:
    """The weights after a training of which nothing is saved."""
    return weights_of(pipeline.run_pipeline(LazyConfig(config), run))


def untrained(config: dict[str, Any], run: NotedRun) -> dict[str, torch.Tensor]:
    """The weights before the first step."""
    still = copy.deepcopy(config)
    still["training"] |= {"learning_rate": 1e-30, "head_learning_rate": None, "layer_decay": 1}
    return learned(still, run)


def changes(config: dict[str, Any], run: NotedRun, before: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What one step of plain gradient descent does to the weights that it moves."""
    after = learned(config, run)
    found = {name: after[name].double() - before[name].double() for name in after}
    return {name: change for name, change in found.items() if change.abs().max() > 1e-5}


@pytest.mark.parametrize("kind", TRAINED)
def test_it_is_trained_accumulated_saved_and_loaded(kind, config_of, folder_of, new_run):
    config, run = config_of(kind), new_run("run")
    trainer.check(config)
    trained = pipeline.run_pipeline(LazyConfig(config), run)
    save(trained, run.dir)
    _, chances = load(run.dir).predict(list(trained.data.validation.texts))
    assert (chances == trained.history.outputs.probabilities(trained.history.best.logits)).all()

    config["training"] |= {"batch_size": 6, "gradient_accumulation_steps": 4}  # 6, 6, 6 and 3
    before, whole, parts = load_file(folder_of(kind) / "model.safetensors"), weights_of(trained), learned(config, run)
    largest = max((whole[name] - before[name]).abs().max() for name in before)
    assert largest > 1e-3
    for name in whole:
        assert (whole[name] - parts[name]).abs().max() < 1e-3 * largest, name


@pytest.mark.parametrize(("kind", "fits"), [("roberta", 79), ("xlm-roberta", 79), ("bert", 80)])
def test_positions_of_padding_are_not_for_tokens(kind, fits, config_of):
    config = config_of(kind)
    config["data"]["max_length"] = fits
    trainer.check(config)
    config["data"]["max_length"] = fits + 1
    with pytest.raises(ConfigError, match=rf"^data.max_length: {fits + 1} tokens, but model .* takes {fits} at most$"):
        trainer.check(config)


def test_an_encoder_that_needs_its_decoder(config_of, folder_of, tmp_path):
    config = config_of("bert")
    shutil.copytree(folder_of("bert"), tmp_path / "t5")
    (tmp_path / "t5" / "config.json").write_text('{"model_type": "t5"}')
    config["model"]["name"] = str(tmp_path / "t5")
    with pytest.raises(ConfigError) as caught:
        trainer.check(config)
    assert str(caught.value) == (
        f"model.name: a t5 model is an encoder with a decoder: {tmp_path / 't5'}\n"
        "  give an encoder, such as BERT, DeBERTa or ModernBERT"
    )


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_an_encoder_without_half_precision(precision, config_of):
    with pytest.raises(ConfigError) as caught:
        trainer.check(config_of("deberta-v1", **{precision: True}))
    assert str(caught.value) == (
        f"training.{precision}: transformers cannot compute a DeBERTa v1 in half precision\n"
        "  remove it, or take a DeBERTa v2 or v3"
    )


# Learning rates apart.


SHARES = {  # by the beginning of a weight's name
    "bert": {"embeddings.": 1 / 8, "encoder.layer.0.": 1 / 4, "encoder.layer.1.": 1 / 2, "encoder.layer.2.": 1},
    "deberta-v3": {
        "embeddings.": 1 / 8,
        "encoder.rel_embeddings.": 1 / 8,
        "encoder.layer.0.": 1 / 4,
        "encoder.layer.1.": 1 / 2,
        "encoder.layer.2.": 1,
    },
    "modernbert": {"embeddings.": 1 / 8, "layers.0.": 1 / 4, "layers.1.": 1 / 2, "layers.2.": 1, "final_norm": 1},
}


@pytest.mark.parametrize("kind", SHARES)
def test_layers_and_head_have_their_own_learning_rates(kind, config_of, new_run):
    run = new_run("run")
    before = untrained(config_of(kind), run)
    same = changes(config_of(kind), run, before)
    apart = changes(config_of(kind, layer_decay=0.5, head_learning_rate=1.0), run, before)
    seen = set()
    for name, change in apart.items():
        start, share = next(
            (start, share) for start, share in (SHARES[kind] | {"head.": 2}).items() if name.startswith(start)
        )
        seen.add(start)
        assert change.norm() / same[name].norm() == pytest.approx(share, rel=1e-2), name
    assert seen >= {*SHARES[kind], "head."} - {"encoder.rel_embeddings."}


def test_the_layers_above_frozen_ones_keep_their_learning_rates(config_of, new_run):
    layers, run = {"frozen_layers": 1}, new_run("run")
    before = untrained(config_of("bert", layers), run)
    same = changes(config_of("bert", layers), run, before)
    apart = changes(config_of("bert", layers, layer_decay=0.5), run, before)
    lower = [name for name in apart if name.startswith("encoder.layer.1.")]
    assert lower
    assert not any(name.startswith(("embeddings", "encoder.layer.0.")) for name in apart)
    for name in lower:
        assert apart[name].norm() / same[name].norm() == pytest.approx(1 / 2, rel=1e-2)


def test_adapters_of_layers_have_their_learning_rates(config_of, new_run):
    pytest.importorskip("peft")
    adapter = {"adapter": {"type": "lora", "r": 2}}
    run = new_run("run")
    before = untrained(config_of("bert", adapter), run)
    same = changes(config_of("bert", adapter), run, before)
    apart = changes(config_of("bert", adapter, layer_decay=0.5), run, before)
    moved = [name for name in apart if "lora_B" in name]
    assert moved
    for name in moved:
        share = next(share for start, share in SHARES["bert"].items() if name.startswith(start))
        assert apart[name].norm() / same[name].norm() == pytest.approx(share, rel=1e-2), name


@pytest.mark.parametrize(("kind", "name"), [("albert", "AlbertModel"), ("squeezebert", "SqueezeBertModel")])
def test_layers_that_cannot_be_told_apart_have_no_decay(kind, name, config_of, new_run):
    with pytest.raises(ConfigError) as caught:
        trainer.train(config_of(kind, layer_decay=0.9), new_run("run"))
    assert str(caught.value) == f"training.layer_decay: the layers of a {name} cannot be told apart\n  leave it out"


def test_the_learning_rate_of_a_head_on_a_frozen_encoder(config, new_run):
    config["model"]["freeze_encoder"] = True
    one, other = new_run("one"), new_run("other")
    trainer.train(config, one)
    config["training"] |= {"head_learning_rate": config["training"]["learning_rate"], "learning_rate": 1.0}
    trainer.train(config, other)
    assert other.reports == one.reports


# How long, and how precisely.


@pytest.mark.parametrize("frozen", [False, True])
def test_as_many_steps_as_were_asked_for(frozen, config, new_run):
    config["model"]["freeze_encoder"] = frozen
    config["training"] |= {"num_epochs": 1, "max_steps": 20}
    run = new_run("run")
    trainer.check(config)
    metrics = trainer.train(config, run)
    assert [state["step"] for state in run.steps] == list(range(1, 21))
    assert {state["steps"] for state in run.steps} == {20}
    assert metrics["epochs"] == len(run.reports) == 3  # of 8, 8 and 4 steps


@pytest.mark.parametrize("layers", [0, 1])
def test_half_precision_that_needs_a_gpu_is_a_note_without_one(layers, config, new_run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config["model"]["frozen_layers"] = layers
    config["training"]["num_epochs"] = 1
    plain, asked = new_run("plain"), new_run("asked")
    trainer.train(config, plain)
    config["training"]["fp16"] = True
    trainer.train(config, asked)
    assert asked.reports == plain.reports
    assert asked.notes == ["fp16: without a GPU it has no effect: trained in float32"]
