"""W&B, read from the files of offline runs."""

import json

import pytest

from tests.export.trackers.contract import Found, TrackerContract
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
