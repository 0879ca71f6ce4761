"""Texts and pairs of texts with more tokens than fit, and what their vectors are made of."""

from __future__ import annotations

import csv
import random

import pytest
import torch
from tokenizers.processors import TemplateProcessing

from gridfold.core.errors import ConfigError
from gridfold.text import load, trainer
from gridfold.text.encoder import encode, load_encoder, load_tokenizer
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL
from tests.text.examples import FILLERS, TOPICS
from tests.text.test_shared_runs import both, configs_of, same

WORDS = [*FILLERS, *(word for words in TOPICS.values() for word in words)]


def sentence(length, seed=0):
    return " ".join(random.Random(seed).choices(WORDS, k=length))


@pytest.fixture
def tokenizer(tiny_model):
    """Makes tokenizers of 8 tokens, and gives the words that they read of texts."""

    def words(texts, max_length=8, pairs=False, **how):
        made = load_tokenizer(str(tiny_model), ("input_ids",), max_length, **how)
        if pairs:
            template, specials = "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 1), ("[SEP]", 2)]
            made.base.backend_tokenizer.post_processor = TemplateProcessing("[CLS] $A [SEP]", template, specials)
        return [made.base.convert_ids_to_tokens(row["input_ids"]) for row in made.rows(texts)]

    return words


def test_the_beginning_and_the_end(tokenizer):
    long = sentence(20).split()
    (found,) = tokenizer([" ".join(long)], long_texts=HEAD_TAIL)
    assert found == ["[CLS]", *long[:3], *long[-3:], "[SEP]"]
    (odd,) = tokenizer([" ".join(long)], max_length=9, long_texts=HEAD_TAIL)
    assert odd == ["[CLS]", *long[:4], *long[-3:], "[SEP]"]


def test_pieces(tokenizer):
    long = sentence(14).split()
    (found,) = tokenizer([" ".join(long)], long_texts=CHUNK_MEAN)
    assert found == ["[CLS]", *long[:6], "[SEP]", "[CLS]", *long[6:12], "[SEP]", "[CLS]", *long[12:], "[SEP]"]


@pytest.mark.parametrize("how", [HEAD_TAIL, CHUNK_MEAN])
@pytest.mark.parametrize("length", [0, 1, 5, 6])
def test_texts_that_fit_are_read_as_ever(tokenizer, how, length):
    assert tokenizer([sentence(length)], long_texts=how) == tokenizer([sentence(length)])


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (20, 20, (4, 4)),
        (2, 20, (2, 6)),
        (20, 2, (6, 2)),
        (20, 4, (4, 4)),
        (4, 5, (4, 4)),
        (0, 20, (0, 8)),
        (3, 5, (3, 5)),
    ],
)
def test_the_beginnings_and_ends_of_pairs(tokenizer, first, second, kept):
    pair = sentence(first, 1), sentence(second, 2)
    (found,) = tokenizer([pair], max_length=11, pairs=True, long_texts=HEAD_TAIL)
    sides = []
    for side, count in zip((text.split() for text in pair), kept, strict=True):
        sides.append(side if count == len(side) else side[: count - count // 2] + side[len(side) - count // 2 :])
    assert found == ["[CLS]", *sides[0], "[SEP]", *sides[1], "[SEP]"]
    (cut,) = tokenizer([pair], max_length=11, pairs=True)
    assert len(cut) == len(found)


def test_a_pair_and_a_prefix(tokenizer):
    (found,) = tokenizer([("cat", "dog")], prefix="red ")
    assert [word for word in found if not word.startswith("[")] == ["red", "cat", "red", "dog"]


def test_the_vector_of_a_text_in_pieces_is_the_mean_over_its_tokens(tiny_model):
    encoder = load_encoder(str(tiny_model), "mean")
    pieces = load_tokenizer(str(tiny_model), encoder.inputs, 8, CHUNK_MEAN)
    plain = load_tokenizer(str(tiny_model), encoder.inputs, 8)
    words = [sentence(length, length).split() for length in (14, 3, 6, 40)]
    found = encode(encoder, pieces, pieces.rows([" ".join(each) for each in words]), 4)
    for vector, each in zip(found, words, strict=True):
        parts = [each[start : start + 6] for start in range(0, len(each), 6)]
        alone = encode(encoder, plain, plain.rows([" ".join(part) for part in parts]), 4)
        weights = torch.tensor([len(part) + 2.0 for part in parts])
        assert torch.allclose(vector, (alone * weights[:, None]).sum(0) / weights.sum(), atol=1e-6)


@pytest.fixture
def long_config(config):
    """Texts of up to six pieces."""
    config["data"] |= {"max_length": 8, "long_texts": CHUNK_MEAN}
    config["training"]["num_epochs"] = 1
    return config


def test_runs_on_pieces_share_their_work_and_change_no_bit(long_config, executors, tmp_path):
    long_config["model"]["frozen_layers"] = 1
    configs = configs_of(long_config, learning_rate=[1e-3, 1e-2])
    for one, other in both(executors, tmp_path, configs):
        same(one, other)


@pytest.mark.parametrize("kind", [{"freeze_encoder": True}, {"frozen_layers": 1}, {}])
@pytest.mark.parametrize("how", [CHUNK_MEAN, HEAD_TAIL])
def test_a_loaded_run_reads_long_texts_as_it_was_trained(long_config, new_run, kind, how):
    long_config["model"] |= kind | {"prefix": "red "}
    long_config["data"]["long_texts"] = how
    run = new_run("run")
    trainer.train(long_config, run)
    with (run.dir / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    labels, chances = load(run.dir).predict([row["text"] for row in rows])
    assert labels == [row["prediction"] for row in rows]
    names = ["animals", "colours", "weather"]
    assert chances.tolist() == [[float(row[f"probability_{name}"]) for name in names] for row in rows]


def test_pairs_cannot_be_read_in_pieces(long_config):
    long_config["data"]["text_column"] = ["text", "label"]
    with pytest.raises(ConfigError) as caught:
        trainer.check(long_config)
    assert str(caught.value) == (
        "data.long_texts: chunk_mean is for texts, not for pairs of them\n  give truncate or head_tail"
    )


def test_pairs_are_trained_on_and_predicted(config, new_run, tmp_path):
    rows = [line for topic, words in TOPICS.items() for line in (f"{word},the {word},{topic}" for word in words)]
    (tmp_path / "pairs.csv").write_text("\n".join(["one,other,label", *rows]) + "\n")
    config["data"] |= {"train": str(tmp_path / "pairs.csv"), "text_column": ["one", "other"]}
    config["training"]["num_epochs"] = 1
    run = new_run("run")
    trainer.check(config)
    trainer.train(config, run)
    classifier = load(run.dir)
    labels, _ = classifier.predict([("the cat", "animals"), ("snow", "weather")])
    assert len(labels) == 2
    for wrong in (["cat"], [("cat", None)], ["ab"], [("cat", "dog", "goat")], [None]):
        with pytest.raises(TypeError) as caught:
            classifier.predict([("a", "b"), *wrong])
        assert str(caught.value) == f"predict takes a pair of texts in each place, found {wrong[0]!r} in place 1"
