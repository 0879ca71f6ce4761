"""The checkpoint's file: whole or not there, of this training or not loaded, and never the end of a training."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gridfold.core.errors import ConfigError
from gridfold.runs.run import Run
from gridfold.text import checkpoint, load, trainer
from gridfold.text.checkpoint import CheckpointFile, RandomState, discard, fingerprint
from gridfold.text.data_settings import DataSettings
from gridfold.text.interruption import Interruption
from tests.text.examples import NotedRun

NAME = "checkpoint.pt"


def interrupt(config: dict[str, Any], run: NotedRun, step: int = 12) -> Path:
    """Train up to a step; the file that is left."""
    progress = run.progress

    def stop(**state: float) -> None:
        progress(**state)
        if state["step"] == step:
            os.kill(os.getpid(), signal.SIGTERM)

    run.progress = stop
    with pytest.raises(KeyboardInterrupt):
        trainer.train(config, run)
    assert {path.name for path in run.dir.iterdir()} == {NAME}
    return run.dir / NAME


def flip(file: Path, place: float) -> None:
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "torn": lambda file: file.write_bytes(file.read_bytes()[:-1000]),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "a bit is wrong": lambda file: flip(file, 0.5),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "garbage": lambda file: file.write_bytes(b"\x80\x02garbage" * 100),
    "a pickle": lambda file: file.write_bytes(pickle.dumps(Evil())),
    "torch's with a pickle": lambda file: torch.save({"format": 1, "evil": Evil()}, file),
    "something else": lambda file: torch.save([1, 2], file),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_ignored_with_a_line(damage, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    file = CheckpointFile(Run(tmp_path), "same")
    file.save({"weights": torch.arange(10_000.0)})
    assert torch.equal(file.load()["weights"], torch.arange(10_000.0))
    assert not caplog.records
    DAMAGE[damage](tmp_path / NAME)
    assert file.load() is None
    assert [record.message[:45] for record in caplog.records] == ["checkpoint.pt is damaged, restarting training"[:45]]
    assert not Path("evil").exists()


def test_a_training_with_a_damaged_checkpoint_starts_anew(config, new_run, caplog):
    trainer.train(config, whole := new_run("whole"))
    flip(interrupt(config, new_run("run")), 0.5)
    run = new_run("run")
    trainer.train(config, run)
    assert run.reports == whole.reports
    assert run.steps[0]["step"] == 1
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "checkpoint.pt is damaged, restarting training"
    ]
    assert not (run.dir / NAME).exists()


@pytest.mark.parametrize("change", ["training", "data", "file"])
def test_a_checkpoint_of_another_training_is_ignored_with_a_line(change, config, new_run, csv_file, tmp_path, caplog):
    shutil.copy(csv_file, tmp_path / "mine.csv")
    config["data"]["train"] = str(tmp_path / "mine.csv")
    file = interrupt(config, new_run("run"))
    if change == "training":
        config["training"]["learning_rate"] = 1e-3
    elif change == "data":
        config["data"]["split_seed"] = 1
    else:
        text = (tmp_path / "mine.csv").read_text().replace("cat", "dog", 1)
        (tmp_path / "mine.csv").write_text(text)
    trainer.train(config, whole := new_run("whole"))
    shutil.copy(file, tmp_path / "kept")
    trainer.train(config, run := new_run("run"))
    assert run.reports == whole.reports
    assert [record.message for record in caplog.records] == [
        "checkpoint.pt was made with another config, other data or other versions, restarting training"
    ]


def test_sections_of_the_user_do_not_matter(config, new_run):
    interrupt(config, new_run("run"))
    config["mine"] = {"note": "changed"}
    trainer.train(config, run := new_run("run"))
    assert run.steps[0]["step"] == 13


def test_fingerprints_tell_data_apart():
    rows = [{"input_ids": [1, 2]}, {"input_ids": [3]}]
    other = [{"input_ids": [1]}, {"input_ids": [2, 3]}]
    settings = [DataSettings("a.csv")]
    assert fingerprint(settings, rows) == fingerprint([DataSettings("a.csv")], copy.deepcopy(rows))
    assert fingerprint(settings, rows) != fingerprint(settings, other)
    assert fingerprint(settings, rows) != fingerprint([DataSettings("a.csv", limit=5)], rows)


def test_a_full_disk_does_not_end_a_training(config, new_run, monkeypatch, caplog):
    """/dev/full is a disk that is full."""
    trainer.train(config, whole := new_run("whole"))
    monkeypatch.setattr(CheckpointFile, "due", property(lambda self: True))
    write = checkpoint._write
    calls = []

    def fail(content: Any, file: Path) -> None:
        write(content, file)
        calls.append(file)
        if len(calls) > 2:
            write(content, Path("/dev/full"))

    monkeypatch.setattr(checkpoint, "_write", fail)
    trainer.train(config, run := new_run("run"))
    assert run.reports == whole.reports
    assert len(caplog.records) == len(calls) - 2
    assert caplog.records[0].message.startswith("the checkpoint cannot be saved, training goes on without: ")
    assert {path.name for path in run.dir.iterdir()} == {path.name for path in whole.dir.iterdir()}


def test_the_one_before_stays_when_saving_fails(tmp_path, monkeypatch):
    file = CheckpointFile(Run(tmp_path), "same")
    file.save({"step": 1})
    monkeypatch.setattr(checkpoint.torch, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    file.save({"step": 2})
    assert file.load() == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_it_is_saved_within_long_epochs(config, new_run, monkeypatch):
    steps, run = [], new_run("run")
    monkeypatch.setattr(checkpoint, "_INTERVAL", 0.0)
    monkeypatch.setattr(CheckpointFile, "affordable", property(lambda self: False))
    monkeypatch.setattr(CheckpointFile, "save", lambda _, content: steps.append(json.loads(content["place"])))
    trainer.train(config, run)
    assert [step["global_step"] for step in steps] == [step for step in range(1, 24) if step % 8]


def test_short_epochs_are_not_spent_on_saving(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    file = CheckpointFile(Run(tmp_path), "same")
    assert file.affordable
    save = torch.save

    def slow(*args: Any) -> None:
        now[0] += 3
        save(*args)

    monkeypatch.setattr(checkpoint.torch, "save", slow)
    file.save({})
    now[0] += 29
    assert not file.affordable
    now[0] += 2
    assert file.affordable


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (NAME, f".{NAME}.123", "head.safetensors"):
        (tmp_path / name).touch()
    discard(Run(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["head.safetensors"]


def test_random_streams_go_on():
    import random

    import numpy as np

    def draw() -> list[float]:
        return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(1).item()]

    draw()
    state = RandomState.now()
    expected = draw()
    state.restore()
    assert draw() == expected


def test_the_signal_is_given_back(config, new_run):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        interrupt(config, new_run("run"), step=2)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_signal_that_comes_last_is_not_lost():
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt), interruption.taken():
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruption.at_once():
        pytest.fail("not reached")


def test_other_threads_train_without_signals(config, new_run):
    run = new_run("run")
    thread = threading.Thread(target=trainer.train, args=(config, run))
    thread.start()
    thread.join()
    assert len(run.reports) == 3


def test_what_may_be_deleted_is_the_weights(trained):
    found = {path for pattern in trainer.checkpoints for path in trained.run.dir.glob(pattern)}
    assert found == set(trained.run.dir.rglob("*.safetensors"))


@pytest.mark.parametrize("pattern", [*trainer.checkpoints[:2]])
def test_loading_says_that_weights_were_deleted(pattern, trained, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(trained.run.dir, folder)
    deleted = list(folder.glob(pattern))
    for path in deleted:
        path.unlink()
    if not deleted:  # a frozen encoder has no weights of its own
        assert load(folder).predict(["the cat"])
        return
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert str(caught.value) == (
        f"the weights of {folder} were deleted, to save disk space\n  `gridfold reproduce {folder}` trains it again"
    )
