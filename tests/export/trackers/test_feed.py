"""What a tracker is told of run directories."""

import json

import pytest

from gridfold.core.process.identity import Owner
from gridfold.export.trackers.feed import Feed, Told
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from tests import made

STARTED, ENDED = "2025-01-01T12:00:00.000+00:00", "2025-01-01T12:00:04.000+00:00"


@pytest.fixture
def search(tmp_path):
    """A search of two runs, of which none has begun."""
    return made.search(tmp_path, "demo", [{"params": {"training.lr": lr}} for lr in (0.1, 0.01)])


def record(search, index=0, **said):
    entry = [*search.entries()][index]
    usual = {"trainer": "toy:train", "state": "running", "attempt": 1, "started": STARTED}
    search.run(entry).write(Record(entry.id, index, search.name, entry.params, **(usual | said)))


def report(search, *reports, index=0):
    with (search.run([*search.entries()][index]).dir / "metrics.jsonl").open("a") as file:
        file.write("".join(json.dumps(each) + "\n" for each in reports))


def told(feed, **how):
    found = [*feed.news(**how)]
    feed.written()
    return found


def test_only_what_is_new_is_told(search):
    feed = Feed(search)
    assert told(feed) == []
    record(search)
    (news,) = told(feed)
    assert (news.index, news.is_new, news.is_over, news.points) == (0, True, False, [])
    assert news.config == {"training": {"lr": 0.1, "batch_size": 16, "metric": "f1"}}
    report(search, {"epoch": 1, "loss": 0.5})
    assert [point.metrics for news in told(feed) for point in news.points] == [{"epoch": 1, "loss": 0.5}]
    assert told(feed) == []
    report(search, {"epoch": 2, "loss": 0.25})
    record(search, state="completed", metrics={"loss": 0.375}, ended=ENDED)
    (news,) = told(feed)
    assert (news.is_new, news.is_over, news.metrics) == (False, True, {"loss": 0.25, "epoch": 2})
    assert [(point.step, point.number) for point in news.points] == [(2.0, 2)]
    assert told(feed) == told(feed, is_last=True) == []


@pytest.mark.parametrize(
    ("epochs", "numbers"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([0, 1, 2], [1, 2, 3]),
        ([5, 10, 10, 15], [5, 10, 10, 15]),
        ([0.5, 1.0, 1.5, 2.0], [1, 2, 3, 4]),
        ([None, None], [1, 2]),
        ([float("nan"), 1, 2], [1, 1, 2]),
    ],
)
def test_steps_are_whole_and_never_fall(search, epochs, numbers):
    record(search)
    report(search, *({"loss": 1.0} | ({} if epoch is None else {"epoch": epoch}) for epoch in epochs))
    (news,) = told(Feed(search))
    assert [point.number for point in news.points] == numbers


def test_times_of_reports_that_are_read_late_are_spread_over_the_run(search):
    report(search, *({"loss": 1.0} for _ in range(4)))
    record(search, state="completed", ended=ENDED)
    (news,) = told(Feed(search))
    assert [point.time - news.begun for point in news.points] == [1.0, 2.0, 3.0, 4.0]


def test_another_attempt_is_told_from_its_beginning(search):
    feed = Feed(search)
    record(search)
    report(search, {"loss": 0.5})
    told(feed)
    record(search, state="failed", error={"type": "ValueError", "message": "boom"}, ended=ENDED)
    (news,) = told(feed)
    assert (news.is_over, news.error, news.metrics) == (True, "ValueError: boom", {})
    search.run(next(search.entries())).set_aside(1)
    record(search, attempt=2)
    report(search, {"loss": 0.25})
    (news,) = told(feed)
    assert (news.is_new, news.attempt) == (True, 2)
    assert [point.metrics for point in news.points] == [{"loss": 0.25}]


@pytest.mark.parametrize("reports", [[], [{"loss": 0.25}], [{"loss": 0.25}] * 4])
def test_what_an_attempt_reported_is_not_told_of_the_next_which_has_yet_to_set_it_aside(search, reports):
    feed = Feed(search)
    report(search, {"loss": 0.5}, {"loss": 0.375})
    record(search, attempt=2)
    assert [len(news.points) for news in told(feed)] == [2]
    search.run(next(search.entries())).set_aside(1)
    if reports:
        report(search, *reports)
    (news,) = told(feed)
    assert (news.is_new, news.is_over) == (True, False)
    assert [(point.metrics, point.number) for point in news.points] == [
        (each, number) for number, each in enumerate(reports, 1)
    ]
    record(search, attempt=2, state="completed", metrics={"loss": 0.125}, ended=ENDED)
    assert [(news.is_new, news.is_over, news.points) for news in told(feed)] == [(False, True, [])]


