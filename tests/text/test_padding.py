"""How long the texts of a training batch become, and in what precision they are computed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gridfold.text import pipeline, trainer
from gridfold.text.dropout import FastDropout
from gridfold.text.encoder import PooledEncoder
from tests.text.examples import NotedRun


@pytest.fixture
def trained_shapes(config, new_run, monkeypatch) -> Callable[..., tuple[list[tuple[int, int]], NotedRun]]:
    """Trains with a padding for one epoch, without dropout: the shapes of the batches that were learned from."""
    forward = PooledEncoder.forward
    for kind in (nn.Dropout, FastDropout):
        monkeypatch.setattr(kind, "forward", lambda self, values: values)

    def train(padding: str, **settings: Any) -> tuple[list[tuple[int, int]], NotedRun]:
        shapes, changed, run = [], copy.deepcopy(config), new_run(padding)

        def noted(self: PooledEncoder, **tokens: torch.Tensor) -> torch.Tensor:
            if torch.is_grad_enabled():
                shapes.append(tuple(tokens["input_ids"].shape))
            return forward(self, **tokens)

        monkeypatch.setattr(PooledEncoder, "forward", noted)
        changed["training"].update(padding=padding, num_epochs=1, **settings)
        trainer.check(changed)
        trainer.train(changed, run)
        return shapes, run

    return train


def test_a_fixed_padding_has_one_width(trained_shapes):
    shapes, _ = trained_shapes("max_length")
    assert shapes == [(8, 48)] * 7 + [(7, 48)]


def test_padding_changes_nothing_but_time(trained_shapes):
    _, fixed = trained_shapes("max_length")
    shapes, dynamic = trained_shapes("batch")
    assert len({width for _, width in shapes}) > 1
    assert fixed.reports[0] == pytest.approx(dynamic.reports[0], rel=1e-3)


def test_buckets_hold_texts_of_like_lengths(trained_shapes):
    mixed, _ = trained_shapes("batch", batch_size=3)
    grouped, run = trained_shapes("bucket", batch_size=3)
    assert sum(size for size, _ in grouped) == sum(size for size, _ in mixed) == 63
    assert sum(size * width for size, width in grouped) < 0.9 * sum(size * width for size, width in mixed)
    assert [state["step"] for state in run.steps] == list(range(1, 22))


def test_a_machine_without_bf16_says_that_it_is_slow(config, new_run, monkeypatch):
    config["training"].update(bf16=True, num_epochs=1)
    fast, slow = new_run("fast"), new_run("slow")
    monkeypatch.setattr(pipeline, "computes_bf16", lambda device: True)
    trainer.train(config, fast)
    monkeypatch.setattr(pipeline, "computes_bf16", lambda device: False)
    trainer.train(config, slow)
    assert fast.notes == []
    assert slow.notes == [
        "bf16: this machine has no instructions for bfloat16, which is emulated: float32 may be faster"
    ]
    assert slow.reports == fast.reports
