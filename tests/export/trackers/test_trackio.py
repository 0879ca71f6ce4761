"""Trackio, read by its own API."""

from importlib.util import find_spec

import pytest

from tests.export.trackers.contract import Found, TrackerContract
from tests.export.trackers.hard_values import is_same, is_text_of

if find_spec("trackio") is None:  # to import it would choose its folder
    pytest.skip("trackio is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Trackio's folder, which a process chooses once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRACKIO_DIR", "")  # and restores it
        yield tmp_path_factory.mktemp("trackio")


class TestTrackio(TrackerContract):
    NAME = "trackio"

    @pytest.fixture
    def folder(self, data):
        for file in data.glob("*.db*"):
            file.unlink()
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
