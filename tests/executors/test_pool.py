"""An executor of less than a hundred lines keeps the whole contract, and can be chosen by its name."""

import subprocess
from pathlib import Path

import pytest

from gridfold.executors.protocol import Options
from gridfold.runs.store import Store
from gridfold.worker import Task
from tests.executors import pool
from tests.executors.contract import ExecutorContract


class TestPool(ExecutorContract):
    @pytest.fixture
    def executor(self, project):
        with pool.PoolExecutor(Options()) as executor:
            yield executor


def test_it_is_short():
    assert len(Path(pool.__file__).read_text().splitlines()) <= 100


def test_an_engine_may_keep_what_a_run_prints(submit):
    (attempt,) = submit("finish")
    told = Task(attempt, {}).written(outputs=())
    ended = subprocess.run(pool.WORKER, input=told, capture_output=True, check=True, timeout=600)
    assert (ended.stdout, ended.stderr) == (b"trained run0 0\n", b"")
    assert (attempt.run.read().state, attempt.run.read_log()) == ("completed", "")


@pytest.fixture
def installed(project, monkeypatch):
    """A package of somebody else's that brings the executor."""
    told = project / "pooled-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Name: pooled\nVersion: 1\n")
    (told / "entry_points.txt").write_text(
        "[gridfold.executors]\npool = tests.executors.pool:PoolExecutor\nbroken = pooled.nothing:Executor\n"
    )
    monkeypatch.syspath_prepend(project)
    (project / "c.yaml").write_text("lr: [1, 2]\ngridfold: {trainer: toy:train}\n")


def sessions():
    """Of the last search: the local executor has one, the other has none."""
    search = Store().find("last")
    return search.facts()["executor"], {record.state: bool(record.session) for _, record in search.records() if record}


def test_it_is_chosen_on_the_command_line(installed, gridfold):
    assert gridfold("search", "--config", "c.yaml", "--executor", "pool")[0] == 0
    assert sessions() == ("pool", {"completed": False})


def test_it_is_chosen_in_the_config_and_stays_when_the_search_is_continued(installed, gridfold, project):
    config = (project / "c.yaml").read_text().replace("toy:train", "toy:train, executor: pool")
    (project / "c.yaml").write_text(config)
    assert gridfold("search", "--config", "c.yaml", "--no-execute")[0] == 0
    assert gridfold("resume", "last")[0] == 0
    assert sessions() == ("pool", {"completed": False})


def test_another_one_may_continue_a_search(installed, gridfold):
    assert gridfold("search", "--config", "c.yaml", "--executor", "pool", "--no-execute")[0] == 0
    assert gridfold("resume", "last", "--executor", "local")[0] == 0
    assert sessions() == ("local", {"completed": True})


@pytest.mark.parametrize("name", ["pol", "broken", "slurm"])
def test_a_name_that_is_of_none_is_bad_input(installed, gridfold, project, snapshot, name):
    code, said = gridfold("search", "--config", "c.yaml", "--executor", name)
    assert code == 2
    assert said[said.index("error:") :] == snapshot
    assert not (project / "runs").exists()
