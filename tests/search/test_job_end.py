"""Workers in jobs of an engine: limits, what goes on after them, and runs of workers that are gone."""

import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from gridfold.cli import work
from gridfold.core.process import liveness
from gridfold.core.process.monitor import ChangeMonitor
from gridfold.engines.protocol import EngineError, Limit
from gridfold.executors.local import executor
from gridfold.runs import workers
from gridfold.runs.record import started
from gridfold.runs.search import SearchDirectory
from gridfold.runs.workers import Workers, heart_of
from gridfold.search.job_end import JobEnd
from gridfold.search.loop import Policy, Schedule
from tests.conftest import ROOT
from tests.search.test_loop import Clock, Listed, attempts, completed
from tests.test_survival import wait_for

TRAINER = """
import time
from pathlib import Path


def continues(config, run):
    checkpoint = run.dir / "checkpoint"
    if checkpoint.exists():
        return 1.0
    Path("spent").write_text("90")
    try:
        time.sleep(60)
    finally:
        checkpoint.touch()


def at_once(config, run):
    return 1.0


def cancels(config, run):
    next(Path("runs").glob("*/.workers")).joinpath("cancel").touch()
    time.sleep(60)


def begins(config, run):
    try:
        with open("begun", "a") as file:
            file.write(str(config["x"]))
        time.sleep(60)
    finally:
        time.sleep(0.5)
        with open("cleaned", "a") as file:
            file.write(str(config["x"]))


def taken_over(config, run):
    Path("begun").touch()
    while True:
        run.report(epoch=1, score=1.0)
        time.sleep(0.02)
"""


class Job:
    """A job of an engine, as a test wants it."""

    kill_seconds = 30.0

    def __init__(self, clock, limit=3600.0, cause="limit"):
        self.clock, self.seconds, self.why, self.begin, self.followed = clock, limit, cause, clock(), 0

    def limit(self):
        return Limit(self.seconds, self.begin + self.seconds - self.clock()) if self.seconds else None

    def cause(self):
        return self.why

    def follow(self, folder):
        self.followed += 1
        return "8"


@pytest.fixture
def clock():
    return Clock()


def end_of(job, tmp_path, **more):
    return JobEnd(job, "jobs:7", Workers(tmp_path), clock=job.clock, **more)


# When runs are told to stop


@pytest.mark.parametrize(
    ("limit", "said", "grace"),
    [(60, None, 15), (300, None, 30), (7200, None, 60), (20, None, 10), (7200, 300.0, 300), (0, None, 0)],
)
def test_runs_have_a_part_of_the_limit_to_stop(clock, tmp_path, limit, said, grace):
    end = end_of(Job(clock, limit), tmp_path, said=said)
    assert end.grace == grace
    clock.now += limit - grace - 1
    assert not end.has_come()
    clock.now += 1
    assert end.has_come() == bool(limit)


def test_a_limit_that_is_changed_meanwhile_counts(clock, tmp_path):
    job = Job(clock, 600)
    end = end_of(job, tmp_path)
    clock.now += 590
    job.seconds = 1200
    assert not end.has_come()


def test_a_run_begins_if_it_will_be_done_and_the_first_in_any_case(clock, tmp_path):
    source, end = Listed(attempts(4)), end_of(Job(clock, 100), tmp_path)  # the runs take 10 s; they stop at 85 s
    schedule = iter(Schedule(source, Policy(end=end), clock))
    clock.now += 80
    first = next(schedule)
    owner = Schedule(source, Policy(end=end), clock)
    assert first
    owner.ended(first, completed(first))
    assert owner.is_over()
    assert (owner.stopped, owner.aborts) == (
        "the time of this job allows no further run (a run takes about 0:00:10)",
        False,
    )
    assert not end.has_come(), "a run under way has its time"


# Why a job ends, and what goes on


