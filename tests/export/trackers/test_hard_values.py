"""What a search holds is what the tool gives back: as it was, or as a text of YAML."""

import os
import pickle
import subprocess
import sys
from importlib.util import find_spec

import pytest

from gridfold.core.values import canonical
from tests import made
from tests.conftest import ROOT
from tests.export.trackers.hard_values import (
    HARD_METRICS,
    HARD_NAMES,
    HARD_NUMBERS,
    HARD_VALUES,
    is_same,
    is_text_of,
)

RUNS = 13  # that are completed
MANY = range(0, len(HARD_VALUES), RUNS)  # each of so many values is one of a parameter
OTHERS = {bool: 7, int: 7, float: 7.5, str: "other", list: [7], dict: {"k": 7}, type(None): 7}
TOOLS = ("optuna", "trackio", "wandb")
# What each tool holds as it is, where all values of the parameter are of that type.
NO_TEXTS = {name for name, value in HARD_VALUES.items() if not isinstance(value, (list, dict))}
TEXTS = {
    "optuna": set(HARD_VALUES) - NO_TEXTS,
    "trackio": {"nan", "inf", "minus inf", "minus zero", "beyond doubles", "beyond 64 bits", "far below"}
    | {"infinity as a text", "nan in a list", "no mapping", "key that is no text"},
    "wandb": {"nan", "inf", "minus inf", "minus zero", "beyond doubles", "beyond 64 bits", "far below"}
    | {"nan in a list", "no mapping", "key that is no text"},
}


def numbers(index):
    """Hard numbers as metrics, others in each run."""
    return {name: HARD_NUMBERS[(index + place) % len(HARD_NUMBERS)] for place, name in enumerate(HARD_METRICS[1:])}


def search_of(folder):
    """A search: of the first parameters, each has one hard value and one of its type; others have many."""
    values = list(HARD_VALUES.values())
    first = {f"p{place}": value for place, value in enumerate(values)}
    second = {path: OTHERS[type(value)] for path, value in first.items()}
    runs = []
    for index in range(RUNS):
        params = (second if index else first) | dict.fromkeys(HARD_NAMES, 1 + index)
        params |= {f"many{group}": values[group + index] for group in MANY if group + index < len(values)}
        reports = [{"epoch": epoch, "val_f1": 0.5 + epoch / 10, **numbers(index)} for epoch in (1, 2, 3)]
        runs.append({"params": params, "reports": reports, "metrics": {"val_f1": 0.8, **numbers(index)}})
    error = {"type": "ValueError", "message": "no \U0001f600 <b>", "traceback": "", "place": "train.py:3"}
    runs.append({"params": second | {"many0": "failed"}, "state": "failed", "metrics": {}, "error": error})
    return made.search(folder, "hard_000000", runs, metric="val_f1", maximize=True)


@pytest.fixture(scope="module", params=TOOLS)
def read(request, tmp_path_factory):
    """The name of a tool, and what it has of the search, which was exported twice."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    search = search_of(folder / "runs")
    told = [sys.executable, "-m", "tests.export.trackers.readers", request.param]
    told += map(str, (search.dir, folder / "out", 2, folder / "found"))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HOME": str(folder)}
    subprocess.run(told, check=True, cwd=folder, env=environment, timeout=300)
    return request.param, pickle.loads((folder / "found").read_bytes())


def test_each_run_is_there_once(read):
    _, runs = read
    assert [(run["index"], run["is_good"]) for run in runs] == [
        *((index, True) for index in range(RUNS)),
        (RUNS, False),
    ]


def test_values_come_back_as_they_are_or_as_text(read):
    tool, runs = read
    as_texts = set()
    for place, (name, value) in enumerate(HARD_VALUES.items()):
        found, other = (run["params"][f"p{place}"] for run in runs[:2])
        if is_same(found, value):
            assert is_same(other, OTHERS[type(value)]), name
        else:
            assert is_text_of(found, value), name
            assert is_text_of(other, OTHERS[type(value)]), name
            as_texts.add(name)
    assert as_texts == TEXTS[tool]


def test_no_two_values_of_a_parameter_are_one(read):
    _, runs = read
    for group in MANY:
        values = [*HARD_VALUES.values()][group : group + RUNS]
        found = [run["params"][f"many{group}"] for run in runs[: len(values)]]
        assert len(set(map(canonical, found))) == len(values)
        assert all(is_same(each, value) or is_text_of(each, value) for each, value in zip(found, values, strict=True))


def test_each_parameter_has_its_name(read):
    _, runs = read
    assert all(is_same(run["params"][name], 1 + run["index"]) for name in HARD_NAMES for run in runs[:RUNS])


def test_numbers_come_back(read):
    tool, runs = read
    for run in runs[:RUNS]:
        wanted = numbers(run["index"])
        points = [(step, metrics) for step, metrics in run["points"] if metrics]
        assert [(step, metrics["val_f1"]) for step, metrics in points] == [(1, 0.6), (2, 0.7), (3, 0.8)]
        if tool != "optuna":  # which has the course of one
            assert all(are_equal(metrics[name], wanted[name]) for _, metrics in points for name in wanted)
        assert all(are_equal(run["metrics"][name], value) for name, value in wanted.items())


def are_equal(found, value):
    """Whether a tool has given back a number, as a float maybe: JSON does not tell 1 from 1.0."""
    return is_same(float(found), float(value)) if isinstance(found, (int, float)) else is_text_of(found, value)
