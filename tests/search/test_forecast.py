"""How long a search still takes, by the runs that have ended."""

import pytest

from gridfold.runs.record import Record
from gridfold.search.forecast import Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def paced(parallel, ends, seconds=1.0):
    """The pace of runs that end at some times."""
    clock = Clock()
    pace = Pace(parallel, clock)
    for clock.now in ends:
        pace.ended(Record("", 0, None, {}, "toy:train", state="completed", seconds=seconds))
    return pace


@pytest.mark.parametrize("ends", [[], [60]])
def test_one_run_says_nothing(ends):
    assert paced(1, ends).seconds_left(10) is None


def test_what_comes_before_the_first_end_does_not_count():
    assert paced(1, [60, 61, 62]).seconds_left(10) == 10


def test_runs_that_end_at_a_time_are_no_pace():
    assert paced(4, [60, 60, 60, 60], seconds=60).seconds_left(8) == 120
    assert paced(4, [60, 60, 60, 60, 120]).seconds_left(7) == 105
    assert paced(4, [60, 60, 60, 60, 120, 120, 120, 120]).seconds_left(4) == 60


def test_one_slow_run_among_the_first_of_many_at_a_time():
    clock = Clock()
    pace = Pace(4, clock)
    for seconds in (90, 2, 2):
        pace.ended(Record("", 0, None, {}, "toy:train", state="completed", seconds=seconds))
    assert pace.seconds_left(8) == 4


def test_it_goes_by_the_last_runs():
    assert paced(1, [*range(100), *range(200, 600, 10)]).seconds_left(3) == 30


def test_before_there_is_a_pace_it_is_the_median_of_what_runs_took():
    pace = Pace(4, Clock())
    for seconds in (20, 30, 100):
        pace.ended(Record("", 0, None, {}, "toy:train", state="completed", seconds=seconds))
    assert pace.seconds_left(4) == 30
