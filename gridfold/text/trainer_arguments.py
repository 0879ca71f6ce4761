"""Fields of ``transformers.TrainingArguments``: which of them a config may give, and what their values must be.

Needs torch only for fields that gridfold does not know.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from gridfold.core.errors import ConfigError, nearest
from gridfold.text.section import (
    BELOW_ONE,
    FLAG,
    NOT_NEGATIVE,
    OPTIONS,
    TEXT,
    Kind,
    Section,
    choice,
    is_number,
    is_whole,
    plain,
    whole,
)

_FROZEN_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "adafactor", "adagrad", "rmsprop", "sgd")
# With a frozen encoder these are honoured too, and no others: the loop there is gridfold's own.
HONOURED_WHEN_FROZEN: Mapping[str, Kind[Any]] = {
    "optim": TEXT,
    "optim_args": TEXT,
    "adam_beta1": BELOW_ONE,
    "adam_beta2": BELOW_ONE,
    "adam_epsilon": NOT_NEGATIVE,
    "max_grad_norm": NOT_NEGATIVE,
    "gradient_accumulation_steps": whole(1),
    "label_smoothing_factor": BELOW_ONE,
    "lr_scheduler_kwargs": OPTIONS,
    # A float stays a share of all steps, an int a number of steps.
    "warmup_steps": Kind("a number, 0 or more", lambda v: is_number(v) and v >= 0, lambda v: v),
    "dataloader_drop_last": FLAG,
    "max_steps": Kind("a whole number", is_whole, int),
    "use_cpu": FLAG,
}

_OF_TRAINER = """
    auto_find_batch_size batch_eval_metrics bf16_full_eval disable_tqdm do_eval do_predict do_train
    enable_jit_checkpoint eval_accumulation_steps eval_delay eval_do_concat_batches eval_on_start eval_steps
    eval_strategy eval_use_gather_object evaluation_strategy fp16_full_eval greater_is_better hub_always_push
    hub_model_id hub_private_repo hub_revision hub_strategy hub_token ignore_data_skip include_for_metrics
    include_inputs_for_metrics label_names load_best_model_at_end local_rank log_level log_level_replica
    log_on_each_node logging_dir logging_first_step logging_nan_inf_filter logging_steps logging_strategy
    output_dir overwrite_output_dir prediction_loss_only project push_to_hub push_to_hub_model_id
    push_to_hub_organization push_to_hub_token remove_unused_columns report_to
    restore_callback_states_from_checkpoint resume_from_checkpoint run_name save_on_each_node save_only_model
    save_safetensors save_steps save_strategy save_total_limit trackio_bucket_id trackio_space_id
    trackio_static_space_id
"""
SET_BY_GRIDFOLD = frozenset(_OF_TRAINER.split())


def read_argument(section: Section, key: str, own: Collection[str], *, frozen: bool) -> Any:
    """The value of a field.

    Args:
        section: ``training``.
        key: the field.
        own: the settings that are gridfold's own, for a hint.
        frozen: whether the encoder is.

    Raises:
        ConfigError: there is no such field, gridfold sets it, it has no effect, or its value is wrong.
    """
    path = section.path_of(key)
    if key in SET_BY_GRIDFOLD:
        raise ConfigError("set by gridfold, so a config cannot set it", path=path, hint="remove it")
    kind = HONOURED_WHEN_FROZEN.get(key) or _kind_of(key, path, own)
    if frozen and key not in HONOURED_WHEN_FROZEN:
        raise without_effect(path)
    if key == "optim":
        kind = choice("an optimiser", _FROZEN_OPTIMIZERS if frozen else _all_optimizers())
    return section.require(key, kind)


def without_effect(path: str) -> ConfigError:
    """The error for a key that a frozen encoder's head cannot honour."""
    problem = "has no effect with model.freeze_encoder: true"
    return ConfigError(problem, path=path, hint=f"remove it; honoured there: {', '.join(HONOURED_WHEN_FROZEN)}")


def _all_optimizers() -> list[str]:
    from transformers.training_args import OptimizerNames  # slow

    return [item.value for item in OptimizerNames]


def _kind_of(key: str, path: str, own: Collection[str]) -> Kind[Any]:
    """What ``TrainingArguments`` says about one of its fields; ``ConfigError`` if it has no such field."""
    kind = kind_of_field(key)
    if kind is None:
        near = nearest(key, {*own, *_names_of_fields()} - SET_BY_GRIDFOLD)
        if not near.startswith("did you mean"):
            near = f"valid: {', '.join(own)}, and the fields of transformers.TrainingArguments"
        raise ConfigError("unknown key", path=path, hint=near)
    return kind


def kind_of_field(name: str) -> Kind[Any] | None:
    """What a field of ``TrainingArguments`` must be, as far as it says so; None if it has no such field."""
    from transformers import TrainingArguments  # slow, and needed only for fields that are not ours

    if name not in _names_of_fields():
        return None
    return _kind_of_hint(get_type_hints(TrainingArguments).get(name, Any))


def _names_of_fields() -> set[str]:
    from transformers import TrainingArguments  # as above

    return {each.name for each in fields(TrainingArguments)}


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}


def _kind_of_hint(hint: Any) -> Kind[Any]:
    """Plain types are checked; whatever else a field takes, ``TrainingArguments`` itself checks when a run starts."""
    members = set(get_args(hint)) or {hint}
    if not members <= set(_WORDS):
        return Kind("a value", lambda _: True, plain)
    accepted = [words for kind, words in _WORDS.items() if kind in members]

    def accepts(value: Any) -> bool:
        if isinstance(value, bool | str) or value is None:
            return type(value) in members
        return (int in members and is_whole(value)) or (float in members and is_number(value))

    return Kind(" or ".join(accepted), accepts, lambda value: value)
