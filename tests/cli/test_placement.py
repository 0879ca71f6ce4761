"""Searches on an engine, as people type them; the engine is one of processes on this machine."""

import re
import shlex
import subprocess

import pytest

from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from tests.conftest import ROOT
from tests.engines.contract import until


@pytest.fixture
def installed(project, monkeypatch):
    """A package that brings the engine, here and for its workers."""
    told = project / "processes-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Name: processes\nVersion: 1\n")
    (told / "entry_points.txt").write_text(
        "[gridfold.engines]\nprocesses = tests.engines.processes:Processes\n"
        "[gridfold.liveness]\nprocesses = tests.engines.processes:LIVENESS\n"
    )
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return project


@pytest.fixture
def config(installed, write):
    def make(values="lr: [1, 2, 3]", settings=""):
        return write("c.yaml", f"{values}\ngridfold: {{trainer: toy:train, {settings}}}\n")

    return make


def records():
    search = Store().find("last")
    return [(record.state, dict(record.metrics)) for _, record in search.records()]


def shown(said, project):
    """What was printed, without what differs each time."""
    said = "".join(line for line in said.splitlines(keepends=True) if not line.startswith("  running: "))
    said = re.sub(r"(?<=_)\d{6}", "HHMMSS", said.replace(str(project), "PROJECT"))
    said = re.sub(r"\b[0-9a-f]{6}( to [0-9a-f]{6})?\b", "JOB", said)
    return re.sub(r"\S*/bin/python\S*", "PYTHON", said)


def end(said):
    return said[said.index("Submitted") :]


def test_a_search_that_is_waited_for_gives_what_one_here_gives(config, gridfold, project, snapshot):
    assert gridfold("search", "--config", config(), "--run-prefix", "here")[0] == 0
    here = records()
    settings = "on: {processes: {time: 4:00:00}}, workers: 2, resources: {cpus: 1}"
    code, said = gridfold("search", "--config", config(settings=settings), "--run-prefix", "there", "--wait")
    assert code == 0
    assert records() == here
    facts = Store().find("last").facts()
    assert facts["on"] == {"engine": "processes", "workers": 2, "options": {"time": "4:00:00"}}
    lines = said[said.index("Submitted") : said.index("[1/3]")] + said[said.index("Results") : said.index("┏")]
    assert shown(lines, project) == snapshot


def test_a_search_goes_on_by_itself_and_is_cancelled_and_continued(config, gridfold, project, snapshot):
    path = config("what: sleep\nlr: [1, 2]")
    code, said = gridfold("search", "--config", path, "--on", "processes", "--workers", "5", "--parallel", "1")
    assert code == 0
    assert shown(end(said), project) == snapshot(name="submitted")
    search = Store().find("last")
    until(lambda: [record and record.state for _, record in search.records()] == ["running"] * 2)
    said = gridfold("status", "last")[1]
    assert shown(said, project) == snapshot(name="status")
    assert shown(gridfold("cancel", "last")[1], project) == snapshot(name="cancel")
    until(lambda: [state for state, _ in records()] == ["interrupted"] * 2)
    (project / "toy.py").write_text("def train(config, run):\n    return {'val_f1': 1.0}\n")
    code, said = gridfold("resume", "last", "--wait")
    assert (code, [state for state, _ in records()]) == (0, ["completed"] * 2)
    assert gridfold("resume", "last", "--wait")[0] == 0  # nothing is left, so nothing is submitted


def test_what_was_cancelled_is_continued_here(config, gridfold):
    assert gridfold("search", "--config", config(), "--workers-by-hand")[0] == 0
    workers = Workers(Store().find("last").dir)
    workers.cancel()
    assert gridfold("resume", "last", "--on", "local")[0] == 0
    assert ([state for state, _ in records()], workers.is_cancelled) == (["completed"] * 3, False)


def test_what_fails_is_tried_again_only_when_somebody_continues_it(config, gridfold, project):
    path = config("what: [raise, finish, exit]")
    assert gridfold("search", "--config", path, "--on", "processes", "--wait")[0] == 1
    assert [state for state, _ in records()] == ["failed", "completed", "failed"]
    (project / "toy.py").write_text("def train(config, run):\n    return {'val_f1': 1.0}\n")
    assert gridfold("resume", "last", "--wait")[0] == 0
    assert [state for state, _ in records()] == ["completed"] * 3


ENDS_ITS_WORKER = """
import glob, json, os, time

def train(config, run):
    if config["lr"] == 1 and not os.path.exists("seen"):
        open("seen", "w").close()
        (heart,) = glob.glob("runs/*/.workers/*.json")
        os.kill(json.load(open(heart))["pid"], 15)
        time.sleep(60)
    return {"f1": 1.0}
"""


def test_workers_that_end_before_their_runs_are_replaced(config, gridfold, project, write):
    path = config("lr: [2, 1]")
    write("toy.py", ENDS_ITS_WORKER)
    code, said = gridfold("search", "--config", path, "--on", "processes", "--wait", "--parallel", "1")
    assert (code, [state for state, _ in records()]) == (0, ["completed"] * 2)
    assert "warning: all workers are over, and 1 run left; more are started" in said


FAILS_BESIDE_ANOTHER = """
import glob, time

def train(config, run):
    if config["lr"] != 1:
        time.sleep(60)
    while len(glob.glob("runs/*/.claim-1")) < 2:
        time.sleep(0.05)
    return 1 / 0
"""


