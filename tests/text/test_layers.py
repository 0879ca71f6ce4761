"""Frozen layers: computed once for each text, the same as if they were computed every time."""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import nn

from gridfold.core.errors import ConfigError
from gridfold.text import load, pipeline, trainer
from gridfold.text.data import load_data
from gridfold.text.data_settings import read_data
from gridfold.text.encoder import PooledEncoder, Tokenizer, encode, load_encoder, load_tokenizer
from gridfold.text.layers import ActivationPadding, above, activations, with_activations
from gridfold.text.saved import save
from gridfold.text.section import LazyConfig
from tests.text.architectures import LAYERED, ONE_PIECE, SMALL, small_model
from tests.text.examples import FILLERS, TOPICS

SHARED = {  # what layers above use, too
    "deberta": {"encoder.rel_embeddings.weight", "encoder.LayerNorm.weight", "encoder.LayerNorm.bias"},
    "deberta-v1": {"encoder.rel_embeddings.weight"},
    "deberta-v3": {"encoder.rel_embeddings.weight", "encoder.LayerNorm.weight", "encoder.LayerNorm.bias"},
    "deberta_conv": {"encoder.rel_embeddings.weight"},
    "mpnet": {"encoder.relative_attention_bias.weight"},
}


class Padding(Tokenizer):
    """Pads without a tokenizer of ``transformers``."""

    def pad(self, rows: Any, width: int) -> dict[str, torch.Tensor]:
        ids = [row["input_ids"] + [0] * (width - len(row["input_ids"])) for row in rows]
        mask = [row["attention_mask"] + [0] * (width - len(row["input_ids"])) for row in rows]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def small_encoder(kind: str) -> PooledEncoder:
    return PooledEncoder(small_model(kind), "mean")


@pytest.fixture(params=LAYERED)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("precision", [None, "bf16"])
def test_the_layers_above_give_what_the_whole_encoder_gives(kind, precision):
    if (kind, precision) == ("deberta-v1", "bf16"):
        pytest.skip("transformers cannot compute it")
    encoder, tokenizer = small_encoder(kind), Padding(None, ("input_ids", "attention_mask"), 64)
    stream = random.Random(0)
    rows = [{"input_ids": stream.choices(range(5, 50), k=n), "attention_mask": [1] * n} for n in (3, 32, 40, 17, 64, 5)]
    whole = encode(encoder, tokenizer, rows, 3, precision)
    kept = activations(encoder, 2, tokenizer, rows, 3, precision)
    assert len(kept) == sum(len(row["input_ids"]) for row in rows)
    top = above(encoder, 2)
    parts = encode(top, ActivationPadding(**vars(tokenizer)), with_activations(rows, kept), 3, precision)
    assert torch.equal(parts, whole)


def test_all_that_frozen_layers_use_is_frozen(kind):
    encoder = small_encoder(kind)
    above(encoder, 2)
    frozen = {name for name, weight in encoder.model.named_parameters() if not weight.requires_grad}
    own = {name for name in frozen if name.startswith("embeddings") or ".0." in name or ".1." in name}
    assert any(".1." in name for name in own)
    assert not any(".2." in name for name in frozen)
    assert SHARED.get(kind, set()) <= frozen
    assert {name for name in frozen - own if ".conv." not in name} == SHARED.get(kind, set())


def test_activations_do_not_depend_on_batches(tiny_model):
    encoder = load_encoder(str(tiny_model), "mean")
    tokenizer = load_tokenizer(str(tiny_model), encoder.inputs, 64)
    rows = tokenizer.rows([" ".join(["the cat saw rain"] * n) for n in (1, 30, 5, 9, 2, 14, 40, 3)])
    together = with_activations(rows, activations(encoder, 1, tokenizer, rows, 8))
    backwards = with_activations(rows[::-1], activations(encoder, 1, tokenizer, rows[::-1], 3))
    pairs = zip(together, reversed(backwards), strict=True)
    assert all(torch.equal(one["inputs_embeds"], other["inputs_embeds"]) for one, other in pairs)


@pytest.mark.parametrize("kind", ONE_PIECE)
def test_an_encoder_of_one_piece_is_refused(kind):
    encoder, tokenizer = small_encoder(kind), Padding(None, ("input_ids", "attention_mask"), 64)
    rows = [{"input_ids": [5, 6, 7], "attention_mask": [1, 1, 1]}]

    def freeze() -> None:
        activations(encoder, 1, tokenizer, rows, 1)
        above(encoder, 1)

    with pytest.raises(ConfigError) as caught:
        freeze()
    assert str(caught.value) == (
        f"model.frozen_layers: some layers of a {type(encoder.model).__name__} cannot be frozen without the others\n"
        "  leave it out, or freeze the whole encoder: freeze_encoder: true"
    )


