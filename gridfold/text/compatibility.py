"""Whether data, head and training settings fit each other."""

from __future__ import annotations

from gridfold.core.errors import ConfigError
from gridfold.text.data import DataFacts, named
from gridfold.text.head import Head
from gridfold.text.settings import ModelSettings, TrainingSettings

_ARCHITECTURE = "model.classification_head.architecture"


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


def check_metric(data: DataFacts, metric: str) -> None:
    """Raise ``ConfigError`` where a metric cannot be computed of the data."""
    if metric.removeprefix("val_") != "roc_auc":
        return
    path = "training.metric"
    if len(data.labels) != 2:
        raise ConfigError(f"roc_auc needs 2 labels, but the data have {named(data.labels)}", path=path)
    if data.validation_classes != 2:
        raise ConfigError("roc_auc needs both labels among the validation examples", path=path)


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
