"""A full grid as an array."""

import math

import pytest

import gridfold
from gridfold.cli import main
from gridfold.core.errors import ConfigError
from tests import made

np = pytest.importorskip("numpy")
xarray = pytest.importorskip("xarray")


def grid(project, runs, name="some_1", **facts):
    return made.search(project / "runs", name, runs, **facts)


def run(value, repeat=0, *, fold=None, confirms=False, **params):
    said = {"params": {key.replace("_", "."): each for key, each in params.items()}, "repeat": repeat, "fold": fold}
    metrics = {} if value is None else {"metrics": {"f1": value}}
    return {
        **said,
        **metrics,
        **({"confirms": True} if confirms else {}),
        **({} if value is not None else {"state": "failed"}),
    }


def test_a_dimension_for_each_parameter_for_repeats_and_folds(project):
    pairs = [(lr, size, repeat, fold) for lr in (0.5, 0.1) for size in (8, 16) for repeat in (0, 1) for fold in (0, 1)]
    runs = [
        run(lr * size + repeat / 8 + fold / 16, repeat, fold=fold, t_lr=lr, size=size)
        for lr, size, repeat, fold in pairs
    ]
    runs.append(run(9.0, 1000, fold=0, confirms=True, t_lr=0.1, size=8))
    grid(project, runs)
    found = gridfold.to_xarray(metric="f1")
    assert dict(found.sizes) == {"t.lr": 2, "size": 2, "repeat": 2, "fold": 2}
    assert found["t.lr"].values.tolist() == [0.5, 0.1]
    assert (found["size"].dtype, found.f1.dtype) == (np.int64, np.float64)
    assert float(found.f1.sel({"t.lr": 0.1, "size": 16, "repeat": 1, "fold": 0})) == 0.1 * 16 + 1 / 8
    assert found.attrs == {"searches": "some_1", "metric": "f1", "maximize": 1}
    assert not found.f1.isnull().any()


def test_a_run_without_a_value_is_nan_and_its_state_says_why(project):
    grid(project, [run(1.0, lr=1), run(None, lr=2), {"params": {"lr": 3}}, run(math.inf, lr=4)])
    found = gridfold.Search().to_xarray()
    assert found.f1.values.tolist()[:1] + found.f1.values.tolist()[3:] == [1.0, math.inf]
    assert found.f1.isnull().values.tolist() == [False, True, True, False]
    assert found.state.values.tolist() == ["completed", "failed", "created", "completed"]
    assert found.seconds.values.tolist()[0] == 1.5


@pytest.mark.parametrize(
    ("values", "coordinate"),
    [
        ([1, 1.0], ["1", "1.0"]),
        ([True, False], [True, False]),
        (["b", "a"], ["b", "a"]),
        ([[1], [1, 2]], ["[1]", "[1, 2]"]),
        ([None, 0.5], [None, 0.5]),
        ([None, [1]], ["null", "[1]"]),
        ([0.1 + 0.2, 5e-324], [0.1 + 0.2, 5e-324]),
        ([2**63, 1], ["9223372036854775808", "1"]),
        ([1, 0.5], [1.0, 0.5]),
    ],
    ids=repr,
)
def test_coordinates_are_exact(project, values, coordinate):
    grid(project, [run(float(place), lr=value) for place, value in enumerate(values)])
    found = gridfold.to_xarray()
    assert list(map(repr, found.lr.values.tolist())) == list(map(repr, coordinate))
    assert found.f1.values.tolist() == [0.0, 1.0]


def test_linked_parameters_share_a_dimension(project):
    grid(project, [run(lr, lr=lr, wd=lr / 10, size=size) for lr in (0.1, 0.2) for size in (1, 2)], link=[["lr", "wd"]])
    found = gridfold.to_xarray()
    assert dict(found.sizes) == {"lr": 2, "size": 2}
    assert (found.wd.dims, found.wd.values.tolist()) == (("lr",), [0.1 / 10, 0.2 / 10])


def test_combinations_that_are_missing(project, snapshot):
    listed = {"parameters": {"lr": [0.1, 0.2, 0.3], "size": [1, 2]}}
    grid(
        project,
        [run(lr, lr=lr, size=size) for lr in (0.1, 0.2, 0.3) for size in (1, 2) if (lr, size) != (0.1, 1)],
        **listed,
    )
    with pytest.raises(ConfigError) as error:
        gridfold.to_xarray()
    assert str(error.value) == snapshot
    found = gridfold.to_xarray(fill=True)
    assert found["size"].values.tolist() == [1, 2]  # in the order of the search
    assert math.isnan(found.f1.sel(lr=0.1, size=1))
    assert found.state.sel(lr=0.1, size=1) == ""


def test_what_is_no_grid_at_all(project, snapshot):
    grid(project, [run(1.0, lr=1), run(2.0, wd=1)])
    with pytest.raises(ConfigError) as error:
        gridfold.to_xarray(fill=True)
    assert str(error.value) == snapshot
    drawn = [run(1.0, **{f"p{place}": index / 7 + place for place in range(40)}) for index in range(50)]
    grid(project, drawn, "drawn_1")
    with pytest.raises(ConfigError, match="is no full grid") as error:
        gridfold.to_xarray("drawn_1", fill=True)
    assert error.value.hint.endswith("gridfold.results() has a row for each trial")


def test_several_searches(project):
    for name, values in {"a_1": (1, 2), "b_1": (3,), "c_1": (1, 2)}.items():
        grid(project, [run(float(lr), lr=lr) for lr in values], name)
    assert gridfold.to_xarray("a_1", "b_1").lr.values.tolist() == [1, 2, 3]
    assert gridfold.to_xarray("a_1", "c_1").sizes == {"search": 2, "lr": 2}


def test_searches_of_one_name_are_told_apart(project, capsys):
    for place, values in (("here", (0.25, 0.5)), ("there", (0.125, 0.75))):
        made.search(project / place, "some_1", [run(value, lr=lr) for lr, value in enumerate(values)])
    found = gridfold.to_xarray("here/some_1", "there/some_1")
    assert found.f1.values.tolist() == [[0.25, 0.5], [0.125, 0.75]]
    assert found.search.values.tolist() == ["here/some_1", "there/some_1"]
    table = gridfold.results("here/some_1", "there/some_1")
    assert table["search"].tolist() == ["there/some_1", "here/some_1", "here/some_1", "there/some_1"]
    assert main(["results", "here/some_1", "there/some_1"]) == 0
    assert "tie" not in capsys.readouterr().out


def test_one_run(project):
    grid(project, [run(0.5)])
    assert float(gridfold.to_xarray().f1) == 0.5
