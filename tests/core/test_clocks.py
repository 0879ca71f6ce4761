"""Code that looks at a clock before and after a split sees no time pass that its process has waited."""

import datetime
import signal
import time
import timeit
from pathlib import Path
from time import monotonic as monotonic_of_old
from time import time as time_of_old
from time import time_ns as time_ns_of_old

import pytest

from gridfold.core.process.clocks import Clocks, readers
from gridfold.core.process.interrupt import Interrupt
from gridfold.executors.local.executor import LocalExecutor
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run, write_config
from gridfold.runs.search import SearchDirectory
from gridfold.sharing.call_site import is_own
from tests.executors.test_executors import Watched

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")  # which Python 3.12 says is deprecated
UTC = datetime.UTC
CLOCKS = {
    "time": [
        *(time.time, time_of_old, lambda: time_ns_of_old() / 1e9, lambda: time.clock_gettime(time.CLOCK_REALTIME)),
        lambda: datetime.datetime.today().timestamp(),
    ],
    "monotonic": [
        *(time.monotonic, monotonic_of_old, lambda: time.monotonic_ns() / 1e9),
        lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) / 1e9,
    ],
    "perf_counter": [time.perf_counter, lambda: time.perf_counter_ns() / 1e9, timeit.default_timer],
    "process_time": [time.process_time, lambda: time.process_time_ns() / 1e9],
    "thread_time": [time.thread_time, lambda: time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)],
    "datetime": [
        lambda: datetime.datetime.now().timestamp(),
        lambda: datetime.datetime.now(tz=UTC).timestamp(),
        lambda: datetime.datetime.utcnow().replace(tzinfo=UTC).timestamp(),
    ],
}
LONG_AGO = 1_000_000_000  # seconds
SOON = 10_000  # seconds: no machine is that busy
BY_OTHER_THREADS = {"time", "monotonic", "perf_counter"}  # of the test runner
READS = [(name, read) for name, reads in CLOCKS.items() for read in reads]
ALONG = {"datetime": {"time"}}  # what a date began is compared with the time


@pytest.fixture
def clocks():
    made = Clocks()
    yield made
    made.stop()


@pytest.mark.parametrize(("name", "read"), READS)
def test_a_clock_goes_on_from_what_it_showed(name, read, clocks):
    real = read()
    clocks.go_on({name: LONG_AGO * 10**9}, watch=False)
    assert LONG_AGO <= read() < LONG_AGO + SOON
    assert clocks.stop().keys() == {name} | ALONG.get(name, set())
    assert real <= read() < real + SOON


@pytest.mark.parametrize(("name", "read"), READS)
def test_a_clock_that_is_looked_at_is_known(name, read, clocks):
    clocks.watch()
    read()
    shown = clocks.stop()
    assert name in shown
    assert shown.keys() - {name} - ALONG.get(name, set()) <= BY_OTHER_THREADS
    again = Clocks()
    again.go_on({name: LONG_AGO * 10**9}, watch=True)
    later = again.stop()
    assert name in later
    assert LONG_AGO <= later[name] / 1e9 < LONG_AGO + SOON


def test_the_time_goes_on_where_a_date_was_looked_at(clocks):
    clocks.watch()
    began = datetime.datetime.now().timestamp()
    shown = clocks.stop()
    clocks.go_on({name: moment - 10**12 for name, moment in shown.items()}, watch=False)
    assert -1000 <= time.time() - began < -1000 + SOON


def test_clocks_that_nobody_has_looked_at_are_those_of_the_machine(clocks):
    before = time.time
    clocks.go_on({"monotonic": 0}, watch=True)
    assert abs(time.time() - Path("/proc/self").stat().st_mtime) < SOON
    assert datetime.datetime.now(UTC).year > 2001
    assert time.monotonic() < SOON
    assert time.time is before


def test_a_date_is_of_the_class_that_was_asked(clocks):
    class Day(datetime.datetime):
        pass

    clocks.watch()
    assert type(Day.now()) is Day
    assert type(Day.utcnow()) is Day
    assert Day.now(tz=UTC).tzinfo is UTC
    with pytest.raises(TypeError):
        Day.now(1)


def test_a_signal_is_heard_while_a_clock_is_looked_at(clocks):
    class RangError(Exception):
        pass

    def ring(*_):
        raise RangError

    def look():
        signal.setitimer(signal.ITIMER_REAL, 0.002)
        while True:
            time.time()

    before = signal.signal(signal.SIGALRM, ring)
    clocks.watch()
    try:
        for _ in range(20):
            with pytest.raises(RangError):
                look()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_who_looks_at_a_clock_is_known(tmp_path):
    named = {"own.py": tmp_path / "own.py", "lib.py": tmp_path / "site-packages" / "lib.py"}
    looks = {
        name: compile("import time, datetime\n\ndef look(): return eval(what)", str(path), "exec")
        for name, path in named.items()
    }
    for what in ("time.time()", "time.monotonic_ns()", "datetime.datetime.now(tz=None)", "datetime.datetime.utcnow()"):
        found = []
        for code in looks.values():
            scope = {}
            exec(code, scope)
            source = compile(f"def look(time, datetime): return {what}", code.co_filename, "exec")
            exec(source, scope)
            files = set()
            with readers(lambda file, files=files: files.add(file) if is_own(file) else None):
                assert scope["look"](time, datetime) is not None
            found.append(files)
        assert found == [{str(named["own.py"])}, set()]


