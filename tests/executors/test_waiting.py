"""Runs that wait where they are: they give their place away, see no time pass, and end in an orderly way."""

import contextlib
import os
import signal
import tempfile
import time
from datetime import datetime

import pytest

from gridfold.core.process import proc
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.devices import GpuSlots
from gridfold.executors.local.executor import LocalExecutor
from gridfold.executors.protocol import STOP, WAIT
from tests.executors.contract import Watched

TRAINERS = """
import os, signal, time
from pathlib import Path


def epochs(config, run, count=4):
    begin = time.monotonic(), time.time(), time.perf_counter_ns() / 1e9
    total = config["lr"] * 1.0
    for epoch in range(1, count + 1):
        total = total * 1.1 + epoch
        with open("trace", "a") as file:
            file.write(f"{run.index} {epoch}\\n")
        run.report(epoch=epoch, val_f1=total)
    seen = time.monotonic(), time.time(), time.perf_counter_ns() / 1e9
    return {"val_f1": total, "longest": max(now - then for now, then in zip(seen, begin))}


def naps(config, run):
    if run.index:
        time.sleep(1.5)
    return epochs(config, run)


def asks(config, run):
    for epoch in range(1, 5):
        run.report(epoch=epoch, val_f1=epoch + config["lr"])
        if run.should_stop():
            return {"val_f1": epoch + config["lr"], "asked": 1}
    return {"val_f1": 5 + config["lr"]}


def cleans_up(config, run):
    try:
        return epochs(config, run)
    finally:
        Path(f"cleaned-{run.index}").touch()


def swallows(config, run):
    lr = config["lr"]
    for epoch in range(1, 5):
        try:
            run.report(epoch=epoch, val_f1=lr)
        except BaseException as error:
            raise RuntimeError("what was that?") from error


def hangs(config, run):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        return epochs(config, run)
    finally:
        time.sleep(3000)


def handles(config, run):
    came, lr = [], config["lr"]
    signal.signal(signal.SIGTERM, lambda *_: came.append(1))
    for epoch in range(1, 5):
        run.report(epoch=epoch, val_f1=lr)
        if came:
            Path(f"heard-{run.index}").touch()
            raise KeyboardInterrupt


def threads(config, run):
    import threading
    def spin():
        while True:
            for _ in range(1000):
                pass
            time.sleep(0)
    threading.Thread(target=spin, daemon=True).start()
    return epochs(config, run)


def counts_from_0(config, run):
    for epoch in range(3):
        run.report(epoch=epoch, val_f1=epoch)


def reports_without_epoch(config, run):
    for epoch in range(3):
        run.report(val_f1=epoch)


def lr_late(config, run):
    for epoch in (1, 2):
        run.report(epoch=epoch, val_f1=epoch)
    lr = config["lr"]
    run.report(epoch=3, val_f1=3 + lr)
    return {"val_f1": 3 + lr}
"""


class Script:
    """Lets runs wait at a step, and go on when no new run wants their place."""

    first = 2.0

    def __init__(self, stops=(), waits=lambda _: True):
        self.stops, self.waits = stops, waits
        self.asked, self.woken, self.places = [], [], []

    def judge(self, attempt, *, may_wait):
        index = attempt.record.index
        self.asked.append((index, attempt.run.reports()[-1].get("epoch")))
        return WAIT if may_wait and self.waits(index) and index not in self.woken else float("inf")

    def next(self, waiting, place):
        self.places.append(place)
        if place == "wanted":
            return None
        attempt = min(waiting, key=lambda each: each.record.index)
        self.woken.append(attempt.record.index)
        return attempt, STOP if attempt.record.index in self.stops else float("inf")

    def give_up(self, waiting):
        return min(waiting, key=lambda each: each.record.index)


@pytest.fixture
def trainers(write):
    write("trainers.py", TRAINERS)


@pytest.fixture(params=["lone", "batch", "cold"])
def executor(request, project):
    options = {"lone": {}, "batch": {"share": True}, "cold": {"cold": True}}[request.param]
    with LocalExecutor(parallel=1, grace=10.0, **options) as executor:
        yield executor


@pytest.fixture
def lone(project):
    with LocalExecutor(parallel=1, grace=10.0) as executor:
        yield executor


def executed(executor, attempts, pruner, watcher=None, interrupt=None):
    given = executor.execute(attempts, watcher or Watching(), interrupt or Interrupt(), pruner)
    return {attempt.record.index: record for attempt, record in given}


