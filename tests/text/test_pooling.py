"""How the states of tokens become a vector: by the config, or by the model's own sentence-transformers files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gridfold.core.errors import ConfigError
from gridfold.text import load, trainer
from gridfold.text.encoder import load_tokenizer
from gridfold.text.pooling import pooled
from gridfold.text.pretrained import sentence_model
from gridfold.text.section import LazyConfig
from gridfold.text.sentence_model import SentenceModel, resolved
from gridfold.text.settings import POOLINGS, read_model
from tests.text.examples import CLS, FLAGS, TOPICS, sentence_folder, sentences, write_csv

EXPECTED: dict[str, Callable[[Any], Any]] = {
    "mean": lambda states: states.mean(0),
    "cls": lambda states: states[0],
    "max": lambda states: states.max(0),
    "mean_sqrt_len": lambda states: states.sum(0) / len(states) ** 0.5,
    "weightedmean": lambda states: np.average(states, axis=0, weights=np.arange(1, len(states) + 1)),
    "lasttoken": lambda states: states[-1],
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", POOLINGS)
def test_padding_counts_for_nothing(name, side):
    stream = np.random.default_rng(0)
    texts = [stream.normal(size=(length, 4)) for length in (1, 5, 7)]
    states, mask = torch.full((3, 7, 4), 9.0, dtype=torch.float64), torch.zeros(3, 7, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(len(text)) if side == "right" else slice(7 - len(text), 7)
        states[row, place], mask[row, place] = torch.from_numpy(text), 1
    expected = np.array([EXPECTED[name](text) for text in texts])
    np.testing.assert_allclose(pooled(states, mask, name), expected, rtol=1e-12)
    both = pooled(states, mask, f"{name}+mean")
    assert torch.equal(both, torch.cat([pooled(states, mask, each) for each in (name, "mean")], 1))


@pytest.mark.parametrize(
    ("pooling", "more", "expected"),
    [
        (CLS, (), ("cls", False)),
        (CLS, ("Normalize",), ("cls", True)),
        (FLAGS | {"pooling_mode_max_tokens": True}, ("Dropout", "Normalize"), ("max", True)),
        (CLS | {"pooling_mode_max_tokens": True}, (), ("cls+max", False)),
        (FLAGS | {"pooling_mode_lasttoken": True, "include_prompt": True}, (), ("lasttoken", False)),
        ({"pooling_mode": "weightedmean"}, (), ("weightedmean", False)),
        ({"pooling_mode": ["mean", "mean_sqrt_len_tokens"]}, (), ("mean+mean_sqrt_len", False)),
        ({}, (), ("mean", False)),
    ],
)
def test_the_folder_says_how(pooling, more, expected, tiny_model, tmp_path):
    found = sentence_model(str(sentence_folder(tiny_model, tmp_path / "model", pooling, *more)))
    assert (found.pooling, found.normalize, found.unknown) == (*expected, ())


def test_it_is_as_if_the_config_had_said_it(config, tiny_model, tmp_path, new_run):
    folder = sentence_folder(tiny_model, tmp_path / "model", CLS, "Normalize")
    config["model"] |= {"name": str(folder), "freeze_encoder": True}
    config["training"]["num_epochs"] = 1
    told, asked = new_run("told"), new_run("asked")
    trainer.train(config, told)
    config["model"] |= {"name": str(tiny_model), "pooling": "cls", "normalize": True}
    trainer.train(config, asked)
    assert told.reports == asked.reports
    assert load(told.dir).predict(["the cat"])[1].tolist() == load(asked.dir).predict(["the cat"])[1].tolist()


def test_what_the_folder_says_is_said_before_the_first_run(config, tiny_model, tmp_path):
    def remarks() -> list[tuple[str, bool]]:
        return [(remark.text, remark.is_warning) for remark in trainer.remarks(config) if "task" not in remark.text]

    folder = sentence_folder(tiny_model, tmp_path / "model", CLS, "LSTM", "Normalize")
    config["model"]["name"] = str(folder)
    left_out = (f"modules of {folder} that are not applied: LSTM", True)
    said = "by the model's files; model.pooling and model.normalize say otherwise"
    assert remarks() == [(f"pooling: cls, scaled to length 1 ({said})", False), left_out]
    config["model"]["normalize"] = False
    assert remarks() == [(f"pooling: cls ({said})", False), left_out]
    config["model"]["pooling"] = "cls"
    assert remarks() == [left_out]
    prompts = {"prompts": {"query": "query: ", "passage": "passage: ", "document": ""}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    asked = "the model was trained with prompts before its texts: 'query: ', 'passage: ' (model.prefix sets one)"
    assert remarks() == [(asked, False), left_out]
    config["model"]["prefix"] = "query: "
    assert remarks() == [left_out]
    config["model"]["name"] = str(tiny_model)
    assert remarks() == []


def test_a_model_of_the_hub_is_asked_only_for_what_is_not_in_the_cache(tiny_model, tmp_path, monkeypatch):
    folder, asked = sentence_folder(tiny_model, tmp_path / "model", CLS, "Normalize"), []

    def cached(_: str, path: str) -> Any:
        return str(folder / path) if (folder / path).exists() else None

    def downloaded(_: str, path: str) -> str:
        asked.append(path)
        raise OSError("offline")

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", downloaded)
    assert sentence_model("some/cached") == SentenceModel("cls", normalize=True)
    assert asked == ["config_sentence_transformers.json"]
    shutil.rmtree(folder)
    assert sentence_model("some/unknown") == SentenceModel()
    assert asked[1:] == ["modules.json"]


def test_a_trained_encoder_is_loaded_with_its_pooling(config, tiny_model, tmp_path, new_run):
    config["model"]["name"] = str(sentence_folder(tiny_model, tmp_path / "model", CLS, "Normalize"))
    config["training"]["num_epochs"] = 1
    run = new_run("run")
    metrics = trainer.train(config, run)
    texts = [text for text, _ in sentences(TOPICS, 3)]
    before = load(run.dir).predict(texts)[1]
    shutil.rmtree(tmp_path / "model" / "1_Pooling")
    assert np.array_equal(load(run.dir).predict(texts)[1], before)
    assert metrics["epochs"] == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pooling": "mean"}, ("mean", False)),
        ({"pooling": "auto", "normalize": False}, ("cls", False)),
        ({"normalize": "auto"}, ("cls", True)),
        ({"pooling": "max", "normalize": True}, ("max", True)),
    ],
)
def test_the_config_decides(given, expected, config, tiny_model, tmp_path):
    folder = str(sentence_folder(tiny_model, tmp_path / "model", CLS, "Normalize"))
    config["model"] |= {"name": folder, **given}
    model = resolved(read_model(LazyConfig(config)), sentence_model(folder))
    assert (model.pooling, model.normalize) == expected


def test_the_model_may_be_in_a_folder_of_its_own(config, tiny_model, tmp_path, new_run):
    config["model"]["name"] = str(sentence_folder(tiny_model, tmp_path / "model", CLS, inside="0_Transformer"))
    config["model"]["freeze_encoder"] = True
    trainer.check(config)
    run = new_run("run")
    trainer.train(config, run)
    assert load(run.dir).predict(["the cat"])[1].shape == (1, 3)


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("modules.json", "[{", "model.name: cannot read {file}: Expecting property name"),
        ("modules.json", "{}", "model.name: cannot read {file}: it holds no list of modules"),
        ("1_Pooling/config.json", "[]", "model.name: cannot read {file}: it holds no mapping"),
        (
            "1_Pooling/config.json",
            '{"pooling_mode": "best"}',
            "model.pooling: {file} names a pooling that is not known",
        ),
    ],
)
def test_files_that_cannot_be_understood(file, content, problem, config, tiny_model, tmp_path):
    folder = sentence_folder(tiny_model, tmp_path / "model", CLS)
    (folder / file).write_text(content)
    config["model"]["name"] = str(folder)
    with pytest.raises(ConfigError) as caught:
        trainer.check(config)
    assert str(caught.value).startswith(problem.format(file=folder / file))


def test_a_pooling_that_leaves_out_a_prefix(config, tiny_model, tmp_path):
    folder = sentence_folder(tiny_model, tmp_path / "model", CLS | {"include_prompt": False})
    config["model"] |= {"name": str(folder), "prefix": "query: "}
    with pytest.raises(ConfigError) as caught:
        trainer.check(config)
    assert str(caught.value) == (
        "model.prefix: the model's own pooling leaves out the tokens of a prefix, which gridfold cannot do\n"
        "  remove it, or give the pooling: cls"
    )
    config["model"]["pooling"] = "cls"
    trainer.check(config)


def test_texts_are_padded_on_the_right(tiny_model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    said = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(said | {"padding_side": "left"}))
    tokenizer = load_tokenizer(str(folder), ("input_ids", "attention_mask"), 64)
    batch = tokenizer.pad(tokenizer.rows(["the cat", "the cat saw the rain"]), 8)
    assert batch["attention_mask"].tolist() == [[1] * 4 + [0] * 4, [1] * 7 + [0]]


@pytest.mark.parametrize("frozen", [False, True])
def test_a_prefix_is_put_before_every_text(frozen, config, tmp_path, new_run):
    rows = sentences(TOPICS, 30)
    config["model"]["freeze_encoder"] = frozen
    config["training"]["num_epochs"] = 1
    config["data"]["train"] = str(write_csv(tmp_path / "plain.csv", rows))
    config["model"]["prefix"] = "we saw "
    prefixed, written = new_run("prefixed"), new_run("written")
    trainer.train(config, prefixed)
    config["data"]["train"] = str(
        write_csv(tmp_path / "written.csv", [(f"we saw {text}", topic) for text, topic in rows])
    )
    del config["model"]["prefix"]
    trainer.train(config, written)
    assert prefixed.reports == written.reports
    _, chances = load(prefixed.dir).predict(["the cat"])
    assert np.array_equal(chances, load(written.dir).predict(["we saw the cat"])[1])
