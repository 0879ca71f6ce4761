"""``gridfold list``, and ``gridfold diff SEARCH 3 7``."""

import time

import pytest

from tests import made


@pytest.fixture
def searches(project, monkeypatch):
    """In the order of their creation: one that is done, one with failures, one that is left, one that is damaged."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    runs = project / "runs"
    failed = {"state": "failed", "error": {"type": "ValueError", "message": "no"}}
    made.search(
        runs, "done_1", [made.completed(x, val_f1=x / 4) for x in (1, 2, 3)], created="2025-01-01T12:00:00+00:00"
    )
    some = [made.completed(1, val_loss=2.5), made.completed(2) | failed, {"params": {"x": 3}}]
    made.search(runs, "failed_2", some, created="2025-01-02T23:59:59+02:00")
    made.search(runs, "left_3", [{"params": {"x": x}} for x in (1, 2)], created="2025-01-03T12:00:00+00:00")
    damaged = made.search(runs, "damaged_4", [made.completed(1, val_f1=0.5)], created="2025-01-04T12:00:00+00:00")
    (damaged.dir / "runs.jsonl").write_text("{")
    yield runs
    monkeypatch.undo()
    time.tzset()


def test_the_latest_come_first(searches, gridfold, snapshot):
    assert gridfold("list") == (0, snapshot)


def test_some_of_them(searches, gridfold):
    code, said = gridfold("list", "-n", "1")
    assert code == 0
    assert "damaged_4" in said
    assert "left_3" not in said
    assert said.endswith("3 more: gridfold list --all\n")
    assert "done_1" in gridfold("list", "--all")[1]


def test_there_is_none(project, gridfold, snapshot):
    assert gridfold("list") == (2, snapshot)


def test_runs_of_a_search_are_compared_by_their_numbers(searches, gridfold):
    named, numbered = gridfold("diff", "done_1:0", "done_1:2"), gridfold("diff", "done_1", "0", "2")
    assert named[0] == 0
    assert numbered == named


@pytest.mark.parametrize("words", [("dome_1", "0", "2"), ("done_1", "0", "7"), ("done_1", "0", "two")], ids=" ".join)
def test_runs_that_are_not_there(searches, gridfold, snapshot, words):
    assert gridfold("diff", *words) == (2, snapshot)
