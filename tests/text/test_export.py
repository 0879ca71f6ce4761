"""Exported classifiers, loaded by transformers alone."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gridfold.core.errors import ConfigError
from gridfold.text import load, trainer
from tests.text.examples import TOPICS, NotedRun, sentences

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 66,
    "vocab_size": 60,
    "pad_token_id": 0,
}
DISTIL = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32, "vocab_size": 60, "max_position_embeddings": 64}
# By name: the encoder ("" for the tiny DeBERTa), what stands between the linear layers, and the class it becomes.
HEADS: dict[str, tuple[str, list[str], str]] = {
    "mean": ("", ["gelu", "dropout"], "TextClassifier"),
    "bert": ("bert", ["tanh"], "BertForSequenceClassification"),
    "bert relu": ("bert", ["relu"], "TextClassifier"),
    "roberta": ("roberta", ["dropout", "tanh"], "RobertaForSequenceClassification"),
    "electra": ("electra", ["gelu"], "ElectraForSequenceClassification"),
    "albert": ("albert", ["tanh"], "AlbertForSequenceClassification"),
    "mpnet": ("mpnet", ["tanh", "dropout"], "MPNetForSequenceClassification"),
    "distilbert": ("distilbert", ["relu"], "DistilBertForSequenceClassification"),
    "deberta": ("", ["silu"], "DebertaV2ForSequenceClassification"),
    "deberta linear": ("", [], "DebertaV2ForSequenceClassification"),
    "batch norm": ("bert", ["batch_norm", "prelu"], "TextClassifier"),
}

ALONE = """
import json, sys
sys.modules["gridfold"] = None  # nothing can import it
import torch
from transformers import pipeline
torch.set_num_threads(1)
folders, texts = json.load(sys.stdin)
found = {}
for name, folder in folders.items():
    code = open(folder + "/config.json").read().find("auto_map") >= 0
    classify = pipeline("text-classification", model=folder, trust_remote_code=code or None, device="cpu")
    cut = {} if code else {"truncation": True}
    found[name] = [type(classify.model).__name__, classify(texts, top_k=None, **cut)]
    if code:  # in batches, and cut by the tokenizer: the same
        found[name].append(classify(texts, top_k=None, batch_size=16, truncation=True))
print(json.dumps(found))
"""


def encoder(kind: str, tiny_model: Path, folder: Path) -> Path:
    """A tiny encoder with the tokenizer of another."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    if not kind:
        return tiny_model
    torch.manual_seed(1)
    settings = DISTIL if kind == "distilbert" else SMALL
    AutoModel.from_config(AutoConfig.for_model(kind, **settings)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def head(between: list[str]) -> list[dict[str, Any]]:
    inner = [{"type": "linear", "out_features": 8}, *({"type": each} for each in between)] if between else []
    return [*inner, {"type": "linear", "out_features": 3}]


@pytest.fixture(scope="module")
def runs(tiny_model: Path, csv_file: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each head."""
    from tests.text.conftest import base_config

    made = {}
    for name, (kind, between, _) in HEADS.items():
        folder = tmp_path_factory.mktemp("run")
        config = base_config(encoder(kind, tiny_model, folder / "model"), csv_file)
        config["model"] |= {"freeze_encoder": name != "mean", "pooling": "mean" if name == "mean" else "cls"}
        config["model"]["classification_head"]["architecture"] = head(between)
        config["training"] |= {"num_epochs": 1}
        trainer.train(config, NotedRun(folder / "run"))  # type: ignore[arg-type]
        made[name] = folder / "run"
    return made


@pytest.fixture(scope="module")
def exported(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for name, run in runs.items():
        folders[name] = tmp_path_factory.mktemp("exported") / "model"
        trainer.export(run, folders[name], "## Results\n\nGood.\n")
    return folders


def alone(folders: dict[str, Path], texts: list[str], cache: Path) -> dict[str, Any]:
    """What transformers alone says of texts."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE],
        input=json.dumps([{name: str(folder) for name, folder in folders.items()}, texts]),
        env=os.environ | {"HF_MODULES_CACHE": str(cache), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_transformers_alone_predicts_the_same(runs, exported, tmp_path):
    texts = [text for text, _ in sentences(TOPICS, 5, seed=9)] + ["the cat is here " * 30]  # which is cut
    found = alone(exported, texts, tmp_path)
    assert {name: kind for name, (kind, *_) in found.items()} == {name: kind for name, (_, _, kind) in HEADS.items()}
    for name, (_, *answers) in found.items():
        labels, probabilities = load(runs[name]).predict(texts)
        for answer in answers:
            assert [scores[0]["label"] for scores in answer] == labels, name
            for scores, chances in zip(answer, probabilities, strict=True):
                by_label = {score["label"]: score["score"] for score in scores}
                assert by_label == pytest.approx(dict(zip(TOPICS, chances, strict=True)), abs=1e-6), name


def test_two_labels_with_one_logit_have_two_names(binary_config, tmp_path):
    run = NotedRun(tmp_path / "run")
    trainer.train(binary_config, run)
    trainer.export(run.dir, tmp_path / "model", "")
    (_, scores, _) = alone({"binary": tmp_path / "model"}, ["the cat is here"], tmp_path)["binary"]
    _, probabilities = load(run.dir).predict(["the cat is here"])
    by_label = {score["label"]: score["score"] for score in scores[0]}
    assert by_label == pytest.approx({"2": probabilities[0, 0], "10": probabilities[0, 1]}, abs=1e-6)


def test_the_card_says_how_to_use_it_and_ends_with_what_is_known(exported):
    card = (exported["mean"] / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    assert "trust_remote_code=True" in card
    assert card.endswith("## Results\n\nGood.\n")
    assert "trust_remote_code" not in (exported["bert"] / "README.md").read_text()


def test_nothing_is_written_over(runs, exported, snapshot):
    before = copy.copy(sorted(exported["bert"].iterdir()))
    with pytest.raises(ConfigError, match="is there already, and not empty"):
        trainer.export(runs["bert"], exported["bert"], "")
    assert sorted(exported["bert"].iterdir()) == before