@pytest.fixture(scope="module")
def tiny_bert(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the tokenizer of the other."""
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    transformers.BertModel(transformers.BertConfig(**SMALL | {"vocab_size": len(tokenizer)})).save_pretrained(folder)
    return folder


@pytest.fixture(params=["bert", "deberta"])
def partly(request: pytest.FixtureRequest, config, tiny_bert: Path) -> dict[str, Any]:
    """A config that trains the last layer of an encoder."""
    if request.param == "bert":
        config["model"] |= {"name": str(tiny_bert), "frozen_layers": 2}
    else:
        config["model"]["frozen_layers"] = 1
    return config


class Frozen(nn.Module):
    """The same layers, never left to train: frozen in the ordinary way."""

    @staticmethod
    def of(encoder: PooledEncoder, count: int) -> PooledEncoder:
        model: Any = encoder.model
        shared = [getattr(model.encoder, name, None) for name in ("rel_embeddings", "LayerNorm")]
        for module in [model.embeddings, *model.encoder.layer[:count], *filter(None, shared)]:
            module.requires_grad_(False)
            module.train = lambda mode=True, module=module: nn.Module.train(module, False)
        return encoder


def test_it_learns_what_ordinary_training_with_frozen_layers_learns(partly, new_run, monkeypatch):
    trainer.check(partly)
    kept, ordinary = new_run("kept"), new_run("ordinary")
    trainer.train(partly, kept)
    other = copy.deepcopy(partly)
    count, load_whole = other["model"].pop("frozen_layers"), pipeline.encoder_of
    monkeypatch.setattr(pipeline, "encoder_of", lambda *args, **named: Frozen.of(load_whole(*args, **named), count))
    trainer.train(other, ordinary)
    assert len(kept.reports) == len(ordinary.reports) == 3
    for one, expected in zip(kept.reports, ordinary.reports, strict=True):
        assert one == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("bf16", [False, True])
def test_a_saved_run_holds_the_whole_encoder_and_predicts_to_the_bit(partly, bf16, new_run):
    partly["training"]["bf16"] = bf16
    run = new_run("run")
    trained = pipeline.run_pipeline(LazyConfig(partly), run)
    save(trained, run.dir)
    _, chances = load(run.dir).predict(list(load_data(read_data(LazyConfig(partly))).validation.texts))
    assert np.array_equal(chances, trained.history.outputs.probabilities(trained.history.best.logits))
    before = load_file(Path(partly["model"]["name"]) / "model.safetensors")
    after = load_file(run.dir / "encoder" / "model.safetensors")
    assert before.keys() == after.keys()
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    last = f"encoder.layer.{partly['model']['frozen_layers']}."
    assert changed
    assert all(name.startswith(last) for name in changed)


def texts_seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each pass through the lowest layers had."""
    embed, seen = transformers.BertModel.forward, []

    @functools.wraps(embed)
    def counted(self: Any, *args: Any, **options: Any) -> Any:
        if options.get("input_ids") is not None:
            seen.append(len(options["input_ids"]))
        return embed(self, *args, **options)

    monkeypatch.setattr(transformers.BertModel, "forward", counted)
    return seen


def test_a_text_goes_through_the_frozen_layers_once(config, tiny_bert, new_run, monkeypatch):
    config["model"] |= {"name": str(tiny_bert), "frozen_layers": 2}
    seen = texts_seen(monkeypatch)
    trainer.train(config, new_run("run"))
    # 90 texts; the split of the layers is tried on one, before and after; packing on three, padded and as one row
    assert sum(seen) == 90 + 2 + 4


def test_nothing_frozen_is_the_default(config, new_run):
    default, none = new_run("default"), new_run("none")
    trainer.train(config, default)
    config["model"]["frozen_layers"] = 0
    trainer.train(config, none)
    assert none.reports == default.reports


@pytest.mark.parametrize(
    "settings",
    [
        {"gradient_checkpointing": True},
        {"activation_checkpointing": True, "activation_checkpointing_kwargs": {"use_reentrant": True}},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning")
def test_recomputing_activations_changes_nothing(partly, settings, new_run):
    partly["training"]["padding"] = "max_length"  # what is computed again is not packed, and drops other values
    plain, thrifty = new_run("plain"), new_run("thrifty")
    trainer.train(partly, plain)
    partly["training"] |= settings
    trainer.check(partly)
    trainer.train(partly, thrifty)
    assert thrifty.reports == plain.reports


@pytest.mark.parametrize(
    "settings",
    [{"padding": "bucket"}, {"padding": "max_length"}, {"train_sampling_strategy": "group_by_length"}],
    ids=str,
)
def test_every_padding_works(partly, settings, new_run):
    partly["training"] |= settings
    trainer.check(partly)
    metrics = trainer.train(partly, new_run("run"))
    assert metrics["epochs"] == 3


@pytest.fixture
def room(monkeypatch) -> Callable[[int], None]:
    """Limits how many texts there is memory for."""
    forward = PooledEncoder.forward

    def limit(most: int) -> None:
        def limited(self: PooledEncoder, **tokens: torch.Tensor) -> torch.Tensor:
            if len(tokens["attention_mask"]) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return forward(self, **tokens)

        monkeypatch.setattr(PooledEncoder, "forward", limited)

    return limit


def test_it_makes_do_with_less_memory(partly, new_run, room):
    partly["model"]["classification_head"]["architecture"].pop(2)
    plain, small, same = new_run("plain"), new_run("small"), new_run("same")
    trainer.train(partly, plain)
    room(8)
    trainer.train(partly, small)
    assert small.reports == plain.reports
    assert small.notes == ["out of memory at eval_batch_size 32: encoded in batches of 8"]
    room(4)
    trainer.train(partly, same)
    assert same.notes[0] == "out of memory at batch size 8: trained in micro-batches of 4 × 2"


def test_a_frozen_part_of_a_saved_run_predicts_new_words_too(partly, new_run):
    run = new_run("run")
    trainer.train(partly, run)
    labels, _ = load(run.dir).predict([f"{FILLERS[0]} {words[0]} {words[1]}" for words in TOPICS.values()])
    assert set(labels) <= set(TOPICS)
    assert json.loads((run.dir / "classifier.json").read_text())["model"] == "encoder"
