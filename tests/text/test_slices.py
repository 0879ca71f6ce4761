"""Little memory: batches in slices, the best weights in a file, tokens as arrays. Nothing else changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gridfold.text import finetune, trainer
from gridfold.text.best_weights import BestWeights
from gridfold.text.encoder import load_encoder, load_tokenizer
from gridfold.text.features import Tokens
from gridfold.text.recipe import pieces
from tests.text.examples import NotedRun

TEXTS = ["the cat", "we saw rain and the dog here today", "red", "a very blue horse was here"]


def batch_of(rows: int, tokens: int) -> dict[str, torch.Tensor]:
    mask = torch.ones(rows, tokens, dtype=torch.long)
    return {"input_ids": mask * 7, "attention_mask": mask, "labels": torch.arange(rows)}


@pytest.mark.parametrize(
    ("size", "most_tokens", "expected"),
    [(32, None, [32]), (8, None, [8] * 4), (32, 128 * 12, [11, 11, 10]), (8, 10**6, [8] * 4), (32, 5, [1] * 32)],
)
def test_a_batch_comes_in_slices_of_even_sizes(size: int, most_tokens: int | None, expected: list[int]) -> None:
    found = list(pieces(batch_of(32, 128), size, most_tokens))
    assert [len(piece["labels"]) for piece in found] == expected
    assert torch.cat([piece["labels"] for piece in found]).tolist() == list(range(32))


def test_slices_learn_what_a_whole_batch_does(
    config: dict[str, Any], new_run: Callable[[str], NotedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    config["training"]["num_epochs"] = 1
    config["model"]["classification_head"]["architecture"].pop(2)
    monkeypatch.setattr("gridfold.text.pipeline.use_fast_dropout", lambda _: None)
    monkeypatch.setattr(nn.Dropout, "forward", lambda self, values: values)
    runs = [new_run("whole"), new_run("sliced")]
    for run, most in zip(runs, (10**6, 30), strict=True):
        monkeypatch.setattr(finetune, "MOST_TOKENS", most)
        trainer.train(config, run)
    whole, sliced = (run.reports[-1] for run in runs)
    assert len(runs[1].steps) > len(runs[0].steps)
    assert sliced["train_loss"] == pytest.approx(whole["train_loss"], rel=1e-4)
    assert sliced["val_loss"] == pytest.approx(whole["val_loss"], rel=1e-3)


def test_a_normalized_batch_is_not_sliced(
    config: dict[str, Any], new_run: Callable[[str], NotedRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example depends on the others."""
    config["model"]["classification_head"]["architecture"].insert(1, {"type": "batch_norm"})
    config["training"]["num_epochs"] = 1
    runs = [new_run("first"), new_run("second")]
    for run, most in zip(runs, (10**6, 30), strict=True):
        monkeypatch.setattr(finetune, "MOST_TOKENS", most)
        trainer.train(config, run)
    assert runs[0].reports == runs[1].reports


@pytest.mark.parametrize("in_file", [True, False], ids=["file", "memory"])
def test_the_best_weights_are_those_that_were_found(tmp_path: Path, in_file: bool) -> None:
    weights = {"a": torch.tensor([1.0]), "b": torch.tensor([[0.5, 2.0]])}
    best = BestWeights(lambda: weights, lambda: tmp_path if in_file else None)
    assert best.by("f1") == {}

    best.found({"f1", "loss"})
    assert best.by("f1") is weights  # nothing is stored before it must be
    best.keep()
    weights["a"] += 1
    best.found({"f1"})
    best.keep()
    weights["a"] += 1
    best.found(set())
    assert best.by("loss")["a"].item() == 1
    assert best.by("f1")["a"].item() == 2
    assert torch.equal(best.by("f1")["b"], weights["b"])
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_room_for_a_file_the_best_weights_stay_in_memory(tmp_path: Path) -> None:
    weights = {"a": torch.tensor([1.0])}
    best = BestWeights(lambda: weights, lambda: tmp_path / "is" / "not" / "there")
    best.found({"f1"})
    best.keep()
    weights["a"] += 1
    assert best.by("f1")["a"].item() == 1


def test_processes_that_were_forked_since_load_the_best_weights_at_the_same_time(tmp_path: Path) -> None:
    weights = {"a": torch.arange(200_000.0)}
    best = BestWeights(lambda: weights, lambda: tmp_path)
    best.found({"f1"})
    best.keep()
    children = []
    for _ in range(3):
        if (pid := os.fork()) == 0:
            try:
                os._exit(int(not all(torch.equal(best.by("f1")["a"], weights["a"]) for _ in range(20))))
            finally:
                os._exit(2)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]


@pytest.mark.parametrize("side", ["right", "left"])
def test_texts_are_padded_as_their_tokenizer_pads_them(tiny_model: Path, side: str) -> None:
    tokenizer = load_tokenizer(str(tiny_model), load_encoder(str(tiny_model), "mean").inputs, 48)
    tokenizer.base.padding_side = side
    tokens = Tokens.of(tokenizer.rows(TEXTS))
    expected = tokenizer.base(TEXTS, padding="max_length", max_length=16, return_tensors="pt")
    for rows in (tokenizer.rows(TEXTS), list(tokens), [tokens[index] for index in range(4)]):
        padded = tokenizer.pad(rows, 16)
        assert all(torch.equal(padded[name], expected[name]) for name in ("input_ids", "attention_mask"))


def test_the_tokens_of_a_text_are_a_part_of_one_array() -> None:
    """Python objects, which a process copies when it looks at them, would be as many as there are tokens."""
    texts = [{"input_ids": [5, 6, 7], "attention_mask": [1] * 3}, {"input_ids": [8], "attention_mask": [1]}]
    tokens = Tokens.of(texts)
    assert all(np.shares_memory(tokens[1][name], column) for name, column in tokens.columns.items())
    assert tokens.take([1, 0])[0]["input_ids"].tolist() == [8]