@pytest.mark.parametrize(
    ("cause", "number", "follows"),
    [
        ("limit", 0, True),
        ("limit", signal.SIGTERM, True),
        ("cancelled", signal.SIGUSR1, True),  # Slurm was asked to send it ahead of the limit
        ("preempted", signal.SIGTERM, True),
        ("again", signal.SIGTERM, False),
        ("cancelled", signal.SIGTERM, False),
    ],
)
def test_a_job_that_goes_on_is_submitted_if_the_engine_starts_none_by_itself(clock, tmp_path, cause, number, follows):
    job = Job(clock, 100, cause)
    end = end_of(job, tmp_path)
    clock.now += 0 if number else 90
    end.has_come()
    said = end.leave(number, lambda: True, has_begun=True)
    assert (job.followed, said) == ((1, "job 8 goes on") if follows else (0, said))
    noted = [(each["engine"], each["id"], each["by"]) for each in Workers(tmp_path).jobs()]
    assert noted == ([("jobs", "8", "7")] if follows else [])


def test_no_job_goes_on_where_nothing_is_left_or_could_begin_or_all_was_cancelled(clock, tmp_path):
    job = Job(clock, 100)
    end = end_of(job, tmp_path)
    assert end.leave(0, lambda: True, has_begun=True) == ""
    clock.now += 90
    end.has_come()
    assert end.leave(0, lambda: False, has_begun=True) == ""
    assert "no run could begin" in end.leave(0, lambda: True, has_begun=False)
    end.workers.cancel()
    assert end.leave(0, lambda: True, has_begun=True) == "the search was cancelled"
    assert job.followed == 0


def test_an_engine_that_refuses_is_quoted(clock, tmp_path):
    class Refuses(Job):
        def follow(self, folder):
            raise EngineError("no more than 3 jobs")

    end = end_of(Refuses(clock, 100), tmp_path)
    clock.now += 90
    end.has_come()
    said = end.leave(0, lambda: True, has_begun=True)
    assert said == "runs are left, and no job could be submitted that goes on: no more than 3 jobs"


# Runs that would be interrupted for ever


@pytest.fixture
def interrupted(submit, clock, tmp_path):
    """Judges a run that was interrupted by the limit of 100 s, after some seconds of work."""
    (made,) = submit("finish")
    end = end_of(Job(clock, 100), tmp_path)
    end.has_come()
    clock.now += 85

    def judge(seconds, attempt=1):
        record = replace(started(made.record), attempt=attempt, session="1/b/n/2/abcd")
        assert made.run.claims.take(record)
        ended = replace(record, state="interrupted", seconds=seconds)
        return end.judge(replace(made, record=record), ended), made.run

    return judge


def test_a_run_that_had_all_the_time_of_a_job_and_saved_nothing_fails(interrupted, snapshot):
    record, run = interrupted(80.0)
    assert (record.state, run.read()) == ("failed", record)
    assert record.error == snapshot


def test_a_run_that_had_less_time_or_saved_something_goes_on(interrupted, project):
    assert interrupted(50.0)[0].state == "interrupted"
    (project / "run0/checkpoint").touch()
    assert interrupted(80.0, attempt=2)[0].state == "interrupted"


def test_a_run_that_begins_anew_each_time_fails_whatever_it_saved(interrupted, project):
    for name in ("checkpoint", "metrics.jsonl", "metrics-attempt-1.jsonl"):
        (project / "run0" / name).write_text('{"epoch": 1, "loss": 0.5}\n' * 3)
    assert interrupted(80.0)[0].state == "interrupted"
    assert interrupted(80.0, attempt=2)[0].state == "failed"


# Workers, from outside


@pytest.fixture
def search(gridfold, jobs, project, write, monkeypatch):
    """A search whose trainer is given; its runs are not executed yet, and this process is in a job."""
    write("ends.py", TRAINER)
    monkeypatch.setenv(liveness.ENGINE, "jobs")

    def make(trainer, runs=2):
        write("c.yaml", f"x: {list(range(1, runs + 1))}\n")
        trained = ("--trainer", f"ends:{trainer}") if isinstance(trainer, str) else ("--", *trainer)
        assert gridfold("search", "--config", "c.yaml", "--no-execute", "--run-prefix", "s", *trained)[0] == 0
        jobs = importlib.import_module("jobs")
        monkeypatch.setattr(work, "JobEnd", partial(JobEnd, clock=jobs.spent))
        (directory,) = project.glob("runs/s_??????")
        return SearchDirectory(directory)

    return make


