"""Which runs workers have in view: the order of runs, the log, and the rules by which workers take."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from array import array
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.runs.entries import RunEntry
from gridfold.runs.leases import EVERY, Lease, LeaseLog, Views, ranges
from gridfold.search.leases import Chooser
from gridfold.search.subtrees import Reading, Tree
from tests.conftest import ROOT

GRID = {"x": 2, "y": 3, "z": 4}
ORDERS = st.permutations(list(GRID))


def entries(repeats=1):
    """The runs of a grid, the last parameter fastest."""
    points = itertools.product(range(repeats), *map(range, GRID.values()))
    for index, (repeat, *values) in enumerate(points):
        yield RunEntry(index, f"r{index}", dict(zip(GRID, values, strict=True)), "", repeat)


def splits(order, seconds=1.0):
    """What a batch notes that reads parameters in an order."""
    return [
        {"split": ".".join(["b"] + ["0"] * depth), "path": path, "seconds": seconds} for depth, path in enumerate(order)
    ]


# The order of the runs


def test_before_anything_was_read_the_order_is_that_of_the_file():
    tree = Tree(entries(), Reading())
    assert tree.sort(range(24)) == list(range(24))
    assert not tree.is_known


@given(ORDERS, st.integers(1, 2))
def test_runs_that_are_alike_in_what_is_read_first_are_neighbours(order, repeats):
    runs = list(entries(repeats))
    tree = Tree(runs, Reading.learn(splits(order)))
    found = [runs[index] for index in tree.sort(range(len(runs)))]
    for depth in range(len(order) + 1):
        beginnings = [(run.repeat, *(run.params[path] for path in order[:depth])) for run in found]
        groups = [key for key, _ in itertools.groupby(beginnings)]
        assert len(groups) == len(set(groups))


@given(ORDERS, st.integers(1, 24))
def test_runs_are_cut_where_the_least_is_done_again(order, near):
    tree = Tree(entries(), Reading.learn(splits(order)))
    runs = tree.sort(range(24))
    place = tree.cut(runs, near)
    assert 1 <= place <= 24
    if place < 24:
        around = range(max(1, -(-near // 2)), min(23, near + near // 2) + 1)
        assert tree.common(*runs[place - 1 : place + 1]) == min(tree.common(*runs[p - 1 : p + 1]) for p in around)


def test_work_that_is_done_again_is_what_came_before_the_first_difference():
    tree = Tree(entries(2), Reading.learn(splits("zyx", seconds=2.0)))
    of = {(run.repeat, *run.params.values()): run.index for run in entries(2)}
    first = of[0, 0, 0, 0]
    assert tree.again(first, of[0, 0, 0, 1]) == 2  # before z
    assert tree.again(first, of[0, 0, 1, 0]) == 4  # before y
    assert tree.again(first, of[0, 1, 0, 0]) == 6
    assert tree.again(first, of[1, 0, 0, 0]) == 0, "other seeds share nothing"


def test_a_batch_of_which_all_runs_are_alike_in_something_does_not_change_the_order():
    part = [{"split": "c", "path": "y", "seconds": 2.0}]
    reading = Reading.learn([*splits("xyz"), *part])
    assert sorted(reading.depths, key=reading.depths.get) == ["x", "y", "z"]


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["split", "path", "seconds", "alone", "begun"]),
            st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())),
        )
    )
)
def test_what_makes_no_sense_is_passed_over(events):
    Tree(entries(), Reading.learn(events)).sort(range(24))


# The log


@given(st.sets(st.integers(0, 300)))
def test_few_ranges_hold_the_runs(runs):
    found = ranges(runs)
    assert sorted(run for part in found for run in part) == sorted(runs)
    assert len(found) <= len(runs)


def test_a_subtree_is_one_range():
    assert ranges(range(3, 100, 7)) == [range(3, 100 - 5 + 1, 7)] or len(ranges(range(3, 100, 7))) == 1


LEASES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sets(st.integers(0, 40), min_size=1), st.booleans()), max_size=3 * EVERY
)


@settings(max_examples=15, deadline=None)
@given(LEASES, st.integers(0, 3 * EVERY))
def test_whoever_reads_the_log_late_knows_what_its_writers_know(tmp_path_factory, leases, seen):
    folder = tmp_path_factory.mktemp("search")
    log, late = LeaseLog.of(folder), LeaseLog.of(folder)
    for number, (worker, runs, begun) in enumerate(leases):
        held = [run for run in runs if log.views.worker_of(run) == worker]
        assert log.add(Lease(worker, sorted(held or runs), begun=begun and bool(held)))
        if number == seen:
            late.look()
    late.look()
    assert late.views.count == len(leases)
    for run in range(41):
        assert late.views.worker_of(run) == log.views.worker_of(run)
    assert {worker: late.views.runs_of(worker) for worker in "abc"} == {
        worker: log.views.runs_of(worker) for worker in "abc"
    }
    assert bytes(late.views.begun).strip(b"\0") == bytes(log.views.begun).strip(b"\0")


def test_one_of_two_that_write_at_once_is_first(tmp_path):
    one, other = LeaseLog.of(tmp_path), LeaseLog.of(tmp_path)
    assert one.add(Lease("a", [0, 1]))
    assert not other.add(Lease("b", [1, 2]))
    assert other.look()
    assert other.add(Lease("b", [1, 2]))
    assert one.look()
    assert [one.views.worker_of(run) for run in range(4)] == ["a", "b", "b", ""]


def test_garbage_in_the_log_is_nobodys(tmp_path):
    log = LeaseLog.of(tmp_path)
    assert log.add(Lease("a", [0]))
    for number, text in ((2, "{"), (3, '{"worker": "b", "runs": "0-x"}'), (4, '{"worker": "b", "runs": [1]}')):
        (tmp_path / ".leases" / f"{number:06}.json").write_text(text)
    late = LeaseLog.of(tmp_path)
    assert late.look()
    assert late.views.count == 4
    assert late.views.worker_of(0) == "a"


@pytest.mark.parametrize("runs", ["9-3", "3--9", "3-9:0", "3-9:-2", "0-99999999999", "1,5-99999999999:5"])
def test_runs_that_no_search_has_are_nobodys(tmp_path, runs):
    log = LeaseLog.of(tmp_path)
    assert log.add(Lease("a", [0]))
    said = {"worker": "b", "runs": "1", "all": {"a": "0"}, "all_begun": "3-7"}
    for number, lease in ((2, {"worker": "b", "runs": runs}), (3, said)):
        (tmp_path / ".leases" / f"{number:06}.json").write_text(json.dumps(lease))
    late = LeaseLog.of(tmp_path)
    assert late.look()
    assert late.add(Lease("c", [2]))
    assert [late.views.worker_of(run) for run in range(4)] == ["a", "b", "c", ""]
    assert bytes(late.views.begun) == bytes(3)


def test_a_worker_takes_runs_of_one_that_has_begun_some_it_does_not_know_yet():
    views = Views()
    for lease in (Lease("other", range(30)), Lease("other", [29], begun=True)):
        views.add(lease)
    everybody = type("Everybody", (), {"count": lambda _: 2, "lives": lambda _, __: True})()
    tree = Tree(entries(), Reading.learn(splits(["x", "y", "z"])))
    taken = Chooser("me", views, everybody).choose(tree, array("I", [1] * 24), lambda _: True, 1.0)
    assert taken == list(range(12, 24))


# The rules


def test_runs_that_were_listed_while_this_worker_did_not_look_are_left_for_its_next_look():
    tree = Tree(entries(), Reading.learn(splits(["x", "y", "z"])))

    class Alone:
        def lives(self, worker):
            return False

        def count(self):
            return 1

    taken = Chooser("me", Views(), Alone()).choose(tree, array("I", [1] * 20), lambda _: True, 1.0)
    assert sorted(taken) == list(range(20))


class Model:
    """Workers on one search, which see each other's leases and claims at once."""

    def __init__(self, reading, declared):
        self.tree = Tree(entries(), reading)
        self.log, self.claims, self.alive, self.begun = [], {}, {}, Counter()
        self.declared, self.now = declared, 0.0

    def count(self):
        return max(len(self.alive), self.declared)

    def lives(self, worker):
        return worker in self.alive

    def join(self, worker):
        self.alive[worker] = chooser = Chooser(worker, Views(), self, lambda: self.now)
        chooser.attempts = array("I", [int(run not in self.claims) for run in range(24)])
        chooser.own = []

    def step(self, worker, each):
        """Claim the next run, or take some; whether there was something to do."""
        chooser = self.alive[worker]
        for lease in self.log[chooser.views.count :]:
            chooser.views.add(lease)
        if self.claim(chooser):
            return True

        def waits(run):
            chooser.attempts[run] = run not in self.claims
            return bool(chooser.attempts[run])

        runs = chooser.choose(self.tree if self.count() > 1 else None, chooser.attempts, waits, each)
        assert len(runs) == len(set(runs))
        if runs:
            self.log.append(Lease(worker, runs))
            chooser.views.add(self.log[-1])
            chooser.own = list(runs)
        return self.claim(chooser)  # at once: nobody takes the first of what was taken

    def claim(self, chooser):
        """Claim the next run that is still in view; whether there is one."""
        while chooser.own:
            run = chooser.own.pop(0)
            if chooser.views.worker_of(run) == chooser.worker and chooser.attempts[run]:
                chooser.attempts[run] = 0
                if run not in self.claims:
                    self.claims[run] = chooser.worker
                    self.begun[run] += 1
                    return True
        return False