class Watching(Watched):
    """Calls something each time that a run is seen to wait."""

    def __init__(self, at=lambda run: None):
        super().__init__()
        self.at, self.waited = at, set()

    def waits(self, run):
        self.waited.add(run.dir.name)
        self.at(run)


def test_a_run_that_waits_gives_its_place_away_and_goes_on_to_the_bit(executor, submit, trainers, project):
    pruner = Script(waits=lambda index: index == 0)
    records = executed(executor, submit("a", "b", "c", trainer="trainers:epochs"), pruner)
    assert [record.state for record in records.values()] == ["completed"] * 3
    trace = (project / "trace").read_text().split("\n")[:-1]
    own = [f"0 {epoch}" for epoch in (1, 2, 3, 4)]
    assert trace[:2] == own[:2]
    assert trace[-2:] == own[2:]
    assert sorted(trace[2:-2]) == [f"{run} {epoch}" for run in (1, 2) for epoch in (1, 2, 3, 4)]
    for index, record in records.items():
        total = index * 1.0
        for epoch in range(1, 5):
            total = total * 1.1 + epoch
        assert (record.metrics["val_f1"], record.step, record.pruned) == (total, 4, False)
    assert pruner.asked == [(0, 2), (1, 2), (2, 2)]
    assert not list(project.glob("run*/.waiting*"))


def test_a_run_sees_no_time_pass_while_it_waits(executor, submit, trainers):
    record = executed(executor, submit("a", "b", trainer="trainers:naps"), Script(waits=lambda index: index == 0))[0]
    began, ended = map(datetime.fromisoformat, (record.started, record.ended))
    whole = (ended - began).total_seconds()
    assert record.metrics["longest"] <= whole - 1.5
    assert record.seconds <= whole - 1.5


def test_a_timeout_does_not_count_the_time_that_a_run_waits(lone, submit, trainers):
    lone.timeout = 5.0
    slow = Watching(lambda run: time.sleep(0.2))
    waited = Script()
    waited.next = lambda waiting, place: None if time.monotonic() < begin + 6 else Script.next(waited, waiting, place)
    begin = time.monotonic()
    assert executed(lone, submit("a", trainer="trainers:epochs"), waited, slow)[0].state == "completed"


@pytest.mark.parametrize("trainer", ["asks", "cleans_up", "swallows"])
def test_a_run_that_is_stopped_ends_with_the_value_that_it_has(executor, submit, trainers, project, trainer):
    records = executed(executor, submit("a", "b", trainer=f"trainers:{trainer}"), Script(stops=(0, 1)))
    assert [(record.state, record.step, record.pruned) for record in records.values()] == [("stopped", 2, True)] * 2
    assert [record.error for record in records.values()] == [None, None]
    if trainer == "asks":
        assert [record.metrics for record in records.values()] == [{"val_f1": 2 + lr, "asked": 1} for lr in (0, 1)]
    else:
        assert [list(record.metrics) for record in records.values()] == [["val_f1", "epoch"]] * 2
    assert len(list(project.glob("cleaned-*"))) == (2 if trainer == "cleans_up" else 0)


def test_a_run_that_does_not_end_is_killed_and_keeps_its_value(lone, submit, trainers):
    lone.grace = 0.5
    record = executed(lone, submit("a", trainer="trainers:hangs"), Script(stops=(0,)))[0]
    assert (record.state, record.pruned, record.step, record.error) == ("stopped", True, 2, None)
    assert record.metrics == {"val_f1": 3.1, "epoch": 2}


@pytest.mark.parametrize("trainer", ["epochs", "handles"])
def test_runs_that_wait_are_interrupted_with_the_search(executor, submit, trainers, project, trainer):
    interrupt, waiting = Interrupt(), set()

    def when_both_wait(run):
        waiting.add(run.dir)
        if len(waiting) == 2:
            interrupt.request()

    attempts, watching = submit("a", "b", trainer=f"trainers:{trainer}"), Watching(when_both_wait)
    records = executed(executor, attempts, Script(), watching, interrupt)
    assert {record.state for record in records.values()} == {"interrupted"}
    assert records[0].step == 2
    assert (project / "heard-0").exists() == (trainer == "handles")


