"""The usual training (``usual.py``) under Optuna's HyperbandPruner, all in one process, as its documentation has it.

Run: ``python hyperband.py GRID`` where GRID is a JSON file, ``{"config": {...}, "grid": {name: values}, "seed": N}``.
Prints the best value and the number of epochs as JSON.
"""

import json
import math
import sys
from pathlib import Path

import optuna
from transformers import TrainerCallback

import usual


class Reports(TrainerCallback):
    """Tells Optuna of each epoch of the Trainer of transformers."""

    def __init__(self, told):
        self.told = told

    def on_evaluate(self, _args, state, _control, metrics, **_):
        self.told(round(state.epoch), metrics["eval_val_f1"])


def main(given):
    """Search the grid."""
    config, grid, epochs = given["config"], given["grid"], []

    def objective(trial):
        def told(epoch, value):
            epochs.append(epoch)
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        chosen = {name: trial.suggest_categorical(name, grid[name]) for name in grid}
        usual.told = told
        usual.callbacks = [Reports(told)]
        return usual.run(config | chosen)["val_f1"]

    pruner = optuna.pruners.HyperbandPruner(1, config["epochs"], 3)
    sampler = optuna.samplers.GridSampler(grid, seed=given["seed"])
    study = optuna.create_study(sampler=sampler, pruner=pruner, direction="maximize")
    study.optimize(objective, n_trials=math.prod(map(len, grid.values())))
    best = max(value for trial in study.trials for value in trial.intermediate_values.values())
    print(json.dumps({"best": best, "epochs": len(epochs)}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
