"""Runs that have a GPU each begin together all the same, until one of them is used; there need be none here."""

import tempfile

import pytest

from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.devices import GpuSlots
from gridfold.executors.local.executor import LocalExecutor
from tests.executors.contract import ExecutorContract, Watched

GPUS = ("0", "1")

USES = """
import os, time
from pathlib import Path

import torch


def train(config, run):
    with open("shared", "a") as file:
        file.write("x")
    torch.cuda.is_available()
    try:
        torch.zeros(1, device="cuda")
    except AssertionError as error:
        assert "CUDA" in str(error)
    gpu = Path("gpu" + os.environ["CUDA_VISIBLE_DEVICES"])
    gpu.mkdir()  # an error if another run is on this one
    time.sleep(0.1)
    gpu.rmdir()
    return config["lr"]
"""

STAGE = """
import os
from contextlib import suppress

import torch

import gridfold


@gridfold.stage
def features(config):
    with suppress(AssertionError):
        torch.cuda.init()
    return list(os.urandom(9))


def train(config, run):
    return {"sum": sum(a * 7**b for b, a in enumerate(features(config))), "lr": config["lr"]}
"""

MEETS = """
import os, time
from pathlib import Path


def train(config, run):
    Path(f"mark{config['lr']}").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    deadline = time.monotonic() + 300
    while len(list(Path.cwd().glob("mark*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return 1
"""


@pytest.fixture
def executor(project, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(project))
    with LocalExecutor(parallel=2, gpus=GpuSlots(GPUS, 1), share=True) as executor:
        yield executor


class TestContract(ExecutorContract):
    test_runs_are_asked_for_when_there_is_room = None  # a batch takes all that there are

    @pytest.fixture
    def executor(self, executor):
        return executor


def test_what_comes_before_the_first_use_of_cuda_is_done_once(executor, submit, write, project):
    write("uses.py", USES)
    records = [record for _, record in executor.execute(submit(*"abcde", trainer="uses:train"), Watched(), Interrupt())]
    assert [record.state for record in records] == ["completed"] * 5, records[0].error
    assert sorted(record.metrics["result"] for record in records) == [0, 1, 2, 3, 4]
    assert {record.sharing["label"] for record in records} == {"bitwise"}
    assert (project / "shared").read_text() == "x"


def test_a_batch_takes_the_gpus_that_others_free(executor, submit, write, project):
    write("meets.py", MEETS)
    others = GpuSlots(GPUS, 1)
    held = [others.acquire()]

    class Releasing(Watched):
        def running(self, run):
            while held:
                others.release(held.pop())

    ended = list(executor.execute(submit("x", "y", trainer="meets:train"), Releasing(), Interrupt()))
    assert [record.state for _, record in ended] == ["completed"] * 2
    assert {path.read_text() for path in project.glob("mark*")} == set(GPUS)


def test_no_gpu_is_kept_when_all_is_done(executor, submit):
    list(executor.execute(submit("finish", "raise", "die", "finish"), Watched(), Interrupt()))
    others = GpuSlots(GPUS, 1)
    assert others.acquire()
    assert others.acquire()


def test_a_stage_which_may_use_a_gpu_is_computed_once_by_a_run_of_its_own(executor, submit, write):
    write("kept.py", STAGE)
    records = [record for _, record in executor.execute(submit(*"abc", trainer="kept:train"), Watched(), Interrupt())]
    assert sorted(record.metrics["lr"] for record in records) == [0, 1, 2]
    assert len({record.metrics["sum"] for record in records}) == 1
    assert not {note for record in records for note in record.notes}
