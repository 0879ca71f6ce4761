"""What the sections ``model`` and ``training`` of a config say. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gridfold.core.errors import ConfigError
from gridfold.text.adapter import has_adapter
from gridfold.text.objectives import LOSSES, METRICS
from gridfold.text.section import (
    ANY_TEXT,
    BELOW_ONE,
    FLAG,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    TEXT,
    Kind,
    LazyConfig,
    Section,
    choice,
    is_number,
    number,
    optional,
    setting,
    settings_of,
    whole,
)
from gridfold.text.trainer_arguments import read_argument, without_effect

SCHEDULERS = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "reduce_lr_on_plateau",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "warmup_stable_decay",
    "greedy",
)
PADDINGS = ("batch", "bucket", "max_length")
AUTO = "auto"
POOLINGS = ("mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken")

_METRICS = (*dict.fromkeys(name for names in METRICS.values() for name in names), "macro_f1")
_METRIC = choice("a metric", (*_METRICS, *(f"val_{name}" for name in _METRICS)))
_LOSS = choice("a loss", dict.fromkeys(name for names in LOSSES.values() for name in names))
_CLASS_WEIGHTS: Kind[Any] = Kind(
    "'balanced', a mapping of labels to numbers, or null",
    lambda v: v is None or v == "balanced" or isinstance(v, Mapping),
    lambda v: v,
    structure=True,
)
_THRESHOLD: Kind[Any] = Kind(
    "'best_f1' or a number between 0 and 1", lambda v: v == "best_f1" or (is_number(v) and 0 < v < 1), lambda v: v
)
_POOLING: Kind[str] = Kind(
    "a pooling, or several joined by +",
    lambda v: isinstance(v, str) and (v == AUTO or set(v.split("+")) <= set(POOLINGS)),
    str,
    (AUTO, *POOLINGS),
)
_NORMALIZE: Kind[bool | None] = Kind(
    "true, false or auto", lambda v: isinstance(v, bool) or v == AUTO, lambda v: None if v == AUTO else v
)


@dataclass(frozen=True)
class ModelSettings:
    """The encoder. The head and the adapter are read on their own, after the encoder has done its work.

    ``normalize`` is None for ``auto``.
    """

    name: str = setting(TEXT, "hub id, local path, or package:NAME/PATH", "microsoft/deberta-v3-base")
    pooling: str = setting(
        _POOLING,
        "how token vectors become one; auto: as the model's sentence-transformers files say, else mean",
        "mean+max",
        AUTO,
    )
    normalize: bool | None = setting(
        _NORMALIZE,
        "scale that vector to length 1; auto: as the same files say if pooling is auto, too, else false",
        "true",
        None,
        AUTO,
    )
    prefix: str = setting(ANY_TEXT, "put before every text, in training and prediction", '"query: "', "")
    freeze_encoder: bool = setting(FLAG, "train the head alone: a run encodes each text once", "true", default=False)
    frozen_layers: int = setting(whole(0), "freeze the embeddings and this many layers above them", "6", 0)


@dataclass(frozen=True)
class TrainingSettings:
    """How to train an epoch; when to end, and which epoch is best, is in `EndSettings`.

    ``arguments`` are fields of ``transformers.TrainingArguments`` under their own names.
    """

    batch_size: int = setting(whole(1), "examples of a step", "32", 16)
    learning_rate: float = setting(POSITIVE, "of the encoder's top layer and the head", "1e-5", 2e-5)
    head_learning_rate: float | None = setting(optional(POSITIVE), "another one for the head", "1e-3", None)
    layer_decay: float = setting(
        number("a number above 0, up to 1", lambda v: 0 < v <= 1),
        "each layer of the encoder learns at this share of the rate of the layer above it",
        "0.9",
        1.0,
    )
    weight_decay: float = setting(NOT_NEGATIVE, "not applied to biases and norms", "0.1", 0.01)
    warmup_ratio: float = setting(BELOW_ONE, "share of the steps in which the learning rate rises", "0.1", 0.0)
    scheduler: str = setting(
        choice("a scheduler", SCHEDULERS), "a learning rate schedule, by its transformers name", "cosine", "linear"
    )
    seed: int = setting(SEED, "of the head's first weights, the order of examples, and dropout", "1", 42)
    eval_batch_size: int = setting(whole(1), "batch size of evaluation and encoding", "64", 32)
    padding: str = setting(
        choice("a padding", PADDINGS),
        "how long the texts of a training batch become: batch, as the longest of them; bucket, the same in batches of "
        "texts of like lengths; max_length, always data.max_length",
        "bucket",
        "batch",
    )
    loss: str | None = setting(optional(_LOSS), "what is made small", "focal", None, "the first loss of the task")
    class_weights: str | Mapping[str, float] | None = setting(
        _CLASS_WEIGHTS,
        "how much the examples of each label count; balanced: rare labels count like frequent ones",
        "balanced",
        None,
    )
    focal_gamma: float = setting(
        NOT_NEGATIVE, "of loss: focal, how much less those examples count that are right already", "1.0", 2.0
    )
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label_smoothing(self) -> float:
        """The share of certainty that is spread evenly over the classes in training."""
        return float(self.arguments.get("label_smoothing_factor", 0.0))


@dataclass(frozen=True)
class EndSettings:
    """What is read when an epoch is over: how many there are, and which one is best."""

    num_epochs: int = setting(whole(1), "passes over the training examples, at most", "10", 3)
    early_stopping_patience: int | None = setting(
        optional(whole(1)), "stop after this many epochs without improvement", "2", None
    )
    metric: str | None = setting(_METRIC, "decides which epoch is best", "accuracy", None, "f1; of a regression rmse")
    threshold: float | str = setting(
        _THRESHOLD, "the probability above which a label holds; best_f1: chosen on the validation texts", "best_f1", 0.5
    )


NUM_EPOCHS, PATIENCE, METRIC, THRESHOLD = settings_of(EndSettings)
_AFTER_EPOCHS = tuple(each.name for each in fields(EndSettings))
_WITH_FOCAL = ("focal_gamma",)  # not read with another loss: both can be varied together

# The settings of our own: how each is checked, and the name that transformers.TrainingArguments has for it.
_OWN: Mapping[str, Kind[Any]] = {
    each.name: each.metadata["kind"]
    for each in (*fields(TrainingSettings), *fields(EndSettings))
    if each.name != "arguments"
}
LONG_NAMES = {
    "per_device_train_batch_size": "batch_size",
    "num_train_epochs": "num_epochs",
    "lr_scheduler_type": "scheduler",
    "metric_for_best_model": "metric",
    "per_device_eval_batch_size": "eval_batch_size",
}


def read_model(config: LazyConfig) -> ModelSettings:
    """The encoder's settings; ``ConfigError`` where one is wrong. The head's values are not looked at."""
    section = config.section("model")
    settings = section.read(ModelSettings, later=("classification_head", "adapter"))
    if settings.freeze_encoder and has_adapter(section):
        path, hint = section.path_of("adapter"), "keep one of the two"
        raise ConfigError("given together with freeze_encoder: true, which trains the head alone", path=path, hint=hint)
    if settings.freeze_encoder and settings.frozen_layers:
        path, hint = section.path_of("frozen_layers"), "keep one of the two"
        raise ConfigError("given together with freeze_encoder: true, which freezes all layers", path=path, hint=hint)
    return settings


def read_eval_batch_size(config: LazyConfig) -> int:
    """``training.eval_batch_size`` alone, which a frozen encoder needs before anything else of that section."""
    section = config.section("training")
    name = given_names(section).get("eval_batch_size", "eval_batch_size")
    return section.get(name, whole(1), TrainingSettings.eval_batch_size)


def read_use_cpu(config: LazyConfig) -> bool:
    """``training.use_cpu`` alone, too."""
    return config.section("training").get("use_cpu", FLAG, default=False)


def read_precision(config: LazyConfig) -> str | None:
    """``training.bf16`` and ``training.fp16`` alone, which frozen layers need: ``bf16``, ``fp16`` or None."""
    section = config.section("training")
    return next((name for name in ("bf16", "fp16") if section.get(name, FLAG, default=False)), None)


def read_training(config: LazyConfig, *, frozen: bool) -> TrainingSettings:
    """The training settings; ``ConfigError`` where one is wrong, or cannot be honoured with a frozen encoder."""
    section = config.section("training")
    own = given_names(section)
    rest = [key for key in section if key not in own.values()]
    arguments = {key: read_argument(section, key, _OWN, frozen=frozen) for key in rest}
    for key in ("padding", "layer_decay"):
        if frozen and key in section:
            raise without_effect(section.path_of(key))
    later = {*_AFTER_EPOCHS, *_WITH_FOCAL}
    values = {short: section.require(key, _OWN[short]) for short, key in own.items() if short not in later}
    _reject_contradictions(section, values)
    _reject_precisions(section, arguments)
    _reject_optimizer(section, values, arguments)
    if isinstance(values.get("class_weights"), Mapping):
        values["class_weights"] = section.mapping("class_weights", POSITIVE)
    if values.get("loss") == "focal":
        values |= {key: section.require(key, _OWN[key]) for key in _WITH_FOCAL if key in section}
    return TrainingSettings(**values, arguments=arguments)


def _reject_contradictions(section: Section, values: Mapping[str, Any]) -> None:
    if "warmup_ratio" in section and "warmup_steps" in section:
        raise ConfigError("given together with warmup_ratio", path=section.path_of("warmup_steps"), hint="keep one")
    if values.get("padding") == "bucket" and "train_sampling_strategy" in section:
        problem = "given together with padding: bucket, which groups texts by length"
        raise ConfigError(problem, path=section.path_of("train_sampling_strategy"), hint="keep one")


def _reject_precisions(section: Section, arguments: Mapping[str, Any]) -> None:
    if not arguments.get("fp16"):
        return
    path = section.path_of("fp16")
    if arguments.get("bf16"):
        raise ConfigError("given together with bf16: true", path=path, hint="keep one of the two")
    if arguments.get("use_cpu"):
        hint = "remove it, or give bf16: true, which CPUs know"
        raise ConfigError("has no effect with use_cpu: true: only GPUs compute in it", path=path, hint=hint)


def _reject_optimizer(section: Section, values: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Some update each weight in the backward pass, and have one learning rate for all."""
    optimizer = str(arguments.get("optim", ""))
    if not any(word in optimizer for word in ("lomo", "layerwise")):
        return
    for key, default in (("head_learning_rate", None), ("layer_decay", 1.0)):
        if values.get(key, default) != default:
            problem = f"has no effect with optim: {optimizer}, which has one learning rate for all weights"
            raise ConfigError(problem, path=section.path_of(key), hint="remove one of the two")


def given_names(section: Section) -> dict[str, str]:
    """Which key of the section gives each setting of our own: its short name, or the long one of transformers."""
    given: dict[str, str] = {}
    for key in section:
        short = LONG_NAMES.get(key, key)
        if short in given:
            problem = f"the same as {given[short]}, which is given too"
            raise ConfigError(problem, path=section.path_of(key), hint="keep one of the two")
        if short in _OWN:
            given[short] = key
    return given
