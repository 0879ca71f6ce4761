"""Runs of the built-in trainer, folded in a search, and each again alone in a new process."""

import json

import yaml


def test_every_file_of_both_ways_of_training_is_the_same_alone(command, config, project):
    config["model"]["freeze_encoder"] = [True, False]
    (project / "c.yaml").write_text(yaml.safe_dump(config))
    result = command("hyper_main.py", "--config", "c.yaml", "--quiet")
    assert result.returncode == 0, result.stderr
    result = command("gridfold/__main__.py", "verify")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("\n2 of 2 runs give the same alone, to the last bit\n")
    (noted,) = project.glob("runs/*/verify.json")
    assert [run["not_compared"] for run in json.loads(noted.read_text()).values()] == [{}, {}]
