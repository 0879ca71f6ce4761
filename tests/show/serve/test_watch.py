"""Changes, put together, give the whole state, whatever happens to a search and in whatever order."""

import asyncio
import json
import random
from dataclasses import replace

import pytest

from gridfold.core.files import replace_file
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import started
from gridfold.show.serve.curve import MOST_POINTS, Curve
from gridfold.show.serve.feed import Feed, as_json
from gridfold.show.serve.watch import MOST_CURVES, Watch
from tests import made
from tests.show.serve.server import changed


def state_of(watch):
    """The state as a page reads it."""
    return json.loads(as_json(watch.state()))


def meant(known):
    """The same, whatever the order in which columns were found."""
    names = [column["name"] for column in known["columns"]]
    rows = [dict(zip(names, row, strict=False)) for row in known["runs"].values()]
    rows = [{name: cell for name, cell in row.items() if cell is not None} for row in rows]
    curves = {index: points for index, points in known["curves"].items() if points}
    return shown(known) | {"runs": rows, "columns": [], "curves": curves}  # a column may have lost all its cells


def shown(known):
    """What a page shows: of tails and progress those of runs under way."""
    running = {str(index) for index in known["search"]["running"]}
    parts = {name: {index: known[name].get(index) for index in running} for name in ("tails", "progress")}
    return {name: known[name] for name in ("search", "columns", "runs", "curves")} | parts


class Life:
    """Lets things happen to a search."""

    def __init__(self, folder, draw):
        self.draw = draw
        self.search = made.search(folder, "life_120000", [{"params": {"x": index}} for index in range(12)])
        self.attempts = {}

    def step(self):
        """One thing."""
        name = self.draw.choice(
            ["begin", "report", "report", "print", "progress", "complete", "fail", "again", "add", "collect"]
        )
        self.settle()
        getattr(self, name)()

    def begin(self):
        """A run starts that is not under way."""
        free = [entry for entry in self.entries() if entry.index not in self.attempts]
        if free:
            self.take(self.draw.choice(free), 1)

    def take(self, entry, attempt):
        run = self.search.run(entry)
        run.attempt = attempt
        record = made.Record(entry.id, entry.index, self.search.name, entry.params, "toy:train", attempt=attempt)
        run.claims.take(started(record))
        self.attempts[entry.index] = (run, 0, "taken")

    def settle(self):
        """Who has taken a run sets aside what the attempt before has reported, and only then reports."""
        for index, (run, epoch, state) in self.attempts.items():
            if state == "taken":
                run.set_aside(run.attempt - 1)
                self.attempts[index] = (run, epoch, "running")

    def report(self):
        """Some runs report some epochs."""
        for index, (run, epoch, state) in self.attempts.items():
            if state == "running" and self.draw.random() < 0.5:
                last = epoch + self.draw.choice([1, 1, 2, 150])
                for each in range(epoch + 1, last + 1):
                    value = self.draw.choice([self.draw.random(), self.draw.random(), float("nan"), 2**60])
                    run.report_each([{"epoch": each, "train_loss": self.draw.random()}])
                    run.report_each([{"epoch": each, "val_f1": value, "extra": 1.0}])
                self.attempts[index] = (run, last, state)

    def print(self):
        for run, _, state in self.attempts.values():
            if state == "running":
                with run.log_path.open("a") as log:
                    log.write(f"{self.draw.random()}\r{'ü' * self.draw.randrange(900)}\n")

    def progress(self):
        for run, _, state in self.attempts.values():
            if state == "running":
                run.progress(step=self.draw.randrange(9), steps=9, loss=float("inf"))

    def complete(self):
        self.end("completed", metrics={"val_f1": self.draw.random(), "test_f1": 1.0})

    def fail(self):
        self.end("failed", error={"type": "ValueError", "message": "no"})

    def end(self, state, **said):
        running = [index for index, (_, _, known) in self.attempts.items() if known == "running"]
        if running:
            index = self.draw.choice(running)
            run, epoch, _ = self.attempts[index]
            assert run.conclude(replace(run.read(), state=state, seconds=2.5, step=float(epoch), **said))
            self.attempts[index] = (run, epoch, state)

    def again(self):
        """A run that failed is tried again."""
        entries = self.entries()
        for index, (run, _, state) in [*self.attempts.items()]:
            if state == "failed":
                self.take(entries[index], run.attempt + 1)

    def collect(self):
        """What a run has reported is read again, and is something else."""
        for run, _, state in self.attempts.values():
            if state == "completed" and self.draw.random() < 0.5:
                lines = [json.dumps({"epoch": epoch, "val_f1": self.draw.random()}) for epoch in (1, 2)]
                replace_file(run.dir / "metrics.jsonl", "\n".join(lines) + "\n")
                run.write(replace(run.read(), metrics={"val_f1": 0.0}))

    def add(self):
        """A run with a parameter that the others lack; the list is read again."""
        name = f"life_120000_more_{len(self.entries())}"
        new = RunEntry(0, name, {"x": len(self.entries()), "y": "é"}, name)
        self.search.extend([(new, "x: 1\n")])

    def entries(self):
        return [*self.search.entries()]


