"""Which runs begin in one process."""

import sys
from dataclasses import replace

import pytest

from gridfold.executors.local.batching import Batching
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run


def batches(records, *, groups=False):
    """The runs that begin together, each by its index; those that begin alone, too."""
    batching = Batching(groups)
    attempts = iter([Attempt(Run("nowhere"), replace(record, index=index)) for index, record in enumerate(records)])
    found = []
    while (batch := batching.next_batch(attempts))[0]:
        indices = [attempt.record.index for attempt in batch[0]]
        found += [indices] if batch[1] else [[index] for index in indices]
    return sorted(found)


RECORD = Record("id", 0, None, {}, "toy:train", seed=1, threads=1)


def test_runs_that_differ_in_their_config_only_begin_in_one_process():
    assert batches([RECORD] * 4) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("other", [{"seed": 2}, {"trainer": "toy:other"}])
def test_runs_of_different_seeds_or_trainers_do_not(other):
    assert batches([RECORD, replace(RECORD, **other)] * 2) == [[0, 2], [1, 3]]
    assert batches([RECORD, RECORD, replace(RECORD, **other)]) == [[0, 1], [2]]


def test_runs_of_different_threads_do_not():
    assert batches([RECORD, RECORD, replace(RECORD, threads=2)]) == [[0], [1], [2]]
    assert batches([replace(RECORD, threads=2)] * 2) == [[0], [1]]


def test_runs_with_several_gpus_each_do_not():
    assert batches([RECORD] * 2, groups=True) == [[0], [1]]


def test_commands_that_run_a_script_of_this_python_begin_in_one_process(tmp_path):
    (tmp_path / "train.py").touch()
    script = str(tmp_path / "train.py")
    assert batches([replace(RECORD, trainer=[sys.executable, script, "--lr", "{lr}"])] * 2) == [[0, 1]]


def test_other_commands_do_not():
    assert batches([replace(RECORD, trainer=["sh", "train.sh"])] * 2) == [[0], [1]]
