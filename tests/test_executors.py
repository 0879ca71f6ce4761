"""The contract of executors, which every executor keeps."""

import pytest

from gridfold.executors.local import LocalExecutor
from gridfold.run import Record, Run, write_config


class Watched:
    def __init__(self):
        self.seen, self.done = set(), []

    def running(self, run):
        self.seen.add(run.dir.name)

    def ended(self, run, record):
        self.done.append((run.dir.name, record.state))


class ExecutorContract:
    @pytest.fixture
    def executor(self):
        raise NotImplementedError

    @pytest.fixture
    def submit(self, project):
        def make(*whats, trainer="toy:train"):
            for index, what in enumerate(whats):
                (project / f"run{index}").mkdir()
                write_config(str(project / f"run{index}"), f"what: {what}\nlr: {index}\n")
                run = Run(project / f"run{index}")
                run.write(Record(f"{index}", index, "search", {"what": what}, trainer))
                yield run

        return make

    def test_every_run_ends_in_a_record(self, executor, submit):
        watched = Watched()
        records = list(executor.execute(submit("finish", "raise", "exit", "die", "finish"), watched))
        states = ["completed", "failed", "failed", "failed", "completed"]
        assert [record.state for record in sorted(records, key=lambda record: record.index)] == states
        assert sorted(watched.done) == [(f"run{index}", state) for index, state in enumerate(states)]
        assert watched.seen == {f"run{index}" for index in range(5)}

    def test_a_record_is_on_disk_when_it_is_given(self, executor, submit, project):
        for record in executor.execute(submit("finish", "raise"), Watched()):
            assert Run(project / f"run{record.index}").read() == record
            assert record.attempt == 1
            assert record.host
            assert record.pid
            assert record.seconds is not None

    def test_what_a_run_prints_is_in_its_log(self, executor, submit):
        runs = list(submit("finish", "raise"))
        list(executor.execute(runs, Watched()))
        assert runs[0].log_path.read_text() == "trained run0 0\n"
        assert "ValueError: this one fails" in runs[1].log_path.read_text()

    def test_runs_are_asked_for_when_there_is_room(self, executor, submit):
        asked = []

        def runs():
            for run in submit("finish", "finish", "finish"):
                asked.append(run)
                yield run

        next(iter(executor.execute(runs(), Watched())))
        assert len(asked) < 3

    def test_a_trainer_that_returns_no_numbers_fails(self, executor, submit):
        (record,) = executor.execute(submit("finish", trainer="toy:nonsense"), Watched())
        assert record.error["type"] == "TypeError"

    def test_a_trainer_that_is_not_there_fails(self, executor, submit):
        (record,) = executor.execute(submit("finish", trainer="toy:none"), Watched())
        assert record.error["type"] == "ConfigError"


class TestLocalExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return LocalExecutor()
