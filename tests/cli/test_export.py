"""``gridfold export``: what is meant by its words, and what it says."""

import shutil
import sys
from pathlib import Path

import pytest

from gridfold.cli import main
from gridfold.export.trackers.process import lock_of
from tests import made

optuna = pytest.importorskip("optuna")


@pytest.fixture
def runs(project):
    made.search(Path("runs"), "demo_000000", [made.completed(0.1, val_f1=0.7), made.completed(0.2, val_f1=0.8)])
    made.search(Path("runs"), "other_000001", [made.completed(0.3, val_f1=0.9)])
    return project / "runs"


def studies(journal):
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
    return {study.study_name: study.n_trials for study in optuna.get_all_study_summaries(storage)}


def test_the_last_search_is_written_beside_its_runs(runs, capsys, snapshot):
    assert main(["export", "optuna"]) == 0
    assert capsys.readouterr().out == snapshot
    assert list(studies(runs / "optuna.log").values()) == [1]


def test_an_export_for_tensorboard_has_a_folder_for_each_run(runs):
    pytest.importorskip("tensorboard")
    assert main(["export", "tensorboard", "demo_000000", "-o", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["demo_000000_0", "demo_000000_1"]


def test_searches_share_a_journal_and_are_there_once(runs):
    for name in ("demo_000000", "other_000001", "demo_000000"):
        assert main(["export", "optuna", name, "-o", "out"]) == 0
    assert studies("out/optuna.log") == {"demo_000000": 2, "other_000001": 1}


@pytest.mark.parametrize(
    "words",
    [
        ["optuna", "nowhere"],
        ["opt", "last"],
        ["0"],
        ["0", "model", "-o", "folder"],
        ["wandb", "empty_000002"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_exported(runs, words, capsys, snapshot):
    made.search(Path("runs"), "empty_000002", [{"params": {"training.lr": 0.1}}], created="2020")
    assert main(["export", *words]) == 2
    assert capsys.readouterr().err == snapshot
    assert not [path for path in runs.parent.iterdir() if path.name not in ("runs", "toy.py")]


def test_a_run_that_is_called_as_a_tool_is_a_run(runs, capsys, snapshot):
    shutil.copytree(runs / "demo_000000_0", runs / "optuna")
    assert main(["export", "optuna", "model"]) == 2  # its trainer is a function, which exports no model
    assert capsys.readouterr().err == snapshot
    assert main(["export", "optuna", "demo_000000", "-o", "out"]) == 0


def test_a_package_that_is_missing_is_named(runs, monkeypatch, capsys, snapshot):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "gridfold.export.trackers.wandb", raising=False)
    assert main(["export", "wandb"]) == 2
    assert capsys.readouterr().err == snapshot
    assert not (runs / "wandb").exists()


def test_a_study_of_somebody_else_is_left_alone(runs, capsys, snapshot):
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend("runs/optuna.log"))
    optuna.create_study(study_name="demo_000000", storage=storage).add_trial(optuna.trial.create_trial(value=1.0))
    before = (runs / "optuna.log").read_bytes()
    assert main(["export", "optuna", "demo_000000"]) == 2
    assert capsys.readouterr().err == snapshot
    assert (runs / "optuna.log").read_bytes() == before


def test_a_study_comes_back_as_a_config(runs, capsys):
    main(["export", "optuna", "demo_000000"])
    capsys.readouterr()
    assert main(["import", "runs/optuna.log"]) == 0
    assert "lr: !uniform [0.1, 0.2]" in capsys.readouterr().out


def test_what_a_tracker_writes_meanwhile_is_left_to_it(runs, capsys):
    pytest.importorskip("tensorboard")
    track = runs / "demo_000000" / ".track"
    track.mkdir()
    with lock_of("tensorboard", track):
        assert main(["export", "tensorboard", "demo_000000"]) == 2
        said = "error: demo_000000: is being written for tensorboard while it runs\n  to write it elsewhere: -o DIR\n"
        assert said in capsys.readouterr().err
        assert not (runs / "demo_000000" / "tensorboard").exists()
        assert main(["export", "tensorboard", "demo_000000", "-o", "elsewhere"]) == 0
    assert main(["export", "tensorboard", "demo_000000"]) == 0


def test_a_file_where_the_folder_should_be(runs, capsys):
    (runs.parent / "out").write_text("mine")
    assert main(["export", "optuna", "demo_000000", "-o", "out"]) == 2
    assert capsys.readouterr().err == "error: out: is a file, expected a folder\n"