def test_what_stops_one_worker_stops_all(config, gridfold, write):
    path = config("lr: [1, 2, 3]")
    write("toy.py", FAILS_BESIDE_ANOTHER)
    how = ["--on", "processes", "--workers", "2", "--parallel", "1", "--wait", "--fail-fast"]
    code, said = gridfold("search", "--config", path, *how)
    assert code == 1
    assert {record and record.state for _, record in Store().find("last").records()} == {"failed", "interrupted", None}
    assert "Stopped: a run failed (ZeroDivisionError: division by zero)" in said
    assert "Stopped: a run failed" in gridfold("status", "last")[1]


def test_a_metric_that_no_run_has_ends_it(config, gridfold):
    said = gridfold("search", "--config", config(), "--on", "processes", "--wait", "--metric", "val_acc")
    assert said[0] == 1
    assert re.search("Stopped: run [012], the first to end, has no metric 'val_acc'", said[1])


def test_nothing_is_submitted_by_a_dry_run(config, gridfold, project, snapshot):
    how = ["--config", config(), "--on", "processes", "--budget", "2h", "--dry-run"]
    code, said = gridfold("search", *how)
    assert code == 0
    assert shown(said[said.index("Each worker") :], project) == snapshot
    assert not (project / "runs").exists()


def test_workers_are_started_by_hand(config, gridfold, project, snapshot):
    code, said = gridfold("search", "--config", config(), "--workers-by-hand")
    assert code == 0
    line = said.splitlines()[-1]
    assert shown(said[said.index("To start") :], project) == snapshot
    subprocess.run(["sh", "-c", line], check=True, cwd="/", timeout=60)
    assert [state for state, _ in records()] == ["completed"] * 3


def test_an_engine_that_cannot_be_asked(config, gridfold, project, snapshot):
    path = config(settings="on: {processes: {broken: true, late: true}}")
    code, said = gridfold("search", "--config", path)
    assert (code, "warning: nobody has looked at the folder" in said) == (0, True)
    until(lambda: all(record and record.is_done for _, record in Store().find("last").records()))
    assert shown(gridfold("status", "last")[1], project) == snapshot(name="status")
    code, said = gridfold("cancel", "last")
    assert (code, shown(said, project)) == (1, snapshot(name="cancel"))


@pytest.mark.parametrize(
    "words",
    [
        "--workers 3",
        "--on slrm",
        "--slurm partition=gpu --on ray",
        "--sbatch-file none.sh",
        '--slurm "export=\'a"',
        "--on slurm",
        "--on slurm --workers 0",
    ],
)
def test_what_cannot_be_is_said_before_anything_is_created(config, command, project, monkeypatch, snapshot, words):
    monkeypatch.setenv("PATH", str(project))  # no Slurm here
    ended = command("gridfold/__main__.py", "search", "--config", config(), *shlex.split(words))
    assert (ended.returncode, shown(ended.stderr, project)) == (2, snapshot)
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    "settings",
    ["on: {slurm: {}, ray: {}}", "on: {slurm: gpu}", "workers: 0", "resources: {cpu: 2}", "resources: {gpus: 1.5}"],
)
def test_settings_that_cannot_be(config, gridfold, project, snapshot, settings):
    code, said = gridfold("search", "--config", config(settings=settings))
    assert (code, shown(said, project)) == (2, snapshot)


def test_jobs_that_cannot_be_noted_are_ended(config, gridfold, project, monkeypatch):
    from gridfold.runs.workers import Workers
    from tests.engines.processes import Processes

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    ended = []
    monkeypatch.setattr(Workers, "note_job", full)
    monkeypatch.setattr(Processes, "cancel", lambda _, ids: ended.extend(ids))
    code, said = gridfold("search", "--config", config(settings="on: processes, workers: 2"))
    assert code == 1
    assert "No space left on device" in said
    assert len(ended) == 2


def test_workers_elsewhere_take_what_a_dead_process_here_had(config, gridfold, monkeypatch):
    from dataclasses import replace

    from gridfold.runs.record import Record, started
    from tests.engines.processes import Processes

    settings = "on: processes"
    gridfold("search", "--config", config(settings=settings), "--no-execute")
    search = Store().find("last")
    entry = next(search.entries())
    run, record = search.run(entry), Record(entry.id, 0, search.name, entry.params, "toy:train", attempt=1)
    ended = subprocess.Popen(["sleep", "60"])
    ended.kill()
    ended.wait()
    taken = replace(started(record), pid=ended.pid, session="a")
    assert run.claims.take(taken)
    seen = []
    monkeypatch.setattr(Processes, "submit", lambda *_: seen.append(run.read()) or ["job"])
    gridfold("resume", search.name, "--no-check")
    assert [(record.state, record.attempt) for record in seen] == [("interrupted", 1)]


def test_what_only_an_engine_heeds_is_not_passed_over(config, gridfold):
    code, said = gridfold("search", "--config", config(), "--workers-by-hand", "--wait")
    assert (code, "--wait is for workers that an engine starts" in said) == (2, True)
    code, said = gridfold("search", "--config", config(settings="workers: 2"))
    assert (code, "gridfold.workers is for an engine that starts them, and none is named" in said) == (0, True)
