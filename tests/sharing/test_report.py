"""What was shared and what that saved, computed from what batches noted and what runs say."""

import pytest

from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.sharing.report import Sharing
from gridfold.worker import Spent

IMPORTS = {"seconds": 4.0, "cpu_seconds": 2.0}


def started(batch="f", runs=4, imports=IMPORTS):
    return {"batch": batch, "runs": runs, "imports": imports}


def split(node, path, sizes, cpu, file="/home/me/train.py", line=3):
    place = {"path": path, "place": f"train.py:{line}", "file": file}
    return {"split": node, **place, "sizes": sizes, "seconds": 2 * cpu, "cpu_seconds": cpu}


def run(node="", shared=0.0, own=0.0, **fields):
    sharing = {"label": "bitwise" if node else "own", **({"node": node} if node else {})}
    for name, cpu in (("shared", shared), ("own", own)):
        sharing |= {f"{name}_seconds": 2 * cpu, f"{name}_cpu_seconds": cpu}
    return Record("id", 0, "s", {}, "m:f", **{"state": "completed", "sharing": sharing} | fields)


# Two values of lr and two of size: 10 s before lr was read, 1 s before size was, 5 s of each run's own.
EVENTS = [
    started(),
    split("f", "lr", [2, 2], 10.0),
    split("f.0", "size", [1, 1], 1.0, line=7),
    split("f.1", "size", [1, 1], 1.0, line=7),
]
RUNS = [run(f"f.{lr}.{size}", shared=11.0, own=5.0) for lr in (0, 1) for size in (0, 1)]


def shared(events, records):
    sharing = Sharing.read(events)
    entries = [(RunEntry(0, "run", {}, "id"), record) for record in records]
    assert list(sharing.counting(entries)) == entries
    return sharing


def rows(sharing):
    return [
        (depth, part.path, part.times, part.runs, part.ways, part.spent.cpu_seconds, part.alone.cpu_seconds)
        for depth, part in sharing.first.walk()
    ]


def test_the_work_of_a_batch_against_that_of_lone_runs():
    sharing = shared(EVENTS, RUNS)
    assert rows(sharing) == [(0, "lr", 1, 4, 2, 10, 40), (1, "size", 2, 4, 4, 2, 4)]
    assert sharing.spent == Spent(4 + 2 * (12 + 20), 2 + 12 + 20)
    assert sharing.lone == Spent(4 * (4 + 2 * 16), 4 * (2 + 16))
    assert (sharing.batched, sharing.alone, sharing.unknown, sharing.reused) == (4, 0, 0, 0)


def test_batches_of_one_process_import_once_and_others_again():
    events = [started("f"), started("g"), started("h", imports={"seconds": 9.0, "cpu_seconds": 3.0}), started("unused")]
    sharing = shared(events, [run("f.0"), run("g.0"), run("h.0")])
    assert sharing.imports.cpu_seconds == 2 + 3
    assert sharing.lone.cpu_seconds == 2 + 2 + 3


def test_branches_that_read_other_things_are_other_parts():
    events = [
        started(),
        split("f", "kind", [2, 2], 1.0),
        split("f.0", "a", [1, 1], 2.0),
        split("f.1", "b", [1, 1], 3.0),
    ]
    sharing = shared(events, [run("f.0.0"), run("f.0.1"), run("f.1.0"), run("f.1.1")])
    assert [(row[0], row[1], row[-1]) for row in rows(sharing)] == [(0, "kind", 4), (1, "a", 4), (1, "b", 6)]


def test_runs_that_ran_alone_count_as_they_were():
    left = {"left": "f.1", "runs": 2, "reason": "a thread", "seconds": 6.0, "cpu_seconds": 3.0}
    again = {"left": "f", "runs": 1, "reason": "a thread"}
    sharing = shared([*EVENTS[:3], left, again, {"alone": "a command"}], [*RUNS[:2], run(own=16.0), run(own=16.0)])
    assert sharing.reasons == {"a thread": 3, "a command": 0}
    assert sharing.spent.cpu_seconds == 2 + 10 + 1 + 10 + 3 + 32
    assert sharing.lone.cpu_seconds == 2 * (2 + 16) + 32
    assert (sharing.batched, sharing.alone) == (2, 2)


