"""Out of memory: smaller micro-batches, the same effective batch, and a note. And not-a-number: no second try."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gridfold.text import finetune, load, pipeline, trainer
from gridfold.text import frozen as frozen_module
from gridfold.text.checkpoint import CheckpointFile
from gridfold.text.dropout import FastDropout
from gridfold.text.encoder import PooledEncoder
from gridfold.text.loss import Loss
from gridfold.text.memory import is_out_of_memory, smaller, within_memory

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.cuda.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: not enough memory: you tried to allocate"),
]


@pytest.fixture
def room(monkeypatch) -> Callable[..., list[int]]:
    """Limits how many texts there is memory for, in training and where nothing is learned; gives the sizes tried."""

    def limit(training: int = 1000, evaluation: int = 1000) -> list[int]:
        forward, tried = PooledEncoder.forward, []

        def limited(self: PooledEncoder, **tokens: torch.Tensor) -> torch.Tensor:
            size, most = len(tokens["input_ids"]), training if torch.is_grad_enabled() else evaluation
            tried.append(size)
            if size > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return forward(self, **tokens)

        monkeypatch.setattr(PooledEncoder, "forward", limited)
        return tried

    return limit


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_it_is_told_from_other_errors(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(OSError("no space left"))


def test_sizes_stay_divisors():
    assert [smaller(size) for size in (32, 16, 12, 15, 9, 7, 2, 3)] == [16, 8, 6, 5, 3, 1, 1, 1]


def test_the_last_size_raises():
    tried = []

    def work(size: int) -> None:
        tried.append(size)
        raise ERRORS[2]

    with pytest.raises(RuntimeError, match="can't allocate memory"):
        within_memory(work, 12)
    assert tried == [12, 6, 3, 1]
    tried.clear()
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        within_memory(work, 12, smallest=2)
    assert tried == [12, 6, 3]


def test_what_did_not_fit_is_let_go():
    class Large:
        alive = 0

        def __init__(self) -> None:
            Large.alive += 1

        def __del__(self) -> None:
            Large.alive -= 1

    alive = []

    def work(size: int) -> None:
        alive.append(Large.alive)
        large = Large()
        large.itself = large  # as objects of transformers hold each other
        if size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    within_memory(work, 8)
    assert alive == [0, 0, 0]


def test_nothing_holds_on_to_an_encoder_that_did_not_fit(config, new_run, room, monkeypatch):
    room(training=2)
    encoder_of, loaded, alive = pipeline.encoder_of, [], []

    def noted(*args: Any, **named: Any) -> PooledEncoder:
        alive.append(sum(encoder() is not None for encoder in loaded))
        encoder = encoder_of(*args, **named)
        loaded.append(weakref.ref(encoder))
        return encoder

    monkeypatch.setattr(pipeline, "encoder_of", noted)
    trainer.train(config, new_run("run"))
    assert alive == [0, 0, 0]


@pytest.mark.parametrize(
    ("batch_size", "fits", "micro_batch", "note"),
    [
        (8, 4, 4, "out of memory at batch size 8: trained in micro-batches of 4 × 2"),
        (32, 8, 8, "out of memory at batch size 32: trained in micro-batches of 8 × 4"),
        (9, 5, 3, "out of memory at batch size 9: trained in micro-batches of 3 × 3"),
        (7, 6, 1, "out of memory at batch size 7: trained in micro-batches of 1 × 7"),
    ],
)
def test_training_makes_do_with_smaller_micro_batches(batch_size, fits, micro_batch, note, config, new_run, room):
    config["training"].update(batch_size=batch_size, num_epochs=1)
    # Without dropout, only the order of additions differs.
    config["model"]["classification_head"]["architecture"].pop(2)
    alone, run = new_run("alone"), new_run("run")
    with_dropout_off(trainer.train, config, alone)
    tried = room(training=fits)
    with_dropout_off(trainer.train, config, run)
    assert run.notes == [note]
    assert alone.notes == []
    assert max(tried[1:]) <= 32  # the evaluation's
    assert run.reports[-1]["train_loss"] == pytest.approx(alone.reports[-1]["train_loss"], rel=1e-4)
    assert run.reports[-1]["val_loss"] == pytest.approx(alone.reports[-1]["val_loss"], rel=1e-3)
    assert {step["step"] for step in run.steps} == {step["step"] for step in alone.steps}
    assert max(state["steps"] for state in run.steps) == max(state["steps"] for state in alone.steps)


def with_dropout_off(train: Callable[..., Any], *args: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for kind in (nn.Dropout, FastDropout):
            patch.setattr(kind, "forward", lambda self, values: values)
        return train(*args)


def test_a_smaller_micro_batch_is_a_training_of_its_own(config, new_run, room):
    """It does not matter when memory ran out: the same seed begins anew."""
    room(training=4)
    first, second = new_run("first"), new_run("second")
    trainer.train(config, first)
    trainer.train(config, second)
    assert first.reports == second.reports
    assert not (first.dir / "checkpoint.pt").exists()


def test_an_error_at_a_micro_batch_of_one_is_raised(config, new_run, room):
    tried, run = room(training=0), new_run("run")
    with pytest.raises(torch.OutOfMemoryError):
        trainer.train(config, run)
    assert tried == [8, 4, 2, 1]
    assert run.notes == []


def test_batch_norm_is_never_given_one_example(config, new_run, room):
    config["model"]["classification_head"]["architecture"].insert(0, {"type": "batch_norm"})
    config["training"].update(batch_size=9, num_epochs=1)  # 63 examples
    run = new_run("run")
    room(training=4)
    trainer.train(config, run)
    assert run.notes == ["out of memory at batch size 9: trained in micro-batches of 3 × 3"]
    tried = room(training=2)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.train(config, new_run("other"))
    assert min(tried) == 3


@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_evaluation_makes_do_with_smaller_batches(frozen, config, new_run, room):
    config["model"]["freeze_encoder"] = frozen
    alone, run = new_run("alone"), new_run("run")
    trainer.train(config, alone)
    room(evaluation=5)
    trainer.train(config, run)
    assert run.notes == ["out of memory at eval_batch_size 32: encoded in batches of 4"]
    assert run.reports == alone.reports
    labels, _ = load(alone.dir).predict(["the cat", "the rain", "the sun", "we saw snow", "red", "blue"])
    assert len(labels) == 6


def test_an_evaluation_without_memory_does_not_begin_the_training_again(config, new_run, room):
    run = new_run("run")
    room(evaluation=0)
    with pytest.raises(MemoryError, match="one text at a time: CUDA out of memory"):
        trainer.train(config, run)
    assert max(step["step"] for step in run.steps) == len(run.steps) == 8


def test_an_interrupted_training_goes_on_in_its_micro_batches(config, new_run, room, monkeypatch):
    whole = new_run("whole")
    room(training=4)
    trainer.train(config, whole)
    run = new_run("run")
    monkeypatch.setattr(CheckpointFile, "due", property(lambda self: True))

    def stop(**state: float) -> None:
        if state["step"] == 12:
            raise KeyboardInterrupt

    run.progress = stop
    with pytest.raises(KeyboardInterrupt):
        trainer.train(config, run)
    again = new_run("run")
    tried = room()
    trainer.train(config, again)
    assert again.notes == ["out of memory at batch size 8: trained in micro-batches of 4 × 2"]
    assert again.reports == whole.reports
    assert again.steps[0]["step"] == 12
    assert tried[0] == 4


@pytest.fixture
def gradients(monkeypatch) -> Callable[..., list[torch.Tensor]]:
    """Trains an epoch in which nothing is dropped and little learned, and gives the gradient of every step."""
    clip = nn.utils.clip_grad_norm_

    def train(config: dict[str, Any], run: Any, **settings: Any) -> list[torch.Tensor]:
        found = []

        def noted(parameters: Any, *args: Any, **options: Any) -> Any:
            weights = list(parameters)
            found.append(torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None]))
            return clip(weights, *args, **options)

        monkeypatch.setattr(nn.utils, "clip_grad_norm_", noted)
        changed = copy.deepcopy(config)
        changed["training"].update(num_epochs=1, learning_rate=1e-12, **settings)
        with_dropout_off(trainer.train, changed, run)
        return found

    return train


def assert_all_close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"gradient_accumulation_steps": 3}, {"dataloader_drop_last": True}], ids=str)
def test_micro_batches_give_the_gradient_of_the_batch(settings, config, new_run, gradients, room):
    whole = gradients(config, new_run("whole"), **settings)
    room(training=4)
    run = new_run("run")
    assert_all_close(gradients(config, run, **settings), whole)
    assert run.notes


@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_every_example_of_a_step_counts_alike(frozen, config, new_run, gradients):
    """The last step of 63 examples has 4 and 3, or 7."""
    config["model"]["freeze_encoder"] = frozen
    config["training"]["class_weights"] = {"animals": 7}
    together = gradients(config, new_run("together"), batch_size=8)
    accumulated = gradients(config, new_run("accumulated"), batch_size=4, gradient_accumulation_steps=2)
    assert_all_close(accumulated, together)


@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_not_a_number_ends_a_run_in_the_step_that_gave_it(frozen, config, new_run, monkeypatch):
    config["model"]["freeze_encoder"] = frozen
    monkeypatch.setattr(CheckpointFile, "due", property(lambda self: True))
    mean, losses = Loss.__call__, []

    def loss(self: Loss, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        value = mean(self, logits, targets)
        if not logits.requires_grad:
            return value  # of an evaluation
        losses.append(value)
        return value * (float("nan") if len(losses) == 11 else 1.0)

    monkeypatch.setattr(Loss, "__call__", loss)
    run = new_run("run")
    with pytest.raises(FloatingPointError, match=r"^the training loss became nan in epoch 2 at step 11$"):
        trainer.train(config, run)
    assert len(losses) == 11
    assert run.notes == []
    assert not any(run.dir.iterdir())


@pytest.mark.parametrize("frozen", [False, True], ids=["whole", "frozen"])
def test_weights_that_are_no_numbers_end_a_run_in_the_evaluation(frozen, config, new_run, monkeypatch):
    config["model"]["freeze_encoder"] = frozen
    logits = finetune.head_logits
    module = frozen_module if frozen else finetune
    monkeypatch.setattr(module, "head_logits", lambda *args: logits(*args) * float("nan"))
    with pytest.raises(FloatingPointError, match=r"^the validation loss became nan after epoch 1$"):
        trainer.train(config, new_run("run"))
