"""The test set of a run: examples that neither its training nor the search has seen."""

from __future__ import annotations

import math
from pathlib import Path

from gridfold.config.config import Config
from gridfold.core.errors import ConfigError
from gridfold.runs.run import Run
from gridfold.text.data import load_test
from gridfold.text.data_settings import read_data, read_fold
from gridfold.text.early_stopping import EarlyStopping
from gridfold.text.metrics import compute_metrics
from gridfold.text.predictions import write_predictions
from gridfold.text.saved import load
from gridfold.text.section import LazyConfig

PREDICTIONS = "test_predictions.csv"  # in the directory of the run


def measure(run_dir: Path) -> dict[str, float]:
    """How good the classifier of a run is on ``data.test`` of its config; writes ``test_predictions.csv`` beside it.

    Returns:
        The metrics, with ``test_`` before their names, that of ``training.metric`` first.

    Raises:
        ConfigError: the run holds no trained classifier, or its config has no test set; this or the training examples
            cannot be read, or are not those that the run had.
    """
    config = LazyConfig(Config.parse(Run(run_dir).read_config(), str(Run(run_dir).config_path)).data)
    settings = read_fold(config, read_data(config))
    if settings.test is None:
        hint = "give one before the search: data.test, a path, a data set name, or a fraction of data.train"
        raise ConfigError("has no test set", where=str(Run(run_dir).config_path), path="data.test", hint=hint)
    classifier = load(run_dir)
    examples = load_test(settings, classifier.outputs.task)
    logits = classifier.logits(examples.texts)
    found = compute_metrics(classifier.outputs, examples.targets, logits, math.nan)
    del found["val_loss"]  # which is that of the training
    temporary = run_dir / f".{PREDICTIONS}"
    write_predictions(temporary, examples, classifier.outputs, logits)
    temporary.replace(run_dir / PREDICTIONS)
    first = EarlyStopping(config.section("training"), classifier.outputs.task.name).metric
    names = [first, *found] if first in found else list(found)
    return {name.replace("val_", "test_", 1): found[name] for name in names} | {"test_examples": len(examples)}
