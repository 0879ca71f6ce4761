"""Which attempt comes next."""

from dataclasses import replace

import pytest

from gridfold.records.objective import Objective
from gridfold.runs.failure import describe, died, timed_out
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run
from gridfold.search.loop import Policy, Schedule


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Listed:
    """Attempts that are there from the beginning."""

    def __init__(self, attempts, then="done"):
        self.left, self.then, self.heard = list(attempts), then, []

    def take(self):
        return self.left.pop(0) if self.left else self.then

    def ended(self, record):
        self.heard.append(record.index)

    def awaits_others(self, answer):
        return False

    def usual_seconds(self):
        return 10.0


def attempts(count):
    return [Attempt(Run(f"r{i}"), Record(f"{i}", i, "s", {}, "t", attempt=1)) for i in range(count)]


def completed(attempt, seconds=1.0):
    return replace(attempt.record, state="completed", seconds=seconds)


def failed(attempt, error):
    return replace(attempt.record, state="failed", error=error)


def broken(message="broken"):
    return describe(ValueError(message))


def given(schedule):
    """What a schedule gives to an executor that has room for all, as indices; None when there is nothing yet."""
    found = []
    for attempt in schedule:
        if attempt is None:
            return [*found, None]
        found.append(attempt.record.index)
    return found


def test_all_in_order_and_then_none_until_they_have_ended():
    schedule = Schedule(Listed(attempts(3)))
    waiting = iter(schedule)
    got = [next(waiting) for _ in range(4)]
    assert [attempt and attempt.record.index for attempt in got] == [0, 1, 2, None]
    for attempt in got[:3]:
        assert not schedule.ended(attempt, completed(attempt))
    assert next(waiting, "over") == "over"


def test_what_depends_on_a_run_under_way_is_asked_for_again():
    source = Listed(attempts(1), "later")
    schedule = Schedule(source)
    waiting = iter(schedule)
    first = next(waiting)
    assert next(waiting) is None
    schedule.ended(first, completed(first))
    source.left += attempts(2)[1:]
    assert next(waiting).record.index == 1
    assert source.heard == [0]


def test_what_depends_on_nothing_under_way_is_not_waited_for():
    assert given(Schedule(Listed([], "later"))) == []


def test_a_run_that_is_tried_again_has_not_ended():
    source = Listed(attempts(1))
    schedule = Schedule(source, Policy(retries=1))
    (attempt,) = [attempt for attempt, _ in zip(schedule, range(1), strict=False)]
    assert schedule.ended(attempt, failed(attempt, died(-9)))
    assert source.heard == []


def test_what_cannot_be_made_ends_the_search_when_the_runs_under_way_are_over():
    class Full(Listed):
        def take(self):
            if not self.left:
                raise OSError("no room")
            return super().take()

    schedule = Schedule(Full(attempts(1)))
    assert given(schedule) == [0, None]
    assert given(schedule) == []
    assert (schedule.stopped, str(schedule.error), schedule.aborts) == ("no room", "no room", False)


@pytest.mark.parametrize("error", [died(-9), timed_out(3), died(-15)])
def test_a_fault_of_the_machine_is_tried_again_later_and_later(error):
    clock = Clock()
    schedule = Schedule(Listed(attempts(1)), Policy(retries=2), clock)
    waiting = iter(schedule)
    for number, pause in ((1, 1), (2, 2)):
        attempt = next(waiting)
        assert attempt.record.attempt == number
        assert schedule.ended(attempt, failed(attempt, error))
        assert next(waiting) is None
        clock.now += pause - 0.1
        assert next(waiting) is None
        clock.now += 0.2
    last = next(waiting)
    assert last.record.attempt == 3
    assert not schedule.ended(last, failed(last, error))
    assert next(waiting, "over") == "over"


@pytest.mark.parametrize("error", [broken(), died(-11), died(1)])
def test_a_fault_of_the_run_is_not(error):
    schedule = Schedule(Listed(attempts(1)), Policy(retries=2))
    (attempt,) = [attempt for attempt, _ in zip(schedule, range(1), strict=False)]
    assert not schedule.ended(attempt, failed(attempt, error))


def test_the_first_runs_all_fail_alike():
    schedule = Schedule(Listed(runs := attempts(9)))
    for attempt in runs[:3]:
        assert not schedule.stopped
        schedule.ended(attempt, failed(attempt, broken()))
    assert schedule.aborts
    assert given(schedule) == []