def records(search):
    return [record for _, record in search.records()]


def test_a_run_goes_on_in_the_next_job_where_it_was_at_the_limit_of_one(search, gridfold, project):
    made = search("continues", 1)
    code, said = gridfold("work", made.name)
    assert code == 0
    assert said.splitlines()[-2:] == ["the time of this job allows no further run", "job 8 goes on"]
    assert [record.state for record in records(made)] == ["interrupted"]
    assert (project / "followed").read_text() == f"{made.dir.relative_to(project) / '.workers'}\n"
    (project / "spent").unlink()
    gridfold("work", made.name)
    assert [(record.state, record.attempt, record.asks) for record in records(made)] == [("completed", 2, "jobs:7")]
    assert len((project / "followed").read_text().splitlines()) == 1


def test_failed_runs_are_tried_again_if_that_is_asked_for(search, gridfold):
    made = search("at_once")
    for entry in made.entries():
        run = made.run(entry)
        record = replace(started(json_record(run, entry, made)), attempt=1)
        run.claims.take(record)
        run.conclude(replace(record, state="failed", error={"type": "E", "message": "m"}))
    assert gridfold("work", made.name) == (0, "")
    Workers(made.dir).folder.mkdir()
    (Workers(made.dir).folder / "retry.jsonl").write_text('{"run": [0], "attempt": {}}\n{"run": 0}\n{"run": 0, "at')
    assert gridfold("work", made.name) == (0, "")
    Workers(made.dir).try_again([(1, 1)])
    gridfold("work", made.name)
    assert [record.state for record in records(made)] == ["failed", "completed"]
    gridfold("work", made.name)
    assert [record.attempt for record in records(made)] == [1, 2]


def json_record(run, entry, search):
    from gridfold.runs.record import Record

    return Record(entry.id, entry.index, search.name, entry.params, "ends:at_once")


def take_far_away(search, entry):
    """Let a process of a job on another machine have the first attempt at a run."""
    record = replace(json_record(search.run(entry), entry, search), asks="jobs:9", attempt=1, session="1/b/n/2/far")
    assert search.run(entry).claims.take(replace(started(record), host="far"))
    return heart_of(str(search.dir), "1/b/n/2/far")


def test_a_worker_waits_until_it_is_decided_whether_another_one_is_gone(search, gridfold, write, monkeypatch):
    """Nobody else would execute its run: of a job that is over, whose heart may beat on an unreachable node."""
    made = search("at_once")
    heart, looks = take_far_away(made, next(made.entries())), []

    def now():
        looks.append(len(looks))
        if len(looks) < 4:
            write(heart, f"beat {len(looks)}")
        return 20.0 * len(looks)

    monkeypatch.setattr(liveness, "_MONITOR", ChangeMonitor(now))
    write("jobs/9", "dead")
    (made.dir / ".workers").mkdir()
    gridfold("work", made.name)
    assert [(record.state, record.attempt) for record in records(made)] == [("completed", 2), ("completed", 1)]


def test_a_worker_leaves_the_runs_of_living_jobs_to_them(search, gridfold, write):
    made = search("at_once")
    take_far_away(made, next(made.entries()))
    write("jobs/9", "alive")
    assert gridfold("work", made.name)[0] == 0
    assert [record.state for record in records(made)] == ["running", "completed"]


def test_what_cannot_be_asked_is_left_and_status_says_what_to_do(search, gridfold, snapshot):
    made = search("at_once")
    take_far_away(made, next(made.entries()))
    assert gridfold("work", made.name)[0] == 0
    assert [record.state for record in records(made)] == ["running", "completed"]
    code, said = gridfold("resume", made.name)
    assert code == 3
    assert [line.replace(made.name, "SEARCH") for line in said.splitlines() if "under way" in line] == snapshot


