"""A grid of the usual function (``usual.py``) under other tools, as their documentation has it.

Run: ``python peers.py hydra|optuna|ray GRID JOBS`` where GRID is a JSON file, ``{"config": {...}, "grid": {name:
values}}``, and JOBS how many at a time.
"""

import json
import math
import os
import sys
from pathlib import Path


def with_hydra(config, grid, _jobs):
    import hydra
    from omegaconf import OmegaConf

    import usual

    OmegaConf.save(config | {name: values[0] for name, values in grid.items()}, "config.yaml")
    sys.argv = ["peers.py", "--multirun", *(f"{name}={','.join(map(str, grid[name]))}" for name in grid)]
    main = hydra.main(version_base=None, config_path=os.getcwd(), config_name="config")
    main(lambda chosen: usual.run(OmegaConf.to_container(chosen))["val_f1"])()


def with_optuna(config, grid, jobs):
    import optuna

    import usual

    def objective(trial):
        return usual.run(config | {name: trial.suggest_categorical(name, grid[name]) for name in grid})["val_f1"]

    study = optuna.create_study(sampler=optuna.samplers.GridSampler(grid, seed=0), direction="maximize")
    study.optimize(objective, n_trials=math.prod(map(len, grid.values())), n_jobs=jobs)


def with_ray(config, grid, jobs):
    os.environ["HOME"] = os.getcwd()  # it leaves a token there
    import ray
    from ray import tune

    def trial(chosen):
        import usual

        tune.report(usual.run(chosen))

    ray.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, _temp_dir=os.path.abspath("ray"))
    tune.Tuner(
        trial,
        param_space=config | {name: tune.grid_search(grid[name]) for name in grid},
        tune_config=tune.TuneConfig(reuse_actors=True),  # without, every trial imports everything anew
        run_config=tune.RunConfig(name="search", storage_path=os.path.abspath("results"), verbose=0),
    ).fit()


if __name__ == "__main__":
    tool, file, number = sys.argv[1:]
    given = json.loads(Path(file).read_text())
    {"hydra": with_hydra, "optuna": with_optuna, "ray": with_ray}[tool](given["config"], given["grid"], int(number))
