"""Data formats, read back by the libraries that people use: every column has one type, whatever the first rows hold."""

import contextlib
import json
import math

import pytest

import gridfold
from gridfold.cli import main
from tests import made
from tests.export.trackers.hard_values import HARD_METRICS, HARD_NAMES, HARD_VALUES, is_same, is_text_of

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
duckdb = pytest.importorskip("duckdb")
arrow = pytest.importorskip("pyarrow")
arrow_json = pytest.importorskip("pyarrow.json")
parquet = pytest.importorskip("pyarrow.parquet")

MANY = 150  # more than the rows by which polars guesses a type

# What stands in almost all rows, and what comes last, by the name of a parameter.
PARAMETERS = {
    "ints": (1, 7),
    "late_float": (1, 0.5),
    "bools": (True, False),
    "texts": ("a", "ü😀\x1b\n,"),
    "texts_like_numbers": ("1", "-0.0"),
    "optional": (None, 0.25),
    "late_text": (1, "1"),
    "one_and_true": (1, True),
    "floats": (5e-324, 1.7976931348623157e308),
    "exact": (0.1 + 0.2, -0.0),
    "large": (1, 2**63),
    "int64": (-(2**63), 2**63 - 1),
    "lists": ([1], [0.5, None]),
    "mappings": ({"a": 1}, {1: "x"}),
    "some_nan": (0.5, math.nan),
}
TEXTS = {
    "late_text": ("1", '"1"'),
    "one_and_true": ("1", "true"),
    "large": ("1", "9223372036854775808"),
    "lists": ("[1]", "[0.5, null]"),
    "mappings": ('{"a": 1}', "{1: x}"),
}
METRICS = {"f1": (1, 0.5), "count": (3, 4), "loss": (0.5, math.nan), "late": (None, 2), "far": (-1.0, -math.inf)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a search of many runs, as Parquet and as JSON lines."""
    folder = tmp_path_factory.mktemp("written")
    usual, last = ({name: pair[place] for name, pair in PARAMETERS.items()} for place in (0, 1))
    less = {name: value for name, value in last.items() if name != "optional"}
    runs = [_run({**usual, "training.lr": place}, 0) for place in range(MANY)]
    runs += [_run({**last, "training.lr": MANY}, 1), {"params": {**less, "training.lr": MANY + 1}}]
    made.search(folder / "runs", "some_1", runs, metric="count", maximize=False)
    with contextlib.chdir(folder):
        for form in ("parquet", "jsonl"):
            assert main(["results", "--output", f"some.{form}"]) == 0
    return folder


def _run(params, place):
    return {
        "params": params,
        "metrics": {name: pair[place] for name, pair in METRICS.items() if pair[place] is not None},
    }


def told(column):
    """The values of the first row, and of the last two: of the last run, and of that which has not run."""
    return list(map(repr, (column[0], *column[-2:])))


def expected(name):
    """The same, as one type."""
    first, last = TEXTS.get(name, PARAMETERS.get(name))
    if name == "late_float":
        first = 1.0
    return list(map(repr, (first, last, None if name == "optional" else last)))


def test_parquet(written):
    file = str(written / "some.parquet")
    table = parquet.read_table(file)
    found = table.to_pydict()
    assert {name: told(found[name]) for name in PARAMETERS} == {name: expected(name) for name in PARAMETERS}
    assert told(found["f1"]) == ["1.0", "0.5", "None"]
    assert told(found["count"]) == ["3.0", "4.0", "None"]
    assert told(found["loss"]) == ["0.5", "nan", "None"]
    assert told(found["late"]) == ["None", "2.0", "None"]
    assert told(found["far"]) == ["-1.0", "-inf", "None"]
    assert told(found["runs"]) == ["['some_1_0']", f"['some_1_{MANY}']", f"['some_1_{MANY + 1}']"]
    assert told(found["optional_missing"]) == ["False", "False", "True"]
    assert str(table.schema.field("error").type) == "string"  # although no run has one

    assert polars.read_parquet(file).to_dict(as_series=False).keys() == found.keys()
    for name, values in found.items():
        (rows,) = zip(*duckdb.sql(f"""select "{name}" from '{file}'""").fetchall(), strict=True)
        assert told(rows) == told(values), name
        assert told(polars.read_parquet(file)[name].to_list()) == told(values), name
    frame = pandas.read_parquet(file)
    assert frame["int64"].tolist()[-1] == 2**63 - 1
    assert frame.dtypes.map(str)[["ints", "late_float", "count", "late"]].tolist() == ["int64", *["float64"] * 3]


def test_no_rows_and_a_column_that_was_named_twice(project):
    made.search(project / "runs", "some_1", [made.completed(1, f1=0.5)])
    assert main(["results", "--where", "f1 > 1", "--output", "none.parquet"]) == 0
    assert parquet.read_table("none.parquet").num_rows == 0
    assert main(["results", "--columns", "lr,f1,lr", "--output", "twice.parquet"]) == 0
    assert parquet.read_table("twice.parquet").to_pydict() == {"training.lr": [1], "f1": [0.5]}


def test_a_data_frame(written):
    frame = gridfold.results(runs_dir=written / "runs")
    names = ["ints", "late_float", "bools", "texts", "late", "f1", "int64", "optional_missing"]
    assert frame.dtypes.map(str)[names].tolist() == [
        "int64",
        "float64",
        "bool",
        "str",
        "float64",
        "float64",
        "int64",
        "bool",
    ]
    mixed = ["lists", "mappings", "late_text", "one_and_true", "large"]
    for name in mixed:
        assert told(list(frame[name])) == [*map(repr, PARAMETERS[name]), repr(PARAMETERS[name][1])]
    assert told(list(frame["optional_missing"])) == ["False", "False", "True"]


def _pandas(path):
    frame = pandas.read_json(path, lines=True, dtype=False)
    return {name: [None if value is not True and value != value else value for value in frame[name]] for name in frame}  # noqa: PLR0124


def _duckdb(path):
    found = duckdb.sql(f"select * from read_json('{path}', sample_size=-1)")
    return dict(zip(found.columns, zip(*found.fetchall(), strict=True), strict=True))


READERS = {
    "pandas": _pandas,
    "polars": lambda path: polars.read_ndjson(path, infer_schema_length=None).to_dict(as_series=False),
    "duckdb": _duckdb,
    "arrow": lambda path: arrow_json.read_json(path).to_pydict(),
}


@pytest.mark.parametrize("reader", READERS)
def test_json_lines(written, reader):
    found = READERS[reader](str(written / "some.jsonl"))
    wanted = {name: expected(name) for name in PARAMETERS} | {
        "some_nan": [repr(".nan" if m else "0.5") for m in (0, 1, 1)]
    }
    if reader == "pandas":  # its JSON reader rounds the last bit, and denormal numbers to 0
        assert found.pop("floats")[-1] == pytest.approx(float(wanted.pop("floats")[1]))
    assert {name: told(found[name]) for name in wanted} == wanted
    assert told(found["f1"]) == ["1.0", "0.5", "None"]
    assert told(found["loss"]) == ["0.5", "None", "None"]
    assert told(found["late"]) == ["None", "2.0", "None"]
    assert found["not_finite"][0] == found["not_finite"][-1] == ""
    assert json.loads(found["not_finite"][-2]) == {"loss": "nan", "far": "-inf"}
    assert told(found["runs"]) == ["['some_1_0']", f"['some_1_{MANY}']", f"['some_1_{MANY + 1}']"]
    assert told(found["optional_missing"]) == ["False", "False", "True"]


@pytest.mark.parametrize("reader", ["parquet", *READERS])
def test_values_and_names_that_other_tools_change(project, reader):
    params = {f"value {place}": value for place, value in enumerate(HARD_VALUES.values())}
    params |= dict.fromkeys(HARD_NAMES, 1)
    made.search(project / "runs", "hard_1", [{"params": params, "metrics": dict.fromkeys(HARD_METRICS, 0.1 + 0.2)}])
    form = "parquet" if reader == "parquet" else "jsonl"
    assert main(["results", "--output", f"hard.{form}"]) == 0
    found = _tables(f"hard.{form}") if reader == "parquet" else [READERS[reader](f"hard.{form}")]
    for columns in found:
        for name, value in params.items():
            told = columns[name if name in columns else f"{name}_1"][0]  # DuckDB does not tell capitals
            inexact = reader == "pandas" and isinstance(value, float) and abs(value) in (5e-324, 1.7976931348623157e308)
            is_date = value in ("2024-01-01", "Infinity") and reader in ("duckdb", "arrow")  # for them, it is one
            assert inexact or is_date or is_same(told, value) or is_text_of(told, value), (name, value, told)
        assert {columns[name][0] for name in HARD_METRICS} == {0.1 + 0.2}


def _tables(path):
    yield parquet.read_table(path).to_pydict()
    yield polars.read_parquet(path).to_dict(as_series=False)
    found = duckdb.sql(f"select * from '{path}'")
    yield dict(zip(found.columns, zip(*found.fetchall(), strict=True), strict=True))


def test_files_of_several_searches_have_the_same_types(project):
    of = {"a_1": [(1, 1), (2, 0)], "b_1": [(1, 0.5), (2, math.nan)]}
    for name, values in of.items():
        runs = [made.completed(lr, f1=value, epoch=2) for lr, value in values]
        made.search(project / "runs", name, runs if name == "a_1" else [*runs, _failed()])
        for form in ("parquet", "jsonl"):
            assert main(["results", name, "--output", f"{name}.{form}"]) == 0
    types = [parquet.read_schema(f"{name}.parquet") for name in of]
    assert types[0].equals(types[1])
    for form in ("parquet", "jsonl"):
        values = duckdb.sql(f"""select f1 from '*.{form}' where f1 = f1 order by f1 limit 3""").fetchall()
        assert values == [(0.0,), (0.5,), (1.0,)]


def _failed():
    return {"params": {"training.lr": 3}, "state": "failed", "error": {"type": "ValueError", "message": "no"}}
