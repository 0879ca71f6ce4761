"""What lets runs share work: light imports, late reads, a canonical order of encoding."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch

from gridfold.text import features, pipeline, trainer
from gridfold.text.encoder import encode, load_encoder, load_tokenizer
from tests.conftest import ROOT

HEAVY = ["torch", "transformers", "pandas", "numpy", "sklearn", "datasets", "omegaconf"]


def printed(code: str) -> str:
    """What a program prints, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return done.stdout


@pytest.mark.parametrize("module", ["gridfold.text", "gridfold.text.builtin", "gridfold.text.settings"])
def test_importing_is_cheap(module):
    assert printed(f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])") == "[]\n"


def test_the_trainer_is_found_by_name():
    code = "import gridfold.text.builtin, gridfold.text; print(type(gridfold.text.trainer).__name__)"
    assert printed(code) == "TextTrainer\n"


def test_checking_needs_no_torch(config):
    config["training"] = {"learning_rate": 1e-5, "optim": "adamw_torch", "label_smoothing_factor": 0.1}
    config["model"]["freeze_encoder"] = True
    code = f"import sys, gridfold.text as t; t.trainer.check({config!r}); print('torch' in sys.modules)"
    assert printed(code) == "False\n"


class Watched(Mapping[str, Any]):
    """A config that writes down which values are read. Not a dict: code that copies it whole would be seen."""

    def __init__(self, values: Mapping[str, Any], path: str, reads: list[str]) -> None:
        self.values_, self.path, self.reads = values, path, reads

    def __getitem__(self, key: str) -> Any:
        return self._seen(self.values_[key], f"{self.path}{key}")

    def _seen(self, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return Watched(value, f"{path}.", self.reads)
        if isinstance(value, list):
            return [self._seen(item, f"{path}.{index}") for index, item in enumerate(value)]
        self.reads.append(path)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


@pytest.mark.parametrize(
    ("key", "value", "work"),
    [
        ("freeze_encoder", True, "encode"),
        ("freeze_encoder", False, "TokenizedExamples"),
        ("frozen_layers", 1, "with_activations"),
    ],
)
def test_shared_work_is_done_before_head_and_training_are_read(key, value, work, config, new_run, monkeypatch):
    reads: list[str] = []
    module = features if work == "encode" else pipeline
    done = getattr(module, work)
    monkeypatch.setattr(module, work, lambda *args, **named: reads.append("DONE") or done(*args, **named))
    del config["model"]["freeze_encoder"]
    config["model"][key] = value
    trainer.train(Watched(config, "", reads), new_run("run"))
    last = max(index for index, read in enumerate(reads) if read == "DONE")
    before = set(reads[:last]) - {"DONE"}
    assert before == {"model.name", f"model.{key}", "data.train", "data.validation", "data.max_length"}


@pytest.fixture
def tiny_encoder(tiny_model):
    encoder = load_encoder(str(tiny_model), "mean")
    return encoder, load_tokenizer(str(tiny_model), encoder.inputs, 64)


TEXTS = [" ".join(["the cat saw rain"] * n) for n in (1, 30, 5, 9, 2, 14, 40, 3)]


def test_a_vector_does_not_depend_on_batches_or_neighbours(tiny_encoder):
    encoder, tokenizer = tiny_encoder
    rows = tokenizer.rows(TEXTS)
    together = encode(encoder, tokenizer, rows, batch_size=8)
    assert torch.equal(together, encode(encoder, tokenizer, rows, batch_size=3))
    backwards = encode(encoder, tokenizer, rows[::-1], batch_size=8)
    assert torch.equal(together, backwards.flip(0))


def test_padding_does_not_count(tiny_encoder):
    encoder, tokenizer = tiny_encoder
    rows = tokenizer.rows(TEXTS)
    bare = torch.cat([encoder(**tokenizer.pad([row], len(row["input_ids"]))) for row in rows]).detach()
    torch.testing.assert_close(encode(encoder, tokenizer, rows, batch_size=4), bare, rtol=1e-4, atol=1e-5)


def test_texts_are_cut_at_max_length(tiny_encoder):
    _, tokenizer = tiny_encoder
    widths = {batch["input_ids"].shape[1] for _, batch in tokenizer.batches(tokenizer.rows(TEXTS), 8)}
    assert widths == {32, 64}


def test_checkpoints_in_half_precision_are_widened(tiny_model, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(tiny_model).half().save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    assert {weight.dtype for weight in load_encoder(str(tmp_path), "mean").parameters()} == {torch.float32}
