"""What every tracker does. A tracker's tests inherit from `TrackerContract` and say how its tool reads."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gridfold.export.trackers.protocol import Point, RunNews, SearchFacts
from tests.export.trackers.hard_values import HARD_METRICS, HARD_NAMES, HARD_NUMBERS, HARD_VALUES

STARTED, ENDED = "2025-01-01T12:00:00.000+00:00", "2025-01-01T12:01:00.000+00:00"
SECONDS = 1735732800.0  # the same


@dataclass
class Found:
    """A run as the tool's own reader gives it back.

    Attributes:
        params: the values of its parameters, by the tool's names.
        curves: step and value of each metric that it reported, in order.
        metrics: of its end.
        state: completed or failed, or running.
    """

    params: dict[str, Any]
    curves: dict[str, list[tuple[int, float]]]
    metrics: dict[str, float] = field(default_factory=dict)
    state: str = "running"


def search(folder: Path, **parameters: Any) -> SearchFacts:
    """A search with parameters of these values."""
    directory = folder / "runs" / "demo_120000"
    directory.mkdir(parents=True, exist_ok=True)
    values = {name: tuple(each) for name, each in parameters.items()}
    return SearchFacts("demo_120000", directory, "val_f1", maximize=True, parameters=values, id="0123456789abcdef")


def points(*values: float, first: int = 1) -> list[Point]:
    """Reports of a metric, one for each epoch."""
    return [
        Point(float(step), {"val_f1": value, "epoch": step}, SECONDS + step, step)
        for step, value in enumerate(values, first)
    ]


def begun(directory: Path, index: int = 0, params: Any = None, **more: Any) -> RunNews:
    """The first news of a run."""
    params = {"lr": 0.1} if params is None else params
    name = f"demo_120000_{index}"
    (directory.parent / name).mkdir(exist_ok=True)
    news = RunNews(
        index=index, name=name, dir=directory.parent / name, params=params, config=params, repeat=0, fold=None,
        attempt=1, state="running", is_new=True, is_over=False, points=[], metrics={}, error=None, started=STARTED,
        ended=None, trial=index,
    )  # fmt: skip
    return replace(news, **more)


def later(news: RunNews, *reports: Point) -> RunNews:
    """What is new of it then."""
    return replace(news, is_new=False, points=list(reports))


def over(news: RunNews, state: str = "completed", **metrics: float) -> RunNews:
    """Its end, told by somebody who has told of it before."""
    error = "ValueError: boom" if state == "failed" else None
    return replace(news, is_new=False, is_over=True, state=state, metrics=metrics, error=error, ended=ENDED, points=[])


class TrackerContract:
    """Tests for any tracker."""

    NAME = ""
    CHANGES_NAMES = False  # whether parameters and metrics may get other names
    READS_LIVE = True  # whether the tool can read what was written as soon as that is so

    @pytest.fixture
    def folder(self, tmp_path):
        """Where the tool has its data; the tracker is made with it."""
        return tmp_path / "tool"

    def make(self, folder: Path) -> Any:
        """A tracker that writes to a folder."""
        raise NotImplementedError

    def read(self, folder: Path) -> dict[int, Found]:
        """What the tool reads there of the search, by the index of the run; a run that is there twice is an error."""
        raise NotImplementedError

    def value(self, found: Any, value: Any) -> bool:
        """Whether the tool gave back a value of a parameter: equal and of the same type, or as its text."""
        raise NotImplementedError

    def test_a_run_is_told_bit_by_bit(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1, 0.2])
        tracker, news = self.make(folder), begun(facts.dir)
        tracker.begin(facts)
        tracker.write([news])
        tracker.write([later(news, *points(0.5, 0.25)), begun(facts.dir, 1, {"lr": 0.2}, points=points(0.75))])
        if self.READS_LIVE:
            assert self.read(folder)[0].curves["val_f1"] == [(1, 0.5), (2, 0.25)]
        tracker.write([later(news, *points(0.125, first=3))])
        tracker.write([over(news, val_f1=0.5)])
        assert tracker.end()
        found = self.read(folder)
        assert found[0].curves["val_f1"] == [(1, 0.5), (2, 0.25), (3, 0.125)]
        assert (found[0].state, found[1].state) == ("completed", "running")
        assert self.value(found[0].params["lr"], 0.1)
        assert self.value(found[1].params["lr"], 0.2)

    def test_nothing_is_there_twice_after_a_crash(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1, 0.2])
        news, done = begun(facts.dir, points=points(0.5, 0.25)), begun(facts.dir, 1, {"lr": 0.2}, points=points(0.75))
        killed = self.make(folder)
        killed.begin(facts)
        killed.write([news, done])
        killed.write([over(done, val_f1=0.75)])
        tracker = self.make(folder)
        tracker.begin(facts)
        tracker.write([replace(news, points=points(0.5, 0.25, 0.125)), replace(done, is_over=True, state="completed",
                       metrics={"val_f1": 0.75}, ended=ENDED)])  # fmt: skip
        tracker.write([over(news, val_f1=0.5)])
        tracker.end()
        found = self.read(folder)
        assert found.keys() == {0, 1}
        assert found[0].curves["val_f1"] == [(1, 0.5), (2, 0.25), (3, 0.125)]
        assert found[1].curves["val_f1"] == [(1, 0.75)]
        assert {run.state for run in found.values()} == {"completed"}

    def test_another_attempt_replaces_the_first(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1])
        tracker, news = self.make(folder), begun(facts.dir, points=points(0.5, 0.25))
        tracker.begin(facts)
        tracker.write([news])
        tracker.write([over(news, "failed")])
        tracker.write([replace(news, attempt=2, points=points(0.75))])
        tracker.write([over(replace(news, attempt=2), val_f1=0.75)])
        tracker.end()
        (found,) = self.read(folder).values()
        assert (found.state, found.curves["val_f1"]) == ("completed", [(1, 0.75)])

    def test_a_run_that_fails_is_there(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1])
        tracker, news = self.make(folder), begun(facts.dir)
        tracker.begin(facts)
        tracker.write([replace(over(news, "failed"), is_new=True)])
        tracker.end()
        assert self.read(folder)[0].state == "failed"

    def test_a_metric_without_a_curve_is_there(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1])
        tracker, news = self.make(folder), begun(facts.dir)
        tracker.begin(facts)
        tracker.write([replace(over(news, val_f1=0.75), is_new=True)])
        tracker.end()
        assert self.read(folder)[0].metrics["val_f1"] == 0.75

    @pytest.mark.parametrize("alone", [False, True], ids=["all in one parameter", "each in its own"])
    def test_hard_values_come_back(self, folder, tmp_path, alone):
        values = [*HARD_VALUES.values()]
        if alone:
            facts = search(tmp_path, **{f"p{place}": [value] for place, value in enumerate(values)})
            runs = [begun(facts.dir, 0, {f"p{place}": value for place, value in enumerate(values)})]
        else:
            facts = search(tmp_path, p=values)
            runs = [begun(facts.dir, place, {"p": value}) for place, value in enumerate(values)]
        tracker = self.make(folder)
        tracker.begin(facts)
        tracker.write(runs)
        tracker.end()
        found = self.read(folder)
        back = [found[0].params[f"p{place}"] if alone else found[place].params["p"] for place in range(len(values))]
        wrong = [name for name, each in zip(HARD_VALUES, back, strict=True) if not self.value(each, HARD_VALUES[name])]
        assert not wrong, [(name, back[[*HARD_VALUES].index(name)]) for name in wrong]

    def test_names_of_all_kinds_are_taken(self, folder, tmp_path):
        params = {name: place for place, name in enumerate(HARD_NAMES)}
        facts = search(tmp_path, **{name: [place] for name, place in params.items()})
        report = Point(1.0, {name: float(place) for place, name in enumerate(HARD_METRICS)}, SECONDS, 1)
        tracker = self.make(folder)
        tracker.begin(facts)
        tracker.write([begun(facts.dir, 0, params, points=[report])])
        tracker.end()
        (found,) = self.read(folder).values()
        if not self.CHANGES_NAMES:
            assert found.params.keys() >= params.keys()
            assert found.curves.keys() >= set(HARD_METRICS)
        assert len(found.params) >= len(params)
        assert {curve[0][1] for curve in found.curves.values()} >= set(report.metrics.values())

    def test_numbers_come_back(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1])
        reports = [Point(float(step), {"m": value}, SECONDS, step) for step, value in enumerate(HARD_NUMBERS, 1)]
        tracker = self.make(folder)
        tracker.begin(facts)
        tracker.write([begun(facts.dir, points=reports)])
        tracker.end()
        (found,) = self.read(folder).values()
        for step, value in found.curves["m"]:
            assert self.number(value, HARD_NUMBERS[step - 1]), HARD_NUMBERS[step - 1]
        missing = [value for step, value in enumerate(HARD_NUMBERS, 1) if step not in dict(found.curves["m"])]
        assert all(map(self.may_be_missing, missing)), missing

    def number(self, found: float, value: float) -> bool:
        """Whether the tool gave back a number of a curve."""
        return found in (value, float(value)) or (math.isnan(found) and math.isnan(value))

    def may_be_missing(self, number: float) -> bool:
        """Whether a number of a curve need not be a number for the tool, as it is written otherwise."""
        return False