READINGS = st.one_of(
    st.just(Reading()),
    st.builds(lambda order, s: Reading.learn(splits(order, s)), ORDERS, st.sampled_from([0.0, 1.0, 100.0])),
)
EVENTS = st.lists(st.tuples(st.sampled_from(["join", "step", "step", "step", "die"]), st.integers(0, 4)), max_size=60)


@given(READINGS, st.integers(1, 5), EVENTS, st.sampled_from([0.0, 1.0, 1000.0]))
def test_whatever_happens_all_runs_are_begun_and_none_twice(reading, declared, events, each):
    model = Model(reading, declared)
    for what, who in events:
        worker = f"w{who}"
        if what == "join" and worker not in model.alive:
            model.join(worker)
        elif what == "die":
            model.alive.pop(worker, None)
        elif worker in model.alive:
            model.step(worker, each)
    model.join("last")
    for _ in range(500):
        model.now += 100.0  # patience ends
        if not sum(model.step(worker, each) for worker in list(model.alive)) and len(model.claims) == 24:
            break
    assert model.begun == dict.fromkeys(range(24), 1)


@given(ORDERS, st.permutations("abc"))
def test_three_workers_on_whole_subtrees_repeat_none_of_what_they_share(order, turns):
    """Where a whole subtree waits for each of them, nobody does again what another does."""
    model = Model(Reading.learn(splits(sorted(order, key=lambda path: path != "y"), seconds=10.0)), 3)
    for worker in turns:
        model.join(worker)
    for worker in turns:
        model.step(worker, 0.1)
    values = [{list(entries())[run].params["y"] for run in lease.runs} for lease in model.log]
    assert sorted(map(sorted, values)) == [[0], [1], [2]]
    while sum(model.step(worker, 0.1) for worker in turns):
        pass
    assert len(model.log) == 3
    assert len(model.claims) == 24


