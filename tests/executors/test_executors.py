"""The local executor keeps the contract of executors, in all the ways it can be used, and more."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.devices import GpuSlots
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.record import Record, started
from gridfold.runs.run import Attempt, Run, write_config
from tests.executors.contract import ExecutorContract, Watched

KILLED = """
import os

def train(config):
    return 1

def killed():
    os.kill(os.getpid(), 9)

def once():
    if not os.path.exists("called"):
        open("called", "w").close()
        killed()
    return "again"
"""


class LocalContract(ExecutorContract):
    def test_a_run_that_takes_too_long_times_out(self, executor, execute, submit):
        executor.timeout, executor.grace = 3, 0.2
        records = execute(submit("sleep", "hang", "finish"))
        assert [records[index].state for index in range(3)] == ["failed", "failed", "completed"]
        assert [records[index].error["message"] for index in range(2)] == ["not done after 3 s"] * 2

    def test_nothing_that_a_run_has_started_outlives_it(self, execute, submit, project):
        execute(submit("finish", trainer=["sh", "-c", "sleep 3000 & echo $! > pid"]))
        assert is_gone(int((project / "pid").read_text()))

    def test_nothing_outlives_a_run_that_is_killed(self, executor, execute, submit, project):
        executor.timeout, executor.grace = 3, 0.2
        execute(submit("x", trainer=["sh", "-c", "trap '' TERM; sleep 3000 & echo $! > pid; wait; wait"]))
        assert is_gone(int((project / "pid").read_text()))

    def test_a_function_whose_process_is_killed_is_called_again(self, executor, write):
        write("killed.py", KILLED)
        assert executor.call("killed:train", eval, "__import__('killed').once()") == "again"

    def test_a_function_whose_process_is_killed_again_and_again_is_an_error(self, executor, write):
        write("killed.py", KILLED)
        with pytest.raises(ChildProcessError, match=r"was killed \(SIGKILL\)"):
            executor.call("killed:train", eval, "__import__('killed').killed()")


class TestLocalExecutor(LocalContract):
    @pytest.fixture
    def executor(self, project):
        with LocalExecutor() as executor:
            yield executor

    def test_when_the_import_server_dies_its_runs_are_lost_and_the_next_get_a_new_one(self, executor, submit):
        class Killing(Watched):
            def running(self, run):
                if not self.seen:
                    os.kill(executor._server._process.pid, signal.SIGKILL)
                super().running(run)

        ended = list(executor.execute(submit("sleep", "finish"), Killing(), Interrupt()))
        assert [record.state for _, record in ended] == ["failed", "completed"]
        assert ended[0][1].error["type"] == "Lost"

    def test_imports_are_paid_once(self, executor, submit, write, project):
        write("once.py", "open('imports', 'a').write('x')\ndef train(config): return 1\n")
        ended = list(executor.execute(submit(*["x"] * 5, trainer="once:train"), Watched(), Interrupt()))
        assert [record.state for _, record in ended] == ["completed"] * 5
        assert (project / "imports").read_text() == "x"

    def test_what_an_import_prints_is_in_every_log(self, execute, submit, write, project):
        write("loud.py", "print('imported')\ndef train(config): print('trains'); return 1\n")
        execute(submit("x", "y", trainer="loud:train"))
        assert [(project / f"run{i}" / "log.txt").read_text() for i in (0, 1)] == ["imported\ntrains\n"] * 2

    def test_what_an_import_prints_is_not_in_the_log_of_another_process(self, execute, submit, write, project):
        write("loud.py", "print('imported')\ndef train(config): return 1\n")
        (attempt,) = submit("x", trainer="loud:train")
        assert attempt.run.claims.take(started(attempt.record))
        assert not execute([attempt])[0].is_final
        assert not (project / "run0" / "log.txt").exists()

    def test_random_numbers_start_from_the_seed(self, execute, submit, write):
        write("draws.py", "import random\nrandom.random()\ndef train(config): return random.random()\n")
        records = execute(submit("x", "y", trainer="draws:train"))
        assert records[0].metrics == records[1].metrics == {"result": 0.8444218515250481}


class TestParallel(LocalContract):
    @pytest.fixture
    def executor(self, project):
        with LocalExecutor(parallel=3) as executor:
            yield executor

    def test_runs_overlap_and_a_free_place_is_taken_at_once(self, execute, submit, write):
        """Three wait for one another, and the third of these for one that came after them."""
        write(
            "meets.py",
            "import time\nfrom pathlib import Path\n\n\ndef train(config, run):\n    Path(f'mark{run.index}').touch()\n"
            "    wanted, deadline = 4 if run.index == 2 else min(3, run.index + 3), time.monotonic() + 300\n"
            "    while len(list(Path.cwd().glob('mark*'))) < wanted:\n"
            "        assert time.monotonic() < deadline\n        time.sleep(0.01)\n    return 1\n",
        )
        records = execute(submit(*["x"] * 6, trainer="meets:train"))
        assert [records[index].state for index in range(6)] == ["completed"] * 6


class TestCold(LocalContract):
    """Where importing the trainer starts a thread, no process is forked from it."""

    @pytest.fixture
    def executor(self, project, write):
        toy = (project / "toy.py").read_text()
        write(
            "toy.py", f"{toy}\nimport threading\nthreading.Thread(target=time.sleep, args=[99], daemon=True).start()\n"
        )
        with LocalExecutor(parallel=2) as executor:
            yield executor

    def test_the_reason_is_known(self, executor, submit):
        list(executor.execute(submit("finish"), Watched(), Interrupt()))
        assert executor._server.cold_reason == "1 other thread is alive (Thread-1 (sleep))"


class TestGpus(ExecutorContract):
    """With GPUs, of which other searches may have some."""

    @pytest.fixture
    def executor(self, project, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(project))
        with LocalExecutor(parallel=2, gpus=GpuSlots(("0", "1"), 1)) as executor:
            yield executor

    def test_runs_wait_for_a_gpu(self, executor, submit):
        others = GpuSlots(("0", "1"), 1)
        held = [others.acquire(), others.acquire()]
        timer = threading.Timer(0.3, others.release, held[:1])
        timer.start()
        ended = list(executor.execute(submit("finish", "finish"), Watched(), Interrupt()))
        timer.join()
        assert [record.state for _, record in ended] == ["completed"] * 2

    def test_no_run_begins_when_its_gpu_comes_too_late(self, executor, submit):
        others, deadline = GpuSlots(("0", "1"), 1), time.monotonic() + 0.3
        held = [others.acquire(), others.acquire()]
        interrupt = Interrupt(lambda: time.monotonic() > deadline)
        assert all(held)
        assert not list(executor.execute(submit("finish"), Watched(), interrupt))

    def test_nothing_waits_for_a_gpu_when_all_is_done(self, executor, submit):
        others, interrupt = GpuSlots(("0", "1"), 1), Interrupt()
        timer = threading.Timer(10, interrupt.request)
        timer.start()
        held = [others.acquire()]
        for _ in executor.execute(submit("finish"), Watched(), interrupt):
            held.append(others.acquire())
        timer.cancel()
        timer.join()
        assert all(held)
        assert not interrupt.requests


def test_where_importing_the_trainer_kills_each_run_says_so(project, write):
    write("bad.py", "import os; os.abort()\n")
    for index in range(2):
        (project / f"run{index}").mkdir()
        write_config(str(project / f"run{index}"), "lr: 1\n")
    attempts = [
        Attempt(Run(project / f"run{index}"), Record(f"{index}", index, "search", {}, "bad:train", attempt=1))
        for index in range(2)
    ]
    with LocalExecutor(parallel=2) as executor:
        ended = list(executor.execute(attempts, Watched(), Interrupt()))
    assert [record.error["signal"] for _, record in ended] == ["SIGABRT"] * 2


def test_no_run_of_a_batch_begins_when_the_executor_has_stopped(project, submit, write):
    write(
        "late.py",
        "import pathlib, time\ndef train(config):\n    pathlib.Path('shared').touch()\n"
        "    while not pathlib.Path('go').exists():\n        time.sleep(0.01)\n    return config['lr']\n",
    )
    interrupt = Interrupt()

    def attempts():
        yield from submit("x", "y", trainer="late:train")
        threading.Thread(target=stop).start()

    def stop():
        while not (project / "shared").exists():
            time.sleep(0.01)
        interrupt.request()

    with LocalExecutor(share=True) as executor:
        assert list(executor.execute(attempts(), Watched(), interrupt)) == []
        (project / "go").touch()
        time.sleep(0.3)
        assert not list(project.glob("run*/run.json"))


def is_gone(pid, seconds=300):
    """Whether a process ends within some seconds; a signal takes effect soon, not at once."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False