def test_what_was_told_to_the_end_is_not_told_again_unless_it_has_changed(search, tmp_path):
    path = tmp_path / "told" / "tool.jsonl"
    for index in (0, 1):
        record(search, index, state="completed", metrics={"loss": 0.5}, ended=ENDED)
    assert len(told(Feed(search, Told(path)))) == 2
    feed = Feed(search, Told(path))
    assert told(feed) == []
    record(search, 1, state="completed", metrics={"loss": 0.25}, ended=ENDED)  # by `gridfold collect`
    (news,) = told(Feed(search, Told(path)))
    assert (news.index, news.is_new, news.metrics) == (1, True, {"loss": 0.25})


def test_a_run_is_told_again_if_another_metric_says_which_epoch_is_its_best(search, tmp_path):
    path = tmp_path / "told" / "tool.jsonl"
    search.update(metric="acc")
    record(search, state="completed", metrics={"acc": 0.75, "loss": 0.5}, ended=ENDED)
    report(search, {"epoch": 1, "acc": 0.25, "loss": 0.125}, {"epoch": 2, "acc": 0.75, "loss": 0.5})
    before = Feed(search, Told(path))
    assert [news.metrics["loss"] for news in told(before)] == [0.5]
    search.update(metric="loss")  # by `gridfold resume --metric loss`
    (news,) = told(before)
    assert (news.is_new, news.is_over, news.metrics["loss"], len(news.points)) == (True, True, 0.125, 2)
    assert told(before) == told(Feed(search, Told(path))) == []
    search.update(metric="acc")
    (news,) = told(Feed(search, Told(path)))
    assert news.metrics["loss"] == 0.5


def test_what_was_not_written_is_told_again(search, tmp_path):
    path = tmp_path / "told" / "tool.jsonl"
    record(search, state="completed", ended=ENDED)
    assert len([*Feed(search, Told(path)).news()]) == 1
    assert len([*Feed(search, Told(path)).news()]) == 1


def test_a_run_whose_process_is_dead_is_lost_in_the_end(search):
    owner = Owner.current()
    record(search, host=owner.host, pid=owner.pid, process="1")  # another process had this number once
    feed = Feed(search)
    assert [news.state for news in told(feed)] == ["running"]
    (news,) = told(feed, is_last=True)
    assert (news.is_over, news.is_new, news.state) == (True, False, "lost")


def test_a_result_that_was_reused_has_the_reports_of_its_run(search):
    report(search, {"loss": 0.5}, index=1)
    record(search, state="completed", attempt=0, reused="demo_1", metrics={"loss": 0.5}, ended=ENDED)
    (news,) = told(Feed(search))
    assert (news.is_new, news.is_over, [point.metrics for point in news.points]) == (True, True, [{"loss": 0.5}])


def test_runs_that_are_added_are_told(search):
    feed = Feed(search)
    assert told(feed) == []
    search.extend([(RunEntry(0, "demo_2", {"training.lr": 0.5}, "0" * 16), "training: {lr: 0.5}\n")])
    record(search, 2)
    (news,) = told(feed)
    assert (news.index, news.trial, news.params) == (2, 2, {"training.lr": 0.5})


def test_repeats_are_of_one_trial(tmp_path):
    runs = [
        {"params": {"training.lr": lr}, "repeat": repeat, "run": f"r{repeat}{lr}"}
        for repeat in (0, 1)
        for lr in (0.1, 0.01)
    ]
    search = made.search(tmp_path, "demo", [run | {"state": "completed"} for run in runs])
    assert [(news.index, news.trial, news.repeat) for news in told(Feed(search))] == [
        (0, 0, 0), (1, 1, 0), (2, 0, 1), (3, 1, 1)
    ]  # fmt: skip


def test_facts_have_all_values(search):
    facts = Feed(search).facts()
    assert facts.parameters == {"training.lr": (0.1, 0.01)}
    assert (facts.name, facts.dir, facts.metric) == ("demo", search.dir, None)
    record(search, state="completed", metrics={"val_f1": 0.5})
    facts = Feed(search).facts()
    assert (facts.metric, facts.maximize) == ("val_f1", True)
