"""A trained classifier as a folder that ``transformers`` loads without gridfold."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import normalizers
from torch import nn
from transformers import PreTrainedModel

from gridfold.core.errors import ConfigError
from gridfold.text import modeling_text_classifier, pooling
from gridfold.text.card import Card
from gridfold.text.head import LAYERS
from gridfold.text.long_texts import CHUNK_MEAN, HEAD_TAIL, TRUNCATE
from gridfold.text.lora import merge_adapter
from gridfold.text.modeling_text_classifier import TextClassifierConfig
from gridfold.text.pretrained import quiet
from gridfold.text.saved import TextClassifier, load
from gridfold.text.stock import stock_model

_CODE = Path(modeling_text_classifier.__file__)
_AUTO_MAP = {
    "AutoConfig": f"{_CODE.stem}.{TextClassifierConfig.__name__}",
    "AutoModelForSequenceClassification": f"{_CODE.stem}.{modeling_text_classifier.TextClassifier.__name__}",
}
_PROBLEMS = {"multilabel": "multi_label_classification", "regression": "regression"}
_ANY_LENGTH = 10**6  # tokens


def export(run_dir: Path, folder: Path, about: str) -> Sequence[str]:
    """Write the classifier of a run as a model of ``transformers``, with a model card.

    It is a plain model of ``transformers`` where one has such a head (see `stock_model`). Else the folder holds the
    code of `modeling_text_classifier`, and is loaded with ``trust_remote_code=True``.

    Args:
        run_dir: the run.
        folder: is not there yet, or is empty.
        about: Markdown for the end of the card.

    Returns:
        Lines of Python that load it.

    Raises:
        ConfigError: the run holds no trained classifier, or one that cannot be exported; or the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("is there already, and not empty", where=str(folder), hint="name a new folder")
    classifier = load(run_dir, use_cpu=True)
    _check(classifier, run_dir)
    head = _full_head(classifier)
    with quiet():
        if classifier.description.get("adapter"):
            merge_adapter(classifier.encoder.model)
        stock = _agreeing(_stock(classifier, head), classifier, head)
        model = stock or _agreeing(_own_model(classifier, head), classifier, head)
        if model is None:
            raise RuntimeError(f"the exported model of {run_dir} would predict otherwise than its run")
        _describe(model, classifier)
        folder.mkdir(parents=True, exist_ok=True)
        model.save_pretrained(folder)
        _tokenizer(classifier, cuts=not getattr(model.config, "long_texts", None)).save_pretrained(folder)
    if stock is None:
        for code in (_CODE, Path(pooling.__file__)):
            shutil.copyfile(code, folder / code.name)
        _add(folder / "config.json", {"auto_map": _AUTO_MAP})
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)  # safetensors writes files that only their owner can read
    card = Card(classifier, str(folder), needs_code=stock is None)
    (folder / "README.md").write_text(card.text(about), encoding="utf-8")
    return card.usage


def _check(classifier: TextClassifier, run_dir: Path) -> None:
    tokenizer = classifier.tokenizer
    if classifier.pairs and tokenizer.long_texts != TRUNCATE:
        problem = f"pairs with long_texts: {tokenizer.long_texts} are nothing that transformers can be told of"
        raise ConfigError(problem, where=str(run_dir), hint="gridfold predict, or gridfold.text.load, predicts them")


def _full_head(classifier: TextClassifier) -> list[nn.Module]:
    """The layers of the head, with a logit for every label; of a number, the last one gives the number itself."""
    layers: list[Any] = list(classifier.head)  # type: ignore[call-overload]
    last, outputs = layers[-1], classifier.outputs
    is_number = outputs.task.name == "regression"
    if not is_number and last.out_features == len(classifier.labels):
        return layers
    full: Any = nn.Linear(last.in_features, 1 if is_number else 2)  # the logit of the first of two labels is 0
    with torch.no_grad():
        full.weight.zero_()
        full.bias.zero_()
        full.weight[-1:] = last.weight * outputs.scale
        full.bias[-1:] = (last.bias if last.bias is not None else 0) * outputs.scale + outputs.center
    return [*layers[:-1], full]


def _stock(classifier: TextClassifier, head: Sequence[nn.Module]) -> PreTrainedModel | None:
    encoder = classifier.encoder
    if encoder.normalize or len(encoder.dense) or classifier.tokenizer.long_texts != TRUNCATE:
        return None
    return stock_model(encoder.model, encoder.pooling, head)  # type: ignore[arg-type]