def test_a_run_that_was_taken_over_is_killed_and_reports_nothing_more(search, gridfold, project, monkeypatch):
    made = search("taken_over", 1)
    monkeypatch.setattr(executor, "_FENCE_SECONDS", 0.0)
    (entry,) = made.entries()
    run = made.run(entry)
    has = type(run.claims).has

    def take_over(claims, attempt):
        """Another process takes over as soon as the run is under way."""
        if attempt == 2 and (project / "begun").exists() and not has(claims, 2):
            record = replace(claims.read(1), attempt=2, session="1/b/n/2/far", host="far", asks="jobs:9")
            assert claims.take(record)
            run.set_aside(1)
        return has(claims, attempt)

    monkeypatch.setattr(type(run.claims), "has", take_over)
    (project / "jobs").mkdir()
    (project / "jobs/9").write_text("alive")
    assert gridfold("work", made.name)[0] == 0
    record = run.read()
    assert (record.state, record.attempt, record.host) == ("running", 2, "far")
    assert not run.reports()
    assert "failed" not in (made.dir / "search.log").read_text()


def test_workers_end_once_the_search_was_cancelled(search, gridfold, monkeypatch):
    made = search("cancels")
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.1)
    for expected in (130, 0):  # one that is still to come ends at once
        code, said = gridfold("work", made.name, "--parallel", "1")
        assert (code, said.splitlines()[-1]) == (expected, "the search was cancelled")
        assert [record and record.state for record in records(made)] == ["interrupted", None]
    assert not list((made.dir / ".workers").glob("*.json"))


def test_each_searcher_has_a_heartbeat_while_it_works(project, gridfold, write, monkeypatch):
    seen = []
    end = workers._Heartbeat.end

    def look(heart):
        seen.extend(Workers(heart.path.parent.parent).all())
        end(heart)

    monkeypatch.setattr(workers._Heartbeat, "end", look)
    write("c.yaml", "lr: [1, 2]\n")
    code, _ = gridfold("search", "--config", "c.yaml", "--trainer", "toy:train", "--parallel", "2", "--quiet")
    (said,) = seen
    assert (code, said["parallel"], said["asks"], said["beat"]) == (0, 2, "process", 0)
    (claim, *_) = project.glob("runs/*_1/.claim-1")
    assert json.loads(claim.read_text())["session"] == said["session"]
    assert not list(project.glob("runs/*/.workers/*.json"))


PROGRAM = """
import signal, sys, time
from pathlib import Path

def end(number, frame):
    signal.signal(number, signal.SIG_IGN)  # one comes of the job, one of the search
    sys.exit(1)


signal.signal(signal.SIGTERM, end)
try:
    with open("begun", "a") as file:
        file.write(sys.argv[1])
    time.sleep(60)
finally:
    time.sleep(0.5)  # whoever does not wait for it has ended long before
    with open("cleaned", "a") as file:
        file.write(sys.argv[1])
"""


def descendants(pid):
    """A process and all that it has started."""
    below = (int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid, *(each for child in below for each in descendants(child))]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("trainer", ["ends:begins", [sys.executable, "program.py", "{x}"]])
def test_runs_end_in_an_orderly_way_where_an_engine_signals_all_processes_of_a_job(
    search, project, write, monkeypatch, trainer, backwards
):
    """As Slurm does when a job is cancelled, preempted or put back, in whatever order: no run has failed."""
    write("program.py", PROGRAM)
    write("cause", "again")
    made = search("begins", 2) if isinstance(trainer, str) else search(trainer, 2)
    command = [sys.executable, "-m", "gridfold", "work", made.name, "--parallel", "2"]
    paths = os.pathsep.join([str(project), str(ROOT)])
    variables = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True, start_new_session=True) as worker:
        wait_for(lambda: (project / "begun").exists() and len((project / "begun").read_text()) == 2)
        for pid in sorted(descendants(worker.pid), reverse=backwards):
            os.kill(pid, signal.SIGTERM)
        said = worker.communicate(timeout=60)[0]
    assert (worker.returncode, said.splitlines()[-1]) == (
        130,
        "the job was put back into the queue, and goes on from there",
    )
    assert [record.state for record in records(made)] == ["interrupted"] * 2
    cleaned, begun = ((project / name).read_text() for name in ("cleaned", "begun"))
    assert sorted(cleaned) == sorted(begun)
