"""A trained classifier in its run directory: saved there, and loaded again."""

from __future__ import annotations

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

from gridfold.core.errors import ConfigError, nearest_file, shown
from gridfold.text.dense import save_dense
from gridfold.text.encoder import PooledEncoder, Tokenizer, encode, load_encoder, load_tokenizer, run_device
from gridfold.text.frozen import head_logits
from gridfold.text.head import build_head
from gridfold.text.long_texts import TRUNCATE
from gridfold.text.lora import load_adapter, save_adapter
from gridfold.text.memory import within_memory
from gridfold.text.outputs import Outputs, Prediction
from gridfold.text.pipeline import Trained
from gridfold.text.plots import draw_loss, draw_predictions
from gridfold.text.predictions import write_mistakes, write_predictions
from gridfold.text.pretrained import lasting_reference, quiet, sentence_model
from gridfold.text.progress import bar
from gridfold.text.tasks import Floats, Label, Text

_DESCRIPTION = "classifier.json"
_HEAD = "head.safetensors"
_ENCODER = "encoder"
_ADAPTER = "adapter"


def save(trained: Trained, folder: Path) -> None:
    """Write the best epoch's weights, what is needed to load them, plots, and the mistakes. Each appears whole."""
    best, outputs, examples = trained.history.best, trained.history.outputs, trained.data.validation
    weights = {name: weight.detach().cpu().contiguous() for name, weight in trained.head.state_dict().items()}
    _write(folder / _HEAD, lambda file: file.write_bytes(to_bytes(weights)))
    if trained.encoder and trained.adapter:
        model, base = trained.encoder.model, lasting_reference(trained.settings.name)
        _write(folder / _ADAPTER, lambda place: save_adapter(model, base, place))
    elif encoder := trained.encoder:
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
    save_dense(encoder.dense, folder)
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)  # safetensors writes files that only their owner can read


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _description(trained: Trained) -> dict[str, Any]:
    name = lasting_reference(trained.settings.name)
    return {
        **trained.history.outputs.as_json(),
        "model": _ENCODER if trained.encoder and not trained.adapter else name,
        "tokenizer": name,
        "freeze_encoder": trained.settings.freeze_encoder,
        "adapter": _ADAPTER if trained.adapter else None,
        "pooling": trained.settings.pooling,
        "text_column": trained.data_settings.text_column,
        "dense": bool(trained.settings.dense),
        "normalize": bool(trained.settings.normalize),
        "max_length": trained.data_settings.max_length,
        "long_texts": trained.data_settings.long_texts,
        "prefix": trained.settings.prefix,
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
        encoder: gives a vector for each text.
        tokenizer: makes the encoder's tokens of texts.
        head: gives the logits for a vector.
        description: what the run's ``classifier.json`` says.
    """

    outputs: Outputs
    encoder: PooledEncoder = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    head: nn.Module = field(repr=False)
    description: Mapping[str, Any] = field(repr=False)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The label values, in the order of the columns of the probabilities; none where a number is predicted."""
        return self.outputs.task.labels

    @property
    def pairs(self) -> bool:
        """Whether it was trained on pairs of texts."""
        return not isinstance(self.description.get("text_column", ""), str)

    def predict(self, texts: Sequence[Text], *, progress: bool | None = None) -> tuple[list[Prediction], Floats]:
        """Classify texts.

        Args:
            texts: any number of them; pairs of texts, if it was trained on pairs.
            progress: whether to show a bar on stderr; by default, on a terminal.

        Returns:
            The label of every text, as the training data had it, a list of those that hold where several may, or a
            number; and the probabilities of all labels, an array of shape ``(len(texts), len(labels))`` whose columns
            follow ``labels``.

        Raises:
            TypeError: something among the texts is none, or no pair of them.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts, found one text")
        texts = list(texts)
        self._check(texts)
        predicted, chances = self.outputs.predict(self.logits(texts, progress=progress))
        return self.outputs.named(predicted), chances

    def _check(self, texts: Sequence[Any]) -> None:
        expected = "a pair of texts" if self.pairs else "a text"
        for place, text in enumerate(texts):
            sides = text if self.pairs and isinstance(text, tuple | list) and len(text) == 2 else [text]
            if len(sides) != 1 + self.pairs or not all(isinstance(side, str) for side in sides):
                raise TypeError(f"predict takes {expected} in each place, found {shown(text, 60)} in place {place}")

    def logits(self, texts: Sequence[Text], *, progress: bool | None = None) -> Floats:
        """What the head gives for texts, shape ``(len(texts), out_features)``; see `predict`."""
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
    adapter = said.get("adapter")
    part = adapter or (None if said["freeze_encoder"] else _ENCODER)
    _require_weights(folder, part)
    device = run_device(use_cpu=use_cpu)
    name = str(folder / _ENCODER) if part == _ENCODER else said["model"]
    dense = sentence_model(name).dense if said.get("dense") else ()
    encoder = load_encoder(name, said["pooling"], dense, normalize=said.get("normalize", False))
    if adapter:
        load_adapter(encoder.model, folder / adapter)
    encoder.to(device)
    head = build_head(said["architecture"]).to(device)
    head.load_state_dict(load_file(folder / _HEAD, device=str(device)))
    how = said["max_length"], said.get("long_texts", TRUNCATE), said.get("prefix", "")
    tokenizer = load_tokenizer(said["tokenizer"], encoder.inputs, *how)
    return TextClassifier(Outputs.of(said), encoder, tokenizer, head, said)


def read_description(folder: Path) -> dict[str, Any]:
    """What the ``classifier.json`` of a run says.

    Raises:
        ConfigError: the directory holds no trained classifier.
    """
    if not folder.is_dir():
        raise ConfigError(f"no such directory: {folder}", hint=nearest_file(folder))
    if not (folder / _DESCRIPTION).is_file():
        hint = "give the directory of a completed run of the ready trainer"
        raise ConfigError(f"{folder} holds no trained classifier: there is no {_DESCRIPTION} in it", hint=hint)
    said: dict[str, Any] = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return said


def _require_weights(folder: Path, part: str | None) -> None:
    there = (folder / _HEAD).is_file() and (part is None or any((folder / part).glob("*.safetensors")))
    if not there:
        hint = f"`gridfold reproduce {folder}` trains it again"
        raise ConfigError(f"the weights of {folder} were deleted, to save disk space", hint=hint)
