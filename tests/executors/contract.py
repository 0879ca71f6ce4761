"""The contract of executors, which every executor keeps: subclass `ExecutorContract`, and give it an ``executor``."""

import operator
import os
from dataclasses import replace

import pytest

from gridfold.core.errors import ConfigError
from gridfold.core.process.interrupt import Interrupt
from gridfold.runs.record import Record, started
from gridfold.runs.run import Attempt, Run
from gridfold.trainers.resolve import resolve

ASKS = """
import time

def train(config, run):
    while not run.should_stop():
        run.report(epoch=1, f1=0.5)
        run.progress(epoch=1, epochs=2)
        time.sleep(0.01)
    run.report(epoch=2, f1=0.75)
"""


class Watched:
    def __init__(self):
        self.seen = set()

    def running(self, run):
        self.seen.add(run.dir.name)

    def ended(self, run, record, *, again=False):
        pass


class ExecutorContract:
    @pytest.fixture
    def executor(self):
        raise NotImplementedError

    @pytest.fixture
    def execute(self, executor):
        def run(attempts, watcher=None, interrupt=None):
            ended = executor.execute(attempts, watcher or Watched(), interrupt or Interrupt())
            return {attempt.record.index: record for attempt, record in ended}

        return run

    def test_every_run_ends_in_a_record(self, execute, submit):
        records = execute(submit("finish", "raise", "exit", "die", "segfault", "finish"))
        states = ["completed", "failed", "failed", "failed", "failed", "completed"]
        assert [records[index].state for index in range(6)] == states
        errors = [records[index].error for index in range(6)]
        assert [error and error["type"] for error in errors] == [
            None,
            "ValueError",
            "SystemExit",
            "Killed",
            "Crashed",
            None,
        ]
        assert [error and error.get("signal") for error in errors] == [None, None, None, "SIGKILL", "SIGSEGV", None]

    def test_a_record_is_on_disk_when_it_is_given(self, executor, submit, project):
        for _, record in executor.execute(submit("finish", "raise", "die"), Watched(), Interrupt()):
            written = Run(project / f"run{record.index}").read()
            assert written.state == record.state
            assert written.metrics == record.metrics
            assert record.attempt == 1
            assert record.host
            assert record.pid
            assert record.seconds is not None

    def test_what_a_run_prints_is_in_its_log(self, execute, submit, project):
        execute(submit("finish", "raise"))
        assert (project / "run0" / "log.txt").read_text() == "trained run0 0\n"
        assert "ValueError: this one fails" in (project / "run1" / "log.txt").read_text()

    def test_runs_are_asked_for_when_there_is_room(self, executor, submit):
        asked = []

        def attempts():
            for attempt in submit(*["finish"] * 9):
                asked.append(attempt)
                yield attempt

        next(iter(executor.execute(attempts(), Watched(), Interrupt())))
        assert len(asked) < 9

    def test_an_executor_asks_again_when_there_is_nothing_yet(self, execute, submit):
        def attempts():
            yield None
            yield from submit("finish")

        assert execute(attempts())[0].state == "completed"

    def test_a_running_run_is_seen(self, execute, submit):
        watched = Watched()
        execute(submit("nap"), watched)
        assert watched.seen == {"run0"}

    def test_a_trainer_that_returns_no_numbers_fails(self, execute, submit):
        assert execute(submit("finish", trainer="toy:nonsense"))[0].error["type"] == "TypeError"

    def test_a_trainer_that_is_not_there_fails(self, execute, submit):
        assert execute(submit("finish", trainer="toy:none"))[0].error["type"] == "ConfigError"

    def test_a_command(self, execute, submit):
        command = ["sh", "-c", "echo said; echo '{\"f1\": 0.5}'; exit $1", "sh", "{lr}"]
        records = execute(submit("a", "b", trainer=command))
        assert records[0].metrics == {"f1": 0.5}
        assert records[1].error["type"] == "CommandFailed"

    def test_an_attempt_that_another_process_has_is_left_alone(self, execute, submit, project):
        (attempt,) = submit("finish")
        assert attempt.run.claims.take(started(attempt.record))
        assert not execute([attempt])[0].is_final
        assert not (project / "run0" / "log.txt").exists()

    def test_an_attempt_whose_process_died_unheard_of_is_lost(self, execute, submit):
        (attempt,) = submit("finish")
        record = started(attempt.record)
        assert attempt.run.claims.take(replace(record, process=f"{record.process}0"))
        ended = execute([attempt])[0]
        assert (ended.state, ended.error["type"]) == ("failed", "Lost")
        assert attempt.run.read() == ended

    def test_when_asked_to_stop_runs_are_interrupted_and_none_is_started(self, executor, submit):
        interrupt = Interrupt()

        class Stopping(Watched):
            def running(self, run):
                super().running(run)
                interrupt.request()

        watched = Stopping()
        ended = list(executor.execute(submit("sleep", "sleep", "sleep", "sleep"), watched, interrupt))
        assert {record.state for _, record in ended} == {"interrupted"}
        assert len(ended) < 4

    def test_the_earlier_attempts_metrics_do_not_mix(self, execute, submit, project):
        execute(submit("raise"))
        record = Record("0", 0, "search", {}, "toy:train", attempt=2)
        assert execute([Attempt(Run(project / "run0"), record)])[0].attempt == 2
        assert len((project / "run0" / "metrics.jsonl").read_text().splitlines()) == 2
        assert len((project / "run0" / "metrics-attempt-1.jsonl").read_text().splitlines()) == 2

    def test_a_function_is_called_where_the_trainer_is_imported(self, executor):
        assert executor.call("toy:train", eval, "__import__('sys').modules['toy'].__name__") == "toy"
        assert executor.call("toy:train", os.getpid) != os.getpid()
        assert executor.call(["true"], operator.add, 1, 2) == 3

    def test_what_a_function_raises_comes_back(self, executor):
        with pytest.raises(ConfigError, match="has no 'none'"):
            executor.call("toy:train", resolve, "toy:none")

    def test_an_import_that_ends_the_process_is_bad_input(self, executor, write):
        write("bad.py", "import os\nos.abort()\n")
        with pytest.raises(ConfigError, match="importing it ends the process"):
            executor.call("bad:train", os.getpid)

    def test_a_function_that_ends_the_process_is_bad_input(self, executor):
        with pytest.raises(ConfigError, match="ends the process"):
            executor.call("toy:train", os._exit, 3)

    def test_how_many_runs_it_executes_at_a_time_is_known(self, executor):
        assert executor.parallel >= 1

    def test_a_run_that_is_told_to_stop_ends_with_its_value(self, executor, execute, submit, write):
        write("asks.py", ASKS)
        (attempt,) = submit("x", trainer="asks:train")

        class Stopping(Watched):
            def running(self, run):
                if len(run.reports()) > 1:
                    executor.stop(attempt)

        record = execute([attempt], Stopping())[0]
        assert (record.state, record.metrics, record.error) == ("stopped", {"f1": 0.75, "epoch": 2}, None)
        assert record.is_done
        assert attempt.run.read() == record

    def test_a_run_may_be_told_to_stop_before_it_begins(self, executor, execute, submit, write):
        write("asks.py", ASKS)
        (attempt,) = submit("x", trainer="asks:train")
        executor.stop(attempt)
        assert execute([attempt])[0].state == "stopped"
        assert len(attempt.run.reports()) == 1

    def test_a_run_that_does_not_ask_goes_on(self, executor, execute, submit):
        attempts = list(submit("finish", "b", trainer="toy:train"))
        attempts[1] = replace(attempts[1], record=replace(attempts[1].record, trainer=["echo", '{"f1": 0.5}']))
        for attempt in attempts:
            executor.stop(attempt)
        assert [record.state for record in execute(attempts).values()] == ["completed"] * 2

    def test_a_later_attempt_is_not_told_to_stop(self, executor, execute, submit, write):
        write("asks.py", "def train(config, run): return 1 / (not run.should_stop())\n")
        (attempt,) = submit("x", trainer="asks:train")
        executor.stop(attempt)
        assert execute([attempt])[0].error["type"] == "ZeroDivisionError"
        again = Attempt(attempt.run, replace(attempt.record, attempt=2))
        assert execute([again])[0].state == "completed"
