"""Each task, with what works for it: run from the command line, and every metric computed again by scikit-learn.

A row of the table is a run of one search, whose cases differ in data and training settings.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats
from sklearn import metrics as sk

from gridfold.text import load
from gridfold.text.objectives import LOSSES, METRICS
from tests.conftest import ROOT
from tests.text.examples import FILLERS, TOPICS
from tests.text.test_metrics import averages, calibration_error


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        task: what is inferred, or given.
        data: the data settings besides ``train``.
        training: the training settings.
        whole: whether the encoder is trained, too.
        frozen_layers: how many of its layers are not.
    """

    task: str
    file: str
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    whole: bool = False
    frozen_layers: int = 0


LONG = {"max_length": 6, "long_texts": "chunk_mean"}  # most texts are longer
CASES = {
    "labels": Case("multiclass", "topics.csv", training={"metric": "balanced_accuracy"}),
    "labels, whole": Case("multiclass", "topics.csv", {"test": 0.2}, {"loss": "focal", "metric": "mcc"}, whole=True),
    "rare labels": Case("multiclass", "topics.csv", training={"class_weights": "balanced", "metric": "log_loss"}),
    "whole numbers": Case("multiclass", "numbers.csv", training={"label_smoothing_factor": 0.1, "metric": "macro_f1"}),
    "pairs": Case("multiclass", "pairs.csv", {"text_column": ["premise", "hypothesis"]}, {"metric": "micro_f1"}),
    "two labels": Case("binary", "binary.csv", training={"metric": "brier"}),
    "two labels, above a frozen layer": Case(
        "binary", "binary.csv", training={"threshold": "best_f1"}, whole=True, frozen_layers=1
    ),
    "two labels, one output": Case("binary", "binary.csv", training={"loss": "bce", "threshold": "best_f1"}),
    "two labels, weighed": Case("binary", "binary.csv", training={"class_weights": {"yes": 3}, "threshold": 0.3}),
    "two labels, focal": Case(
        "binary", "binary.csv", training={"loss": "focal", "focal_gamma": 1, "metric": "roc_auc"}
    ),
    "two labels, held out": Case("binary", "binary.csv", {"folds": 3, "fold": 1}, {"metric": "calibration_error"}),
    "several labels": Case("multilabel", "several.jsonl", {**LONG, "test": 0.2}, {"threshold": "best_f1"}),
    "several labels, whole": Case("multilabel", "several.jsonl", LONG, {"metric": "average_precision"}, whole=True),
    "several labels in a cell": Case(
        "multilabel", "several.csv", {"task": "multilabel"}, {"loss": "focal", "class_weights": "balanced"}
    ),
    "several labels in columns": Case(
        "multilabel",
        "columns.csv",
        {"label_column": sorted(TOPICS)},
        {"threshold": 0.4, "label_smoothing_factor": 0.1, "metric": "weighted_f1"},
    ),
    "a number": Case("regression", "measured.csv", {**LONG, "group_column": "source"}, {"metric": "r2"}),
    "a number, whole": Case("regression", "measured.csv", {"test": 0.2}, {"metric": "spearman"}, whole=True),
    "a whole number": Case("regression", "counted.csv", {"task": "regression"}, {"loss": "huber", "metric": "mae"}),
    "a number of a pair": Case(
        "regression", "alike.csv", {"text_column": ["premise", "hypothesis"], "folds": 3, "fold": 0}, {"loss": "mae"}
    ),
}


