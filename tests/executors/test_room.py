"""How many runs there is room for: what a job got, or this machine has, divided by what a run needs."""

import os

import pytest

from gridfold.core.errors import ConfigError
from gridfold.executors.local.devices import GpuGroups, GpuSlots
from gridfold.executors.local.executor import start
from gridfold.executors.protocol import Options
from tests.executors.test_devices import machine  # noqa: F401 - a fixture: no GPUs but those that a test gives

IN_A_JOB = {"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "8", "SLURM_CPUS_PER_TASK": "3"}
IN_A_STEP = {**IN_A_JOB, "SLURM_STEP_NUM_TASKS": "2"}
WITH_GPUS = {**IN_A_JOB, "CUDA_VISIBLE_DEVICES": "0,1"}


@pytest.fixture
def room(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)

    def of(job, **needs):
        for name, value in job.items():
            monkeypatch.setenv(name, value)
        with start(Options(**needs)) as executor:
            return executor.parallel

    return of


@pytest.mark.parametrize(
    ("job", "needs", "runs"),
    [
        (IN_A_JOB, {}, 8),
        (IN_A_JOB, {"threads": 2}, 4),
        (IN_A_JOB, {"cpus": 3, "threads": 1}, 2),
        (IN_A_JOB, {"cpus": 16}, 1),
        (IN_A_JOB, {"cpus": 1, "parallel": 5}, 5),
        (IN_A_STEP, {}, 3),
        ({"SLURM_CPUS_ON_NODE": "64", "LOKY_MAX_CPU_COUNT": "1"}, {}, 1),  # in no job
        ({"GRIDFOLD_CPUS": "4.0"}, {"cpus": 2}, 2),
        (WITH_GPUS, {}, 2),
        (WITH_GPUS, {"gpus": 0.5}, 4),
        (WITH_GPUS, {"gpus": 0.3}, 6),
        (WITH_GPUS, {"gpus": 2}, 1),
        (WITH_GPUS, {"gpus": 0, "cpus": 2}, 4),
        (WITH_GPUS, {"gpus": 1, "cpus": 8}, 1),
        (WITH_GPUS, {"gpus": 1, "runs_per_gpu": 3}, 6),
        ({**IN_A_JOB, "SLURM_GPUS_ON_NODE": "3"}, {"gpus": 1}, 3),  # which nvidia-smi does not know
        ({**IN_A_JOB, "GRIDFOLD_GPUS": "2"}, {"gpus": 0.5}, 4),
    ],
)
def test_as_many_runs_as_the_job_has_room_for(room, job, needs, runs):
    assert room(job, **needs) == runs


def test_a_run_that_needs_more_gpus_than_there_are_is_bad_input(room):
    with pytest.raises(ConfigError) as error:
        room(WITH_GPUS, gpus=4)
    assert str(error.value) == "gridfold.resources.gpus: a run needs 4 GPUs, found 2"


def test_a_run_with_several_gpus_has_them_alone():
    groups = GpuGroups(["0", "1", "2"], 2)
    group = groups.acquire()
    assert sorted(group.gpu.split(",")) == group.gpu.split(",")
    assert groups.acquire() is None
    alone = GpuSlots(["0", "1", "2"], 1)
    left = alone.acquire()
    assert left.gpu not in group.gpu.split(",")
    assert alone.acquire() is None
    groups.release(group)
    assert groups.acquire() is not None
