"""A trained classifier in its run directory: saved there, and loaded again."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from gridfold.core.errors import ConfigError, nearest_file
from gridfold.text.encoder import PooledEncoder, Tokenizer, encode, load_encoder, load_tokenizer, run_device
from gridfold.text.frozen import head_logits
from gridfold.text.head import build_head
from gridfold.text.memory import within_memory
from gridfold.text.metrics import Floats, probabilities
from gridfold.text.pipeline import Trained
from gridfold.text.plots import draw_confusion_matrix, draw_loss
from gridfold.text.pretrained import lasting_reference, quiet
from gridfold.text.progress import bar
from gridfold.text.tasks import Label

_DESCRIPTION = "classifier.json"
_HEAD = "head.safetensors"
_ENCODER = "encoder"


def save(trained: Trained, folder: Path) -> None:
    """Write the best epoch's weights, what is needed to load them, plots, and the mistakes. Each appears whole."""
    best, labels, ids = trained.history.best, trained.data.labels, trained.data.validation.targets
    chances = probabilities(best.logits)
    weights = {name: weight.detach().cpu().contiguous() for name, weight in trained.head.state_dict().items()}
    _write(folder / _HEAD, lambda file: file.write_bytes(to_bytes(weights)))
    if encoder := trained.encoder:
        _write(folder / _ENCODER, lambda place: _save_encoder(encoder, place))
    _write(folder / "misclassified.csv", lambda file: _save_mistakes(file, trained, chances))
    _write(
        folder / "confusion_matrix.png",
        lambda file: draw_confusion_matrix(ids, chances.argmax(axis=1), labels, best.number, file),
    )
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
        "labels": list(trained.data.labels),
        "model": _ENCODER if not trained.settings.freeze_encoder else name,
        "tokenizer": name,
        "freeze_encoder": trained.settings.freeze_encoder,
        "pooling": trained.settings.pooling,
        "text_column": trained.data_settings.text_column,
        "max_length": trained.data_settings.max_length,
        "eval_batch_size": trained.eval_batch_size,
        "precision": trained.precision,
        "architecture": trained.head_settings.sized(trained.hidden_size),
        "best_epoch": trained.history.best.number,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _save_mistakes(file: Path, trained: Trained, chances: Floats) -> None:
    labels, validation = trained.data.labels, trained.data.validation
    predicted = chances.argmax(axis=1)
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "truth", "prediction", "probability"])
        for row in (predicted != validation.targets).nonzero()[0]:
            guess = predicted[row]
            values = labels[validation.targets[row]], labels[guess], f"{chances[row, guess]:.6f}"
            writer.writerow([validation.texts[row], *values])


@dataclass(frozen=True)
class TextClassifier:
    """A trained classifier.

    Attributes:
        labels: the label values, in the order of the columns of the probabilities.
        encoder: gives a vector for each text.
        tokenizer: makes the encoder's tokens of texts.
        head: gives the logits for a vector.
        description: what the run's ``classifier.json`` says.
    """

    labels: tuple[Label, ...]
    encoder: PooledEncoder = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    head: nn.Module = field(repr=False)
    description: Mapping[str, Any] = field(repr=False)

    def predict(self, texts: Sequence[str], *, progress: bool | None = None) -> tuple[list[Label], Floats]:
        """Classify texts.

        Args:
            texts: any number of them.
            progress: whether to show a bar on stderr; by default, on a terminal.

        Returns:
            The label of every text, as the training data had it, and the probabilities of all labels, an array of
            shape ``(len(texts), len(labels))`` whose columns follow ``labels``.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts, found one text")
        chances = probabilities(self._logits(texts, progress=progress))
        return [self.labels[index] for index in chances.argmax(axis=1)], chances

    def _logits(self, texts: Sequence[str], *, progress: bool | None) -> Floats:
        rows = self.tokenizer.rows(texts) if texts else []
        precision, batch_size = self.description["precision"], self.description["eval_batch_size"]

        def encoded(size: int) -> Tensor:
            with bar(len(rows), shown=progress) as advance:
                return encode(self.encoder, self.tokenizer, rows, size, precision, encoded=advance)

        features = within_memory(encoded, batch_size)
        logits: Floats = head_logits(self.head, features).float().cpu().double().numpy()
        return logits


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
    said = read_description(folder)
    _require_weights(folder, own_encoder=not said["freeze_encoder"])
    device = run_device(use_cpu=use_cpu)
    name = said["model"] if said["freeze_encoder"] else str(folder / _ENCODER)
    encoder = load_encoder(name, said["pooling"]).to(device)
    head = build_head(said["architecture"]).to(device)
    head.load_state_dict(load_file(folder / _HEAD, device=str(device)))
    tokenizer = load_tokenizer(said["tokenizer"], encoder.inputs, said["max_length"])
    return TextClassifier(tuple(said["labels"]), encoder, tokenizer, head, said)


def read_description(folder: Path) -> dict[str, Any]:
    """What the ``classifier.json`` of a run says.

    Raises:
        ConfigError: the directory holds no trained classifier.
    """
    if not folder.is_dir():
        raise ConfigError(f"no such directory: {folder}", hint=nearest_file(folder))
    if not (folder / _DESCRIPTION).is_file():
        hint = "give the directory of a completed run of the built-in trainer"
        raise ConfigError(f"{folder} holds no trained classifier: there is no {_DESCRIPTION} in it", hint=hint)
    said: dict[str, Any] = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return said


def _require_weights(folder: Path, *, own_encoder: bool) -> None:
    there = (folder / _HEAD).is_file() and (not own_encoder or any((folder / _ENCODER).glob("*.safetensors")))
    if not there:
        hint = f"`gridfold reproduce {folder}` trains it again"
        raise ConfigError(f"the weights of {folder} were deleted, to save disk space", hint=hint)
