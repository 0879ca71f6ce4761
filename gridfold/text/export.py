"""A trained classifier as a folder that ``transformers`` loads without gridfold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from gridfold.core.errors import ConfigError
from gridfold.text import modeling_text_classifier
from gridfold.text.card import Card
from gridfold.text.head import LAYERS
from gridfold.text.modeling_text_classifier import TextClassifierConfig
from gridfold.text.pretrained import quiet
from gridfold.text.saved import TextClassifier, load
from gridfold.text.stock import stock_model

_CODE = Path(modeling_text_classifier.__file__)
_AUTO_MAP = {
    "AutoConfig": f"{_CODE.stem}.{TextClassifierConfig.__name__}",
    "AutoModelForSequenceClassification": f"{_CODE.stem}.{modeling_text_classifier.TextClassifier.__name__}",
}


def export(run_dir: Path, folder: Path, about: str) -> Sequence[str]:
    """Write the classifier of a run as a model of ``transformers``, with a model card.

    It is a plain model of ``transformers`` where one has such a head (see `stock_model`). Else the folder holds a file
    of code, `modeling_text_classifier`, and is loaded with ``trust_remote_code=True``.

    Args:
        run_dir: the run.
        folder: is not there yet, or is empty.
        about: Markdown for the end of the card.

    Returns:
        Lines of Python that load it.

    Raises:
        ConfigError: the run holds no trained classifier, or the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("is there already, and not empty", where=str(folder), hint="name a new folder")
    classifier = load(run_dir, use_cpu=True)
    head = _full_head(classifier)
    with quiet():
        stock = _agreeing(stock_model(classifier.encoder.model, classifier.encoder.pooling, head), classifier, head)  # type: ignore[arg-type]
        model = stock or _agreeing(_own_model(classifier, head), classifier, head)
        if model is None:
            raise RuntimeError(f"the exported model of {run_dir} would predict otherwise than its run")
        _set_labels(model, classifier)
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)
        classifier.tokenizer.base.model_max_length = classifier.tokenizer.max_length
        classifier.tokenizer.base.save_pretrained(folder)
    if stock is None:
        shutil.copyfile(_CODE, folder / _CODE.name)
        _add(folder / "config.json", {"auto_map": _AUTO_MAP})
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)  # safetensors writes files that only their owner can read
    card = Card(classifier, str(folder), needs_code=stock is None)
    (folder / "README.md").write_text(card.text(about), encoding="utf-8")
    return card.usage


def _full_head(classifier: TextClassifier) -> list[nn.Module]:
    """The layers of the head, with a logit for every label."""
    layers: list[Any] = list(classifier.head)  # type: ignore[call-overload]
    last = layers[-1]
    if last.out_features == len(classifier.labels):
        return layers
    both: nn.Module = nn.Linear(last.in_features, 2, bias=last.bias is not None)  # the other label's logit is 0
    with torch.no_grad():
        for name, values in both.named_parameters():
            values.zero_()
            values[1:] = last.get_parameter(name)
    return [*layers[:-1], both]


def _own_model(classifier: TextClassifier, head: Sequence[nn.Module]) -> PreTrainedModel:
    """The same as a model whose code is exported, too."""
    encoder: Any = classifier.encoder.model
    rows = [dict(row) for row in classifier.description["architecture"]]
    rows[-1]["out_features"] = head[-1].out_features
    config = TextClassifierConfig(
        encoder=json.loads(encoder.config.to_json_string(use_diff=False)),
        pooling=classifier.encoder.pooling,
        head=[{"layer": LAYERS[row.pop("type")].torch_name, **row} for row in rows],
        max_tokens=classifier.tokenizer.max_length,
        last_tokens=_last_tokens(classifier.tokenizer.base),
    )
    model = modeling_text_classifier.TextClassifier(config)
    model.encoder.load_state_dict(encoder.state_dict())
    model.head.load_state_dict(nn.Sequential(*head).state_dict())
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _agreeing(
    model: PreTrainedModel | None, classifier: TextClassifier, head: Sequence[nn.Module]
) -> PreTrainedModel | None:
    """The model, if it predicts of some tokens what the classifier does."""
    if model is None:
        return None
    most = min(int(classifier.encoder.model.config.vocab_size), 1000)  # type: ignore[union-attr, arg-type]
    width = min(classifier.tokenizer.max_length, 16)
    tokens = {"input_ids": torch.randint(most, (4, width), generator=torch.Generator().manual_seed(0))}
    tokens["attention_mask"] = torch.ones_like(tokens["input_ids"])
    with torch.no_grad():
        here = nn.Sequential(*head).eval()(classifier.encoder(**tokens)).softmax(dim=1)
        there = model(**tokens).logits.softmax(dim=1)
    return model if torch.allclose(here, there, rtol=0, atol=1e-5) else None


def _last_tokens(tokenizer: Any) -> int:
    """How many special tokens stand at the end of a text."""
    marks = tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"]
    return next((place for place, mark in enumerate(reversed(marks)) if not mark), len(marks))


def _set_labels(model: PreTrainedModel, classifier: TextClassifier) -> None:
    model.config.id2label = {place: str(label) for place, label in enumerate(classifier.labels)}
    model.config.label2id = {str(label): place for place, label in enumerate(classifier.labels)}
    model.config.problem_type = "single_label_classification"


def _add(file: Path, values: Mapping[str, Any]) -> None:
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**said, **values}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
