"""Trackio, read by its own API."""

from importlib.util import find_spec

import pytest

from gridfold.export.trackers.protocol import Point
from tests.export.trackers.contract import SECONDS, Found, TrackerContract, begun, search
from tests.export.trackers.hard_values import is_same, is_text_of

if find_spec("trackio") is None:  # to import it would choose its folder
    pytest.skip("trackio is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Trackio's folder, which a process chooses once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRACKIO_DIR", "")  # and restores it
        yield tmp_path_factory.mktemp("trackio")


@pytest.fixture
def data(once):
    """The same without data."""
    for file in once.glob("*.db*"):
        file.unlink()
    return once


class TestTrackio(TrackerContract):
    NAME = "trackio"

    @pytest.fixture
    def folder(self, data):
        return data

    def make(self, folder):
        from gridfold.export.trackers.trackio import Trackio

        return Trackio(folder)

    def read(self, folder):
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        found = {}
        for run in trackio.Api().runs("demo_120000"):
            curves, about = {}, run.config["gridfold"]
            for point in SQLiteStorage.get_logs("demo_120000", run.name, run_id=run.id):
                for name in point.keys() - {"step", "timestamp"}:
                    curves.setdefault(name, []).append((point["step"], point[name]))
            assert about["index"] not in found
            found[about["index"]] = Found(run.config, curves, about.get("metrics", {}), about["state"])
        return found

    def value(self, found, value):
        return is_same(found, value) or is_text_of(found, value)


def test_what_trackio_takes_for_its_own_has_its_names(data, tmp_path):
    facts = search(tmp_path, **{"layers.0.p": [0.1]})
    report = Point(1.0, {"step": 7.0, "time": 8.0, "__x": 9.0, "loss": 0.5}, SECONDS, 1)
    tracker = TestTrackio().make(data)
    tracker.begin(facts)
    config = {"layers": [{"p": 0.1}], "label": "NaN"}
    tracker.write([begun(facts.dir, params={"layers.0.p": 0.1}, config=config, points=[report])])
    (found,) = TestTrackio().read(data).values()
    assert {key: found.params[key] for key in ("layers.0.p", "label")} == {"layers.0.p": 0.1, "label": "'NaN'"}
    wanted = {"__step": 7.0, "__time": 8.0, "____x": 9.0, "loss": 0.5}
    assert found.curves == {name: [(1, value)] for name, value in wanted.items()}
