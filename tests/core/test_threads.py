"""The CPU threads of a run, each test in a process of its own: libraries read their number once."""

import os
import subprocess
import sys

import pytest

from gridfold.core.process import threads
from tests.conftest import ROOT

# What runs as a forked child ends here, its exit code told to the parent.
FORK = """
import os, sys, traceback
from gridfold.core.process import threads

def in_child(check):
    pid = os.fork()
    if pid == 0:
        try:
            check()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


@pytest.fixture
def start():
    """Runs code in a process that was started with the environment of a number of threads; a hang fails."""

    def run(code, number=1, **variables):
        ended = subprocess.run(
            [sys.executable, "-c", FORK + code],
            env=os.environ | threads.environment(number) | {"PYTHONPATH": str(ROOT)} | variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


def test_a_new_process_gets_the_number_by_its_environment():
    two = threads.environment(2)
    assert two["OMP_NUM_THREADS"] == two["MKL_NUM_THREADS"] == two["OPENBLAS_NUM_THREADS"] == "2"
    assert two["NUMEXPR_NUM_THREADS"] == "2"
    assert "TOKENIZERS_PARALLELISM" not in two
    with pytest.raises(ValueError, match="at least 1, got 0"):
        threads.environment(0)


def test_numexpr_has_room_for_the_number_and_for_a_larger_one_later():
    assert threads.environment(1)["NUMEXPR_MAX_THREADS"] == "64"
    assert threads.environment(128)["NUMEXPR_MAX_THREADS"] == threads.environment(128)["NUMEXPR_NUM_THREADS"] == "128"


def test_one_thread_keeps_tokenizers_from_making_a_pool(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    assert threads.environment(1)["TOKENIZERS_PARALLELISM"] == "false"
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    assert "TOKENIZERS_PARALLELISM" not in threads.environment(1)


def test_the_limit_holds_for_children_and_loads_nothing(start):
    start("""
before = set(sys.modules)
threads.limit(3)
assert os.environ["OMP_NUM_THREADS"] == os.environ["NUMBA_NUM_THREADS"] == "3"
assert not {"torch", "numpy", "threadpoolctl"} & (set(sys.modules) - before)
""")


TORCH = """
import torch
MATRIX = torch.ones(700, 700)

def check():
    threads.limit(2)
    assert torch.get_num_threads() == 2
    assert float((MATRIX @ MATRIX)[0, 0]) == 700
    assert len(os.listdir("/proc/self/task")) > 1, "no second thread has worked"
"""


@pytest.mark.parametrize("op", ["", "MATRIX @ MATRIX; torch.nn.Linear(700, 700)(MATRIX).sum().backward()"])
def test_a_forked_child_can_raise_the_threads_of_torch(start, op):
    start(f"""{TORCH}
assert torch.get_num_threads() == 1
{op}
in_child(check)
in_child(check)
assert torch.get_num_threads() == 1
""")


def test_torch_is_told_also_where_the_environment_says_it_already(start):
    start("import torch; torch.set_num_threads(2); threads.limit(1); assert torch.get_num_threads() == 1")


def test_a_forked_child_can_raise_the_threads_of_numpy(start):
    start("""
import numpy, threadpoolctl
matrix = numpy.ones((700, 700))
matrix @ matrix

def numbers():
    return {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}

def check():
    threads.limit(2)
    assert numbers() == {2}
    assert (matrix @ matrix)[0, 0] == 700

assert numbers() == {1}
in_child(check)
""")


def test_numpy_without_threadpoolctl_keeps_its_number(start):
    start("""
import numpy
sys.modules["threadpoolctl"] = None
threads.limit(2)
""")


def test_numexpr_is_told_and_a_loaded_numba_is_not(start):
    start("""
from types import SimpleNamespace
told = []
sys.modules["numexpr"] = SimpleNamespace(set_num_threads=told.append, MAX_THREADS=64)
threads.limit(2)
assert told == [2] and os.environ["NUMBA_NUM_THREADS"] == "2"
sys.modules["numba"] = SimpleNamespace()
threads.limit(3)
assert told == [2, 3] and os.environ["NUMBA_NUM_THREADS"] == "2"
""")


def test_a_limit_that_holds_is_not_set_again(start):
    start("""
import threadpoolctl
import torch

threads.limit(1)

def refuse(*given, **named):
    raise AssertionError("it is set already")

torch.set_num_threads = threadpoolctl.threadpool_limits = os.environ.update = refuse
threads.limit(1)
""")