def write_files(folder: Path) -> None:
    """Texts that say what is to be predicted of them, in every form that it may be written in."""
    stream = random.Random(0)

    def text(*topics: str) -> str:
        words = stream.choices(FILLERS, k=stream.randint(1, 9)) + [stream.choice(TOPICS[topic]) for topic in topics]
        return " ".join(stream.sample(words, k=len(words)))

    def write(name: str, header: str, rows: Iterable[Iterable[Any]]) -> None:
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([header.split(","), *rows])

    names = sorted(TOPICS)
    single = [stream.choices(names, [5, 2, 1])[0] for _ in range(70)]
    several = [sorted(stream.sample(names, k=stream.randint(0, 3))) for _ in range(70)]
    write("topics.csv", "text,label", [(text(topic), topic) for topic in single])
    write("numbers.csv", "text,label", [(text(topic), 10 * names.index(topic)) for topic in single])
    write("pairs.csv", "premise,hypothesis,label", [(text(topic), text(names[0]), topic) for topic in single])
    write("binary.csv", "text,label", [(text(topic), "yes" if topic == names[0] else "no") for topic in single])
    with (folder / "several.jsonl").open("w") as file:
        file.writelines(json.dumps({"text": text(*topics), "label": topics}) + "\n" for topics in several)
    write("several.csv", "text,label", [(text(*topics), "; ".join(topics)) for topics in several])
    columns = [[int(name in topics) for name in names] for topics in several]
    rows = zip(several, columns, strict=True)
    write("columns.csv", ",".join(["text", *names]), [(text(*topics), *column) for topics, column in rows])
    measured = [(text(*topics), 1000.1 + 200 * len(topics), f"source {row % 20}") for row, topics in enumerate(several)]
    write("measured.csv", "text,label,source", measured)
    write("counted.csv", "text,label", [(text(*topics), len(topics)) for topics in several])
    alike = [(text(topic), text(names[0]), 0.9 if topic == names[0] else 0.2) for topic in single]
    write("alike.csv", "premise,hypothesis,label", alike)


