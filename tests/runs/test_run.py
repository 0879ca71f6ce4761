"""A run directory: its record is whole or not there."""

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from gridfold.core.process.identity import Owner
from gridfold.runs.record import Record, started
from gridfold.runs.run import Run, judge
from tests.conftest import ROOT

RECORD = Record("0123", 4, "search_1", {"lr": 1e-7}, "toy:train", seed=3, state="completed", metrics={"f1": 0.5})


def attempt(number):
    return started(replace(RECORD, attempt=number))


def test_a_record_comes_back_as_it_was(tmp_path):
    Run(tmp_path).write(RECORD)
    assert Run(tmp_path).read() == RECORD
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


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


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 10**400])
def test_progress_that_is_not_finite_is_none(tmp_path, value):
    Run(tmp_path).progress(step=1, steps=value)
    assert Run(tmp_path).read_progress() == {"step": 1}


def test_an_attempt_is_claimed_once(tmp_path):
    run = Run(tmp_path)
    assert run.claims.take(attempt(1))
    assert not run.claims.take(attempt(1))
    assert run.claims.take(attempt(2))
    assert run.claims.count(None) == 2
    assert run.claims.owner(1) == run.claims.owner(2) == Owner.current()
    assert run.read().attempt == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".claim-1", ".claim-2", "run.json"]


