"""Whether data, model, head and training settings fit each other."""

from __future__ import annotations

from collections.abc import Mapping

from gridfold.core.errors import ConfigError, nearest
from gridfold.text.adapter import read_adapter
from gridfold.text.data import DataFacts, describe
from gridfold.text.data_settings import read_data, read_fold
from gridfold.text.early_stopping import EarlyStopping
from gridfold.text.head import Head, read_head
from gridfold.text.objectives import LOSSES
from gridfold.text.pretrained import check_precision, check_pretrained, sentence_model
from gridfold.text.section import LazyConfig
from gridfold.text.sentence_model import resolved
from gridfold.text.settings import ModelSettings, TrainingSettings, read_model, read_training
from gridfold.text.tasks import Task, named

_ARCHITECTURE = "model.classification_head.architecture"


def check(config: LazyConfig) -> None:
    """Raise ``ConfigError`` if a run of this config could only fail."""
    model, data = read_model(config), read_fold(config, read_data(config))
    head, training = read_head(config.section("model")), read_training(config, frozen=model.freeze_encoder)
    facts = describe(data)
    check_compatible(facts, head, training)
    check_frozen(model, training)
    EarlyStopping(config.section("training"), facts.task.name).check(facts)
    check_pretrained(model.name, data.max_length, model.frozen_layers)
    check_precision(model.name, next((name for name in ("bf16", "fp16") if training.arguments.get(name)), None))
    resolved(model, sentence_model(model.name))
    if adapter := read_adapter(config.section("model")):
        from gridfold.text.lora import check_adapter  # imports torch

        check_adapter(adapter, model.name, model.frozen_layers)


def check_compatible(data: DataFacts, head: Head, training: TrainingSettings) -> None:
    """Raise ``ConfigError`` where a config that is right in its parts could not be trained as a whole."""
    _check_loss(data.task, training)
    _check_outputs(data, head, training)
    _check_batches(data, head, training)


def check_frozen(model: ModelSettings, training: TrainingSettings) -> None:
    """Raise ``ConfigError`` where the training is to change what ``model.frozen_layers`` keeps constant."""
    name = "neftune_noise_alpha"
    if model.frozen_layers and training.arguments.get(name) is not None:
        problem = "noise on the embeddings, which model.frozen_layers freezes"
        raise ConfigError(problem, path=f"training.{name}", hint="keep one of the two")


def outputs_of(task: Task, training: TrainingSettings) -> tuple[int, ...]:
    """How many logits a head may give; the first is what it gives unless a config says otherwise."""
    if task.name == "regression" or (task.name == "binary" and training.loss == "bce"):
        return (1,)
    return (2, 1) if task.name == "binary" else (len(task.labels),)


def _check_outputs(data: DataFacts, head: Head, training: TrainingSettings) -> None:
    valid = outputs_of(data.task, training)
    if head.out_features is None or head.out_features in valid:
        return
    path = f"{_ARCHITECTURE}.{len(head.layers) - 1}.out_features"
    binary = "1 (logistic loss) or " if len(valid) == 2 else ""
    if valid != (1,):
        problem = f"{head.out_features} does not fit the labels of the data, {named(data.labels)}"
    else:
        cause = "the task regression" if data.task.name == "regression" else "the loss bce of two labels"
        problem = f"{head.out_features} does not fit {cause}, which has one output"
    raise ConfigError(problem, path=path, hint=f"give {binary}{valid[0]}, or leave it out")


def _check_loss(task: Task, training: TrainingSettings) -> None:
    if training.loss not in {None, *LOSSES[task.name]}:
        problem = f"{training.loss} is no loss of the task {task.name}"
        raise ConfigError(problem, path="training.loss", hint=f"valid: {', '.join(LOSSES[task.name])}")
    if task.name == "regression":
        for name, given in (
            ("class_weights", training.class_weights),
            ("label_smoothing_factor", training.label_smoothing),
        ):
            if given:
                problem = "has no effect in the task regression, which has no labels"
                raise ConfigError(problem, path=f"training.{name}", hint="remove it")
    if isinstance(training.class_weights, Mapping):
        _check_names(training.class_weights, [str(label) for label in task.labels])


def _check_names(weights: Mapping[str, float], labels: list[str]) -> None:
    for name in weights:
        if name not in labels:
            quoted = "put it in quotes: YAML reads yes and no as true and false"
            hint = quoted if name in {"True", "False"} else nearest(name, labels)
            raise ConfigError("no label of the data", path=f"training.class_weights.{name}", hint=hint)


def _check_batches(data: DataFacts, head: Head, training: TrainingSettings) -> None:
    drop_last = bool(training.arguments.get("dataloader_drop_last", False))
    size, path = training.batch_size, "training.batch_size"
    if drop_last and data.train_size < size:
        problem = f"{size} is more than the {data.train_size} training examples, and dataloader_drop_last leaves none"
        raise ConfigError(problem, path=path)
    alone = size == 1 or (data.train_size % size == 1 and not drop_last)
    if alone and any(layer.type == "batch_norm" for layer in head.layers):
        problem = (
            f"{data.train_size} training examples in batches of {size} leave a batch of one, which batch_norm refuses"
        )
        raise ConfigError(problem, path=path, hint="give another batch_size, or dataloader_drop_last: true")
