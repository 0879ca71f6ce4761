"""A tiny DeBERTa with a tokenizer of its own, and configs that train it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gridfold.executors.local.executor import LocalExecutor
from tests.text.examples import FILLERS, TOPICS, NotedRun, sentences, write_csv


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Two threads on matrices this small wait for each other more than they compute."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DeBERTa-v2 of some thousand weights, saved with a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import DebertaV2Config, DebertaV2Model, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny") / "model"
    specials = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    corpus = [word for group in TOPICS.values() for word in group] + FILLERS
    words.train_from_iterator(corpus, trainers.WordLevelTrainer(special_tokens=specials))
    words.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    DebertaV2Model(
        DebertaV2Config(
            vocab_size=words.get_vocab_size(),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            relative_attention=True,
            pos_att_type=["c2p", "p2c"],
            position_biased_input=False,
            type_vocab_size=0,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "topics.csv", sentences(TOPICS, 30))


@pytest.fixture(scope="session")
def binary_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labels, written as whole numbers that are not their places."""
    names = {"animals": 10, "colours": 2}
    rows = sentences({topic: TOPICS[topic] for topic in names}, 30)
    return write_csv(tmp_path_factory.mktemp("data") / "binary.csv", [(text, names[topic]) for text, topic in rows])


@pytest.fixture
def config(tiny_model: Path, csv_file: Path) -> dict[str, Any]:
    """A config that trains; tests change it."""
    return base_config(tiny_model, csv_file)


def base_config(tiny_model: Path, csv_file: Path) -> dict[str, Any]:
    return {
        "model": {
            "name": str(tiny_model),
            "freeze_encoder": False,
            "classification_head": {
                "architecture": [
                    {"type": "linear", "out_features": 8},
                    {"type": "gelu"},
                    {"type": "dropout", "p": 0.1},
                    {"type": "linear", "out_features": 3},
                ]
            },
        },
        "data": {"train": str(csv_file), "validation": 0.3, "max_length": 48},
        "training": {"learning_rate": 5e-3, "num_epochs": 3, "batch_size": 8},
    }


@dataclass(frozen=True)
class Trained:
    """A run that is over: read only."""

    config: dict[str, Any]
    run: NotedRun
    metrics: Mapping[str, float]


@pytest.fixture(scope="session", params=[False, True], ids=["whole", "frozen"])
def trained(
    request: pytest.FixtureRequest, tiny_model: Path, csv_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    from gridfold.text import trainer

    config = base_config(tiny_model, csv_file)
    config["model"]["freeze_encoder"] = request.param
    run = NotedRun(tmp_path_factory.mktemp("trained") / "run")
    (run.dir / "config.yaml").write_text("{}\n")
    trainer.check(config)
    return Trained(config, run, trainer.train(config, run))


@pytest.fixture
def binary_config(config: dict[str, Any], binary_file: Path) -> dict[str, Any]:
    """The same for two labels and one logit."""
    changed = copy.deepcopy(config)
    changed["data"]["train"] = str(binary_file)
    changed["model"]["classification_head"]["architecture"][-1]["out_features"] = 1
    return changed


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[str], NotedRun]:
    """Makes runs, each in a directory of its own."""
    return lambda name: NotedRun(tmp_path / name)


@pytest.fixture(scope="session")
def executors() -> Iterator[dict[bool, LocalExecutor]]:
    """Executors by whether runs share work: one each for all tests, so that what runs need is imported once."""
    with LocalExecutor(2, share=None) as shared, LocalExecutor(2, share=False) as alone:
        yield {True: shared, False: alone}
