"""Tokens and features: the same bits for any number of cores, and computed once for all searches on the same data."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gridfold import stages
from gridfold.text import features, pipeline, trainer
from gridfold.text.encoder import PooledEncoder, encode, load_encoder, load_tokenizer
from gridfold.text.features import Tokens
from gridfold.text.workers import each

FILES = ("head.safetensors", "classifier.json", "misclassified.csv")


def living() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


class TestWorkers:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_the_bits_do_not_depend_on_their_number(self, tiny_model, threads):
        encoder = load_encoder(str(tiny_model), "mean")
        tokenizer = load_tokenizer(str(tiny_model), encoder.inputs, 64)
        rows = tokenizer.rows([" ".join(["the cat saw rain"] * (n % 23)) for n in range(50)])
        alone = encode(encoder, tokenizer, rows, batch_size=4)
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            for workers in (1, 2, 3, 8):
                assert torch.equal(encode(encoder, tokenizer, rows, batch_size=4, workers=workers), alone)
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)

    def test_each_piece_is_worked_on_once_and_the_threads_are_gone(self):
        before, done = living(), []
        together = threading.Barrier(3, timeout=600)
        each(lambda piece: (together.wait(), done.append(piece)), range(30), workers=3)
        assert sorted(done) == list(range(30))
        assert living() <= before

    def test_an_error_ends_it(self):
        before, done = living(), []

        def work(piece: int) -> None:
            done.append(piece)
            if piece == 5:
                raise torch.OutOfMemoryError("CUDA out of memory.")

        with pytest.raises(torch.OutOfMemoryError):
            each(work, iter(range(10_000)), workers=2)
        assert len(done) < 10_000
        assert living() <= before

    def test_an_error_of_the_pieces_is_one_too(self):
        def pieces():
            yield 1
            raise ValueError("no more")

        with pytest.raises(ValueError, match="no more"):
            each(print, pieces(), workers=2)


def test_packed_tokens_are_the_same():
    rows = [{"input_ids": [1, 2, 3], "attention_mask": [1, 1, 1]}, {"input_ids": [], "attention_mask": []}]
    rows.append({"input_ids": [70_000], "attention_mask": [1]})
    packed = Tokens.of(rows)
    assert [listed(row) for row in packed] == rows
    assert listed(packed[-1]) == rows[-1]
    assert [listed(row) for row in packed[1:]] == rows[1:]
    assert [listed(row) for row in packed.take([2, 0])] == [rows[2], rows[0]]
    assert list(Tokens.of([])) == []


def listed(row: Mapping[str, NDArray[np.int32]]) -> dict[str, list[int]]:
    return {name: column.tolist() for name, column in row.items()}


@pytest.fixture
def frozen(config: dict[str, Any]) -> dict[str, Any]:
    config["model"]["freeze_encoder"] = True
    return config


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """What was loaded and computed."""
    done: list[str] = []
    for module, name in ((features, "encoder_of"), (features, "load_tokenizer"), (features, "encode")):
        original = getattr(module, name)

        def noted(*args: Any, _name: str = name, _original: Any = original, **named: Any) -> Any:
            done.append(_name)
            return _original(*args, **named)

        monkeypatch.setattr(module, name, noted)
    return done


@pytest.fixture
def kept(tmp_path, monkeypatch) -> Path:
    """Stages are kept, as within a run."""
    monkeypatch.setattr(stages, "_folder", tmp_path / ".stages")
    monkeypatch.delenv(stages.LIMIT, raising=False)
    return tmp_path / ".stages"


ONCE = ["encoder_of", "load_tokenizer", "encode", "encode"]


def test_another_search_loads_and_encodes_nothing(frozen, new_run, counted, kept, monkeypatch):
    trainer.train(frozen, new_run("first"))
    assert counted == ONCE
    frozen["training"] |= {"learning_rate": 0.01, "batch_size": 4}
    metrics = trainer.train(frozen, new_run("second"))
    assert counted == ONCE
    monkeypatch.setattr(stages, "_folder", None)
    assert trainer.train(frozen, new_run("alone")) == metrics
    for name in FILES:
        assert (new_run("second").dir / name).read_bytes() == (new_run("alone").dir / name).read_bytes()


@pytest.mark.parametrize("change", ["weights", "text", "max_length", "pooling", "eval_batch_size", "split"])
def test_what_changes_the_features_is_computed_anew(change, frozen, new_run, counted, kept, tmp_path):
    model, data = tmp_path / "model", tmp_path / "data.csv"
    shutil.copytree(frozen["model"]["name"], model)
    shutil.copy(frozen["data"]["train"], data)
    frozen["model"]["name"], frozen["data"]["train"] = str(model), str(data)
    trainer.train(frozen, new_run("first"))
    if change == "weights":
        encoder = load_encoder(str(model), "mean")
        encoder.model.embeddings.word_embeddings.weight.data[7] += 1  # type: ignore[union-attr, operator]
        encoder.model.save_pretrained(model)  # type: ignore[operator]
    elif change == "text":
        data.write_text(data.read_text().replace(" saw ", " sees ", 1))
    elif change == "max_length":
        frozen["data"]["max_length"] = 16
    elif change == "pooling":
        frozen["model"]["pooling"] = "cls"
    elif change == "eval_batch_size":
        frozen["training"]["eval_batch_size"] = 5
    else:
        frozen["data"]["split_seed"] = 1
    trainer.train(frozen, new_run("second"))
    assert counted.count("encode") == (3 if change == "text" else 4)


def test_a_copy_of_model_and_data_is_the_same(frozen, new_run, counted, kept, tmp_path):
    trainer.train(frozen, new_run("first"))
    shutil.copytree(frozen["model"]["name"], tmp_path / "model")
    shutil.copy(frozen["data"]["train"], tmp_path / "other.csv")
    frozen["model"]["name"], frozen["data"]["train"] = str(tmp_path / "model"), str(tmp_path / "other.csv")
    trainer.train(frozen, new_run("second"))
    assert counted == ONCE


def test_what_was_made_with_less_memory_is_not_given_to_who_has_more(frozen, new_run, kept, monkeypatch):
    forward, most = PooledEncoder.forward, [4]

    def limited(self: PooledEncoder, **tokens: torch.Tensor) -> torch.Tensor:
        if len(tokens["input_ids"]) > most[0]:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, **tokens)

    monkeypatch.setattr(PooledEncoder, "forward", limited)
    little = new_run("little")
    trainer.train(frozen, little)
    assert little.notes == ["out of memory at eval_batch_size 32: encoded in batches of 4"]
    most[0] = 1000
    much = new_run("much")
    trainer.train(frozen, much)
    assert much.notes == []
    assert little.reports == much.reports


def test_fine_tuning_uses_the_same_tokens(frozen, new_run, kept, monkeypatch):
    trainer.train(frozen, new_run("frozen"))
    before = {file.name for file in kept.glob("*.result")}
    frozen["model"]["freeze_encoder"] = False
    frozen["training"]["num_epochs"] = 1
    metrics = trainer.train(frozen, new_run("whole"))
    assert {file.name for file in kept.glob("*.result")} == before
    monkeypatch.setattr(stages, "_folder", None)
    assert trainer.train(frozen, new_run("alone")) == metrics


def test_cores_are_used_where_one_process_computes_for_all(kept, monkeypatch, tiny_model):
    encoder = load_encoder(str(tiny_model), "mean")
    monkeypatch.setattr(features, "physical_cores", lambda: 5)
    assert features._workers(encoder) == 5
    monkeypatch.setattr(stages, "_folder", None)
    assert features._workers(encoder) == torch.get_num_threads()
    assert pipeline.features_of is features.features_of


def test_activations_of_frozen_layers_are_kept_too(config, new_run, kept, monkeypatch):
    config["model"]["frozen_layers"] = 1
    config["training"] |= {"num_epochs": 1, "bf16": True}
    trainer.train(config, new_run("first"))
    original = features.activations
    monkeypatch.setattr(features, "activations", lambda *_: pytest.fail("computed again"))
    config["training"]["learning_rate"] = 0.01
    metrics = trainer.train(config, new_run("second"))
    monkeypatch.setattr(features, "activations", original)
    monkeypatch.setattr(stages, "_folder", None)
    assert trainer.train(config, new_run("alone")) == metrics
