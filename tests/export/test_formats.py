"""From a config to every format: a value is the same at every station, of the same type."""

import csv
import io
import json
import math
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridfold.config.config import Config
from gridfold.core.values import canonical, first_repeat, render
from gridfold.export.formats import text_of
from gridfold.export.frame import frame_of, parquet
from gridfold.records.table import Table
from gridfold.records.trials import Results, write_results
from tests.core.test_values import mixed, read_cell
from tests.show.synthetic import on_disk

pytest.importorskip("pandas")
pq = pytest.importorskip("pyarrow.parquet")

SCALARS = [0, 1, 1.0, True, False, "1", "true", None, "null", "", 0.0, -0.0, 0.5, math.nan, math.inf, -math.inf, "nan"]
SCALARS += [2**63, -(2**70), 2**53 + 1, 1e-7, "1e-7", "NaN", "inf", "x", "[1]", "{1: 2}", "'a'"]
LISTS = [[1], [1.0], [True, 1], [[1], [2.5]], [None], [math.nan], ["1"], {}, {"a": 1}, {1: "x"}, {"1": "x"}]
LISTS += [{True: "x"}, {1: {2: math.nan}}, {"!yaml": "{1: x}"}]
values_of_a_parameter = st.lists(st.sampled_from([*SCALARS, *LISTS]) | mixed, min_size=2, max_size=5).filter(
    lambda values: first_repeat(values) is None
)


def exact(values):
    return list(map(canonical, values))


def cells_of(text):
    """The cells of the parameter in a text of CSV, by index."""
    rows = sorted(csv.DictReader(io.StringIO(text, newline="")), key=lambda row: int(row["index"]))
    return [row["x"] for row in rows]


@settings(max_examples=40, deadline=None)
@given(values_of_a_parameter)
def test_a_value_stays_what_it_is(values):
    with tempfile.TemporaryDirectory() as folder:
        variation = f"x={','.join(map(render, values))}"
        search = on_disk(folder, "x: 0\n", lambda *_: 1.0, variations=[variation])
        entries = list(search.entries())
        assert exact(entry.params["x"] for entry in entries) == exact(values)
        assert exact(search.run(entry).read().params["x"] for entry in entries) == exact(values)
        assert exact(Config.load(search.run(entry).config_path).data["x"] for entry in entries) == exact(values)
        write_results(search)
        own = search.results_path.read_bytes().decode()
        table = Table.of(Results.read([search]))
    assert exact(map(read_cell, cells_of(own))) == exact(values)
    assert exact(map(read_cell, cells_of(text_of("csv", table.columns, table.rows)))) == exact(values)
    *lines, _ = text_of("jsonl", table.columns, table.rows).split("\n")
    said = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert len(set(exact(line["x"] for line in said))) == len(values)
    frame = frame_of(table.columns, table.rows).sort_values("index")["x"]
    parsed = pq.read_table(io.BytesIO(parquet(table.columns, table.rows))).to_pydict()
    column = [cell for _, cell in sorted(zip(parsed["index"], parsed["x"], strict=True), key=lambda pair: pair[0])]
    if frame.dtype == object:
        assert exact(frame) == exact(values)
    assert len(set(exact(column))) == len(values)
    if len({type(value) for value in values}) == 1 and type(column[0]) is type(values[0]):
        assert exact(column) == exact(values)
