"""A run directory: its record is whole or not there."""

import json

import pytest

from gridfold.run import Record, Run

RECORD = Record("0123", 4, "search_1", {"lr": 1e-7}, "toy:train", seed=3, state="completed", metrics={"f1": 0.5})


def test_a_record_comes_back_as_it_was(tmp_path):
    Run(tmp_path).write(RECORD)
    assert Run(tmp_path).read() == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"state": "comp', b"[]", b"3", b'{"state": "completed"}', b"\xff\x00"]
)
def test_a_torn_record_means_not_done(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    assert Run(tmp_path).read() is None


def test_no_record_means_not_done(tmp_path):
    assert Run(tmp_path).read() is None
    assert Run(tmp_path / "gone").read() is None


def test_reports_are_lines_of_json(tmp_path):
    run = Run(tmp_path)
    run.report(epoch=1, val_f1=0.5)
    run.report(epoch=2, val_f1=1e-7)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"epoch": 1, "val_f1": 0.5}, {"epoch": 2, "val_f1": 1e-7}]


def test_progress_is_there_only_while_the_run_runs(tmp_path):
    run = Run(tmp_path)
    run.progress(step=1, steps=10)
    run.progress(step=2, steps=10)  # too soon after the first to be written
    assert run.read_progress() == {"step": 1, "steps": 10}
    run.write(RECORD)
    assert run.read_progress() == {}