# In a search

TRAINERS = """
import os, resource, time
from datetime import datetime
from time import time as now

CLOCKS = {
    "time": now,
    "time_ns": lambda: time.time_ns() / 1e9,
    "perf_counter": time.perf_counter,
    "monotonic": time.monotonic,
    "clock_gettime": lambda: time.clock_gettime(time.CLOCK_MONOTONIC),
    "datetime": lambda: datetime.now().timestamp(),
}


def uptime():
    with open("/proc/uptime") as file:  # which no clock of Python says
        return float(file.read().split()[0])


def seen():
    return {name: read() for name, read in CLOCKS.items()}


def waits(config):
    before, up = seen(), uptime()
    if config["first"]["lr"] < 0:
        return 0
    lr = config["lr"]
    after, passed = seen(), uptime() - up
    time.sleep(0.5)
    return {"lr": lr} | {name: passed - (after[name] - before[name]) for name in CLOCKS}


def computes(config):
    while time.process_time() < 0.1:
        pass
    before = time.process_time()
    return {"lr": config["lr"], "later": time.process_time() - before}


def naps(config):
    lr = config["lr"]
    time.sleep(1)
    return lr


def works_twice(config):
    time.sleep(1)
    lr = config["lr"]
    time.sleep(1)
    return lr
"""
AT_THE_TOP = "import time\nBEGAN = time.time()\n\n\ndef train(config):\n    return time.time() - BEGAN\n"


@pytest.fixture
def execute(project):
    """Executes runs that differ in ``lr``, one at a time; their records in order."""
    (project / "clocked.py").write_text(TRAINERS)
    (project / "top.py").write_text(AT_THE_TOP)
    (project / "search").mkdir()

    def attempts(trainer):
        for index in range(3):
            (project / f"run{index}").mkdir()
            write_config(str(project / f"run{index}"), f"lr: {index}\nfirst: {{lr: {index // 2}}}\n")
            yield Attempt(Run(project / f"run{index}"), Record(f"{index}", index, "search", {}, trainer, attempt=1))

    def run(trainer, **options):
        with LocalExecutor(parallel=1, share=True, **options) as executor:
            ended = list(executor.execute(attempts(trainer), Watched(), Interrupt()))
        return [record for _, record in sorted(ended, key=lambda pair: pair[1].index)]

    return run


def test_a_process_that_has_waited_has_not_seen_it(execute):
    _, *later = [record.metrics for record in execute("clocked:waits")]
    unseen = [{name: each[name] for name in each.keys() - {"lr"}} for each in later]
    assert [len(each) for each in unseen] == [6, 6]
    # One waits for the first alone, the other for both; of these one at the first split, and one at the second.
    least, most = sorted(unseen, key=lambda each: min(each.values()))
    assert min(least.values()) > 0.4
    assert min(most.values()) > 0.8


def test_the_times_of_a_record_are_those_of_the_machine(execute):
    for record in execute("clocked:waits"):
        began, ended = map(datetime.datetime.fromisoformat, (record.started, record.ended))
        assert (ended - began).total_seconds() >= 0.5
        assert record.seconds >= 0.5


def test_the_cpu_time_of_what_was_shared_is_part_of_each(execute):
    records = execute("clocked:computes")
    assert {record.sharing["label"] for record in records} == {"bitwise"}
    assert min(record.metrics["later"] for record in records) >= 0


def test_to_wait_is_no_part_of_the_time_that_a_run_may_take(execute):
    assert [record.state for record in execute("clocked:naps", timeout=2.8)] == ["completed"] * 3


def test_what_was_shared_is_part_of_the_time_that_a_run_may_take(execute):
    records = execute("clocked:works_twice", timeout=1.6, grace=0.2)
    assert [record.error and record.error["type"] for record in records] == ["Timeout"] * 3
    assert {record.sharing and record.sharing["label"] for record in records} <= {"bitwise", None}


def test_a_module_that_looks_at_a_clock_is_imported_by_each_run(execute, project, snapshot):
    records = execute("top:train")
    assert {record.sharing["label"] for record in records} == {"own"}
    *_, last = SearchDirectory(project / "search").sharing_events()
    assert last["reason"] == snapshot
