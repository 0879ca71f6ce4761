"""What two runs have both written: told when it is certain, and never of a file that one run wrote alone."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.search.collisions import Collisions, told

SECOND = 10**9


class Simulated:
    """A search of which the runs begin, write and end at given seconds."""

    def __init__(self, spans, writes):
        self.spans = {run: (began * SECOND, ended * SECOND) for run, (began, ended) in enumerate(spans)}
        self.writes = sorted((second * SECOND, run, path, heard) for second, run, path, heard in writes)
        self.now = 0

    def records(self):
        for run, (began, ended) in self.spans.items():
            if began <= self.now:
                known = _iso(ended) if ended <= self.now else None
                yield SimpleNamespace(index=run), SimpleNamespace(started=_iso(began), ended=known, reused=None)

    def line(self, run):
        """What a run says in the end."""
        began, self.now = self.spans[run]
        there = {path: second for second, _, path, _ in self.writes if second <= self.now}
        heard = {path for _, writer, path, is_heard in self.writes if writer == run and is_heard}
        files = [
            [path, second, 1, str(second), "heard" if path in heard else "seen"]
            for path, second in there.items()
            if second >= began
        ]
        return {"run": run, "span": [began, self.now], "files": files}

    def found(self):
        """The collisions, with the moment at which each was found."""
        collisions = Collisions(self)
        for run in sorted(self.spans, key=lambda run: self.spans[run][1]):
            for each in collisions.hear([self.line(run)]):
                yield self.now, each


def _iso(nanoseconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(nanoseconds / SECOND, UTC).isoformat(timespec="milliseconds")


@st.composite
def searches(draw):
    spans = []
    for place in range(draw(st.integers(1, 5))):
        began = draw(st.integers(0, 20))
        spans.append((4 * began + place % 2, 4 * began + 2 + draw(st.integers(0, 30))))
    writes = []
    for run, (began, ended) in enumerate(spans):
        for _ in range(draw(st.integers(0, 4))):
            path, heard = draw(st.sampled_from("ab")), draw(st.booleans())
            writes.append((draw(st.integers(began + 1, ended)), run, path, heard))
    return spans, list({second: (second, *rest) for second, *rest in writes}.values())


@given(searches())
def test_what_is_told_is_so(search):
    spans, writes = search
    for moment, collision in Simulated(spans, writes).found():
        writers = {run for second, run, path, _ in writes if path == collision.path and second * SECOND <= moment}
        assert len(writers) > 1
        assert writers >= set(collision.runs)


@given(st.booleans(), st.booleans())
def test_runs_one_after_another_are_told_when_the_second_ends(first, second):
    (found,) = Simulated([(1, 5), (5, 9)], [(4, 0, "a", first), (8, 1, "a", second)]).found()
    assert (found[0], found[1].path, found[1].runs) == (9 * SECOND, "a", (0, 1))


def test_runs_side_by_side_are_told_if_they_were_heard():
    spans = [(1, 10), (1, 10)]
    assert list(Simulated(spans, [(4, 0, "a", False), (8, 1, "a", False)]).found()) == []
    assert list(Simulated(spans, [(4, 0, "a", True), (8, 1, "a", False)]).found()) == []
    ((_, found),) = Simulated([(1, 10), (1, 11)], [(4, 0, "a", True), (11, 1, "a", True)]).found()
    assert found.runs == (0, 1)


def test_what_both_wrote_before_one_ended_is_told_in_the_end():
    spans = [(1, 10), (1, 10), (11, 20)]
    both = [(4, 0, "a", True), (5, 1, "a", True)]
    one = Simulated(spans, both)
    collisions = Collisions(one)
    assert not collisions.hear([one.line(0), one.line(1)])
    assert [each.runs for each in collisions.unsettled()] == [(0, 1)]
    again = Simulated(spans, [*both, (15, 2, "a", True)])
    assert [each.runs for each in collisions.hear([again.line(2)])] == [(0, 1)]


def line(run, *files):
    return {"run": run, "span": [run * 10 * SECOND, (run * 10 + 9) * SECOND], "files": list(files)}


@pytest.mark.parametrize(
    ("name", "size", "content", "how"),
    [
        ("data/train.csv", 1, "same", "heard"),
        ("all.csv", 2, "other", "appended"),
        ("results", 2, "", "appended"),
        ("nohup.out", 2, "other", "seen"),
        ("runs.db", 2, "other", "seen"),
    ],
)
def test_what_is_meant_for_all_is_no_collision(name, size, content, how):
    collisions = Collisions(Simulated([], []))
    first = [name, 5 * SECOND, 1, "same", how]
    assert not collisions.hear([line(0, first), line(1, [name, 15 * SECOND, size, content, how])])


def test_what_was_added_is_gone_if_the_next_run_writes_the_file_anew():
    collisions = Collisions(Simulated([], []))
    lines = [line(0, ["a", 5 * SECOND, 1, "", "appended"]), line(1, ["a", 15 * SECOND, 1, "b", "heard"])]
    assert [each.runs for each in collisions.hear(lines)] == [(0, 1)]


@pytest.mark.parametrize("damage", [{}, {"run": 1, "span": 3}, {"run": 1, "span": [1, 2], "files": [["a", None]]}])
def test_lines_that_are_damaged_are_passed_over(damage):
    collisions = Collisions(Simulated([], []))
    wrote = ["a", 5 * SECOND, 1, "one", "heard"]
    assert collisions.hear([line(0, wrote), damage, line(1, ["a", 15 * SECOND, 1, "two", "heard"])])


def test_a_message_names_some_files(snapshot, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    collisions = Collisions(Simulated([], []))
    wrote = [[f"{tmp_path}/out/{n}.pt", 5 * SECOND + n, 1, f"{n}", "heard"] for n in range(7)]
    again = [[path, when + 10 * SECOND, 2, f"{content}'", how] for path, when, _, content, how in wrote]
    found = collisions.hear([line(0, *wrote), line(1, *again)])
    assert told(found, ["./fit"], works_apart=False) == snapshot(name="command")
    assert told(found[:1], "train:train", works_apart=True) == snapshot(name="function")


def test_a_file_that_another_run_was_about_to_write_again_tells_nothing():
    collisions = Collisions(Simulated([], []))
    empty, whole = ["vocab.txt", 2, 0, "0-00000000", "heard"], ["vocab.txt", 3, 9, "9-1a2b3c4d", "heard"]
    lines = [{"run": run, "span": [1, 4], "files": [file]} for run, file in enumerate((empty, whole))]
    assert collisions.hear(lines) == []
    other = {"run": 2, "span": [1, 5], "files": [["vocab.txt", 5, 9, "9-00000001", "heard"]]}
    assert [found.path for found in collisions.hear([other])] == ["vocab.txt"]
