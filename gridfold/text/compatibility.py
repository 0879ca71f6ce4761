"""Whether data, model, head and training settings fit each other."""

from __future__ import annotations

from gridfold.core.errors import ConfigError
from gridfold.text.adapter import check_adapter, read_adapter
from gridfold.text.data import DataFacts, describe, named
from gridfold.text.early_stopping import EarlyStopping
from gridfold.text.head import Head, read_head
from gridfold.text.pretrained import check_pretrained
from gridfold.text.section import LazyConfig
from gridfold.text.settings import ModelSettings, TrainingSettings, read_data, read_fold, read_model, read_training

_ARCHITECTURE = "model.classification_head.architecture"


def check(config: LazyConfig) -> None:
    """Raise ``ConfigError`` if a run of this config could only fail."""
    model, data = read_model(config), read_fold(config, read_data(config))
    head, training = read_head(config.section("model")), read_training(config, frozen=model.freeze_encoder)
    facts = describe(data)
    check_compatible(facts, head, training)
    check_frozen(model, training)
    EarlyStopping(config.section("training")).check(facts)
    check_pretrained(model.name, data.max_length, model.frozen_layers)
    if adapter := read_adapter(config.section("model")):
        check_adapter(adapter, model.name, model.frozen_layers)


def check_compatible(data: DataFacts, head: Head, training: TrainingSettings) -> None:
    """Raise ``ConfigError`` where a config that is right in its parts could not be trained as a whole."""
    _check_classes(data, head)
    _check_batches(data, head, training)


def check_frozen(model: ModelSettings, training: TrainingSettings) -> None:
    """Raise ``ConfigError`` where the training is to change what ``model.frozen_layers`` keeps constant."""
    name = "neftune_noise_alpha"
    if model.frozen_layers and training.arguments.get(name) is not None:
        problem = "noise on the embeddings, which model.frozen_layers freezes"
        raise ConfigError(problem, path=f"training.{name}", hint="keep one of the two")


def _check_classes(data: DataFacts, head: Head) -> None:
    classes = 2 if head.binary else head.out_features
    if classes == len(data.labels):
        return
    path = f"{_ARCHITECTURE}.{len(head.layers) - 1}.out_features"
    binary = "1 (logistic loss) or " if len(data.labels) == 2 else ""
    problem = f"{head.out_features} does not fit the labels of the data, {named(data.labels)}"
    raise ConfigError(problem, path=path, hint=f"give {binary}{len(data.labels)}")


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