# Workers that are processes

TRAINER = """
import json, os, time


def note(what):
    ledger = os.open("ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, what.encode() + b"\\n")
    os.close(ledger)


def train(config, run):
    first = config["first"]  # listed last
    note(f"work {first}")
    time.sleep(1)
    second = config["second"]
    note(f"run {first} {second}")
    return {"score": first + second}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="shares work by forks")
def test_workers_that_start_together_share_their_work_whoever_is_killed(tmp_path):
    (tmp_path / "trees.py").write_text(TRAINER)
    settings = {"trainer": "trees:train"}
    (tmp_path / "c.yaml").write_text(json.dumps({"gridfold": settings, "second": [0, 1, 2], "first": [0, 1, 2, 3]}))
    gridfold = [sys.executable, "-m", "gridfold"]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def start(*words):
        return subprocess.Popen([*gridfold, *words], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)

    def notes(what):
        ledger = tmp_path / "ledger"
        return [line for line in (ledger.read_text() if ledger.exists() else "").splitlines() if line.startswith(what)]

    assert start("search", "--config", "c.yaml", "--run-prefix", "s", "--no-execute").wait() == 0
    workers = [start("work", "last", "--parallel", "1", "--share") for _ in range(3)]
    while not notes("run"):
        time.sleep(0.05)
        assert any(worker.poll() is None for worker in workers)
    workers[0].send_signal(signal.SIGKILL)
    workers[0].wait()
    assert [worker.wait() for worker in workers[1:]] == [0, 0]
    assert start("work", "last", "--parallel", "1", "--share").wait() == 0  # what the dead one had begun
    records = [json.loads(path.read_text()) for path in tmp_path.glob("runs/s_*_first_*/run.json")]
    assert [record["state"] for record in records] == ["completed"] * 12
    assert len(set(notes("run"))) == 12
    assert len(notes("run")) <= 13, "and that which it was at"
    assert len(notes("work")) <= 6, "four, and what the dead one was at"
