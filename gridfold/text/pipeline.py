"""From a config to a trained classifier, in the order that lets runs share work.

What several runs have in common is read and computed before anything in which they may differ is looked at: the
texts are read and tokenized, the encoder is loaded, and what is frozen of it has encoded them, before the head and the
training settings are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import TrainingArguments, set_seed

from gridfold.runs.run import Run
from gridfold.text.adapter import Adapter, read_adapter
from gridfold.text.checkpoint import CheckpointFile, discard, fingerprint
from gridfold.text.compatibility import check_compatible, check_frozen, outputs_of
from gridfold.text.data import Dataset, Pool, facts_of, load_pool
from gridfold.text.data_settings import DataSettings, read_examples, read_fold, read_tokenizing
from gridfold.text.dropout import use_fast_dropout
from gridfold.text.early_stopping import EarlyStopping, counts_steps, looks_ahead
from gridfold.text.encoder import PooledEncoder, TokenRow, encoder_of, run_device
from gridfold.text.features import LazyEncoder, LazyTokenizer, Tokens, activations_of, features_of, tokens_of
from gridfold.text.finetune import Classifier, Progress, fine_tune, precision_of
from gridfold.text.frozen import Features, train_head
from gridfold.text.head import Head, build_head, read_head
from gridfold.text.history import History
from gridfold.text.layers import ActivationPadding, above, with_activations
from gridfold.text.learning_rates import learning_rates
from gridfold.text.lora import add_adapter
from gridfold.text.loss import Loss
from gridfold.text.memory import Sizes, within_memory
from gridfold.text.optimization import steps_per_epoch, training_arguments
from gridfold.text.packing import Packing, can_pack
from gridfold.text.precision import computes_bf16, usable_precision
from gridfold.text.pretrained import sentence_model
from gridfold.text.recipe import Recipe, TokenizedExamples
from gridfold.text.section import LazyConfig
from gridfold.text.sentence_model import EncoderSettings, resolved
from gridfold.text.settings import (
    TrainingSettings,
    read_eval_batch_size,
    read_model,
    read_precision,
    read_training,
    read_use_cpu,
)
from gridfold.text.tasks import Text


@dataclass(frozen=True)
class Trained:
    """A trained classifier, with the weights of its best epoch, and all there is to say about it.

    Attributes:
        hidden_size: columns of what the encoder gives.
        adapter: None if the encoder has none; else it is all that was trained of it.
        encoder: None if it was frozen, and so is as it is in the model that the settings name.
    """

    settings: EncoderSettings
    data_settings: DataSettings
    data: Dataset
    head_settings: Head
    hidden_size: int
    head: nn.Module
    adapter: Adapter | None
    encoder: PooledEncoder | None
    history: History
    eval_batch_size: int
    precision: str | None


@dataclass(frozen=True)
class _TrainingPlan:
    """What is read of a config once the shared work is done."""

    head: Head
    adapter: Adapter | None
    training: TrainingSettings
    loss: Loss
    stopping: EarlyStopping
    epochs: int
    args: TrainingArguments


def run_pipeline(config: LazyConfig, run: Run) -> Trained:
    """Train what a config describes, reporting to ``run``; nothing is saved."""
    _ask_for_determinism()
    asked, data_settings = read_model(config), read_examples(config)
    model = resolved(asked, sentence_model(asked.name))
    pool = load_pool(data_settings)
    return (_train_frozen if model.freeze_encoder else _train_whole)(config, run, model, data_settings, pool)


def _ask_for_determinism() -> None:
    """Kernels that give the same bits twice, where CUDA has such; on the CPU they all do."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)  # noqa: FBT003 (torch takes it by position)