def test_a_second_request_kills_runs_that_wait(lone, submit, trainers):
    interrupt = Interrupt()

    def twice(run):
        interrupt.requests = 2

    records = executed(lone, submit("a", "b", trainer="trainers:epochs"), Script(), Watching(twice), interrupt)
    assert records[0].state == "interrupted"


def test_a_run_that_somebody_stops_while_it_waits_ends(lone, submit, trainers):
    attempts = list(submit("a", "b", trainer="trainers:asks"))
    pruner = Script(waits=lambda index: index == 0)
    pruner.next = lambda waiting, place: None
    stop = Watching(lambda run: lone.stop(attempts[0]))
    records = executed(lone, attempts, pruner, stop)
    assert (records[0].state, records[0].metrics, records[0].pruned) == ("stopped", {"val_f1": 2, "asked": 1}, False)
    assert records[1].state == "completed"


def test_when_memory_is_short_a_run_ends_that_would_wait(lone, submit, trainers):
    lone.frozen_memory = 1
    records = executed(lone, submit("a", "b", trainer="trainers:epochs"), Script())
    assert [(record.state, record.pruned) for record in records.values()] == [("stopped", True)] * 2


def test_a_run_that_waits_uses_no_cpu_nor_do_its_threads(lone, submit, trainers):
    waited = []

    def look(run):
        tasks = (proc.PROC / str(run.claims.owner(1).pid) / "task").iterdir()
        states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks]
        waited.append(states == ["T", "T"])  # it takes a moment until both have heard that they are to stop

    pruner = Script(waits=lambda index: index == 0)
    pruner.next = lambda waiting, place: Script.next(pruner, waiting, place if any(waited) else "wanted")
    executed(lone, submit("a", "b", trainer="trainers:threads"), pruner, Watching(look))
    assert waited[-1]


def test_somebody_who_continues_it_does_not_let_it_go_on(lone, submit, trainers, project):
    def cont(run):
        os.killpg(run.claims.owner(1).pid, signal.SIGCONT)

    records = executed(
        lone, submit("a", "b", trainer="trainers:epochs"), Script(waits=lambda index: index == 0), Watching(cont)
    )
    assert {record.state for record in records.values()} == {"completed"}
    assert (project / "trace").read_text().split("\n")[1:4] == ["0 2", "1 1", "1 2"]


def test_a_run_that_is_killed_while_it_waits_has_no_place(lone, submit, trainers):
    def kill(run):
        with contextlib.suppress(ProcessLookupError):  # it is gone, and that is not heard of yet
            os.killpg(run.claims.owner(1).pid, signal.SIGKILL)

    pruner = Script(waits=lambda index: index == 0)
    pruner.next = lambda waiting, place: None
    records = executed(lone, submit("a", "b", "c", trainer="trainers:epochs"), pruner, Watching(kill))
    assert [records[index].state for index in range(3)] == ["failed", "completed", "completed"]


@pytest.mark.parametrize("trainer", ["counts_from_0", "reports_without_epoch"])
def test_steps_are_counted_as_people_do(lone, submit, trainers, trainer):
    pruner = Script()
    record = executed(lone, submit("a", trainer=f"trainers:{trainer}"), pruner)[0]
    assert record.step == 3
    assert len(pruner.asked) == 1
    assert record.metrics["val_f1"] == 2


def test_no_run_waits_while_a_process_stands_for_several(project, submit, trainers):
    with LocalExecutor(parallel=1, share=True) as executor:
        pruner = Script()
        records = executed(executor, submit("a", "b", "c", trainer="trainers:lr_late"), pruner)
    assert [record.metrics["val_f1"] for record in records.values()] == [3, 4, 5]
    assert [run for run, _ in pruner.asked] == [0, 1, 2]
    assert {record.sharing["label"] for record in records.values()} == {"bitwise"}


def test_an_executor_without_a_pruner_asks_nobody(executor, submit, trainers):
    given = executor.execute(submit("a", trainer="trainers:epochs"), Watching(), Interrupt())
    assert [record.state for _, record in given] == ["completed"]


def test_a_run_that_has_a_gpu_does_not_wait(project, submit, trainers, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(project))
    told = []
    pruner = Script()
    pruner.judge = lambda attempt, *, may_wait: told.append(may_wait) or STOP
    with LocalExecutor(parallel=1, gpus=GpuSlots(["0"], 1)) as executor:
        records = executed(executor, submit("a", trainer="trainers:epochs"), pruner)
    assert told == [False]
    assert (records[0].state, records[0].pruned) == ("stopped", True)
