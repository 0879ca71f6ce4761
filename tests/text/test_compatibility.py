"""Settings that do not fit the task: whole messages, before anything is created."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from gridfold.text import trainer
from gridfold.text.section import LazyConfig
from gridfold.text.settings import read_training
from tests.text.test_errors import message

FILES = {
    "multiclass": "text,label\n" + "".join(f"text {row},{'abc'[row % 3]}\n" for row in range(30)),
    "binary": "text,label\n" + "".join(f"text {row},{('ham', 'spam')[row % 2]}\n" for row in range(30)),
    "multilabel": "".join(
        json.dumps({"text": f"text {row}", "label": list({"abc"[row % 3], "a"})}) + "\n" for row in range(30)
    ),
    "regression": "text,label\n" + "".join(f"text {row},{row / 4}\n" for row in range(30)),
}


@pytest.fixture
def of_task(config: dict[str, Any], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A config for data of a task, with some training settings; the data tell how many outputs the head has."""

    def make(task: str, **training: Any) -> dict[str, Any]:
        file = tmp_path / f"{task}.{'jsonl' if task == 'multilabel' else 'csv'}"
        file.write_text(FILES[task])
        made = copy.deepcopy(config)
        made["data"]["train"] = str(file)
        made["training"] |= training
        del made["model"]["classification_head"]["architecture"][-1]["out_features"]
        return made

    return make


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("multiclass", {"loss": "crossentropy"}),
    ("multiclass", {"loss": "bce"}),
    ("multiclass", {"loss": "mse"}),
    ("multiclass", {"threshold": 0.5}),
    ("multiclass", {"loss": "focal", "focal_gamma": -1}),
    ("multiclass", {"class_weights": "balance"}),
    ("multiclass", {"class_weights": 3}),
    ("multiclass", {"class_weights": {"a": 0}}),
    ("multiclass", {"class_weights": {"d": 2}}),
    ("binary", {"class_weights": {"span": 2}}),
    ("binary", {"threshold": "best"}),
    ("binary", {"threshold": 1}),
    ("binary", {"metric": "macro_f"}),
    ("multilabel", {"loss": "cross_entropy"}),
    ("multilabel", {"metric": "mcc"}),
    ("multilabel", {"metric": "roc_auc"}),
    ("binary", {"class_weights": {True: 2}}),
    ("regression", {"loss": "cross_entropy"}),
    ("regression", {"metric": "val_f1"}),
    ("regression", {"class_weights": "balanced"}),
    ("regression", {"label_smoothing_factor": 0.1}),
    ("regression", {"threshold": "best_f1"}),
]


@pytest.mark.parametrize(("task", "settings"), WRONG, ids=lambda value: value if isinstance(value, str) else str(value))
def test_settings_that_do_not_fit_the_task(task, settings, of_task, snapshot: SnapshotAssertion):
    assert message(of_task(task, **settings)) == snapshot


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("multiclass", {"focal_gamma": 1.0}),  # another loss does not read it
    ("multiclass", {"loss": None, "class_weights": None, "metric": "macro_f1"}),
    ("binary", {"class_weights": {"spam": 2}, "threshold": 0.25}),
    ("multilabel", {"class_weights": {"c": 2}, "loss": "focal", "focal_gamma": 0, "threshold": "best_f1"}),
    ("regression", {"loss": "huber", "metric": "val_r2", "label_smoothing_factor": 0}),
]


@pytest.mark.parametrize(("task", "settings"), RIGHT, ids=[task for task, _ in RIGHT])
def test_settings_that_fit_the_task(task, settings, of_task):
    trainer.check(of_task(task, **settings))


def test_weights_of_labels_that_are_numbers(binary_config):
    binary_config["training"]["class_weights"] = {10: "${mine.weight}"}
    binary_config["mine"] = {"weight": 3}
    trainer.check(binary_config)
    assert read_training(LazyConfig(binary_config), frozen=False).class_weights == {"10": 3.0}


def test_metrics_of_how_numbers_differ_need_different_numbers(of_task, tmp_path):
    (tmp_path / "one.csv").write_text("text,label\na,1.5\n")
    config = of_task("regression", metric="r2")
    config["data"]["validation"] = str(tmp_path / "one.csv")
    assert message(config) == "training.metric: r2 needs validation examples with different numbers"


@pytest.mark.parametrize(
    ("task", "settings", "outputs"),
    [
        ("multiclass", {}, 2),
        ("binary", {}, 3),
        ("binary", {"loss": "bce"}, 2),
        ("multilabel", {}, 1),
        ("regression", {}, 2),
    ],
)
def test_outputs_that_do_not_fit_the_task(task, settings, outputs, of_task, snapshot: SnapshotAssertion):
    config = of_task(task, **settings)
    config["model"]["classification_head"]["architecture"][-1]["out_features"] = outputs
    assert message(config) == snapshot