@pytest.mark.parametrize("seed", range(6))
def test_changes_give_the_state(tmp_path, seed):
    life = Life(tmp_path, random.Random(seed))
    watch = Watch(life.search)
    assert watch.look() == {}
    known = state_of(watch)
    for _ in range(60):
        life.step()
        change = watch.look()
        known = state_of(watch) if change == {} else changed(known, json.loads(as_json(change or {})))
        assert shown(known) == shown(state_of(watch))
    life.settle()
    for _ in range(20):  # until directories whose times are too coarse were looked at again
        watch.look()
    assert meant(state_of(watch)) == meant(state_of(fresh(life.search)))


def fresh(search):
    """A watch that knows nothing of what was before."""
    watch = Watch(search)
    watch.look()
    watch.look()
    return watch


def test_the_curves_of_the_best_are_shown(tmp_path):
    runs = [made.completed(index, reports=[{"epoch": 1, "f1": index}], f1=index) for index in range(MOST_CURVES + 9)]
    known = fresh(made.search(tmp_path, "many_120000", runs)).state()
    assert sorted(known["curves"]) == list(range(9, MOST_CURVES + 9))
    assert known["search"]["best"] == MOST_CURVES + 8


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 1000, 12_345])
def test_a_curve_is_thinned_while_it_grows(count):
    curve, known = Curve("f1"), []
    for epoch in range(1, count + 1):
        curve.add([{"epoch": epoch, "f1": epoch / 2, "loss": 1}, {"epoch": epoch, "loss": 2}])
        if epoch % 3:
            news = curve.news()
            known = known[: news["from"]] + news["points"]
    news = curve.news()
    assert known[: news["from"]] + news["points"] == curve.points
    assert len(curve.points) == count if count < MOST_POINTS else MOST_POINTS / 2 <= len(curve.points) <= MOST_POINTS
    assert curve.points[:1] == [(1.0, 0.5)][:count]
    assert curve.points[-1:] == [(float(count), count / 2)][:count]


def test_hard_values_are_texts_or_numbers_that_a_page_reads(tmp_path):
    values = [
        None,
        True,
        1,
        1.0,
        "1",
        "",
        float("nan"),
        float("inf"),
        2**70,
        1e-7,
        "ü" * 300,
        [1, "a"],
        {1: "x"},
        "\ud800",
    ]
    runs = [{"params": {"x": value}, "metrics": {"f1": 2**60}} for value in values[:-1]]
    runs += [{"params": {"x": 0.5}, "metrics": {"f1": float("nan")}}, {"params": {"x": 0.25}, "metrics": {"f1": -0.0}}]
    watch = fresh(made.search(tmp_path, "hard_120000", runs))
    rows = json.loads(as_json(watch.state()), parse_constant=pytest.fail)["runs"]
    cells = [row[4] for row in rows.values()]
    assert len(set(cells)) == len(cells)
    assert all(isinstance(cell, str) and len(cell) <= 60 for cell in cells)
    assert rows["0"][3] == str(2**60)
    assert [row[3] for row in [*rows.values()][-2:]] == [None, -0.0]


def test_a_search_that_cannot_be_read_says_so(tmp_path):
    search = made.search(tmp_path, "torn_120000", [made.completed(1, f1=0.5)])
    (search.dir / "runs.jsonl").write_text("nonsense\n{}\n")
    assert "cannot be read" in fresh(search).state()["search"]["problem"]
    (search.dir / "search.json").write_text("{")
    assert "cannot be read" in fresh(made.SearchDirectory(search.dir)).state()["search"]["problem"]
    assert "no search.json" in fresh(made.SearchDirectory(tmp_path / "none_120000")).state()["search"]["problem"]


class Flaky(Watch):
    """Of a search on a disk that sometimes does not answer."""

    works = False

    def look(self):
        if not self.works:
            raise OSError("Stale file handle")
        return super().look()


def test_a_look_that_fails_is_told_and_tried_again(tmp_path):
    async def hear():
        watch = Flaky(made.search(tmp_path, "flaky_120000", [made.completed(1, f1=0.5)]))
        feed, told = Feed(watch, lambda _: None), []
        async for event in feed.events(None):
            told.append(event)
            if b"Stale file handle" in b"".join(told):
                watch.works = True
            if b'"completed":1' in event:
                feed.close()
        return b"".join(told)

    told = asyncio.run(hear())
    assert told.index(b'"problem":"OSError: Stale file handle"') < told.index(b'"completed":1')
    assert b'"problem":""' in told
