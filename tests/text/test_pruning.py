"""Runs of the built-in trainer that had to wait, folded in a search, and each again alone in a new process."""

import json

import yaml


def test_runs_that_waited_are_the_same_alone(command, config, project):
    config["model"]["freeze_encoder"] = [True, False]
    config["training"]["learning_rate"] = [1e-4, 1e-2]
    (project / "c.yaml").write_text(yaml.safe_dump(config))
    result = command(
        "hyper_main.py", "--config", "c.yaml", "--quiet", "--parallel", "2", "--prune", "asha,eta=2", "--finish-all"
    )
    assert result.returncode == 0, result.stderr
    (log,) = project.glob("runs/*/search.log")
    assert log.read_text().count("waits at step 1 (asha: val_f1 ") == 4  # which is reported behind the loss
    assert log.read_text().count("waits at step 2 ") == 4
    result = command("gridfold/__main__.py", "verify", "--all")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("\n4 of 4 runs give the same alone, to the last bit\n")


def test_only_runs_that_are_completed_are_saved(command, config, project):
    config["training"]["learning_rate"] = [1e-4, 1e-3, 1e-2]
    (project / "c.yaml").write_text(yaml.safe_dump(config))
    result = command("hyper_main.py", "--config", "c.yaml", "--quiet", "--prune", "asha")
    assert result.returncode == 0, result.stderr
    saved = {}
    for path in project.glob("runs/*/run.json"):
        files = [(path.parent / name).exists() for name in ("head.safetensors", "classifier.json", "loss.png")]
        saved.setdefault(json.loads(path.read_text())["state"], []).append(files)
    assert saved == {"completed": [[True] * 3], "stopped": [[False] * 3] * 2}