def _train_frozen(
    config: LazyConfig, run: Run, model: EncoderSettings, data_settings: DataSettings, pool: Pool
) -> Trained:
    asked, device = read_eval_batch_size(config), run_device(use_cpu=read_use_cpu(config))
    if device.type == "cuda":
        _ = run.dir  # which each has of its own: a process that has encoded on a GPU could not split any more
    encoder = LazyEncoder(model, device)
    data_settings = read_tokenizing(config, data_settings)
    tokenizer = _lazy_tokenizer(model, data_settings, lambda: encoder.loaded.inputs)
    # One after the other: a saved run that predicts the validation texts then does the very same. Not so with folds,
    # whose texts are encoded all together, once for all folds: there, the last bits may differ.
    encoded, size = [], asked
    for part in pool.parts:
        made, size = _encode(encoder, tokenizer, part.texts, size)
        encoded.append(made)

    data_settings = read_fold(config, data_settings)
    data = pool.dataset(data_settings)
    train, validation = data.parted(encoded, lambda made, rows: made[torch.from_numpy(rows)])
    features = Features(train.to(device), torch.from_numpy(data.train.targets).to(device), validation.to(device))

    plan = _read_plan(config, data, frozen=True)
    _note_eval_batch(run, asked, size)  # not before: until then, the work is that of several runs
    head = _new_head(plan, train.shape[1])
    history = _new_history(run, plan, data)
    train_head(head.to(device), features, plan.args, plan.loss, history)
    hidden = train.shape[1]
    return Trained(model, data_settings, data, plan.head, hidden, head, None, None, history, size, precision=None)


def _encode(
    encoder: LazyEncoder, tokenizer: LazyTokenizer, texts: Sequence[Text], size: int
) -> tuple[torch.Tensor, int]:
    """One vector a text, and the batch size that there was memory for."""
    tokens = tokens_of(tokenizer, texts)
    array, used = within_memory(lambda fitting: (features_of(encoder, tokenizer, tokens, fitting), fitting), size)
    return torch.from_numpy(array), used


def _lazy_tokenizer(model: EncoderSettings, data: DataSettings, inputs: Callable[[], tuple[str, ...]]) -> LazyTokenizer:
    return LazyTokenizer(model.name, data.max_length, inputs, data.long_texts, model.prefix)


def _load_encoder(model: EncoderSettings) -> PooledEncoder:
    set_seed(0)  # weights that a checkpoint lacks, of a pooler that is not used, do not depend on training.seed
    encoder = encoder_of(model)
    encoder.packing = Packing.of(encoder.model)
    use_fast_dropout(encoder)
    return encoder


def _train_whole(
    config: LazyConfig, run: Run, model: EncoderSettings, data_settings: DataSettings, pool: Pool
) -> Trained:
    encoders = [_load_encoder(model)]  # a list, so that an encoder that takes too much memory can be let go
    inputs = encoders[0].inputs
    data_settings = read_tokenizing(config, data_settings)
    lazy = _lazy_tokenizer(model, data_settings, lambda: inputs)
    tokens = [tokens_of(lazy, part.texts) for part in pool.parts]
    texts: Sequence[Sequence[TokenRow]] = tokens
    tokenizer = lazy.loaded
    if model.frozen_layers:
        texts = _with_activations(config, model, encoders[0], lazy, tokens)
        tokenizer = ActivationPadding(**vars(tokenizer))

    data_settings = read_fold(config, data_settings)
    data = pool.dataset(data_settings)
    train_texts, validation_texts = data.parted(texts, _taken)
    rows = TokenizedExamples(train_texts, data.train.targets, validation_texts)

    plan = _read_plan(config, data, frozen=False)
    check_frozen(model, plan.training)
    recipe = Recipe(rows, tokenizer, plan.training.padding, plan.args, plan.loss)
    settings = [model, data_settings, plan.head, plan.training, *([plan.adapter] if plan.adapter else [])]
    file = CheckpointFile(run, fingerprint(settings, rows.train, [rows.targets], rows.validation))
    saved = _saved(file)
    sizes = Sizes(*saved[0].sizes) if saved else Sizes(plan.training.batch_size, plan.training.eval_batch_size)

    def train(micro_batch: int) -> Trained:
        encoder = encoders.pop() if encoders else _load_encoder(model)
        head = _new_head(plan, encoder.hidden_size)
        if plan.adapter:
            set_seed(plan.training.seed)  # its first weights do not depend on the head
            add_adapter(encoder.model, plan.adapter, model.frozen_layers)
            encoder.dense.requires_grad_(False)  # noqa: FBT003 (torch takes it by position)
        history = _new_history(run, plan, data)
        if not saved:
            discard(run)
        rates = learning_rates(plan.training, encoder, head)
        trained = above(encoder, model.frozen_layers) if model.frozen_layers else encoder
        if not can_pack(plan.training.padding, plan.args):
            trained.packing = None
        classifier, start = Classifier(trained, head, rates), Sizes(micro_batch, sizes.eval_batch)
        used = fine_tune(classifier, recipe, start, history, file, saved.pop() if saved else None)
        _note_precision(run, plan.args)
        _note_micro_batch(run, plan.training.batch_size, micro_batch)
        _note_eval_batch(run, plan.training.eval_batch_size, used.eval_batch)
        return Trained(
            model,
            data_settings,
            data,
            plan.head,
            encoder.hidden_size,
            head,
            plan.adapter,
            encoder,
            history,
            used.eval_batch,
            precision_of(plan.args),
        )

    return within_memory(train, sizes.micro_batch, smallest=_smallest_batch(plan.head))


