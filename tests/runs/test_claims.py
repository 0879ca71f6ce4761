"""Who has an attempt, where an engine is to be asked whether its job lives."""

from dataclasses import replace

import pytest

from gridfold.core.process import identity
from gridfold.runs.record import started

JOBS = """
import os
from pathlib import Path

class Jobs:
    def here(self):
        return os.environ.get("JOB", "")

    def life(self, job):
        return Path("jobs", job).read_text()

jobs = Jobs()
"""


@pytest.fixture
def jobs(project, write, monkeypatch):
    """An engine whose jobs are files, and whose package is installed."""
    write("jobs.py", JOBS)
    write("jobs-1.dist-info/METADATA", "Name: jobs\nVersion: 1\n")
    write("jobs-1.dist-info/entry_points.txt", "[gridfold.liveness]\njobs = jobs:jobs\n")
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("JOB", "7")
    identity._liveness.cache_clear()
    return lambda life: write("jobs/7", life)


@pytest.fixture
def attempt(submit):
    (attempt,) = submit("finish")
    return replace(attempt, record=replace(attempt.record, asks="jobs"))


def test_a_claim_names_the_job_of_its_owner(jobs, attempt):
    assert attempt.run.claims.take(started(attempt.record))
    assert attempt.run.claims.read(1).asks == "jobs:7"


@pytest.mark.parametrize(("life", "state"), [("alive", "running"), ("elsewhere", "running"), ("dead", "lost")])
def test_the_engine_says_whether_its_job_lives(jobs, attempt, life, state):
    jobs(life)
    assert attempt.run.claims.take(started(attempt.record))
    assert attempt.run.claims.owner(1).life == life
    assert attempt.run.judged().state == state


def test_an_engine_that_does_not_answer_may_have_a_job_that_lives(jobs, attempt):
    assert attempt.run.claims.take(started(attempt.record))
    assert attempt.run.claims.owner(1).life == "elsewhere"


def test_an_engine_that_is_not_known_here_may_have_a_job_that_lives(submit):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(replace(started(attempt.record), asks="other:7"))
    assert attempt.run.judged().state == "running"


def test_a_claim_of_an_older_gridfold_names_a_process(submit, project):
    (attempt,) = submit("finish")
    assert attempt.run.claims.take(started(attempt.record))
    claim = project / "run0" / ".claim-1"
    claim.write_text("".join(line for line in claim.read_text().splitlines(True) if "asks" not in line))
    assert attempt.run.claims.owner(1).life == "alive"
