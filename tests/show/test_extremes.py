"""Values, metrics and records that are allowed and unusual: no table, file or page fails on them."""

import io
import json
import math

import pytest
from rich.console import Console

from gridfold.analysis.summary import Summary
from gridfold.export import formats, frame
from gridfold.records.table import Table
from gridfold.records.trials import Results
from gridfold.runs import results_csv
from gridfold.show import page, terminal, trial_table
from tests.made import completed, search

nan, inf = math.nan, math.inf


def repeated(lr, *values):
    return [{"params": {"training.lr": lr}, "metrics": {"f1": value}, "repeat": i} for i, value in enumerate(values)]


SEARCHES = {
    "none": [],
    "one": [completed(0.1, f1=0.5)],
    "never started": [{"params": {"training.lr": 0.1}}],
    "all nan": [completed(0.1, f1=nan), completed(0.2, f1=nan)],
    "infinite": [completed(0.1, f1=inf), completed(0.2, f1=0.5)],
    "tiny errors": [completed(10.0**-i, mse=1e-9 * (i + 1)) for i in range(5)],
    "tiny differences": [completed(10.0**-i, f1=0.98 + 1e-9 * i) for i in range(5)],
    "ties": [completed(10.0**-i, f1=0.5) for i in range(5)],
    "values that are one number": [completed(1, f1=0.5), completed(1.0, f1=0.6)],
    "an integer too large for a float": [completed(10**400, f1=0.5), completed(1, f1=0.6)],
    "values far apart": [completed(1e300, f1=0.5), completed(1e-300, f1=0.6), completed(1.0, f1=0.6)],
    "values of both signs": [completed(1.7e308, f1=0.5), completed(-1.7e308, f1=0.6)],
    "a huge loss": [completed(0.1, loss=1e300), completed(0.2, loss=0.5), completed(0.3, loss=0.4)],
    "huge repeats": [*repeated(0.1, 1.7e308, 1.7e308), *repeated(0.2, 0.1, 0.2)],
    "huge repeats of both signs": [*repeated(0.1, 1.7e308, -1.7e308), *repeated(0.2, 0.1, 0.2)],
    "tiny repeats": [*repeated(0.1, 5e-324, 0.0), *repeated(0.2, 0.0, 5e-324), *repeated(0.3, 0.0, 0.0)],
    "values of all kinds": [
        completed(value, f1=place) for place, value in enumerate(["a", 1, None, [1, 2], {"a": 1}, True])
    ],
    "values that are no numbers": [completed(nan, f1=0.5), completed(inf, f1=0.6), completed(-inf, f1=0.1)],
    "texts": [completed("💥\n<script>", f1=0.5), completed("\x1b[31m[red]", f1=0.6)],
    "metrics that are integers": [completed(0.1, f1=10**300), completed(0.2, f1=3), completed(0.3, f1=True)],
    "huge reports": [completed(0.1, f1=0.5, reports=[{"epoch": 1, "f1": 10**400}, {"epoch": 2, "f1": 0.4}])],
    "reports of anything": [
        completed(
            0.1, f1=0.5, reports=[{"epoch": nan, "f1": 0.3}, {"epoch": "x", "f1": "y"}, {"epoch": [], "f1": None}]
        ),
        completed(0.2, f1=0.5, reports=[{"epoch": inf, "f1": True}]),
    ],
    "times that are none": [completed(lr, f1=lr) | {"seconds": took} for lr, took in ((1, None), (2, nan), (3, inf))],
    "parameters that some do not have": [
        {"params": {"kind": "a", "lr": 0.1}, "metrics": {"f1": 0.5}},
        {"params": {"kind": "a", "lr": 0.2}, "metrics": {"f1": 0.6}},
        {"params": {"kind": "b", "depth": 3}, "metrics": {"f1": 0.4}},
        {"params": {"kind": "b", "depth": 4}, "metrics": {"f1": 0.3}},
    ],
    "disjoint repeats": [
        *repeated(0.1, 0.3, 0.4),
        *({"params": {"training.lr": 0.2}, "metrics": {"f1": 0.5}, "repeat": repeat} for repeat in (2, 3)),
    ],
    "fresh seeds alone": [
        {"params": {"training.lr": 0.1}, "metrics": {"f1": 0.5}, "repeat": 1000, "confirms": True},
    ],
}


@pytest.mark.parametrize("name", SEARCHES)
def test_nothing_fails(tmp_path, name):
    made = search(tmp_path / "runs", "a_000000", SEARCHES[name])
    output = Console(file=io.StringIO(), width=160)
    summary = Summary.of(Results.read([made]))
    page.render(summary, made)
    json.loads(summary.json(), parse_constant=pytest.fail)
    for by_run in (False, True):
        table = Table.of(Results.read([made]), by_run=by_run)
        for form in ("csv", "jsonl", "markdown", "latex"):
            formats.text_of(form, table.columns, table.rows).encode()
        frame.parquet(table.columns, table.rows)
        output.print(trial_table.TrialTable(table, "table").render())
    output.print(terminal.results(made, made.records()))
    results_csv.write(made.results_path, made.records)