@pytest.mark.parametrize(
    ("first", "policy"),
    [
        (completed, Policy()),
        (lambda attempt: failed(attempt, died(-11)), Policy()),
        (lambda attempt: failed(attempt, broken()), Policy(keep_going=True)),
    ],
)
def test_the_first_runs_do_not_all_fail_alike(first, policy):
    schedule = Schedule(Listed(runs := attempts(9)), policy)
    schedule.ended(runs[0], first(runs[0]))
    for attempt in runs[1:6]:
        schedule.ended(attempt, failed(attempt, broken()))
    assert not schedule.stopped


def test_fail_fast():
    schedule = Schedule(Listed(runs := attempts(9)), Policy(fail_fast=True))
    schedule.ended(runs[0], failed(runs[0], broken("x\ny")))
    assert schedule.stopped == "a run failed (ValueError: x)"
    assert schedule.aborts


def test_a_full_disk_stops_the_search():
    schedule = Schedule(Listed(runs := attempts(9)), Policy(keep_going=True))
    full = {"type": "OSError", "message": "[Errno 28] No space left on device", "errno": "ENOSPC"}
    schedule.ended(runs[0], failed(runs[0], full))
    assert schedule.stopped == "the disk is full: [Errno 28] No space left on device"


def test_no_run_is_started_that_would_not_end_within_the_budget():
    clock = Clock()
    schedule = Schedule(Listed(attempts(9)), Policy(budget=100), clock)
    waiting = iter(schedule)
    for seconds in (20, 40, 30):
        attempt = next(waiting)
        clock.now += seconds
        schedule.ended(attempt, completed(attempt, seconds))
    assert next(waiting, "over") == "over"
    assert schedule.stopped == "the budget of 0:01:40 allows no further run (a run takes about 0:00:30)"
    assert not schedule.aborts


class TestWhichMetricCounts:
    def schedule(self, **policy):
        return Schedule(Listed(attempts(3)), Policy(**{"objective": Objective()} | policy))

    def hear(self, schedule, **metrics):
        first = next(iter(schedule))
        schedule.ended(first, replace(completed(first), metrics=metrics))
        return schedule

    def test_it_asks_after_the_first_run(self):
        schedule = self.hear(self.schedule(), width=7, thing=0.5)
        assert (schedule.choices, schedule.aborts, given(schedule)) == (("width", "thing"), True, [])
        assert "which metric counts is not clear; the runs have width, thing" in schedule.stopped

    @pytest.mark.parametrize("metrics", [{"thing": 1}, {"val_acc": 1, "thing": 2}, {"epoch": 1, "loss": 2}])
    def test_it_is_clear(self, metrics):
        assert not self.hear(self.schedule(), **metrics).stopped

    @pytest.mark.parametrize(("metric", "metrics"), [(None, {}), ("acc", {}), ("acc", {"loss": 1, "thing": 2})])
    def test_the_first_run_has_none(self, metric, metrics):
        schedule = self.hear(self.schedule(objective=Objective(metric)), **metrics)
        assert schedule.unmeasured is not None
        assert (schedule.aborts, given(schedule), schedule.choices) == (True, [], ())
        what = f" '{metric}'" if metric else ""
        assert schedule.stopped == f"run 0, the first to end, has no metric{what}; --keep-going goes on all the same"
        assert not self.hear(self.schedule(objective=Objective(metric), keep_going=True), **metrics).stopped

    def test_a_later_run_may_have_none(self):
        schedule = self.hear(self.schedule(), acc=1)
        assert not self.hear(schedule).stopped

    @pytest.mark.parametrize("objective", [None, Objective("thing"), Objective(None, False)])
    def test_somebody_said_so(self, objective):
        assert not self.hear(self.schedule(objective=objective), width=7, thing=0.5).stopped


def test_one_slow_run_does_not_use_up_the_budget_of_the_next():
    """A run is expected to take the median: 30 s, where the mean is 50."""
    clock = Clock()
    schedule = Schedule(Listed(attempts(9)), Policy(budget=185), clock)
    waiting = iter(schedule)
    for seconds in (20, 30, 100):
        attempt = next(waiting)
        clock.now += seconds
        schedule.ended(attempt, completed(attempt, seconds))
    assert next(waiting, "over") != "over"
    clock.now += 6
    assert next(waiting, "over") == "over"
    assert "a run takes about 0:00:30" in schedule.stopped


@pytest.mark.parametrize("is_completed", [False, True])
def test_failures_alike_stop_a_search_only_if_none_of_its_runs_is_completed(is_completed):
    schedule = Schedule(Listed(attempts(9)), has_completed=lambda: is_completed)
    for attempt, _ in zip(schedule, range(3), strict=False):
        schedule.ended(attempt, failed(attempt, broken()))
    assert bool(schedule.stopped) is not is_completed
