"""The contract of engines, which every engine keeps: subclass `EngineContract`, and give it an ``engine``."""

import sys
import time
from pathlib import Path

import pytest

from gridfold.core.errors import ConfigError
from gridfold.engines.protocol import Order

# Says where it is, and ends when it is told to, or when the file `end` is there.
WORKER = """
import os, pathlib, signal, sys, time

def told(*_):
    pathlib.Path("told").touch()
    sys.exit(3)

signal.signal(signal.SIGTERM, told)
print(os.getcwd(), os.environ["GRIDFOLD_ENGINE"], os.environ.get("SAID_BEFORE"), *sys.argv[1:], flush=True)
while not os.path.exists("end"):
    time.sleep(0.05)
"""


def until(true, seconds=300.0):
    """Wait until something is true; what it was."""
    deadline = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found
    return found


class EngineContract:
    name = ""

    @pytest.fixture
    def engine(self):
        raise NotImplementedError

    @pytest.fixture
    def order(self, project, write):
        """Makes orders of `WORKER`."""
        write("worker.py", WORKER)

        def make(*arguments, count=1, python=sys.executable):
            command = [python, str(project / "worker.py"), *arguments]
            return Order(command, project, "a search", project / "runs" / "a" / ".workers", count)

        return make

    @pytest.fixture
    def submit(self, engine, order):
        """Starts workers; at the end they are ended."""
        ids = []

        def start(*arguments, **how):
            submitted = engine.submit(order(*arguments, **how))
            ids.extend(submitted)
            return submitted

        yield start
        engine.cancel(ids)
        until(lambda: phases(engine, ids) <= {"over"})

    def test_workers_run_until_they_are_over(self, engine, submit, order, project, monkeypatch):
        monkeypatch.setenv("SAID_BEFORE", "by the submitter")
        ids = submit("one two", count=2)
        assert len(set(ids)) == 2
        assert phases(engine, ids) <= {"waiting", "running"}
        until(lambda: phases(engine, ids) == {"running"})
        assert all(job.host for job in engine.jobs(ids))
        (project / "end").touch()
        until(lambda: phases(engine, ids) == {"over"})
        logs = [path.read_text() for path in order().logs.glob(f"{self.name}-*.out")]
        assert logs == [f"{project} {self.name} by the submitter one two\n"] * 2

    def test_cancelled_workers_hear_sigterm(self, engine, submit, project):
        ids = submit()
        until(lambda: phases(engine, ids) == {"running"})
        until(lambda: any((project / "runs" / "a" / ".workers").glob(f"{self.name}-*.out")))
        until(lambda: any(path.read_text() for path in project.glob("runs/a/.workers/*.out")))
        engine.cancel(ids)
        until(lambda: phases(engine, ids) == {"over"})
        assert (project / "told").exists()
        engine.cancel(ids)  # what is over already is no reason to complain

    def test_a_job_that_nobody_knows_is_over(self, engine):
        assert [job.phase for job in engine.jobs([self.unknown])] == ["over"]

    unknown = "77777"

    def test_a_python_that_is_not_there_is_bad_input(self, engine, order, project):
        with pytest.raises(ConfigError) as error:
            engine.check(order(python=str(project / "no" / "python")))
        assert str(project / "no" / "python") in str(error.value)

    def test_a_look_that_finds_all_well_leaves_nothing(self, engine, order):
        before = sorted(Path.cwd().iterdir())
        assert engine.check(order()) == ""
        assert sorted(Path.cwd().iterdir()) == before

    def test_the_script_is_what_a_worker_runs(self, engine, order):
        said = engine.script(order("one two"))
        assert "'one two'" in said
        assert sys.executable in said


def phases(engine, ids):
    return {job.phase for job in engine.jobs(ids)}
