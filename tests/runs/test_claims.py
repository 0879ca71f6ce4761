"""Who has an attempt, where an engine is to be asked whether its job lives."""

import os
import time
from dataclasses import replace

import pytest

from gridfold.core.process import liveness
from gridfold.core.process.monitor import ChangeMonitor
from gridfold.runs import claims
from gridfold.runs.record import started
from gridfold.runs.workers import heart_of


@pytest.fixture
def clock(monkeypatch):
    """The clock of whoever looks at heartbeats; it stands still."""
    now = [0.0]
    monkeypatch.setattr(liveness, "_MONITOR", ChangeMonitor(lambda: now[0]))
    return now


@pytest.fixture
def attempt(submit):
    (attempt,) = submit("finish")
    return replace(attempt, record=replace(attempt.record, asks="jobs", search="s", session="1/boot/pid:[1]/2/abcd"))


@pytest.fixture
def far(attempt):
    """The run, of which a process of another machine has the first attempt."""
    assert attempt.run.claims.take(replace(started(attempt.record), host="far"))
    return attempt.run


def test_a_claim_names_the_job_of_its_owner(jobs, attempt):
    assert attempt.run.claims.take(started(attempt.record))
    assert attempt.run.claims.read(1).asks == "jobs:7"


def test_a_process_of_a_job_that_runs_here_is_looked_at_itself(jobs, attempt):
    jobs("dead")
    assert attempt.run.claims.take(started(attempt.record))
    assert attempt.run.claims.owner(1).life == "alive"
    assert attempt.run.claims.take(replace(started(attempt.record), process="then", attempt=2))
    assert attempt.run.claims.owner(2).life == "dead"


@pytest.mark.parametrize(
    ("life", "at_once", "later"),
    [
        ("alive", "alive", "alive"),
        ("elsewhere", "elsewhere", "elsewhere"),
        ("dead", "undecided", "dead"),
    ],
)
def test_who_is_silent_is_dead_if_the_engine_says_that_its_job_is_over(jobs, far, clock, life, at_once, later):
    jobs(life)
    assert far.claims.owner(1).life == at_once
    assert far.judged().state == "running"
    clock[0] += liveness.SILENT_SECONDS - 1
    assert far.claims.owner(1).life == at_once
    clock[0] += 1
    assert far.claims.owner(1).life == later
    assert far.judged().state == ("lost" if later == "dead" else "running")


def test_whose_heart_beats_is_not_dead_whatever_the_engine_says(jobs, far, clock, write):
    """As of a node that its engine has lost, while it runs on; and whatever the clocks of machines and disk say."""
    jobs("dead")
    for beat in range(9):
        heart = write(heart_of("s", far.claims.session(1)), f"{beat}")
        os.utime(heart, (0, 0))
        assert far.claims.owner(1).life == "undecided"
        clock[0] += liveness.SILENT_SECONDS - 1


def test_an_engine_that_does_not_answer_may_have_a_job_that_lives(jobs, far, clock):
    clock[0] += 100
    assert far.claims.owner(1).life == "elsewhere"


def test_an_engine_that_is_not_known_here_may_have_a_job_that_lives(submit):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(replace(started(attempt.record), asks="other:7", host="far"))
    assert attempt.run.judged().state == "running"


def test_a_claim_of_an_older_gridfold_names_a_process(submit, project):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(started(attempt.record))
    claim = project / "run0" / ".claim-1"
    claim.write_text("".join(line for line in claim.read_text().splitlines(True) if "asks" not in line))
    assert attempt.run.claims.owner(1).life == "alive"


@pytest.mark.parametrize("disk", [-3600, 3600])
def test_a_claim_that_is_half_written_is_waited_for_whatever_the_clock_of_the_disk_says(
    submit, project, monkeypatch, disk
):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(started(attempt.record))
    claim, then = project / "run0" / ".claim-1", time.time() + disk
    whole, looks = claim.read_text(), []
    claim.write_text(whole[:20])

    def write_the_rest(seconds):
        looks.append(seconds)
        claim.write_text(whole if len(looks) > 2 else whole[:20])
        os.utime(claim, (then, then))

    os.utime(claim, (then, then))
    monkeypatch.setattr(claims.time, "sleep", write_the_rest)
    assert attempt.run.claims.owner(1).life == "alive"


def test_a_torn_claim_is_nobodys(submit, project, monkeypatch):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(started(attempt.record))
    (project / "run0" / ".claim-1").write_text("{")
    now = iter(range(9))
    monkeypatch.setattr(claims, "_UNREADABLE", ChangeMonitor(lambda: next(now)))
    assert attempt.run.claims.owner(1) is None
