"""The contract of executors, kept by a worker that an engine starts: attempts become a search, a worker executes it.

What does not apply is what a worker is not asked for: a search lists its runs before workers start, has one trainer,
which is imported on the login node to be checked, and leaves runs of other machines to these.
"""

import shutil
import time

import pytest

from gridfold.config.config import Config
from gridfold.engines.protocol import Order
from gridfold.runs.entries import RunEntry
from gridfold.runs.search import RUNS
from gridfold.runs.store import Store
from gridfold.runs.workers import Workers
from gridfold.search.directories import create
from gridfold.search.follow import Follower
from gridfold.search.placement import command
from gridfold.search.plan import Plan
from tests.executors.contract import ExecutorContract

BASE = "what: finish\nlr: 0.5\n"


ASK_SECONDS = 4  # between two questions to the engine, which may take longer than a run


class Told:
    """Passes on what a follower tells, and keeps what has ended."""

    def __init__(self, watcher):
        self.running, self.warned, self.added, self.records = watcher.running, print, print, []

    def ended(self, run, record, *, again=False):
        self.records.append(record)


class WorkerExecutor:
    """Executes attempts by one worker, in a job of an engine."""

    parallel = 1

    def __init__(self, engine, project):
        self._engine, self._project = engine, project

    def stop(self, attempt):
        attempt.run.tell_to_stop(attempt.record.attempt)

    def execute(self, attempts, watcher, interrupt):
        made = {attempt.record.index: attempt for attempt in attempts if attempt}
        search, told = self._search(list(made.values())), Told(watcher)
        follower = Follower(search, told)
        jobs = self._engine.submit(self._order(search))
        is_over, asked = False, time.monotonic()
        while not is_over:
            if not made or time.monotonic() - asked > ASK_SECONDS:
                is_over, asked = all(job.phase == "over" for job in self._engine.jobs(jobs)), time.monotonic()
            follower.look()
            for record in told.records:
                yield made.pop(record.index), record
            told.records.clear()
            if interrupt.requests:
                self._engine.cancel(jobs)
            time.sleep(0.1)
        if not interrupt.requests:
            yield from ((attempt, attempt.run.read() or attempt.record) for attempt in made.values())

    def _order(self, search):
        return Order(command(search.dir), self._project, search.name, Workers(search.dir).folder)

    def _search(self, attempts):
        trainer = attempts[0].record.trainer
        config = Config.parse(BASE, "c.yaml").override(trainer=trainer if isinstance(trainer, str) else tuple(trainer))
        search, run_dirs = create(Plan(config), "contract", Store(self._project))
        shutil.rmtree(run_dirs[0])
        entries = [
            RunEntry(index=record.index, run=attempt.run.dir.name, params=record.params, id=record.id)
            for attempt in attempts
            for record in [attempt.record]
        ]
        (search.dir / RUNS).write_text("".join(entry.line() for entry in entries))
        again = [(each.record.index, each.record.attempt - 1) for each in attempts if each.record.attempt > 1]
        Workers(search.dir).try_again(again)
        return search


class WorkerContract(ExecutorContract):
    @pytest.fixture
    def executor(self, engine, project):
        return WorkerExecutor(engine, project)

    # A search lists its runs before it begins.
    test_runs_are_asked_for_when_there_is_room = None
    # It has one trainer, which is found on the login node before a worker is started.
    test_a_trainer_that_is_not_there_fails = None
    test_a_run_that_does_not_ask_goes_on = None
    test_a_function_is_called_where_the_trainer_is_imported = None
    test_what_a_function_raises_comes_back = None
    test_an_import_that_ends_the_process_is_bad_input = None
    test_a_function_that_ends_the_process_is_bad_input = None
    # The process that has died is of another machine than the worker.
    test_an_attempt_whose_process_died_unheard_of_is_lost = None
