"""Optimiser and schedule: one implementation, for every way of training.

The optimiser and the schedule are those that ``transformers.Trainer`` itself makes of the same arguments.
"""

from __future__ import annotations

import dataclasses
import math
import tempfile
from typing import Any

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from gridfold.text.pretrained import quiet
from gridfold.text.settings import TrainingSettings


def example_share(examples: int, batches: int, step_examples: int) -> float:
    """The weight of a batch's mean loss in the mean of a step, with which every example of the step counts alike.

    It is 1 where all batches of the step are of one size.

    Args:
        examples: of the batch.
        batches: of the step.
        step_examples: of all batches of the step.
    """
    return examples * batches / step_examples


def training_arguments(training: TrainingSettings, epochs: int) -> TrainingArguments:
    """The settings as ``transformers`` takes them, for a number of epochs at most.

    Nothing is saved, logged, drawn or sent by ``transformers``: gridfold does what is to be done of it.
    """
    arguments = {
        "per_device_train_batch_size": training.batch_size,
        "per_device_eval_batch_size": training.eval_batch_size,
        "num_train_epochs": epochs,
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "lr_scheduler_type": training.scheduler,
        "seed": training.seed,
        **_warmup(training.warmup_ratio),
        # Pinned memory without a GPU, or a missing GPU, is a warning each.
        "dataloader_pin_memory": torch.cuda.is_available(),
        "use_cpu": not torch.cuda.is_available(),
        **training.arguments,
        "label_smoothing_factor": 0.0,  # the loss is ours, and so is this
        "output_dir": tempfile.gettempdir(),  # nothing is written there
        "eval_strategy": "epoch",
        "save_strategy": "no",
        "logging_strategy": "no",
        "metric_for_best_model": "loss",
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "report_to": "none",
        "log_level": "error",
    }
    result = TrainingArguments(**arguments)
    # A run is on one device: its batches must not grow with the GPUs that happen to be visible.
    if result.n_gpu > 1:
        result._n_gpu = 1
    return result


def steps_per_epoch(examples: int, args: TrainingArguments) -> int:
    """How often the weights are updated in an epoch, as ``transformers.Trainer`` counts."""
    size = args.per_device_train_batch_size
    batches = examples // size if args.dataloader_drop_last else math.ceil(examples / size)
    return max(math.ceil(batches / args.gradient_accumulation_steps), 1)


def total_steps(examples: int, args: TrainingArguments) -> int:
    """How often the weights are updated at most: ``max_steps`` times, where that is given."""
    if args.max_steps > 0:
        return args.max_steps
    return steps_per_epoch(examples, args) * int(args.num_train_epochs)


def _warmup(ratio: float) -> dict[str, float]:
    """Version 5 of transformers takes the ratio as ``warmup_steps`` below 1, version 4 as ``warmup_ratio``."""
    names = {field.name for field in dataclasses.fields(TrainingArguments)}
    return {"warmup_ratio" if "warmup_ratio" in names else "warmup_steps": ratio}


def optimizer_and_schedule(model: nn.Module, args: TrainingArguments, steps: int) -> tuple[Any, Any]:
    """The optimiser of a model's weights and the schedule of its learning rate over the steps."""
    with quiet():
        trainer = Trainer(model=model, args=args, train_dataset=[], eval_dataset=[])
        return trainer.create_optimizer(), trainer.create_scheduler(steps)


def steps_with_metric(schedule: Any) -> bool:
    """Whether a schedule moves once an epoch, by the validation loss, and not at every step."""
    return type(schedule).__name__ in {"ReduceLROnPlateau", "GreedyLR"}