def _taken(texts: Sequence[TokenRow], rows: NDArray[np.int64]) -> Sequence[TokenRow]:
    return texts.take(rows.tolist()) if isinstance(texts, Tokens) else [texts[row] for row in rows]


def _with_activations(
    config: LazyConfig,
    model: EncoderSettings,
    encoder: PooledEncoder,
    tokenizer: LazyTokenizer,
    parts: Sequence[Tokens],
) -> list[list[TokenRow]]:
    """Tokens with what the frozen layers made of them."""
    size, device = read_eval_batch_size(config), run_device(use_cpu=read_use_cpu(config))
    precision = usable_precision(read_precision(config), device)
    lazy = LazyEncoder.of(model, encoder.to(device))

    def keep(tokens: Tokens) -> list[TokenRow]:
        layers = model.frozen_layers
        array, dtype = within_memory(
            lambda most: activations_of(lazy, layers, tokenizer, tokens, most, precision), size
        )
        return with_activations(tokens, torch.from_numpy(array).view(getattr(torch, dtype)))

    return [keep(tokens) for tokens in parts]


def _saved(file: CheckpointFile) -> list[Progress]:
    """The progress of an interrupted training, if there is one. A list, so that it can be let go of, too."""
    content = file.load()
    return [Progress(**content)] if content else []


def _smallest_batch(head: Head) -> int:
    """``batch_norm`` refuses an example alone, which an odd batch in pairs would leave."""
    return 3 if any(layer.type == "batch_norm" for layer in head.layers) else 1


def _note_precision(run: Run, args: TrainingArguments) -> None:
    if args.fp16 and args.device.type == "cpu":
        run.note("fp16: without a GPU it has no effect: trained in float32")
    if args.bf16 and not computes_bf16(args.device):
        run.note("bf16: this machine has no instructions for bfloat16, which is emulated: float32 may be faster")


def _note_micro_batch(run: Run, asked: int, used: int) -> None:
    if used < asked:
        run.note(f"out of memory at batch size {asked}: trained in micro-batches of {used} × {asked // used}")


def _note_eval_batch(run: Run, asked: int, used: int) -> None:
    if used < asked:
        run.note(f"out of memory at eval_batch_size {asked}: encoded in batches of {used}")


def _read_plan(config: LazyConfig, data: Dataset, *, frozen: bool) -> _TrainingPlan:
    section = config.section("model")
    head, adapter, training = read_head(section), read_adapter(section), read_training(config, frozen=frozen)
    task, facts = data.task, facts_of(data)
    stopping = EarlyStopping(config.section("training"), task.name, counts_steps(training))
    check_compatible(facts, head, training)
    stopping.check(facts)
    if frozen and training.head_learning_rate is not None:
        training = replace(training, learning_rate=training.head_learning_rate)  # nothing else is trained
    head, loss = head.giving(outputs_of(task, training)[0]), Loss.of(training, task, data.train.targets)
    if stopping.counts_steps:
        args = training_arguments(training, epochs=1)
        epochs = math.ceil(args.max_steps / steps_per_epoch(len(data.train.targets), args))
        return _TrainingPlan(head, adapter, training, loss, stopping, epochs, args)
    epochs = stopping.epochs(looks_ahead=looks_ahead(training))
    return _TrainingPlan(head, adapter, training, loss, stopping, epochs, training_arguments(training, epochs))


def _new_history(run: Run, plan: _TrainingPlan, data: Dataset) -> History:
    return History(run, plan.stopping, plan.epochs, plan.loss, data.task, data.validation.targets)


def _new_head(plan: _TrainingPlan, hidden_size: int) -> nn.Module:
    """A head whose first weights depend on the seed alone."""
    set_seed(plan.training.seed)
    return build_head(plan.head.sized(hidden_size))