def test_runs_that_say_nothing_are_not_counted():
    reused = run("other.0", shared=1.0, own=1.0, reused="elsewhere")
    nothing = [
        None,
        run(state="running"),
        run(sharing=None),
        run(sharing={"label": "own"}),
        run(sharing={"own_seconds": "x"}),
    ]
    sharing = shared(EVENTS, [RUNS[0], reused, *nothing])
    assert (sharing.batched, sharing.unknown, sharing.reused) == (1, 5, 1)
    assert sharing.lone.cpu_seconds == 18


def test_where_nothing_was_shared_there_is_nothing_to_tell():
    sharing = shared([{"alone": "a command"}], [run(own=3.0)])
    assert (sharing.batches, sharing.batched, sharing.reasons, sharing.early_reads()) == (0, 0, {"a command": 0}, [])


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"split": "f.0"},
        {"split": "f.0", "path": "a", "place": "b", "sizes": "cd", "seconds": 1, "cpu_seconds": 1},
        {"split": "f.0", "path": "a", "place": "b", "sizes": [1, None], "seconds": 1, "cpu_seconds": 1},
        {"split": "f.0", "path": "a", "place": "b", "sizes": [1, 1], "seconds": 1, "cpu_seconds": float("nan")},
        {"batch": 3},
        {"left": "f", "reason": ["x"]},
        {"alone": None},
    ],
)
def test_events_that_make_no_sense_are_passed_over(event):
    assert shared([EVENTS[0], event, *EVENTS[1:]], RUNS) == shared(EVENTS, RUNS)


def test_without_an_event_that_was_torn_the_rest_is_read():
    sharing = shared([EVENTS[0], *EVENTS[2:]], RUNS)
    assert rows(sharing) == [(0, "size", 2, 4, 4, 2, 4)]
    assert sharing.lone.cpu_seconds == 4 * 18  # the records know
    nothing_noted = shared([{"batch": "f", "runs": 4}, *EVENTS[1:]], RUNS)
    assert nothing_noted.lone.cpu_seconds == 4 * 16


def test_a_read_costs_at_most_what_came_after_it_again():
    sharing = shared(EVENTS, RUNS)
    by_path = {read.parts[0].path: read for read in sharing.early_reads()}
    assert list(by_path) == ["size"]  # before size, only 1 s came after lr
    size = by_path["size"]
    assert (size.times, size.ways, size.each) == (2, 4, Spent(10, 5))
    assert size.loss == Spent(20, 10)


def test_reads_with_nothing_between_them_are_one():
    events = [
        started(),
        split("f", "lr", [2, 2], 0.0),
        *(split(f"f.{lr}", "size", [1, 1], 0.001, line=4) for lr in (0, 1)),
    ]
    (read,) = shared(events, RUNS).early_reads()
    assert [part.path for part in read.parts] == ["lr", "size"]
    assert (read.times, read.ways, read.loss.cpu_seconds) == (1, 4, 15)


def test_a_loss_is_told_only_where_it_is_worth_it():
    def losses(own):
        events = [started(), split("f", "lr", [1, 1], 100.0)]
        return shared(events, [run("f.0", own=own), run("f.1", own=own)]).early_reads()

    assert losses(5.0) == []
    (read,) = losses(6.0)
    assert read.loss.cpu_seconds == 6
    small = [started(imports=None), split("f", "lr", [1, 1], 0.0)]
    assert shared(small, [run("f.0", own=0.4), run("f.1", own=0.4)]).early_reads() == []


def test_reads_of_installed_code_are_not_the_users():
    events = [started(), split("f", "lr", [1, 1], 0.0, file=None)]
    assert shared(events, [run("f.0", own=9.0), run("f.1", own=9.0)]).early_reads() == []


def test_of_runs_under_way_only_what_is_done_is_lost():
    events = [started(), split("f", "lr", [1, 1, 1, 1], 1.0)]
    (read,) = shared(events, [run("f.0", own=9.0), run("f.1", own=9.0), None, None]).early_reads()
    assert (read.ways, read.loss.cpu_seconds) == (2, 9)
    assert shared(events, [run("f.0", own=9.0), None, None, None]).early_reads() == []


@pytest.mark.parametrize("name", ["seconds", "cpu_seconds"])
def test_more_seconds_than_a_float_has_are_not_counted(name):
    huge = {**split("f", "lr", [2, 2], 10.0), name: 10**400}
    assert shared([started(), huge], RUNS).first.walk()
    assert shared([started(imports={**IMPORTS, name: 10**400})], RUNS).spent
