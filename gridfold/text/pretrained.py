"""A pretrained model by its name: where it is, and whether it can be loaded. Needs no torch for local files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from gridfold.core.errors import ConfigError, nearest_file
from gridfold.text.location import PACKAGE, is_hub_name, local_path
from gridfold.text.sentence_model import SentenceModel, read_sentence_model, transformer_folder

_SUFFIXES = (".json", ".safetensors", ".bin", ".model", ".txt", ".py")
_POSITIONS_AFTER_PADDING = (
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)
_NEED_A_DECODER = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
_GIVE_A_PATH = "offline? give a folder with config.json, weights and tokenizer: a path, or package:NAME/PATH"


def reference(name: str) -> str:
    """What ``from_pretrained`` is to be given for ``model.name``: a folder, or a hub id."""
    return str(_location(name) or name)


def lasting_reference(name: str) -> str:
    """``model.name`` as it can be read from any working directory: a relative path becomes absolute."""
    location = _location(name)
    return name if location is None or name.startswith(PACKAGE) else str(location.resolve())


def _location(name: str) -> Path | None:
    location = local_path(name, "model.name")
    if location is None and not is_hub_name(name):
        hint = nearest_file(Path(name)) or "give a folder or a hub id"
        raise ConfigError(f"no such folder: {name}", path="model.name", hint=hint)
    return None if location is None else transformer_folder(location)


def sentence_model(name: str) -> SentenceModel:
    """What the sentence-transformers files of ``model.name`` say; ``ConfigError`` if they cannot be read."""
    location = local_path(name, "model.name")
    return _of_hub(name) if location is None else read_sentence_model(lambda path: _if_file(location / path))


@lru_cache(maxsize=64)
def _of_hub(name: str) -> SentenceModel:
    return read_sentence_model(lambda path: _hub_file(name, path))


def _if_file(path: Path) -> Path | None:
    return path if path.is_file() else None


def _hub_file(name: str, path: str) -> Path | None:
    """A file of the hub's cache, or of the hub. None if it has none, or cannot be reached to say so."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache  # needed only for the hub

    cached = try_to_load_from_cache(name, path)
    if cached is not None:
        return Path(cached) if isinstance(cached, str) else None
    with quiet(), contextlib.suppress(Exception):
        return Path(hf_hub_download(name, path))
    return None


def content_of(name: str) -> str:
    """What tells a model from every other: the content of its files, or the commit that the hub's cache has.

    Raises:
        UnknownError: the model is one of the hub, and not in the cache.
    """
    from gridfold.identity.values import UnknownError, of_value  # needed by runs only

    location = _location(name)
    if location is not None:
        return of_value([file for file in sorted(location.iterdir()) if file.suffix in _SUFFIXES])
    from huggingface_hub import try_to_load_from_cache  # needed only for the hub

    config = try_to_load_from_cache(name, "config.json")
    if not isinstance(config, str):
        raise UnknownError(f"the model '{name}', which is not in the cache")
    return f"{name} {Path(config).parent.name}"


def check_pretrained(name: str, max_length: int, frozen_layers: int = 0) -> None:
    """Raise ``ConfigError`` if the model is not there, its positions end before ``max_length``, or its layers do.

    Args:
        name: ``model.name``.
        max_length: ``data.max_length``.
        frozen_layers: ``model.frozen_layers``; one layer at least is left to train.
    """
    config = _config_of(name)
    if config.get("model_type") in _NEED_A_DECODER:
        problem = f"a {config['model_type']} model is an encoder with a decoder: {name}"
        raise ConfigError(problem, path="model.name", hint="give an encoder, such as BERT, DeBERTa or ModernBERT")
    positions = _positions(config)
    relative = config.get("position_biased_input") is False
    if isinstance(positions, int) and not relative and 0 < positions < max_length:
        problem = f"{max_length} tokens, but model {name} takes {positions} at most"
        raise ConfigError(problem, path="data.max_length")
    layers = config.get("num_hidden_layers", config.get("n_layers"))
    if isinstance(layers, int):
        check_frozen_layers(frozen_layers, layers)


def check_precision(name: str, precision: str | None) -> None:
    """Raise ``ConfigError`` if the model cannot compute in ``bf16`` or ``fp16``.

    DeBERTa v1 masks with a number that neither type has: huggingface/transformers#35332.
    """
    if precision is not None and _config_of(name).get("model_type") == "deberta":
        problem = "transformers cannot compute a DeBERTa v1 in half precision"
        raise ConfigError(problem, path=f"training.{precision}", hint="remove it, or take a DeBERTa v2 or v3")


def _config_of(name: str) -> dict[str, Any]:
    location = _location(name)
    return _hub_config(name) if location is None else _local_config(location)


def _positions(config: Mapping[str, Any]) -> Any:
    """How many tokens the position embeddings are for; RoBERTa and its like count from that of padding on."""
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and config.get("model_type") in _POSITIONS_AFTER_PADDING:
        return positions - (config.get("pad_token_id", 1) or 0) - 1
    return positions


def check_frozen_layers(frozen_layers: int, layers: int) -> None:
    """Raise ``ConfigError`` if no layer of the encoder is left to train."""
    if frozen_layers and frozen_layers >= layers:
        hint = f"give {layers - 1} at most, or freeze the whole encoder: freeze_encoder: true"
        raise ConfigError(
            f"{frozen_layers}, but the encoder has {layers} layers", path="model.frozen_layers", hint=hint
        )


def _local_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{folder} is not a model: it has no config.json", path="model.name") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {file}: {error}", path="model.name") from error
    _require(folder, "weights", ("*.safetensors", "*.bin"))
    _require(folder, "tokenizer", ("tokenizer*", "vocab*", "*.model"))
    return config if isinstance(config, dict) else {}


def _require(folder: Path, what: str, patterns: tuple[str, ...]) -> None:
    if not any(True for pattern in patterns for _ in folder.glob(pattern)):
        problem = f"{folder} is not a whole model: it has no {what}, {' or '.join(patterns)}"
        raise ConfigError(problem, path="model.name")


@lru_cache(maxsize=64)
def _hub_config(name: str) -> dict[str, Any]:
    from transformers import AutoConfig  # slow, and needed only for the hub

    with quiet():
        # Not in the cache, for whatever reason: the hub is asked.
        with contextlib.suppress(Exception):
            return _as_dict(AutoConfig.from_pretrained(name, local_files_only=True))
        try:
            _reach_hub(name)
            return _as_dict(AutoConfig.from_pretrained(name))
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            problem = f"model '{name}' cannot be loaded: {reason[0]}"
            raise ConfigError(problem, path="model.name", hint=_GIVE_A_PATH) from error


def _as_dict(config: Any) -> dict[str, Any]:
    values: dict[str, Any] = config.to_dict()
    return values


def _reach_hub(name: str) -> None:
    """One short question: offline, the retries of ``from_pretrained`` take half a minute."""
    from huggingface_hub import model_info  # needed only for the hub

    model_info(name, timeout=10)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from logging, drawing bars, starting threads of its own, and writing to the hub.

    tqdm's monitor and the tokenizers' thread pool would make a later fork unsafe. The conversion of weights that
    transformers otherwise asks a hub service for when it meets a checkpoint without safetensors is not ours to ask.
    """
    import tqdm  # type: ignore[import-untyped]  # comes with transformers
    from transformers.utils import logging  # slow

    tqdm.tqdm.monitor_interval = 0
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "true")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
