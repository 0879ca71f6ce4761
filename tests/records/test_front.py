"""Several metrics at once."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.records.front import front, said
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, TrialResult
from tests import made

GOALS = {"strategy": {"name": "nsga", "trials": 4, "metrics": {"f1": "max", "ms": "min"}}}
RUNS = [
    made.completed(0.1, ms=5, f1=0.9),
    made.completed(0.2, ms=3, f1=0.8),
    made.completed(0.3, ms=4, f1=0.7),
    made.completed(0.4, ms=1, f1=0.5),
    made.completed(0.5, ms=1),
]


@pytest.fixture
def search(project):
    return made.search(project / "runs", "several_000000", RUNS, **GOALS)


def test_the_trials_that_no_other_beats(search):
    of = Results.read([search])
    assert (of.objective.metric, of.objective.maximize) == ("f1", True)
    assert [trial.params["training.lr"] for trial in front(of)] == [0.1, 0.2, 0.4]


def test_what_people_see(search, gridfold, snapshot):
    assert "\n".join(gridfold(name)[1] for name in ("results", "best", "report")) == snapshot
    assert gridfold("results", "--where", "front", "--columns", "lr", "--format", "csv")[1].split() == [
        "training.lr", "0.1", "0.2", "0.4",
    ]  # fmt: skip
    summary = json.loads((search.dir / "summary.json").read_text())
    assert [trial["front"] for trial in summary["trials"]] == [True, True, False, True, False]
    assert "Pareto front" in search.report_path.read_text()


def test_of_one_metric_nothing_is_said(project):
    of = Results.read([made.search(project / "runs", "one_000000", RUNS)])
    assert (front(of), said(of)) == ([], "")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_it_is_what_comparing_all_pairs_gives(values):
    goals = (("a", True), ("b", False), ("c", True))
    trials = [TrialResult({"x": place}, ()) for place in range(len(values))]
    for trial, (a, b, c) in zip(trials, values, strict=True):
        vars(trial).update(metrics={"a": a, "b": b, "c": c}, values={(0, None): a})
    of = Results((), Objective("a", True, goals=goals), tuple(trials))
    costs = [(-a, b, -c) for a, b, c in values]
    beaten = {
        place
        for (place, cost), other in itertools.product(enumerate(costs), costs)
        if other != cost and all(one <= two for one, two in zip(other, cost, strict=True))
    }
    assert sorted(trial.params["x"] for trial in front(of)) == [x for x in range(len(values)) if x not in beaten]