def _own_model(classifier: TextClassifier, head: Sequence[Any]) -> PreTrainedModel:
    """The same as a model whose code is exported, too."""
    encoder: Any = classifier.encoder.model
    rows = [dict(row) for row in classifier.description["architecture"]]
    rows[-1] |= {"out_features": head[-1].out_features, "bias": head[-1].bias is not None}
    config = TextClassifierConfig(
        encoder=json.loads(encoder.config.to_json_string(use_diff=False)),
        pooling=classifier.encoder.pooling,
        normalize=classifier.encoder.normalize,
        dense=[_said(module) for module in classifier.encoder.dense],
        head=[{"layer": LAYERS[row.pop("type")].torch_name, **row} for row in rows],
        long_texts=_long_texts(classifier),
    )
    model = modeling_text_classifier.TextClassifier(config)
    model.encoder.load_state_dict(encoder.state_dict())
    model.dense.load_state_dict(classifier.encoder.dense.state_dict())
    model.head.load_state_dict(nn.Sequential(*head).state_dict())
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _said(module: Any) -> dict[str, Any]:
    """A module of the dense layers after the pooling, as the config of the exported model has it."""
    sizes = ("in_features", "out_features") if isinstance(module, nn.Linear) else ()
    bias = {"bias": module.bias is not None} if sizes else {}
    return {"layer": type(module).__name__, **{name: getattr(module, name) for name in sizes}, **bias}


def _long_texts(classifier: TextClassifier) -> dict[str, Any] | None:
    """How the model itself cuts long texts; None where the tokenizer has to do it."""
    tokenizer, base = classifier.tokenizer, classifier.tokenizer.base
    if classifier.pairs or "left" in (base.padding_side, base.truncation_side):
        return None
    marks = base("a", return_special_tokens_mask=True)["special_tokens_mask"]
    first = next((place for place, mark in enumerate(marks) if not mark), 0)
    last = next((place for place, mark in enumerate(reversed(marks)) if not mark), 0)
    if tokenizer.long_texts == HEAD_TAIL:  # which is to cut before the last tokens, of which there are more
        last += (tokenizer.max_length - first - last) // 2
    in_pieces = tokenizer.long_texts == CHUNK_MEAN
    return {"most": tokenizer.max_length, "first": first, "last": last, "in_pieces": in_pieces}


def _describe(model: PreTrainedModel, classifier: TextClassifier) -> None:
    """Let the config say what is predicted."""
    labels = [str(label) for label in classifier.labels] or ["value"]
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: place for place, label in enumerate(labels)}
    task = classifier.outputs.task.name
    model.config.problem_type = _PROBLEMS.get(task, "single_label_classification")  # type: ignore[assignment]


def _agreeing(
    model: PreTrainedModel | None, classifier: TextClassifier, head: Sequence[nn.Module]
) -> PreTrainedModel | None:
    """The model, if it gives of some tokens what the classifier does."""
    if model is None:
        return None
    most = min(int(classifier.encoder.model.config.vocab_size), 1000)  # type: ignore[union-attr, arg-type]
    width = min(classifier.tokenizer.max_length, 16)
    tokens = {"input_ids": torch.randint(most, (4, width), generator=torch.Generator().manual_seed(0))}
    tokens["attention_mask"] = torch.ones_like(tokens["input_ids"])
    with torch.no_grad():
        here = nn.Sequential(*head).eval()(classifier.encoder(**tokens))
        there = model(**tokens).logits
    return model if torch.allclose(here, there, rtol=1e-5, atol=1e-5) else None


def _tokenizer(classifier: TextClassifier, *, cuts: bool) -> Any:
    """The tokenizer, which begins every text with the prefix; ``cuts``: and cuts it, if it is told to truncate."""
    tokenizer, base = classifier.tokenizer, copy.deepcopy(classifier.tokenizer.base)
    base.model_max_length = tokenizer.max_length if cuts else _ANY_LENGTH
    if tokenizer.prefix:
        backend = base.backend_tokenizer
        steps = [normalizers.Prepend(tokenizer.prefix), *([backend.normalizer] if backend.normalizer else [])]
        backend.normalizer = normalizers.Sequence(steps)
    return base


def _add(file: Path, values: Mapping[str, Any]) -> None:
    said = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**said, **values}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
