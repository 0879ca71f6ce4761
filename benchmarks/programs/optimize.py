"""A search by bertuner as its README has it, over partitions that are given.

Run: ``python optimize.py SEARCH`` where SEARCH is a JSON file; see ``benchmarks/bertuner.py``, which writes it. Prints
the best value and what each trial came to as JSON, in the last line.
"""

import json
import sys
from pathlib import Path

import optuna
from bertuner.BERTuner import BERTuneClassifier


def main(given):
    """Search, and say what was found."""
    studies, create = [], optuna.create_study
    optuna.create_study = lambda **named: studies.append(create(**named)) or studies[-1]
    classifier = BERTuneClassifier(
        models_dir="models",
        text_feature="text",
        target_cols=["label"],
        data_splits=given["files"],
        max_length=given["max_length"],
        mlflow_tracking_uri="mlruns",
        seed=given["seed"],
    )
    Path("models").mkdir()
    classifier.initialize_model_choices({"encoder": given["model"]})
    classifier.initialize_search_space(given["space"])
    best = classifier.optimize(n_trials=given["trials"], optimize_metric="f1")
    print(json.dumps({"best": best, "trials": [trial.value for trial in studies[0].trials]}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