@pytest.fixture(scope="module")
def runs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The run of each case."""
    folder = tmp_path_factory.mktemp("tasks")
    write_files(folder)
    cases = [
        {
            "name": name,
            "data": {"train": case.file, "validation": 0.4, "max_length": 48, **case.data},
            "training": {"learning_rate": 1e-2, "num_epochs": 1 if case.whole else 3, **case.training},
            "frozen": not case.whole,
            "layers": case.frozen_layers,
        }
        for name, case in CASES.items()
    ]
    head = [{"type": "linear", "out_features": 8}, {"type": "tanh"}, {"type": "linear"}]
    model = {
        "name": str(tiny_model),
        "freeze_encoder": "${case.frozen}",
        "frozen_layers": "${case.layers}",
        "classification_head": {"architecture": head},
    }
    config = {"model": model, "data": "${case.data}", "training": "${case.training}"}
    # The columns of a pair are no values to vary.
    listed = "\n".join(f"  - {json.dumps(case).replace('[', '!fixed [')}" for case in cases)
    (folder / "config.yaml").write_text(f"case: !one_of\n{listed}\n{yaml.safe_dump(config)}")
    done = subprocess.run(
        [sys.executable, "-m", "gridfold", "search", "--config", "config.yaml", "--run-prefix", "tasks"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for config_file in folder.glob("runs/*/config.yaml"):
        found[yaml.safe_load(config_file.read_text())["case"]["name"]] = config_file.parent
    return found


def test_the_documentation_has_every_loss_and_metric():
    pages = (ROOT / "docs" / "text.md").read_text().split("## Tasks", 1)[1]
    losses = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", pages, re.MULTILINE)
    assert {task: tuple(re.findall(r"`(\w+)`", names)) for task, names in losses if task in LOSSES} == LOSSES
    rows = re.findall(r"^\| ([^|]+) \|", pages.split("### Metrics")[1], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {name for names in METRICS.values() for name in names} <= documented


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def of_labels(rows: list[dict[str, str]], labels: list[Any], chances: np.ndarray) -> dict[str, float]:
    names = [str(label) for label in labels]
    truth, predicted = ([row[column] for row in rows] for column in ("truth", "prediction"))
    places = np.array([names.index(label) for label in truth])
    scores = (places == 1, chances[:, 1]) if len(labels) == 2 else (np.eye(len(labels))[places], chances)
    return averages(truth, predicted) | {
        "val_balanced_accuracy": sk.balanced_accuracy_score(truth, predicted),
        "val_mcc": sk.matthews_corrcoef(truth, predicted),
        "val_log_loss": sk.log_loss(places, chances, labels=range(len(labels))),
        "val_brier": sk.brier_score_loss(places, chances, labels=range(len(labels))),
        "val_calibration_error": calibration_error(chances.max(axis=1), chances.argmax(axis=1) == places),
        "val_roc_auc": sk.roc_auc_score(*scores, average="macro"),
        "val_average_precision": sk.average_precision_score(*scores, average="macro"),
    }


def of_label_sets(rows: list[dict[str, str]], labels: list[Any], chances: np.ndarray) -> dict[str, float]:
    truth, predicted = (
        np.array([[label in json.loads(row[column]) for label in labels] for row in rows])
        for column in ("truth", "prediction")
    )
    return averages(truth, predicted) | {
        "val_log_loss": sk.log_loss(truth.ravel(), chances.ravel()),
        "val_brier": sk.brier_score_loss(truth.ravel(), chances.ravel()),
        "val_calibration_error": calibration_error(chances.ravel(), truth.ravel()),
        "val_roc_auc": sk.roc_auc_score(truth, chances, average="macro"),
        "val_average_precision": sk.average_precision_score(truth, chances, average="macro"),
    }


def of_numbers(rows: list[dict[str, str]], *_: Any) -> dict[str, float]:
    truth, predicted = ([float(row[column]) for row in rows] for column in ("truth", "prediction"))
    return {
        "val_rmse": sk.root_mean_squared_error(truth, predicted),
        "val_mae": sk.mean_absolute_error(truth, predicted),
        "val_r2": sk.r2_score(truth, predicted),
        "val_spearman": stats.spearmanr(truth, predicted)[0],
    }


COMPUTED: dict[str, Callable[..., dict[str, float]]] = {"multilabel": of_label_sets, "regression": of_numbers}


@pytest.mark.parametrize("name", CASES)
def test_every_metric_is_what_the_predictions_say(name, runs):
    case, run = CASES[name], runs[name]
    said, record = json.loads((run / "classifier.json").read_text()), json.loads((run / "run.json").read_text())
    assert said["task"] == case.task
    rows, labels = table(run / "predictions.csv"), said["labels"]
    chances = np.array([[float(row[f"probability_{label}"]) for label in labels] for row in rows])
    expected = COMPUTED.get(case.task, of_labels)(rows, labels, chances)
    metrics = record["metrics"]
    found = {key: value for key, value in metrics.items() if key.startswith("val_") and key != "val_loss"}
    assert found == pytest.approx(expected, rel=1e-5)
    usual = "rmse" if case.task == "regression" else "f1"
    asked = case.training.get("metric", usual).replace("macro_f1", "f1")
    assert next(iter(metrics)) == f"val_{asked}"


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_run_predicts_the_same(name, runs):
    case, run = CASES[name], runs[name]
    rows = table(run / "predictions.csv")
    pairs = "text_1" in rows[0]
    texts = [(row["text_1"], row["text_2"]) if pairs else row["text"] for row in rows]
    classifier = load(run)
    predicted, chances = classifier.predict(texts)
    said = [row["prediction"] for row in rows]
    columns = [[float(row[f"probability_{label}"]) for label in classifier.labels] for row in rows]
    np.testing.assert_allclose(chances, np.array(columns).reshape(chances.shape), rtol=0, atol=1e-6)
    if case.task == "regression":
        assert predicted == pytest.approx([float(number) for number in said], rel=1e-5)
    elif case.task == "multilabel":
        assert predicted == [json.loads(labels) for labels in said]
    else:
        assert [str(label) for label in predicted] == said


@pytest.mark.parametrize("name", CASES)
def test_the_truth_is_what_the_file_says(name, runs):
    """Row and label of the file, as they were written."""
    case, run = CASES[name], runs[name]
    source = run.parent.parent / case.file
    if source.suffix == ".jsonl":
        lines = [json.loads(line) for line in source.read_text().splitlines()]
    else:
        lines = table(source)
    for row in table(run / "predictions.csv"):
        line = lines[int(row["row"]) - 1]
        if case.task == "regression":
            assert float(row["truth"]) == float(line["label"])
        elif case.task == "multilabel":
            several = line.get("label", [topic for topic in sorted(TOPICS) if line.get(topic) == "1"])
            written = [part for part in several.split("; ") if part] if isinstance(several, str) else several
            assert json.loads(row["truth"]) == written
        else:
            assert row["truth"] == line["label"]