def test_an_attempt_is_claimed_once_by_many_processes(tmp_path):
    script = (
        "import sys, time; from tests.runs.test_run import Run, attempt\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "print(sum(Run(sys.argv[1]).claims.take(attempt(number)) for number in range(1, 200)))"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path), str(time.time() + 1)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(4)]
    assert sum(int(process.communicate()[0]) for process in processes) == 199


def test_a_disk_without_hard_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    assert Run(tmp_path).claims.take(attempt(1))
    assert not Run(tmp_path).claims.take(attempt(1))
    assert Run(tmp_path).claims.owner(1).life == "alive"


def test_a_network_disk_whose_first_answer_was_lost(tmp_path, monkeypatch):
    link = os.link

    def twice(source, target):
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", twice)
    assert Run(tmp_path).claims.take(attempt(1))


def test_a_log_is_followed_by_whole_characters(tmp_path):
    run, text, followed = Run(tmp_path), "1 € – ü".encode(), []
    run.log_path.touch()
    for printed in run.follow_log():
        followed.append(printed)
        if text:
            with run.log_path.open("ab") as log:
                log.write(text[:1])
            text = text[1:]
        elif run.read() is None:
            with run.log_path.open("ab") as log:
                log.write(b"\xe2\x82")
            run.claims.take(attempt(1))
            run.write(replace(RECORD, attempt=1))
    assert "".join(followed) == "1 € – ü\N{REPLACEMENT CHARACTER}"


def test_a_claim_that_was_torn_is_nobodys(tmp_path):
    (tmp_path / ".claim-1").write_text("")
    assert Run(tmp_path).claims.owner(1) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\x00\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"state": "completed"}',
        json.dumps(vars(RECORD) | {"state": "done"}).encode(),
        json.dumps(vars(RECORD) | {"metrics": "good"}).encode(),
        json.dumps(vars(RECORD) | {"metrics": {"f1": "good"}}).encode(),
        json.dumps(vars(RECORD) | {"error": "bad"}).encode(),
        json.dumps(vars(RECORD) | {"attempt": "1"}).encode(),
    ],
)
def test_a_record_that_is_damaged_means_not_done(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    assert Run(tmp_path).read() is None
    assert Run(tmp_path).is_damaged


def test_a_record_of_a_later_version_is_one(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(vars(RECORD) | {"new": 1}))
    assert Run(tmp_path).read() == RECORD


def test_what_is_reported_is_numbers_of_any_library(tmp_path):
    class Scalar:
        def item(self):
            return 0.5

    Run(tmp_path).report(epoch=1, f1=Scalar())
    assert (tmp_path / "metrics.jsonl").read_text() == '{"epoch": 1, "f1": 0.5}\n'
    with pytest.raises(TypeError, match="expected a number, found 'high'"):
        Run(tmp_path).report(f1="high")


def test_a_record_stands_as_its_process_does(tmp_path):
    run = Run(tmp_path)
    assert run.judged() is None
    assert run.claims.take(attempt(1))
    assert run.judged() == run.read()
    run.write(replace(attempt(1), state="failed"))
    assert run.judged().state == "failed"
    dead = replace(attempt(2), process=f"{attempt(2).process}0")
    assert run.claims.take(dead)
    assert (run.judged(), run.read().state) == (replace(dead, state="lost"), "running")


def test_a_process_that_was_killed_between_claim_and_record_lost_its_run(tmp_path):
    run, record = Run(tmp_path), replace(attempt(1), process=f"{attempt(1).process}0")
    assert run.claims.take(record)
    (tmp_path / "run.json").unlink()
    assert run.judged() == replace(record, state="lost")


def test_no_file_says_that_a_run_is_lost(tmp_path):
    Run(tmp_path).write(replace(RECORD, state="lost"))
    assert Run(tmp_path).read() is None


def test_the_end_of_an_attempt_is_recorded_by_whoever_has_it(tmp_path):
    run, mine = Run(tmp_path), replace(started(attempt(1)), session="mine")
    others = replace(mine, session="another's")
    assert run.claims.take(others)
    assert not run.conclude(replace(mine, state="failed"))
    assert run.read() == others
    assert run.conclude(replace(others, state="completed"))
    assert run.read().state == "completed"


def test_an_attempt_that_nobody_has_is_taken_by_whoever_records_its_end(tmp_path):
    run, record = Run(tmp_path), replace(started(attempt(1)), state="failed", session="mine")
    assert run.conclude(record)
    assert run.claims.has(1)
    assert not run.claims.take(started(attempt(1)))


def test_the_end_of_an_attempt_that_was_given_up_is_not_recorded(tmp_path):
    run, record = Run(tmp_path), started(attempt(1))
    assert run.claims.take(record)
    assert run.claims.take(started(attempt(2)))
    assert not run.conclude(replace(record, state="completed"))
    assert run.read().attempt == 2


def test_a_newer_claim_counts_more_than_a_final_record(tmp_path):
    """Another process has begun again, and not yet written its record."""
    run, record = Run(tmp_path), started(attempt(1))
    assert run.claims.take(record)
    assert run.conclude(replace(record, state="failed"))
    assert judge(str(tmp_path)).state == "failed"
    (tmp_path / ".claim-2").write_text(json.dumps(vars(started(attempt(2)))))
    found = judge(str(tmp_path))
    assert (found.state, found.attempt) == ("running", 2)


def test_a_process_whose_run_was_taken_over_writes_nothing_into_its_files(tmp_path):
    mine, record = Run(tmp_path, attempt=1), started(attempt(1))
    assert mine.claims.take(record)
    mine.report(epoch=1)
    newer = Run(tmp_path, attempt=2)
    assert newer.claims.take(started(attempt(2)))
    newer.set_aside(1)
    mine.report(epoch=2)
    mine.progress(epoch=2)
    assert not mine.conclude(replace(record, state="completed"), is_own=True)
    assert (newer.reports(), newer.reports_of(1), newer.read_progress()) == ([], [{"epoch": 1}], {})
    newer.report(epoch=1)
    assert newer.reports() == [{"epoch": 1}]
    assert newer.read().attempt == 2


def test_a_takeover_in_the_moment_in_which_an_end_is_recorded_counts(tmp_path, monkeypatch):
    """A network disk may know of the newer claim only when something was written beside it."""
    run, record = Run(tmp_path), started(attempt(1))
    assert run.claims.take(record)
    written = os.open

    def take_over(path, *more):
        if ".run.json." in str(path) and not run.claims.has(2):
            monkeypatch.setattr(os, "open", written)
            assert run.claims.take(started(attempt(2)))
        return written(path, *more)

    monkeypatch.setattr(os, "open", take_over)
    assert not run.conclude(replace(record, state="completed"), is_own=True)
    assert run.read().attempt == 2
