"""Full fine-tuning of encoder and head, by ``transformers.Trainer``.

``transformers`` goes through the examples, and finds its place among them again when a training continues. What a
checkpoint holds is saved and restored here, to the bit and without pickles.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_pt_utils import LengthGroupedSampler

from gridfold.text.best_weights import BestWeights, Weights
from gridfold.text.checkpoint import CheckpointFile, RandomState
from gridfold.text.encoder import PooledEncoder, encode
from gridfold.text.frozen import head_logits
from gridfold.text.history import History
from gridfold.text.interruption import Interruption
from gridfold.text.learning_rates import set_learning_rates
from gridfold.text.memory import MOST_TOKENS, Sizes, is_out_of_memory, keep_freed_memory, within_memory
from gridfold.text.optimization import example_share
from gridfold.text.precision import attention_in_bf16, usable_precision
from gridfold.text.pretrained import quiet
from gridfold.text.recipe import LabelledRows, Recipe, normalizes_batches, pieces


class Classifier(nn.Module):
    """An encoder and a head, as one module that ``transformers.Trainer`` can train.

    Args:
        encoder: gives the vectors.
        head: takes them.
        rates: the learning rates of the weights that have their own.
    """

    accepts_loss_kwargs = False  # the mean loss of a batch is all that compute_loss below gives

    def __init__(self, encoder: PooledEncoder, head: nn.Module, rates: Mapping[Tensor, float] | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.rates = rates or {}

    def forward(self, **tokens: Tensor) -> dict[str, Tensor]:
        """Logits ``(n, out_features)`` for tokens, or what stands for them, of shape ``(n, tokens)``."""
        return {"logits": self.head(self.encoder(**tokens))}

    def learned(self) -> dict[str, Tensor]:
        """All that training changes: the weights that are not frozen, and what a head keeps beside weights."""
        frozen = {name for name, weight in self.named_parameters(remove_duplicate=False) if not weight.requires_grad}
        return {name: value for name, value in self.state_dict().items() if name not in frozen}

    def learn_again(self, learned: Mapping[str, Tensor]) -> None:
        """Take over what another training has learned. Frozen weights, which processes share, are not written to."""
        self.load_state_dict(learned, strict=False)

    def get_input_embeddings(self) -> nn.Module:
        """The token embeddings, for ``neftune_noise_alpha``."""
        embeddings: nn.Module = self.encoder.model.get_input_embeddings()  # type: ignore[operator]
        return embeddings

    def gradient_checkpointing_enable(self, **options: Any) -> None:
        """For ``gradient_checkpointing``."""
        self.encoder.model.gradient_checkpointing_enable(**options)  # type: ignore[operator]

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """For ``activation_checkpointing``, the newer name of the same."""
        self.encoder.model.activation_checkpointing_enable(**options)  # type: ignore[operator]


@dataclass(frozen=True)
class Progress:
    """All that a training needs to go on from the end of a step as if it had never stopped.

    Attributes:
        sizes: how much was computed at a time.
        place: the state of ``transformers.Trainer`` as JSON: which step, of which epoch.
        weights: of encoder and head, without those that are frozen.
        best: those of the best epoch, or empty.
        optimizer: state of the optimiser.
        schedule: state of the learning rate's schedule.
        scaler: state of the loss scaling of ``fp16``, or None.
        history: what `History.state` gives.
        random: the random streams at this step, as `RandomState` has them.
        random_at_start: those at the start of its epoch, which may have decided the order of examples.
        evaluation_due: whether the steps of an epoch are over, and its evaluation is not.
    """

    sizes: tuple[int, int]
    place: str
    weights: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    scaler: dict[str, Any] | None
    history: dict[str, Any]
    random: tuple[Any, ...]
    random_at_start: tuple[Any, ...]
    evaluation_due: bool


def fine_tune(
    classifier: Classifier,
    recipe: Recipe,
    sizes: Sizes,
    history: History,
    file: CheckpointFile,
    progress: Progress | None = None,
) -> Sizes:
    """Train encoder and head; at the end they have the weights of their best epoch.

    Args:
        classifier: as it is before the first step, also where the training continues.
        recipe: what is learned from, and how.
        sizes: how much to compute at a time. A batch that is more than a micro-batch is computed in several.
        history: of no epoch yet.
        file: where the training is saved while it is under way.
        progress: where to continue.

    Returns:
        How much was computed at a time in the end: the evaluation makes do with less memory by itself.

    Raises:
        KeyboardInterrupt: SIGTERM came, and the training is saved.
        RuntimeError: the micro-batch does not fit into memory (see `is_out_of_memory`).
        MemoryError: not even the evaluation of one text does.
    """
    keep_freed_memory()
    with quiet():
        trainer = _FineTuner(classifier, recipe, sizes, history, file, progress)
        del progress  # it is as large as all that is trained, and the trainer lets go of it
        trainer.go()
    classifier.learn_again(trainer.best)
    return trainer.sizes


def precision_of(args: TrainingArguments) -> str | None:
    """The mixed precision of a training, as `encode` takes it."""
    return usable_precision("bf16" if args.bf16 else "fp16" if args.fp16 else None, args.device)


class _FineTuner(Trainer, TrainerCallback):
    """``transformers.Trainer``, except for the loss and the evaluation, which are the same for every training.

    And except for checkpoints: it is told to resume from a folder that holds the place only; what it would load from
    there comes from `Progress`. It is its own callback, and so is told at which moment of the training it is.
    """

    def __init__(
        self,
        classifier: Classifier,
        recipe: Recipe,
        sizes: Sizes,
        history: History,
        file: CheckpointFile,
        progress: Progress | None,
    ) -> None:
        examples, tokenizer = recipe.examples, recipe.tokenizer
        super().__init__(
            model=classifier,
            args=recipe.args,
            train_dataset=LabelledRows(examples),
            eval_dataset=examples.validation,
            data_collator=recipe.batch,
            processing_class=tokenizer.base,
        )
        self.remove_callback(PrinterCallback)
        self.add_callback(self)
        self._best = BestWeights(classifier.learned, lambda: file.folder)
        self.sizes = sizes
        self._classifier = classifier
        self._recipe = recipe
        self._history = history
        self._file = file
        self._progress = progress
        self._interruption = Interruption()
        self._random_at_start = RandomState.now()
        self._step_examples = 0

    def go(self) -> None:
        """Train, from the beginning or from where the progress was saved."""
        with (
            self._interruption.taken(),
            contextlib.suppress(_NothingLeftError),
            tempfile.TemporaryDirectory() as folder,
        ):
            if self._progress is None:
                self.train()
                return
            self._history.restore(self._progress.history)
            self._best.restore(self._history.metric, self._progress.best)
            (Path(folder) / TRAINER_STATE_NAME).write_text(self._progress.place)
            self.train(resume_from_checkpoint=folder)

    @property
    def best(self) -> Weights:
        """The weights of the best epoch; empty before the first is over."""
        return self._best.by(self._history.metric)

    # What is learned in a step.

    def create_optimizer(self, *args: Any, **kwargs: Any) -> torch.optim.Optimizer:
        is_new = self.optimizer is None
        optimizer: torch.optim.Optimizer = super().create_optimizer(*args, **kwargs)
        if is_new and self._classifier.rates:
            set_learning_rates(optimizer, self._classifier.rates)
        return optimizer

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Sampler[int] | None:
        if self._recipe.padding != "bucket":
            sampler: Sampler[int] | None = super()._get_train_sampler(*args, **kwargs)
            return sampler
        lengths = [len(row["input_ids"]) for row in self._recipe.examples.train]
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        grouped: Sampler[int] = LengthGroupedSampler(step, lengths=lengths)
        return grouped

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        batches, items = super().get_batch_samples(*args, **kwargs)
        self._step_examples = sum(len(batch["labels"]) for batch in batches)
        return batches, items

    def training_step(self, model: nn.Module, inputs: dict[str, Tensor], *args: Any) -> Tensor:
        losses = []
        self._best.keep()
        with attention_in_bf16(enabled=self.args.bf16):
            for piece in pieces(inputs, self.sizes.micro_batch, self._most_tokens):
                losses.append(super().training_step(model, piece, *args))
        return torch.stack(losses).sum()

    @property
    def _most_tokens(self) -> int | None:
        """Of a micro-batch; None for any number: batches that are normalized are not the same in parts."""
        whole = self.args.device.type != "cpu" or any(map(normalizes_batches, self._classifier.modules()))
        return None if whole else MOST_TOKENS

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,  # noqa: FBT001, FBT002 (the signature of transformers)
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002 (as above)
    ) -> Any:
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = self._recipe.loss(outputs["logits"].float(), labels)
        self._history.step(self.state.global_step + 1, self.state.max_steps, loss.item(), len(labels))
        # transformers divides by the number of batches.
        loss = loss * example_share(len(labels), self.current_gradient_accumulation_steps, self._step_examples)
        return (loss, outputs) if return_outputs else loss

    # What an epoch ends with.

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        self._switch_optimizer("eval")
        self._best.found(self._history.end_epoch(self._validation_logits()))
        self._switch_optimizer("train")
        metrics = {"eval_loss": self._history.epochs[-1].metrics["val_loss"]}
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.control.should_training_stop |= self._history.is_over
        return metrics

    def _validation_logits(self) -> Tensor:
        try:
            with self._interruption.at_once():
                features = within_memory(self._validation_features, self.sizes.eval_batch)
                return head_logits(self._classifier.head, features)
        except KeyboardInterrupt:
            self._switch_optimizer("train")
            self._save_progress(evaluation_due=True)
            raise
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            # Smaller micro-batches would not help.
            raise MemoryError(f"in the evaluation, one text at a time: {error}") from error

    def _validation_features(self, size: int) -> Tensor:
        rows, tokenizer = self._recipe.examples.validation, self._recipe.tokenizer
        features = encode(self._classifier.encoder, tokenizer, rows, size, precision_of(self.args))
        self.sizes = replace(self.sizes, eval_batch=size)
        return features

    def _switch_optimizer(self, mode: str) -> None:
        """Schedule-free optimisers hold other weights for evaluation than for training."""
        switch = getattr(self.optimizer, mode, None)
        if callable(switch):
            self._best.keep()
            switch()

    # When it is saved, and when it ends before its time.

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        if self._progress is None:
            return
        if self._progress.evaluation_due:
            self._evaluate(None, None)
        if self._history.is_over or self.state.global_step >= self.state.max_steps:
            raise _NothingLeftError

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        if self._progress is not None:
            inside = not self._at_end_of_epoch
            RandomState(*(self._progress.random_at_start if inside else self._progress.random)).restore()
        elif self._history.epochs and self._file.affordable:
            self._save_progress()
        self._random_at_start = RandomState.now()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        if self._at_end_of_epoch:
            return  # it is evaluated first
        if self._interruption.came or self._file.due:
            self._save_progress()
        self._interruption.check()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        if self._interruption.came:
            self._save_progress()
        self._interruption.check()

    @property
    def _at_end_of_epoch(self) -> bool:
        return float(self.state.epoch or 0).is_integer() or self.state.global_step >= self.state.max_steps

    # What is saved, and how it is restored.

    def _save_progress(self, *, evaluation_due: bool = False) -> None:
        optimizer: Any = self.optimizer
        schedule: Any = self.lr_scheduler
        scaler, best = self.accelerator.scaler, dict(self.best)
        progress = Progress(
            sizes=astuple(self.sizes),
            place=json.dumps(asdict(self.state)),
            weights={name: _shared(best.get(name), weight) for name, weight in self._classifier.learned().items()},
            best=best,
            optimizer=optimizer.state_dict(),
            schedule=schedule.state_dict(),
            scaler=None if scaler is None else scaler.state_dict(),
            history=self._history.state(),
            random=astuple(RandomState.now()),
            random_at_start=astuple(self._random_at_start),
            evaluation_due=evaluation_due,
        )
        self._file.save(vars(progress))

    def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
        if self._progress is not None:
            self._classifier.learn_again(self._progress.weights)

    def _load_optimizer_and_scheduler(self, *_: Any, **__: Any) -> None:
        if self._progress is None:
            return
        optimizer: Any = self.optimizer
        schedule: Any = self.lr_scheduler
        optimizer.load_state_dict(self._progress.optimizer)
        schedule.load_state_dict(self._progress.schedule)
        if self._progress.scaler is not None:
            self.accelerator.scaler.load_state_dict(self._progress.scaler)

    def _load_rng_state(self, *_: Any, **__: Any) -> None:
        """The last to be restored: the examples before have been skipped, which draws random numbers."""
        if self._progress is not None:
            RandomState(*self._progress.random).restore()
            self._progress = None


class _NothingLeftError(Exception):
    """The training had come to its end when it was saved."""


def _shared(best: Tensor | None, weight: Tensor) -> Tensor:
    """The best epoch's weight, if it is the same: a file holds one tensor once."""
    return weight if best is None or not torch.equal(best.cpu(), weight.cpu()) else best
