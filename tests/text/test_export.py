"""Exported classifiers, loaded by transformers alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gridfold.core.errors import ConfigError
from gridfold.text import load, trainer
from tests.text.examples import TOPICS, NotedRun, dense_model, sentences

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


@dataclass(frozen=True)
class Case:
    """A run: its encoder, "" for the tiny DeBERTa; what is between the linear layers; the class that it becomes."""

    encoder: str
    between: tuple[str, ...]
    becomes: str
    model: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 3


OWN, CLS = "TextClassifier", {"pooling": "cls"}
CASES: dict[str, Case] = {
    "whole": Case("", ("gelu", "dropout"), OWN, {"freeze_encoder": False}),
    "dense layers": Case("dense", ("gelu",), OWN, {"freeze_encoder": False}),
    "lora": Case("", ("gelu",), OWN, {"freeze_encoder": False, "adapter": {"type": "lora", "r": 2}}),
    "bert": Case("bert", ("tanh",), "BertForSequenceClassification", CLS),
    "bert, an activation of its own": Case("bert", ("relu",), OWN, CLS),
    "roberta": Case("roberta", ("dropout", "tanh"), "RobertaForSequenceClassification", CLS),
    "electra": Case("electra", ("gelu",), "ElectraForSequenceClassification", CLS),
    "albert": Case("albert", ("tanh",), "AlbertForSequenceClassification", CLS),
    "mpnet": Case("mpnet", ("tanh", "dropout"), "MPNetForSequenceClassification", CLS),
    "distilbert": Case("distilbert", ("relu",), "DistilBertForSequenceClassification", CLS),
    "deberta": Case("", ("silu",), "DebertaV2ForSequenceClassification", CLS),
    "deberta, the last layer alone": Case("", (), "DebertaV2ForSequenceClassification", CLS),
    "batch norm, normalized": Case("bert", ("batch_norm", "prelu"), OWN, CLS | {"normalize": True}),
    "two poolings": Case("bert", ("relu",), OWN, {"pooling": "mean+max"}),
    "a prefix": Case("bert", ("tanh",), "BertForSequenceClassification", CLS | {"prefix": "we saw "}),
    "head and tail": Case("bert", ("tanh",), OWN, CLS, {"long_texts": "head_tail", "max_length": 13}),
    "pieces": Case("roberta", ("tanh",), OWN, {}, {"long_texts": "chunk_mean", "max_length": 13}),
    "one logit": Case("bert", ("tanh",), "BertForSequenceClassification", CLS, {"label_column": "warm"}, outputs=1),
    "several labels": Case("", ("gelu",), OWN, {}, {"label_column": "tags", "task": "multilabel"}, outputs=2),
    "a number": Case("bert", ("tanh",), "BertForSequenceClassification", CLS, {"label_column": "degrees"}, outputs=1),
    "pairs": Case("bert", ("gelu",), OWN, {}, {"text_column": ["text", "other"]}),
}

ALONE = """
import json, sys
sys.modules["gridfold"] = None  # nothing can import it
import torch
from transformers import pipeline
torch.set_num_threads(1)
found = {}
for name, (folder, texts) in json.load(sys.stdin).items():
    code = open(folder + "/config.json").read().find("auto_map") >= 0
    classify = pipeline("text-classification", model=folder, trust_remote_code=code or None, device="cpu")
    cut = {} if code and isinstance(texts[0], str) else {"truncation": True}
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
    if kind == "dense":
        return dense_model(tiny_model, folder, "Normalize")
    torch.manual_seed(1)
    settings = DISTIL if kind == "distilbert" else SMALL
    AutoModel.from_config(AutoConfig.for_model(kind, **settings)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def head(case: Case) -> list[dict[str, Any]]:
    inner = [{"type": "linear", "out_features": 8}, *({"type": each} for each in case.between)]
    return [*(inner if case.between else []), {"type": "linear", "out_features": case.outputs}]


def rows() -> Iterator[dict[str, Any]]:
    for place, (text, topic) in enumerate(sentences(TOPICS, 20)):
        tags = [topic, "odd"][: place % 3] if topic == "animals" else ["odd"] * (place % 2)
        yield {
            "text": text,
            "label": topic,
            "other": f"{topic} and the {text[:9]}",
            "warm": topic == "colours",
            "tags": tags,
            "degrees": len(text) / 4 + 0.1,
        }


@pytest.fixture(scope="module")
def runs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each case."""
    data = tmp_path_factory.mktemp("data") / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    made = {}
    for name, case in CASES.items():
        folder = tmp_path_factory.mktemp("run")
        model = {"name": str(encoder(case.encoder, tiny_model, folder / "model")), "freeze_encoder": True}
        config = {
            "model": {**model, "classification_head": {"architecture": head(case)}, **case.model},
            "data": {"train": str(data), "validation": 0.3, "max_length": 48, **case.data},
            "training": {"learning_rate": 5e-3, "num_epochs": 1, "batch_size": 8, **case.training},
        }
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


def alone(asked: dict[str, tuple[Path, Any]], cache: Path) -> dict[str, Any]:
    """What transformers alone says of texts."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE],
        input=json.dumps({name: (str(folder), texts) for name, (folder, texts) in asked.items()}),
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
    pairs = [(text, f"we saw {text[:9]}") for text in texts]
    asked: dict[str, tuple[Path, Any]] = {name: (folder, texts) for name, folder in exported.items()}
    asked["pairs"] = exported["pairs"], [{"text": text, "text_pair": other} for text, other in pairs]
    found = alone(asked, tmp_path)
    assert {name: kind for name, (kind, *_) in found.items()} == {name: case.becomes for name, case in CASES.items()}
    for name, (_, *answers) in found.items():
        classifier = load(runs[name])
        predicted, probabilities = classifier.predict(pairs if name == "pairs" else texts)
        for answer in answers:
            scores = [{score["label"]: score["score"] for score in each} for each in answer]
            if name == "a number":
                assert [score["value"] for score in scores] == pytest.approx(predicted, rel=1e-6), name
                continue
            labels = list(map(str, classifier.labels))
            assert [[score[label] for label in labels] for score in scores] == [
                pytest.approx(row, abs=1e-6) for row in probabilities.tolist()
            ], name
            if name != "several labels":
                assert [each[0]["label"] for each in answer] == list(map(str, predicted)), name


def test_the_card_says_how_to_use_it_and_ends_with_what_is_known(exported):
    card = (exported["whole"] / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    assert "trust_remote_code=True" in card
    assert card.endswith("## Results\n\nGood.\n")
    assert "trust_remote_code" not in (exported["bert"] / "README.md").read_text()


def test_nothing_is_written_over(runs, exported):
    before = sorted(exported["bert"].iterdir())
    with pytest.raises(ConfigError, match="is there already, and not empty"):
        trainer.export(runs["bert"], exported["bert"], "")
    assert sorted(exported["bert"].iterdir()) == before
