"""W&B, read from the files of offline runs."""

import json

import pytest

from gridfold.export.trackers.protocol import Point
from tests.export.trackers.contract import SECONDS, Found, TrackerContract, begun, over, points, search
from tests.export.trackers.hard_values import is_same, is_text_of
from tests.export.trackers.readers import item_of, records_of

wandb = pytest.importorskip("wandb")


@pytest.fixture(autouse=True, scope="module")
def _service():
    yield
    wandb.teardown()


class TestWandB(TrackerContract):
    NAME = "wandb"
    READS_LIVE = False  # its own process writes, when a report is followed by another, or a run ends

    def make(self, folder):
        from gridfold.export.trackers.wandb import WandB

        return WandB(folder)

    def read(self, folder):
        found = {}
        for file in folder.glob("wandb/offline-run-*/*.wandb"):
            config, summary, curves = {}, {}, {}
            for record in records_of(file):
                kind = record.WhichOneof("record_type")
                if kind == "run":
                    config = {update.key: json.loads(update.value_json) for update in record.run.config.update}
                if kind == "summary":
                    summary |= dict(map(item_of, record.summary.update))
                if kind == "history":
                    for name, value in map(item_of, record.history.item):
                        curves.setdefault(name, []).append((record.history.step.num, value))
            index = config["gridfold"]["index"]
            assert index not in found
            found[index] = Found(config, curves, summary, summary.get("gridfold.state", "running"))
        return found

    def value(self, found, value):
        return is_same(found, value) or is_text_of(found, value)


def test_what_wandb_takes_for_its_own_has_another_name(tmp_path):
    facts = search(tmp_path, **{"layers.0.p": [0.1, 0.2]})
    config = {"-x-": 1, "_wandb": 2, "layers": [{"p": 0.1}], "model": "wandb-artifact://a/b:v1"}
    report = Point(1.0, {"_step": 7.0, "_timestamp": 8.0, "": 9.0}, SECONDS, 1)
    tracker = TestWandB().make(tmp_path / "tool")
    tracker.begin(facts)
    tracker.write([begun(facts.dir, params={"layers.0.p": 0.1}, config=config, points=[report])])
    tracker.end()
    (found,) = TestWandB().read(tmp_path / "tool").values()
    said = {key: found.params[key] for key in found.params.keys() - {"_wandb", "gridfold"}}
    assert said == {
        "'-x-'": 1, "'_wandb'": 2, "layers": [{"p": 0.1}], "layers.0.p": 0.1, "model": "'wandb-artifact://a/b:v1'"
    }  # fmt: skip
    assert found.curves["_timestamp"] == [(1, SECONDS)]
    assert [found.curves[f"metrics.{name}"] for name in ("_step", "_timestamp", "")] == [[(1, 7)], [(1, 8)], [(1, 9)]]


def test_values_that_are_one_when_they_are_sent_are_texts(tmp_path):
    facts = search(tmp_path, one=[1, 1.0], other=[2, 2.5])
    tracker = TestWandB().make(tmp_path / "tool")
    tracker.begin(facts)
    runs = [begun(facts.dir, 0, {"one": 1, "other": 2}), begun(facts.dir, 1, {"one": 1.0, "other": 2.5})]
    tracker.write(runs)
    tracker.end()
    found = TestWandB().read(tmp_path / "tool")
    assert [found[index].params["one"] for index in (0, 1)] == ["1", "1.0"]
    assert [found[index].params["other"] for index in (0, 1)] == [2, 2.5]


def test_the_summary_has_the_best_epoch_and_not_the_last(tmp_path):
    facts = search(tmp_path, lr=[0.1])
    tracker, news = TestWandB().make(tmp_path / "tool"), begun(facts.dir, points=points(0.5, 0.75, 0.25))
    tracker.begin(facts)
    tracker.write([news])
    tracker.write([over(news, val_f1=0.75, epoch=2)])
    tracker.end()
    (found,) = TestWandB().read(tmp_path / "tool").values()
    assert (found.metrics["val_f1"], found.metrics["epoch"]) == (0.75, 2)
    assert [value for _, value in found.curves["val_f1"]] == [0.5, 0.75, 0.25]
