"""MLflow's store, as its own client reads it."""

import math
import shutil

import pytest
import yaml

from gridfold.core.values import Loader
from tests.export.trackers.contract import Found, TrackerContract, begun, over, points, search
from tests.export.trackers.hard_values import LONG, is_same

pytest.importorskip("mlflow")
from mlflow.tracking import MlflowClient

from gridfold.export.trackers.mlflow import MLflow, make_tables

STATES = {"FINISHED": "completed", "FAILED": "failed", "RUNNING": "running"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),  # MLflow uses it
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # it keeps its databases open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A store without runs, which takes seconds to make."""
    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    make_tables(database)
    return database


@pytest.fixture(autouse=True)
def names_no_store(monkeypatch):
    """The store is that which a test names."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)


def runs_of(folder):
    """The runs of the search, and MLflow's client."""
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiments = [client.get_experiment_by_name("demo").experiment_id]
    return client.search_runs(experiments, max_results=1000), client


class TestMLflow(TrackerContract):
    NAME = "mlflow"
    CHANGES_NAMES = True

    @pytest.fixture
    def folder(self, tmp_path, empty):
        (tmp_path / "tool").mkdir()
        shutil.copy(empty, tmp_path / "tool" / "mlflow.db")
        return tmp_path / "tool"

    def make(self, folder):
        return MLflow(folder)

    def value(self, found, value):
        """All values are texts; what is too long is cut, and whole in the config."""
        if value == LONG:
            return LONG[:5000] in found and "see config.yaml" in found
        return found == value if isinstance(value, str) and found == value else is_same(yaml.load(found, Loader), value)

    def may_be_missing(self, number):
        return math.isinf(number)  # it is in a tag

    def read(self, folder):
        runs, client = runs_of(folder)
        parents = [run for run in runs if "gridfold.index" not in run.data.tags]
        assert [run.info.run_name for run in parents] == ["demo_120000"]
        found = {}
        for run in runs:
            if run in parents:
                continue
            assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
            curves = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
            steps = {name: sorted((each.step, each.value) for each in curve) for name, curve in curves.items()}
            index = int(run.data.tags["gridfold.index"])
            assert index not in found
            found[index] = Found(run.data.params, steps, run.data.metrics, STATES[run.info.status])
        return found

    def test_infinity_is_a_tag(self, folder, tmp_path):
        facts = search(tmp_path, lr=[0.1])
        tracker, news = self.make(folder), begun(facts.dir, points=points(0.5, math.inf))
        tracker.begin(facts)
        tracker.write([news])
        tracker.write([over(news, val_f1=-math.inf)])
        (run,) = [run for run in runs_of(folder)[0] if "gridfold.index" in run.data.tags]
        assert run.data.tags["infinite.val_f1"] == "{2: .inf}"
        assert run.data.tags["infinite.best/val_f1"] == "{2: -.inf}"

    def test_all_of_the_config_is_there(self, folder, tmp_path):
        facts = search(tmp_path, **{"model.lr": [0.1]})
        (facts.dir.parent / "demo_120000_0").mkdir()
        (facts.dir.parent / "demo_120000_0" / "config.yaml").write_text("model: {lr: 0.1} # best\n")
        news = begun(facts.dir, 0, {"model.lr": 0.1}, config={"model": {"lr": 0.1, "sizes": [1, 2]}, "name": "1"})
        tracker = self.make(folder)
        tracker.begin(facts)
        tracker.write([news])
        (run,) = [run for run in runs_of(folder)[0] if "gridfold.index" in run.data.tags]
        assert run.data.params == {"model.lr": "0.1", "model.sizes": "[1, 2]", "name": "'1'"}
        assert (folder / "mlflow-artifacts" / run.info.run_id / "artifacts" / "config.yaml").read_text() == (
            "model: {lr: 0.1} # best\n"
        )
