"""Both ways of training: what they report, save, repeat, and load again."""

from __future__ import annotations

import copy
import csv
import json
import math
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from gridfold.text import load, trainer
from gridfold.text.data import load_data
from gridfold.text.data_settings import read_data
from gridfold.text.section import LazyConfig
from tests.conftest import ROOT
from tests.text.examples import TOPICS, sentences, write_csv

VALIDATION_METRICS = [
    *("val_loss", "val_accuracy", "val_f1", "val_precision", "val_recall", "val_weighted_f1", "val_balanced_accuracy"),
    *("val_micro_f1", "val_mcc", "val_log_loss", "val_brier", "val_calibration_error", "val_roc_auc"),
    "val_average_precision",
]
SAVED = {
    "classifier.json",
    "confusion_matrix.png",
    "head.safetensors",
    "loss.png",
    "misclassified.csv",
    "predictions.csv",
}


@pytest.fixture(params=[False, True], ids=["whole", "frozen"])
def freeze(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def either(config: dict[str, Any], freeze: bool) -> dict[str, Any]:
    config["model"]["freeze_encoder"] = freeze
    return config


@pytest.fixture
def either_binary(binary_config: dict[str, Any], freeze: bool) -> dict[str, Any]:
    binary_config["model"]["freeze_encoder"] = freeze
    return binary_config


def validation(config: dict[str, Any]):
    """The validation texts of a config with their labels."""
    data = load_data(read_data(LazyConfig(config)))
    return list(data.validation.texts), [data.labels[index] for index in data.validation.targets]


def test_every_epoch_is_reported_and_the_best_one_returned(trained):
    run, metrics = trained.run, trained.metrics
    assert [report["epoch"] for report in run.reports] == [1, 2, 3]
    assert all(list(report) == ["epoch", "train_loss", *VALIDATION_METRICS] for report in run.reports)
    best = max(run.reports, key=lambda report: report["val_f1"])
    assert metrics == {
        **{key: best[key] for key in ["train_loss", *VALIDATION_METRICS]},
        "best_epoch": best["epoch"],
        "epochs": 3,
    }
    assert next(iter(metrics)) == "val_f1"
    assert all(type(value) in {int, float} for value in metrics.values())


def test_every_step_is_progress(trained):
    run = trained.run
    steps = 3 * 8  # 63 examples in batches of 8
    assert [state["step"] for state in run.steps] == list(range(1, steps + 1))
    assert {(state["epochs"], state["steps"]) for state in run.steps} == {(3, steps)}
    assert [state["epoch"] for state in run.steps] == [1] * 8 + [2] * 8 + [3] * 8
    assert all(math.isfinite(state["loss"]) for state in run.steps)


def test_a_saved_run_predicts_what_it_did_when_it_ended(trained):
    run, metrics = trained.run, trained.metrics
    texts, truth = validation(trained.config)
    predicted, probabilities = load(run.dir).predict(texts)
    assert f1_score(truth, predicted, average="macro") == metrics["val_f1"]
    chances = probabilities[np.arange(len(texts)), [["animals", "colours", "weather"].index(t) for t in truth]]
    assert -np.log(chances).mean() == pytest.approx(metrics["val_loss"], rel=1e-5)
    wrong = [
        {"text": text, "truth": label, "prediction": guess, "probability": f"{chance.max():.6f}"}
        for text, label, guess, chance in zip(texts, truth, predicted, probabilities, strict=True)
        if label != guess
    ]
    with (run.dir / "misclassified.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == wrong


def test_a_run_that_was_saved_before_there_were_tasks_is_loaded(trained, tmp_path):
    texts, _ = validation(trained.config)
    expected = load(trained.run.dir).predict(texts)
    shutil.copytree(trained.run.dir, tmp_path / "old")
    file = tmp_path / "old" / "classifier.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({key: said[key] for key in said if key not in {"task", "thresholds"}}))
    labels, probabilities = load(tmp_path / "old").predict(texts)
    assert labels == expected[0]
    assert np.array_equal(probabilities, expected[1])


def test_predictions_do_not_depend_on_the_company(trained):
    texts, _ = validation(trained.config)
    classifier = load(trained.run.dir)
    _, together = classifier.predict(texts)
    alone = np.concatenate([classifier.predict([text])[1] for text in texts])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)
    labels, nothing = classifier.predict([])
    assert (labels, nothing.shape) == ([], (0, 3))


def test_only_what_is_promised_is_left_in_the_run(trained):
    folder, frozen = trained.run.dir, trained.config["model"]["freeze_encoder"]
    expected = SAVED | {"config.yaml"} | (set() if frozen else {"encoder"})
    assert {entry.name for entry in folder.iterdir()} == expected
    if not frozen:
        assert {entry.name for entry in (folder / "encoder").iterdir()} == {"config.json", "model.safetensors"}


def test_the_description_says_all_that_loading_needs(trained, tiny_model):
    said = json.loads((trained.run.dir / "classifier.json").read_text())
    frozen = trained.config["model"]["freeze_encoder"]
    assert said.pop("versions").keys() == {"torch", "transformers"}
    assert said.pop("best_epoch") in {1, 2, 3}
    assert said == {
        "task": "multiclass",
        "adapter": None,
        "labels": ["animals", "colours", "weather"],
        "thresholds": [],
        "model": str(tiny_model.resolve()) if frozen else "encoder",
        "tokenizer": str(tiny_model.resolve()),
        "freeze_encoder": frozen,
        "pooling": "mean",
        "dense": False,
        "normalize": False,
        "text_column": "text",
        "max_length": 48,
        "long_texts": "truncate",
        "prefix": "",
        "eval_batch_size": 32,
        "precision": None,
        "architecture": [
            {"type": "linear", "in_features": 16, "out_features": 8},
            {"type": "gelu"},
            {"type": "dropout", "p": 0.1},
            {"type": "linear", "in_features": 8, "out_features": 3},
        ],
    }


IN_A_PROCESS = """
import json, pathlib, sys
from tests.text.examples import NotedRun
from gridfold.text import trainer
import torch
torch.set_num_threads(1)
for index, config in enumerate(json.loads(sys.argv[1])):
    run = NotedRun(pathlib.Path(sys.argv[2]) / str(index))
    trainer.train(config, run)
    print(json.dumps(run.reports))
"""


def in_a_process(configs: list[dict[str, Any]], folder: Path) -> list[Any]:
    command = [sys.executable, "-c", IN_A_PROCESS, json.dumps(configs), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_config_gives_the_same_metrics_to_the_last_digit(config, tmp_path, new_run):
    frozen = copy.deepcopy(config)
    frozen["model"]["freeze_encoder"] = True
    configs = [config, frozen]
    here = [new_run("whole"), new_run("frozen")]
    for each, run in zip(configs, here, strict=True):
        trainer.train(each, run)
    assert in_a_process(configs, tmp_path / "there") == [run.reports for run in here]


def test_seeds_differ(trained, new_run):
    other, run = copy.deepcopy(trained.config), new_run("other")
    other["training"]["seed"] = 7
    trainer.train(other, run)
    assert run.reports != trained.run.reports


@pytest.mark.parametrize("out_features", [1, 2])
def test_two_labels_with_one_logit_or_two(either_binary, out_features, new_run):
    either_binary["model"]["classification_head"]["architecture"][-1]["out_features"] = out_features
    either_binary["training"].update(metric="val_roc_auc", label_smoothing_factor=0.1)
    run = new_run("run")
    trainer.check(either_binary)
    metrics = trainer.train(either_binary, run)
    assert next(iter(metrics)) == "val_roc_auc"
    assert metrics["val_roc_auc"] == max(report["val_roc_auc"] for report in run.reports)
    texts, truth = validation(either_binary)
    classifier = load(run.dir)
    predicted, probabilities = classifier.predict(texts)
    assert classifier.labels == (2, 10)
    assert probabilities.shape == (len(texts), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    right = sum(label == guess for label, guess in zip(truth, predicted, strict=True))
    assert right / len(texts) == metrics["val_accuracy"]


def test_early_stopping_keeps_the_best_epoch(either, new_run):
    # A learning rate of almost 0 improves nothing, so epoch 1 stays best.
    either["training"].update(learning_rate=1e-12, num_epochs=9, early_stopping_patience=2)
    run = new_run("run")
    metrics = trainer.train(either, run)
    assert len(run.reports) == 3
    assert (metrics["best_epoch"], metrics["epochs"]) == (1, 3)


def test_the_weights_of_the_best_epoch_are_saved_and_not_the_last(either, tmp_path, new_run):
    # Labels by chance can be learned by heart only: the validation loss rises.
    rows = sentences(TOPICS, 30)
    labels = random.Random(1).choices(sorted(TOPICS), k=len(rows))
    noise = write_csv(tmp_path / "noise.csv", [(text, label) for (text, _), label in zip(rows, labels, strict=True)])
    either["data"]["train"] = str(noise)
    either["training"].update(learning_rate=0.01, num_epochs=8, metric="loss", scheduler="constant")
    run = new_run("run")
    metrics = trainer.train(either, run)
    losses = [report["val_loss"] for report in run.reports]
    assert metrics["best_epoch"] == losses.index(min(losses)) + 1
    assert metrics["best_epoch"] < 8
    texts, truth = validation(either)
    _, probabilities = load(run.dir).predict(texts)
    chances = probabilities[np.arange(len(texts)), [["animals", "colours", "weather"].index(t) for t in truth]]
    assert -np.log(np.maximum(chances, 1e-45)).mean() == pytest.approx(min(losses), rel=1e-3)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_run_that_diverges_says_where(either, new_run):
    either["training"].update(learning_rate=1e38, optim="sgd", max_grad_norm=0, scheduler="constant")
    with pytest.raises(FloatingPointError, match=r"^the training loss became (nan|inf) in epoch 1 at step [2-8]$"):
        trainer.train(either, new_run("run"))


@pytest.mark.parametrize(
    "settings",
    [
        {"scheduler": "reduce_lr_on_plateau", "lr_scheduler_kwargs": {"patience": 0}},
        {"scheduler": "cosine", "warmup_ratio": 0.2, "gradient_accumulation_steps": 3},
        {"optim": "adafactor", "dataloader_drop_last": True, "warmup_steps": 4},
        {"per_device_train_batch_size": 5, "num_train_epochs": 2, "lr_scheduler_type": "polynomial"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_transformers_are_honoured(either, settings, new_run):
    either["training"] = {"learning_rate": 1e-2, **settings}
    trainer.check(either)
    trainer.train(either, new_run("run"))


def test_fields_of_training_arguments_reach_full_fine_tuning(config, new_run):
    config["training"].update(bf16=True, neftune_noise_alpha=5.0, max_steps=10, dataloader_drop_last=True)
    run = new_run("run")
    trainer.check(config)
    metrics = trainer.train(config, run)
    texts, truth = validation(config)
    predicted, _ = load(run.dir).predict(texts)
    assert f1_score(truth, predicted, average="macro") == metrics["val_f1"]


@pytest.mark.parametrize("more", [{}, {"gradient_accumulation_steps": 2, "dataloader_drop_last": True}])
def test_a_number_of_steps_decides_how_long_to_train_whatever_the_number_of_epochs_is(config, more, new_run):
    config["training"].update(num_epochs=1, max_steps=19, **more)
    run = new_run("run")
    metrics = trainer.train(config, run)
    assert [step["step"] for step in run.steps][-1] == 19
    assert run.steps[-1]["epoch"] == run.steps[-1]["epochs"] == metrics["epochs"] == len(run.reports) > 2


def test_patience_ends_a_training_of_a_number_of_steps(config, new_run):
    config["training"].update(learning_rate=1e-12, num_epochs=1, max_steps=1000, early_stopping_patience=2)
    assert trainer.train(config, new_run("run"))["epochs"] == 3


def test_the_first_token_can_be_the_pooling(trained, new_run):
    other, run = copy.deepcopy(trained.config), new_run("cls")
    other["model"]["pooling"] = "cls"
    trainer.train(other, run)
    assert run.reports != trained.run.reports


def test_a_frozen_encoder_is_not_touched_by_training_settings(config, tiny_model, new_run):
    config["model"]["freeze_encoder"] = True
    before = Counter({file.name: file.stat().st_mtime_ns for file in tiny_model.iterdir()})
    small, large = copy.deepcopy(config), copy.deepcopy(config)
    small["training"]["eval_batch_size"] = 1
    large["training"]["per_device_eval_batch_size"] = 64
    runs = new_run("small"), new_run("large")
    trainer.train(small, runs[0])
    trainer.train(large, runs[1])
    assert runs[0].reports == runs[1].reports
    assert Counter({file.name: file.stat().st_mtime_ns for file in tiny_model.iterdir()}) == before


def test_interpolations_are_resolved(trained, new_run):
    either, pointing = copy.deepcopy(trained.config), new_run("pointing")
    either["mine"] = {"rate": 5e-3, "width": 8, "head": either["model"].pop("classification_head")}
    either["mine"]["head"]["architecture"][0]["out_features"] = "${mine.width}"
    either["model"]["classification_head"] = "${mine.head}"
    either["training"]["learning_rate"] = "${mine.rate}"
    trainer.check(either)
    trainer.train(either, pointing)
    assert pointing.reports == trained.run.reports


def test_loading_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="holds no trained classifier") as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no trained classifier: there is no classifier.json in it\n"
        "  give the directory of a completed run of the ready trainer"
    )


def test_one_text_is_not_a_list_of_texts(trained):
    with pytest.raises(TypeError, match=r"^predict takes a list of texts, found one text$"):
        load(trained.run.dir).predict("the cat")
