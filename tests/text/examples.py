"""Data to learn, and a run that only takes notes."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

TOPICS = {
    "animals": ["cat", "dog", "horse", "sheep", "goat", "mouse"],
    "colours": ["red", "green", "blue", "yellow", "white", "black"],
    "weather": ["rain", "snow", "wind", "storm", "sun", "fog"],
}
FILLERS = ["the", "a", "is", "was", "here", "today", "very", "and", "we", "saw"]

DENSE_WIDTHS = (16, 12, 6)  # of the tiny model, and of what each layer gives
FLAGS = {
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": False,
    "pooling_mode_max_tokens": False,
    "pooling_mode_mean_sqrt_len_tokens": False,
}
CLS = FLAGS | {"pooling_mode_cls_token": True}


class NotedRun:
    """What a trainer needs of a run, kept in memory."""

    shared = False
    is_pruned = False

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.dir = folder
        self.reports: list[dict[str, float]] = []
        self.steps: list[dict[str, float]] = []
        self.notes: list[str] = []
        self.told_to_stop_after: int | None = None

    def report(self, **metrics: float) -> None:
        self.reports.append(metrics)

    def progress(self, **state: float) -> None:
        self.steps.append(state)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def should_stop(self) -> bool:
        return len(self.reports) == self.told_to_stop_after


def sentences(topics: Mapping[str, list[str]], per_topic: int, seed: int = 0) -> list[tuple[str, str]]:
    """Short texts of very different lengths, each with words of its topic, in mixed order."""
    stream = random.Random(seed)
    rows = [
        (" ".join(stream.choices(FILLERS, k=stream.randint(1, 40)) + stream.choices(words, k=3)), topic)
        for topic, words in topics.items()
        for _ in range(per_topic)
    ]
    stream.shuffle(rows)
    return rows


def write_csv(file: Path, rows: list[tuple[Any, Any]], header: str = "text,label") -> Path:
    file.write_text("\n".join([header, *(f"{text},{label}" for text, label in rows)]) + "\n", encoding="utf-8")
    return file


def sentence_folder(model: Path, folder: Path, pooling: dict[str, Any], *more: str, inside: str = "") -> Path:
    """A copy of a model as sentence-transformers saves it."""
    shutil.copytree(model, folder / inside)
    kinds = ["Transformer", "Pooling", *more]
    paths = [inside, *(f"{place}_{kind}" for place, kind in enumerate(kinds) if place)]
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 16, **pooling}))
    return folder


def dense_weights(seed: int, *, bias: bool = True) -> dict[str, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    made = {"linear.weight": torch.randn(DENSE_WIDTHS[seed + 1], DENSE_WIDTHS[seed], generator=stream) / 4}
    return made | ({"linear.bias": torch.randn(DENSE_WIDTHS[seed + 1], generator=stream) / 4} if bias else {})


def dense_model(tiny_model: Path, folder: Path, *more: str, **said: Any) -> Path:
    """A model with two dense layers, the first without an activation and in a format of long ago."""
    sentence_folder(tiny_model, folder, CLS, "Dense", "Dense", *more)
    kinds = ({"bias": False, "activation_function": "torch.nn.modules.linear.Identity"}, said)
    for place, options in enumerate(kinds):
        inner = folder / f"{place + 2}_Dense"
        inner.mkdir()
        sizes = {"in_features": DENSE_WIDTHS[place], "out_features": DENSE_WIDTHS[place + 1], "bias": True}
        sizes |= {"activation_function": "torch.nn.modules.activation.Tanh"}
        (inner / "config.json").write_text(json.dumps(sizes | options))
    torch.save(dense_weights(0, bias=False), folder / "2_Dense" / "pytorch_model.bin")
    save_file(dense_weights(1), folder / "3_Dense" / "model.safetensors")
    return folder
