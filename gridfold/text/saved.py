"""A trained classifier in its run directory: saved there, and loaded again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import nn

from gridfold.core.errors import ConfigError, nearest_file
from gridfold.text.encoder import PooledEncoder, Tokenizer, encode, load_encoder, load_tokenizer, run_device
from gridfold.text.frozen import head_logits
from gridfold.text.head import build_head
from gridfold.text.long_texts import TRUNCATE
from gridfold.text.memory import within_memory
from gridfold.text.outputs import Outputs, Prediction
from gridfold.text.pipeline import Trained
from gridfold.text.plots import draw_loss, draw_predictions
from gridfold.text.predictions import write_mistakes, write_predictions
from gridfold.text.pretrained import lasting_reference, quiet
from gridfold.text.tasks import Floats, Label, Text

_DESCRIPTION = "classifier.json"
_HEAD = "head.safetensors"
_ENCODER = "encoder"


def save(trained: Trained, folder: Path) -> None:
    """Write the best epoch's weights, what is needed to load them, plots, and the mistakes. Each appears whole."""
    best, outputs, examples = trained.history.best, trained.history.outputs, trained.data.validation
    weights = {name: weight.detach().cpu().contiguous() for name, weight in trained.head.state_dict().items()}
    _write(folder / _HEAD, lambda file: file.write_bytes(to_bytes(weights)))
    if encoder := trained.encoder:
        _write(folder / _ENCODER, lambda place: _save_encoder(encoder, place))
    _write(folder / "predictions.csv", lambda file: write_predictions(file, examples, outputs, best.logits))
    if outputs.task.labels:
        _write(folder / "misclassified.csv", lambda file: write_mistakes(file, examples, outputs, best.logits))
    plot = "confusion_matrix.png" if outputs.task.name in {"binary", "multiclass"} else "predictions.png"
    _write(folder / plot, lambda file: draw_predictions(outputs, examples.targets, best, file))
    _write(folder / "loss.png", lambda file: draw_loss(trained.history.epochs, best, trained.history.metric, file))
    # Last: a directory with a description in it is complete.
    _write(folder / _DESCRIPTION, lambda file: _write_json(file, _description(trained)))


def _write(target: Path, write: Callable[[Path], Any]) -> None:
    """Write a file or folder beside its place and move it there."""
    temporary = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    write(temporary)
    if target.is_dir():
        shutil.rmtree(target)
    temporary.replace(target)


def _save_encoder(encoder: PooledEncoder, folder: Path) -> None:
    with quiet():
        encoder.model.save_pretrained(folder)  # type: ignore[operator]
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)  # safetensors writes files that only their owner can read


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _description(trained: Trained) -> dict[str, Any]:
    name = lasting_reference(trained.settings.name)
    return {
        **trained.history.outputs.as_json(),
        "model": _ENCODER if not trained.settings.freeze_encoder else name,
        "tokenizer": name,
        "freeze_encoder": trained.settings.freeze_encoder,
        "pooling": trained.settings.pooling,
        "normalize": bool(trained.settings.normalize),
        "max_length": trained.data_settings.max_length,
        "long_texts": trained.data_settings.long_texts,
        "prefix": trained.settings.prefix,
        "pairs": not isinstance(trained.data_settings.text_column, str),
        "eval_batch_size": trained.eval_batch_size,
        "precision": trained.precision,
        "architecture": trained.head_settings.sized(trained.hidden_size),
        "best_epoch": trained.history.best.number,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


@dataclass(frozen=True)
class TextClassifier:
    """A trained classifier.

    Attributes:
        outputs: what is predicted, and how.
    """

    outputs: Outputs
    _encoder: PooledEncoder = field(repr=False)
    _tokenizer: Tokenizer = field(repr=False)
    _head: nn.Module = field(repr=False)
    _batch_size: int = field(repr=False)
    _precision: str | None = field(repr=False)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The label values, in the order of the columns of the probabilities; none where a number is predicted."""
        return self.outputs.task.labels

    def predict(self, texts: Sequence[Text]) -> tuple[list[Prediction], Floats]:
        """Classify texts.

        Args:
            texts: any number of them; pairs of texts, if it was trained on pairs.

        Returns:
            The label of every text, as the training data had it, a list of those that hold where several may, or a
            number; and the probabilities of all labels, an array of shape ``(len(texts), len(labels))`` whose columns
            follow ``labels``.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts, found one text")
        rows = self._tokenizer.rows(texts) if texts else []
        features = within_memory(
            lambda size: encode(self._encoder, self._tokenizer, rows, size, self._precision), self._batch_size
        )
        predicted, chances = self.outputs.predict(head_logits(self._head, features).float().cpu().double().numpy())
        return self.outputs.named(predicted), chances


def load(run_dir: str | Path, *, use_cpu: bool = False) -> TextClassifier:
    """Load the classifier that a run saved.

    On the kind of machine that trained it, it predicts what it did when the run ended.

    Args:
        run_dir: the directory of a completed run.
        use_cpu: stay on the CPU where there is a GPU.

    Raises:
        ConfigError: the directory holds no trained classifier, its weights were deleted, or the frozen encoder that
            it names is gone.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise ConfigError(f"no such directory: {folder}", hint=nearest_file(folder))
    if not (folder / _DESCRIPTION).is_file():
        hint = "give the directory of a completed run of the built-in trainer"
        raise ConfigError(f"{folder} holds no trained classifier: there is no {_DESCRIPTION} in it", hint=hint)
    said = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    _require_weights(folder, own_encoder=not said["freeze_encoder"])
    device = run_device(use_cpu=use_cpu)
    name = said["model"] if said["freeze_encoder"] else str(folder / _ENCODER)
    encoder = load_encoder(name, said["pooling"], normalize=said.get("normalize", False)).to(device)
    head = build_head(said["architecture"]).to(device)
    head.load_state_dict(load_file(folder / _HEAD, device=str(device)))
    how = said["max_length"], said.get("long_texts", TRUNCATE), said.get("prefix", "")
    tokenizer = load_tokenizer(said["tokenizer"], encoder.inputs, *how)
    return TextClassifier(Outputs.of(said), encoder, tokenizer, head, said["eval_batch_size"], said["precision"])


def _require_weights(folder: Path, *, own_encoder: bool) -> None:
    there = (folder / _HEAD).is_file() and (not own_encoder or any((folder / _ENCODER).glob("*.safetensors")))
    if not there:
        hint = f"`gridfold reproduce {folder}` trains it again"
        raise ConfigError(f"the weights of {folder} were deleted, to save disk space", hint=hint)
