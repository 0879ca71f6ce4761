"""``gridfold test``: the test set is measured for the chosen run, once, and every other look at it is said."""

from __future__ import annotations

import copy
import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.metrics import accuracy_score, f1_score

from gridfold.cli import main
from gridfold.text import trainer
from tests import made
from tests.text.examples import NotedRun


def a_run(config: dict[str, Any], folder: Path) -> None:
    """Train in the directory of a run that was made by hand."""
    folder.joinpath("config.yaml").write_text(yaml.safe_dump(config))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"trainer": "gridfold.text:trainer"}))
    trainer.train(config, NotedRun(folder))  # type: ignore[arg-type]


@pytest.fixture
def search(project: Path, config: dict[str, Any]) -> Path:
    """A search of two runs whose config has a test set, the second of which is the better one."""
    config["model"]["freeze_encoder"] = True
    config["training"]["num_epochs"] = 1
    config["data"]["test"] = 0.3
    runs = [made.completed(lr, val_f1=f1) for lr, f1 in ((0.1, 0.6), (0.2, 0.7))]
    directory = made.search(project / "runs", "demo_1", runs).dir
    for place in range(2):
        a_run(config, project / f"runs/demo_1_{place}")
    return directory


def looks(search: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((search / "test.json").read_text())["looks"]
    return found


def test_the_best_run_is_measured_once(search, capsys):
    assert main(["test"]) == 0
    first = capsys.readouterr()
    assert first.err == "The best run of demo_1: demo_1_1\n"
    (look,) = looks(search)
    with (search.parent / "demo_1_1/test_predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    truth, predicted = ([row[name] for row in rows] for name in ("truth", "prediction"))
    assert look["metrics"]["test_accuracy"] == accuracy_score(truth, predicted)
    assert look["metrics"]["test_f1"] == f1_score(truth, predicted, average="macro")
    assert next(iter(look["metrics"])) == "test_f1"
    assert look["metrics"]["test_examples"] == len(rows) == 27
    assert (look["run"], look["is_best"]) == ("demo_1_1", True)
    assert not (search.parent / "demo_1_0/test_predictions.csv").exists()

    (search.parent / "demo_1_1/test_predictions.csv").unlink()
    assert main(["test", "demo_1"]) == 0
    assert capsys.readouterr().out.startswith("Measured before: test_f1")
    assert looks(search) == [look]
    assert not (search.parent / "demo_1_1/test_predictions.csv").exists()


def test_test_examples_are_none_of_those_that_the_run_was_judged_by(search):
    main(["test"])
    with (search.parent / "demo_1_1/test_predictions.csv").open(newline="") as file:
        tested = {int(row["row"]) for row in csv.DictReader(file)}
    with (search.parent / "demo_1_1/predictions.csv").open(newline="") as file:
        assert not tested & {int(row["row"]) for row in csv.DictReader(file)}


def test_results_say_what_is_known_of_the_test_set(search, capsys):
    main(["best"])
    said = "Nobody has looked at the test set yet: gridfold test demo_1 measures the best run on it, once."
    assert said in capsys.readouterr().out
    main(["test"])
    capsys.readouterr()
    for command in (["best"], ["results"]):
        main([*command, "demo_1"])
        assert "On the test set: test_f1 0." in capsys.readouterr().out
    main(["best"])
    assert "test_accuracy" in capsys.readouterr().out
    main(["report"])
    assert "On the test set: test_f1 0." in (search / "report.html").read_text()
    main(["export", "last", "model"])
    card = Path("model/README.md").read_text()
    assert "| metric | validation | test |" in card
    assert "No run had seen the test set, and nothing was chosen by it. Of 27 texts, the 95 % interval" in card
    assert "It is one of 2 runs of the search `demo_1` (2 combinations): `training.lr` 0.2." in card
    assert "It is one run, so how much of its result is luck" in card


def test_another_look_is_refused_and_said(search, capsys):
    main(["test"])
    capsys.readouterr()
    assert main(["test", "demo_1:0"]) == 2
    assert "the test set was looked at before: test_f1 0." in capsys.readouterr().err
    assert main(["test", "demo_1:0", "--again"]) == 0
    assert [(look["run"], look["is_best"]) for look in looks(search)] == [("demo_1_1", True), ("demo_1_0", False)]
    capsys.readouterr()
    main(["best"])
    said = " ".join(capsys.readouterr().out.split())
    assert "On the test set, which was looked at 2 times, first: test_f1 0." in said
    assert "demo_1_0" in said
    assert "which was not the best run then" in said


def test_the_choice_has_to_be_made(project, config, capsys):
    config["data"]["test"] = 0.3
    made.search(project / "runs", "demo_1", [made.completed(0.1, val_f1=0.6), {"params": {"training.lr": 0.2}}])
    record = project / "runs/demo_1_0/run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"trainer": "gridfold.text:trainer"}))
    assert main(["test"]) == 2
    assert capsys.readouterr().err.partition("\n")[2] == (
        "error: demo_1: 1 run is left to be done, so the best one may be another\n"
        "  gridfold resume demo_1; or, to look all the same: --again\n"
    )


def test_a_run_without_a_test_set(project, config, capsys):
    config["model"]["freeze_encoder"] = True
    made.search(project / "runs", "demo_1", [made.completed(0.1, val_f1=0.6)])
    a_run(config, project / "runs/demo_1_0")
    assert main(["test"]) == 2
    assert "data.test: has no test set\n  give one before the search: data.test" in capsys.readouterr().err
    assert not (project / "runs/demo_1/test.json").exists()


def test_data_that_have_changed_are_said(search, config, capsys):
    record = search.parent / "demo_1_1/run.json"
    inputs = {"files": {config["data"]["train"]: "another content"}}
    record.write_text(json.dumps(json.loads(record.read_text()) | {"inputs": inputs}))
    assert main(["test"]) == 0
    assert "changed since the run was trained" in capsys.readouterr().out
    assert looks(search)[0]["changed"] == [config["data"]["train"]]


def test_a_test_set_of_its_own(project, config, csv_file, capsys):
    config = copy.deepcopy(config)
    config["model"]["freeze_encoder"] = True
    config["data"]["test"] = str(csv_file)
    made.search(project / "runs", "demo_1", [made.completed(0.1, val_f1=0.6)])
    a_run(config, project / "runs/demo_1_0")
    assert main(["test", "0"]) == 0
    assert looks(project / "runs/demo_1")[0]["metrics"]["test_examples"] == 90
