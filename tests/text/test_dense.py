"""Dense layers of sentence-transformers models, which follow the pooling."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from gridfold.core.errors import ConfigError
from gridfold.text import load, trainer
from gridfold.text.encoder import encode, load_encoder, load_tokenizer
from gridfold.text.features import LazyEncoder
from gridfold.text.pretrained import sentence_model
from gridfold.text.sentence_model import SentenceModel, resolved
from gridfold.text.settings import ModelSettings
from tests.text.examples import CLS, DENSE_WIDTHS, TOPICS, dense_model, dense_weights, sentence_folder, sentences

TEXTS = [text for text, _ in sentences(TOPICS, 3)]


def vectors(folder: Path) -> np.ndarray[Any, Any]:
    """What our encoder makes of the texts."""
    found = sentence_model(str(folder))
    encoder = load_encoder(str(folder), found.pooling, found.dense, normalize=found.normalize)
    tokenizer = load_tokenizer(str(folder), encoder.inputs, 48)
    vectors = encode(encoder, tokenizer, tokenizer.rows(TEXTS), 4)
    assert vectors.shape[1] == encoder.hidden_size
    return vectors.double().numpy()


def test_they_follow_the_pooling_in_their_order(tiny_model, tmp_path):
    plain = vectors(sentence_folder(tiny_model, tmp_path / "plain", CLS))
    first, second = dense_weights(0, bias=False), dense_weights(1)
    expected = plain @ first["linear.weight"].double().numpy().T
    expected = np.tanh(expected @ second["linear.weight"].double().numpy().T + second["linear.bias"].double().numpy())
    np.testing.assert_allclose(vectors(dense_model(tiny_model, tmp_path / "dense")), expected, rtol=1e-4, atol=1e-6)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    scaled = dense_model(tiny_model, tmp_path / "scaled", "Normalize")
    np.testing.assert_allclose(vectors(scaled), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "how",
    [{"freeze_encoder": True}, {}, {"frozen_layers": 1}, {"adapter": {"type": "lora", "r": 2}}],
    ids=["frozen", "whole", "upper layers", "lora"],
)
def test_a_saved_run_predicts_as_it_did(how, config, tiny_model, tmp_path, new_run):
    folder = dense_model(tiny_model, tmp_path / "model", "Normalize")
    config["model"] |= {"name": str(folder), **how}
    config["training"] |= {"num_epochs": 1, "learning_rate": 1e-2, **({} if how else {"layer_decay": 0.5})}
    trainer.check(config)
    run = new_run("run")
    trainer.train(config, run)
    classifier = load(run.dir)
    learned = [classifier.encoder.dense[0].weight, classifier.encoder.dense[2].weight]
    before = [dense_weights(0)["linear.weight"], load_file(folder / "3_Dense" / "model.safetensors")["linear.weight"]]
    is_same = [torch.equal(weight, old) for weight, old in zip(learned, before, strict=True)]
    trains_all = how.keys() <= {"frozen_layers"}
    assert is_same == [not trains_all] * 2
    assert classifier.head[0].in_features == DENSE_WIDTHS[-1]
    said = json.loads((run.dir / "classifier.json").read_text())
    if trains_all:
        shutil.rmtree(folder / "2_Dense")
    assert (said["dense"], said["pooling"], said["normalize"]) == (True, "cls", True)
    assert load(run.dir).predict(TEXTS)[1].tolist() == classifier.predict(TEXTS)[1].tolist()


def test_a_pooling_of_the_config_takes_their_place(config, tiny_model, tmp_path, new_run):
    config["model"] |= {"name": str(dense_model(tiny_model, tmp_path / "model")), "pooling": "cls"}
    config["model"]["freeze_encoder"] = True
    config["training"]["num_epochs"] = 1
    run = new_run("run")
    trainer.train(config, run)
    assert load(run.dir).head[0].in_features == DENSE_WIDTHS[0]


def test_they_are_told_of_before_the_first_run(config, tiny_model, tmp_path):
    config["model"]["name"] = str(dense_model(tiny_model, tmp_path / "model", "Normalize"))
    said = "by the model's files; model.pooling and model.normalize say otherwise"
    remarks = [remark.text for remark in trainer.remarks(config)]
    assert f"pooling: cls, 2 dense layers, scaled to length 1 ({said})" in remarks


@pytest.mark.parametrize(
    "said",
    [
        {"use_residual": True},
        {"activation_function": "mine.Activation"},
        {"activation_function": "torch.nn.modules.activation.MultiheadAttention"},
        {"module_input_name": "token_embeddings"},
        {"module_output_name": "other"},
        {"out_features": "12"},
    ],
)
def test_other_layers_are_named_and_not_applied(said, tiny_model, tmp_path):
    found = sentence_model(str(dense_model(tiny_model, tmp_path / "model", "Dense", **said)))
    assert found.unknown == ("Dense", "Dense")  # what follows such a layer makes no sense without it
    assert len(found.dense) == 1


def test_a_layer_after_the_scaling_is_not_applied(tiny_model, tmp_path):
    folder = sentence_folder(tiny_model, tmp_path / "model", CLS, "Normalize", "Dense")
    assert sentence_model(str(folder)) == SentenceModel("cls", normalize=True, unknown=("Dense",))


def test_files_that_are_not_there_or_not_right(config, tiny_model, tmp_path, new_run):
    folder = dense_model(tiny_model, tmp_path / "model")
    config["model"] |= {"name": str(folder), "freeze_encoder": True}
    save_file({"linear.weight": torch.zeros(3, 3)}, folder / "3_Dense" / "model.safetensors")
    with pytest.raises(ConfigError) as caught:
        trainer.train(config, new_run("run"))
    assert str(caught.value).startswith(f"model.name: cannot read {folder}/3_Dense/model.safetensors: Error(s) in")
    (folder / "3_Dense" / "model.safetensors").unlink()
    with pytest.raises(ConfigError) as caught:
        trainer.check(config)
    missing = "its module 3_Dense has no weights, model.safetensors or pytorch_model.bin"
    assert str(caught.value) == f"model.name: the model is not whole: {missing}"
    (folder / "3_Dense" / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"its module 3_Dense has no config\.json$"):
        trainer.check(config)


def test_features_are_those_of_these_layers(tiny_model, tmp_path):
    """What is kept of a frozen encoder is not taken for that of one with other layers."""

    def identity(folder: Path) -> str:
        model = resolved(ModelSettings(str(folder)), sentence_model(str(folder)))
        return LazyEncoder(model, torch.device("cpu")).stage_id()

    one, other = dense_model(tiny_model, tmp_path / "one"), dense_model(tiny_model, tmp_path / "other")
    assert identity(one) == identity(other)
    save_file({**dense_weights(1), "linear.bias": torch.zeros(6)}, other / "3_Dense" / "model.safetensors")
    assert identity(one) != identity(other) != identity(sentence_folder(tiny_model, tmp_path / "plain", CLS))
