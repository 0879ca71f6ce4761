"""Looking at results: ``gridfold results``, ``best`` and ``diff``, and ``gridfold.results``."""

import csv
import io
import json
import math
import re
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gridfold
from gridfold.cli import main
from gridfold.core.errors import ConfigError
from gridfold.core.values import cell
from gridfold.export.formats import text_of
from gridfold.records.table import Column, Row
from gridfold.records.trials import write_results
from gridfold.runs.store import Store
from gridfold.search.checkpoints import KeepBest
from tests import made
from tests.conftest import ROOT

EPOCHS = [{"epoch": 1, "val_f1": 0.95, "val_loss": 0.5}, {"epoch": 2, "val_f1": 0.9, "val_loss": 0.25}]
FAILED = {"state": "failed", "error": {"type": "ValueError", "message": "diverged,\nat step 3"}, "seconds": 0.5}


def run(lr, size="16", **said):
    return {"params": {"training.lr": lr, "model.batch_size": size}} | said


@pytest.fixture
def runs(project):
    return project / "runs"


@pytest.fixture
def search(runs):
    """Of five trials: the best by its best epoch, one with less, one failed, one that diverged, one not started."""
    of = [
        run(1e-5, 16, metrics={"val_f1": 0.8, "val_loss": 0.1, "val_a": 1, "test_f1": 0.7}),
        run(
            1e-5, 32, metrics={"val_f1": 0.9, "val_loss": 0.25, "val_a": 0, "test_f1": 0.6}, reports=EPOCHS, seconds=12
        ),
        run(0.1, 16, reports=[{"epoch": 1, "val_f1": 0.99}], metrics={}, **FAILED),
        run(0.1, 32, metrics={"val_f1": math.nan, "val_loss": math.inf}),
        run(1, 16),
    ]
    return made.search(runs, "demo_1", of)


@pytest.fixture
def repeated(runs):
    """Of two trials with three repeats, one of which failed."""
    f1 = {(1, 0): 0.5, (1, 1): 0.7, (2, 0): 0.9, (2, 1): 0.6, (2, 2): 0.9}
    of = [
        made.completed(lr, val_f1=f1[lr, repeat], test_f1=repeat / 10) | {"repeat": repeat, "seed": repeat}
        if (lr, repeat) in f1
        else made.completed(lr) | {"repeat": repeat, **FAILED}
        for repeat in range(3)
        for lr in (1, 2)
    ]
    return made.search(runs, "again_1", of)


@pytest.fixture
def command(capsys):
    """Runs ``gridfold`` in this process; what it printed, and its exit code."""

    def execute(*arguments, code=0):
        assert main(arguments) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    before = {ending: signal.getsignal(ending) for ending in (signal.SIGTERM, signal.SIGHUP)}
    yield execute
    for ending, handler in before.items():
        signal.signal(ending, handler)


def first_cells(table):
    """The first cell of every row of a table in CSV, without its heading."""
    return [row[0] for row in csv.reader(table.splitlines())][1:]


class TestTable:
    @pytest.mark.parametrize("form", ["table", "markdown", "latex", "csv", "jsonl"])
    def test_formats(self, search, command, snapshot, form):
        assert command("results", "--format", form) == snapshot

    @pytest.mark.parametrize("form", ["table", "markdown", "latex", "csv"])
    def test_repeats(self, repeated, command, snapshot, form):
        assert command("results", "--format", form) == snapshot

    def test_a_row_for_each_run(self, repeated, command, snapshot):
        assert command("results", "--runs") == snapshot

    def test_what_tells_runs_of_a_trial_apart(self, runs, command):
        of = [made.completed(1, f1=1) | {"repeat": repeat, "fold": fold} for repeat in (0, 1) for fold in (0, 1)]
        of.append(made.completed(1, f1=2) | {"repeat": 1000, "fold": 0, "confirms": True})
        made.search(runs, "a_1", of)
        columns = "index,repeat,fold,confirms,f1"
        table = command("results", "--runs", "--format", "csv", "--columns", columns)
        assert table.splitlines() == [columns, "4,1000,0,True,2", *(f"{i},{i // 2},{i % 2},False,1" for i in range(4))]
        assert first_cells(command("results", "--format", "csv", "--columns", "n")) == ["4"]

    def test_several_searches(self, search, runs, command, snapshot, capsys):
        other = made.search(runs, "other_1", [made.completed(0.5, val_f1=1)], base="training: {lr: [1]}\n")
        assert command("results", search.name, other.name, "-n", "2") == snapshot

    def test_the_default_is_the_last_search(self, search, runs, command):
        made.search(runs, "later_1", [made.completed(3, val_f1=1)], created="2026-01-01T12:00:00.000+00:00")
        assert first_cells(command("results", "--format", "csv")) == ["later_1"]

    def test_twenty_rows_unless_more_are_asked_for(self, runs, command):
        made.search(runs, "a_1", [made.completed(lr, val_f1=lr) for lr in range(25)])
        assert command("results").endswith("5 more: gridfold results a_1 --all\n")
        assert "more" not in command("results", "--all")
        assert len(command("results", "--format", "markdown").splitlines()) == 22
        assert len(command("results", "--format", "csv").splitlines()) == 26
        assert first_cells(command("results", "--format", "csv", "-n", "2", "--columns", "index")) == ["24", "23"]

    def test_a_file_has_all_rows(self, runs, command):
        made.search(runs, "a_1", [made.completed(lr, val_f1=lr) for lr in range(25)])
        command("results", "--output", "all.md")
        command("results", "--output", "some.md", "-n", "3")
        assert [len(Path(name).read_text().splitlines()) for name in ("all.md", "some.md")] == [27, 5]

    def test_no_row_fulfils_a_condition(self, runs, command):
        made.search(runs, "a_1", [made.completed(lr, val_f1=lr) for lr in range(2)])
        assert command("results", "--where", "lr > 5").endswith("\nNone.\n")

    def test_nothing_has_a_value_yet(self, runs, command, snapshot):
        made.search(runs, "a_1", [run(1), run(2)])
        assert command("results") == snapshot

    def test_metrics_of_the_test_set_alone_are_no_reason_to_choose(self, runs, command, snapshot):
        made.search(runs, "a_1", [made.completed(lr, test_f1=lr) for lr in (1, 2)])
        assert command("results") == snapshot

    def test_no_markup_and_no_line_break_of_a_value_is_taken_for_the_tables(self, runs, command, snapshot):
        of = [made.completed(text, f1=1) for text in ("[bold]x|y_z", "a\nb & c%", "_x_ $1 {2} ~^\\ #<b>", ["a", 1])]
        made.search(runs, "a_1", of)
        assert [command("results", "--format", form) for form in ("table", "markdown", "latex")] == snapshot


class TestChoosing:
    def test_sort(self, search, command):
        def order(column):
            return first_cells(command("results", "--format", "csv", "--columns", "index", "--sort", column))

        assert order("val_f1") == ["1", "0", "2", "3", "4"]
        assert order("val_loss") == ["0", "1", "2", "3", "4"]
        assert order("lr") == order("training.lr") == ["1", "0", "2", "3", "4"]
        assert order("seconds") == ["0", "3", "1", "2", "4"]
        assert order("state")[:3] == ["1", "0", "3"]

    def test_metric_and_direction(self, search, command):
        def order(*options):
            return first_cells(command("results", "--format", "csv", "--columns", "index", *options))

        assert order("--metric", "val_loss") == ["0", "1", "2", "3", "4"]
        assert order("--metric", "val_loss", "--maximize") == ["1", "0", "2", "3", "4"]
        assert order("--minimize") == ["0", "1", "2", "3", "4"]
        assert "lowest val_loss" in command("results", "--metric", "val_loss")

    def test_what_the_search_was_told(self, search, command):
        search.write_facts(search.facts() | {"metric": "val_a", "maximize": False})
        assert "lowest val_a" in command("results")

    def test_columns(self, search, command):
        table = command("results", "--columns", "run, lr,val_f1", "--format", "csv", "-n", "1")
        assert table == 'runs,training.lr,val_f1\n"[""demo_1_1""]",1e-05,0.95\n'

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ("val_f1 > 0.8", ["1"]),
            ("val_loss < 1 and batch_size == 16", ["0"]),
            ("training.lr <= 1e-5", ["1", "0"]),
            ("state != 'completed'", ["2", "4"]),
            ("run == 'demo_1_3' or index == 4", ["3", "4"]),
            ("'demo' in search and seconds > 2", ["1"]),
        ],
    )
    def test_where(self, search, command, condition, found):
        table = command("results", "--where", condition, "--columns", "index", "--format", "csv")
        assert first_cells(table) == found

    @pytest.mark.parametrize(
        "options",
        [
            ["--metric", "val_fl"],
            ["--sort", "val_fl"],
            ["--columns", "val_f1,learning"],
            ["--where", "val_fl > 1"],
            ["--where", "test_f1 > 0.5"],
            ["--columns", "test_f1"],
            ["--format", "parquet"],
            ["--output", "nowhere/x.csv"],
            ["demo_2"],
        ],
        ids=" ".join,
    )
    def test_bad_input(self, search, command, snapshot, options):
        assert command("results", *options, code=2) == snapshot

    def test_data_formats_have_metrics_of_the_test_set(self, search, command):
        assert first_cells(command("results", "--columns", "test_f1", "--format", "csv"))[:2] == ["0.6", "0.7"]

    def test_a_metric_of_the_test_set_that_is_asked_for_is_shown(self, search, command):
        assert "test_f1" in command("results", "--metric", "test_f1")


class TestDiffering:
    def test_a_warning_says_in_what_searches_differ(self, search, runs, capsys, command):
        packages = {"python": "3.11.1", "torch": "2.5.0"}
        made.search(runs, "b_1", [made.completed(1, val_f1=1)], fingerprint="bbbb", packages=packages, git_commit=None)
        assert main(["results", "demo_1", "b_1"]) == 0
        assert capsys.readouterr().err == (
            "warning: the searches ran different code or on different data (their fingerprints differ)\n"
            "warning: the searches ran with different versions: torch 2.4.0, 2.5.0\n"
            "warning: the searches ran at different git commits: 0123456789ab, none\n"
        )

    def test_none_if_they_do_not(self, search, runs, capsys, command):
        made.search(runs, "b_1", [made.completed(1, val_f1=1)])
        assert main(["results", "demo_1", "b_1"]) == 0
        assert capsys.readouterr().err == ""

    def test_what_varies_in_one_search_is_fixed_in_the_other(self, runs, command):
        base = "training: {lr: [1, 2], size: 8, seed: 3}\n"
        pinned = {"variations": ["training.size=9", "+model={depth: [[2, 3]]}"]}
        made.search(runs, "a_1", [made.completed(1, f1=1)], base=base)
        made.search(runs, "b_1", [{"params": {"training.size": 4}, "metrics": {"f1": 2}}], base=base)
        made.search(runs, "c_1", [{"params": {"model.depth.0": 5, "training.seed": 1}}], base=base, **pinned)
        table = command("results", "a_1", "b_1", "c_1", "--format", "jsonl")
        rows = {row["search"]: row for row in map(json.loads, table.splitlines())}
        sizes = [rows[name]["training.size"] for name in ("a_1", "b_1", "c_1")]
        assert sizes == [8, 4, 9]
        assert [rows[name]["training.lr"] for name in ("a_1", "b_1", "c_1")] == ["1", "[1, 2]", "[1, 2]"]
        assert [rows[name]["model.depth.0"] for name in ("a_1", "b_1", "c_1")] == [None, None, 5]


class TestData:
    def test_every_digit_is_kept(self, runs, command):
        made.search(runs, "a_1", [made.completed(0.1 + 0.2, f1=1 / 3)])
        (row,) = csv.DictReader(command("results", "--format", "csv").splitlines())
        assert (float(row["training.lr"]), float(row["f1"])) == (0.1 + 0.2, 1 / 3)

    def test_no_name_of_a_parameter_or_metric_hides_another_column(self, runs, command):
        params = {"n": 1, "state": 2, "f1": 3, "a.seconds": 4, "b.seconds": 5}
        of = [{"params": params, "repeat": repeat, "metrics": {"f1": 6, "f1_std": 7, "index": 8}} for repeat in (0, 1)]
        of.append({"params": params | {"f1": 9}, "metrics": {"f1": 5}})
        made.search(runs, "a_1", of)
        row, _ = map(json.loads, command("results", "--format", "jsonl").splitlines())
        expected = {"n": 2, "state": "completed", "params.n": 1, "params.state": 2, "f1": 3, "metrics.f1": 6}
        assert row.items() >= (expected | {"metrics.index": 8, "f1_std": 7, "deviations.f1_std": 0}).items()
        assert "params.state" in command("results")

    def test_every_format_keeps_values_apart(self, runs, command):
        values = [1, "1", 1.0, True, "true", None, "null", "", math.nan, "nan", -0.0, 0.0, [1], [1.0], "[1]", {1: 2}]
        values += [{"1": 2}, {True: 2}, {"!yaml": "{1: 2}"}, [math.inf], ["inf"], 2**63, math.inf]
        made.search(runs, "a_1", [made.completed(value, f1=0) for value in values])
        rows = [json.loads(line, parse_constant=int) for line in command("results", "--format", "jsonl").splitlines()]
        assert len({repr(row["training.lr"]) for row in rows}) == len(values)
        for form, begin in {"csv": "", "markdown": "| ", "latex": "", "table": "│ "}.items():
            shown = command("results", "--all", "--columns", "index,lr", "--format", form).splitlines()
            found = (re.fullmatch(rf"{re.escape(begin)} *\d+ ?[,|&│](.*)", line) for line in shown)
            assert len({match[1] for match in found if match}) == len(values), shown
        write_results(Store(runs).find("last"))
        with (runs / "a_1" / "results.csv").open() as file:
            assert len({row["training.lr"] for row in csv.DictReader(file)}) == len(values)

    def test_a_text_is_written_alike_whatever_stands_beside_it(self, runs, command):
        made.search(runs, "a_1", [made.completed(text, f1=0) for text in ("1", "null", "x: y", "", 1)])
        texts = ["'1'", "'null'", "x: y", "''"]
        assert command("results", "--format", "csv", "--columns", "lr").splitlines()[1:] == [*texts, "1"]
        assert command("results", "--format", "csv", "--columns", "lr", "-n", "4").splitlines()[1:] == texts

    def test_a_metric_that_is_nan_is_not_one_that_is_not_there(self, runs, command):
        pandas = pytest.importorskip("pandas")
        parquet = pytest.importorskip("pyarrow.parquet")
        made.search(runs, "a_1", [made.completed(1, f1=1, loss=math.nan), made.completed(2, f1=0)])
        lines = [json.loads(line) for line in command("results", "--format", "jsonl").splitlines()]
        assert [(line["loss"], line["not_finite"]) for line in lines] == [(None, '{"loss": "nan"}'), (None, "")]
        command("results", "--output", "out.parquet")
        (nan, missing) = parquet.read_table("out.parquet")["loss"].to_pylist()
        assert (math.isnan(nan), missing) == (True, None)
        assert gridfold.results()["loss"].dtype == pandas.Series([0.5]).dtype

    def test_a_file_is_in_the_format_that_its_name_says(self, search, command):
        for suffix, form in {"csv": "csv", "jsonl": "jsonl", "md": "markdown", "tex": "latex", "txt": "table"}.items():
            assert command("results", "--output", f"out.{suffix}") == ""
            assert Path(f"out.{suffix}").read_text() == command("results", "--format", form)

    def test_parquet(self, search, command):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        assert command("results", "--output", "out.parquet") == ""
        table = pandas.read_parquet("out.parquet")
        assert list(table["training.lr"]) == [1e-5, 1e-5, 0.1, 0.1, 1]
        assert list(table["val_f1"][:2]) == [0.95, 0.8]
        assert list(table["runs"][0]) == ["demo_1_1"]

    def test_parquet_of_mixed_values(self, runs, command):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        made.search(runs, "a_1", [made.completed(value, f1=0) for value in (1, "a", None, [1, 2], 2**70)])
        command("results", "--output", "out.parquet")
        values = pandas.read_parquet("out.parquet")["training.lr"]
        assert [json.loads(value) for value in values.dropna()] == [1, "a", [1, 2], 2**70]

    @given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.floats()), min_size=1))
    def test_csv_can_be_read_again(self, values):
        columns = [
            Column("a,b", "b", "parameter", lambda row: row.params["text"]),
            Column("x", "x", "metric", lambda row: row.metrics["x"], "x"),
        ]
        rows = [
            Row("s", 0, (), {"text": text}, {"x": number}, {}, 1, "completed", 1.0, None) for text, number in values
        ]
        heading, *read = csv.reader(io.StringIO(text_of("csv", columns, rows), newline=""))
        assert heading == ["a,b", "x"]
        assert [(text, repr(float(number))) for text, number in read] == [(cell(text), repr(x)) for text, x in values]


class TestFrame:
    @pytest.fixture(autouse=True)
    def pandas(self):
        return pytest.importorskip("pandas")

    def test_a_row_for_each_trial(self, repeated):
        table = gridfold.results("again_1")
        assert list(table["training.lr"]) == [2, 1]
        assert list(table["n"]) == [3, 2]
        assert table["val_f1"][0] == pytest.approx(0.8)
        assert table["val_f1_std"][0] == pytest.approx(statistics.stdev([0.9, 0.6, 0.9]))
        assert list(table["state"]) == ["completed", "2 completed, 1 failed"]
        assert table["runs"][0] == ["again_1_1", "again_1_3", "again_1_5"]
        assert list(table["test_f1"]) == pytest.approx([0.1, 0.05])
        assert "diverged" in table["error"][1]

    def test_a_row_for_each_run(self, repeated, runs, monkeypatch):
        monkeypatch.chdir("/")
        table = gridfold.results("again_1", by="run", runs_dir=runs)
        assert list(table["run"]) == [f"again_1_{index}" for index in (1, 5, 2, 3, 0, 4)]
        assert list(table["repeat"]) == [0, 2, 1, 1, 0, 2]

    def test_integers_stay_integers_where_some_are_missing(self, runs):
        made.search(runs, "a_1", [made.completed(1, f1=0.5, epoch=2**60 + 1), made.completed(2, f1=0.25)])
        assert gridfold.results()["epoch"][0] == 2**60 + 1

    @pytest.mark.parametrize(
        ("values", "kind"),
        [
            ([1, 1.0], "object"),
            ([1, 2.5], "float64"),
            ([0.0, -0.0], "float64"),
            ([True, 1], "object"),
            ([True, False], "bool"),
            ([1, None], "Int64"),
            ([0.5, None], "float64"),
            ([math.nan, None, 0.5], "object"),
            ([2**53 + 1, 0.5], "object"),
            ([2**63, 1], "object"),
            (["1", 1], "object"),
            ([[True, 1], [1, 1]], "object"),
        ],
        ids=repr,
    )
    def test_each_column_has_one_type_by_all_its_values(self, runs, pandas, values, kind):
        made.search(runs, "a_1", [made.completed(value, f1=0) for value in values])
        column = gridfold.results()["training.lr"]
        assert column.dtype == kind
        if kind == "object":
            assert list(map(repr, column)) == list(map(repr, values))

    def test_metrics_of_two_kinds_are_numbers(self, runs):
        made.search(runs, "a_1", [made.completed(1, f1=1), made.completed(2, f1=1.0), made.completed(3, f1=0.5)])
        assert gridfold.results()["f1"].dtype == "float64"

    def test_it_can_be_asked_twice_and_of_a_directory(self, search):
        assert gridfold.results(search.dir, metric="val_loss")["index"][0] == 0
        assert gridfold.results(metric="val_loss", maximize=True)["index"][0] == 1

    def test_bad_input(self, search):
        with pytest.raises(ConfigError, match=r"did you mean 'trial'\?"):
            gridfold.results(by="trials")
        with pytest.raises(ConfigError, match=r"did you mean 'demo_1'\?"):
            gridfold.results("demo_2")

    def test_without_pandas(self, search, monkeypatch, command):
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ConfigError, match=r'needs the package pandas\n  pip install "gridfold\[report\]"'):
            gridfold.results()
        assert "pandas" in command("results", "--output", "x.parquet", code=2)
        assert command("results", "--format", "csv")


class TestBest:
    def test_it(self, search, command, snapshot):
        assert command("best") == snapshot

    def test_of_repeats(self, repeated, command, snapshot):
        assert command("best", "again_1") == snapshot

    def test_of_the_built_in_trainer(self, runs, command):
        made.search(runs, "a_1", [made.completed(1, f1=1) | {"trainer": "gridfold.text:trainer"}])
        assert 'gridfold.text.load("runs/a_1_0")' in command("best")

    def test_a_result_that_was_reused_is_where_it_was_made(self, runs, command):
        made.search(runs, "a_1", [made.completed(1, f1=1)])
        made.search(runs, "b_1", [made.completed(1, f1=1) | {"reused": "a_1_0"}])
        assert "Run: runs/a_1_0\n" in command("best", "b_1")

    def test_another_metric(self, search, command):
        assert "Run: runs/demo_1_0\n" in command("best", "--metric", "val_loss")

    def test_there_is_none(self, runs, command, snapshot):
        made.search(runs, "a_1", [run(1), run(2)])
        assert command("best", code=2) == snapshot


class TestTies:
    """Of three, two have the best val_f1, and the second of them the lower loss."""

    @pytest.fixture(autouse=True)
    def tied(self, runs):
        of = [made.completed(lr, val_f1=f1, val_loss=loss) for lr, f1, loss in ((1, 0.9, 2), (2, 0.9, 1), (3, 0.5, 0))]
        return made.search(runs, "a_1", of)

    def test_the_table_the_best_and_the_status_say_so(self, command):
        sentence = "2 trials tie at val_f1 0.9000; of these lr 2 has the lowest val_loss (1)."
        assert command("results").splitlines()[-1] == sentence
        assert "2 runs tie at val_f1 0.9000; of these a_1_1 has" in command("results", "--runs").splitlines()[-1]
        assert "tie" not in command("results", "--sort", "lr") + command("results", "--where", "lr != 1")
        best = command("best")
        assert "Best of 3 trials, highest val_f1 0.9000: 2 trials tie; of these lr 2 has the lowest val_loss" in best
        assert "Run: runs/a_1_1\n" in best
        assert "best so far: 2 trials tie at val_f1 0.9000; of these a_1_1 has the lowest val_loss" in command("status")

    def test_the_best_is_the_run_that_keeps_its_weights(self, tied, runs):
        for run in runs.glob("a_1_*"):
            (run / "checkpoint.pt").touch()
        KeepBest(tied, 1)
        assert [path.parent.name for path in runs.glob("*/checkpoint.pt")] == ["a_1_1"]


class TestDiff:
    def test_keys_of_two_types(self, runs, command):
        base = "training: {lr: [0.1, 0.01]}\n"
        made.search(runs, "a_1", [made.completed(text, f1=0) for text in ("{1: x}", "{'1': x}", "{true: x}")], base)
        assert re.search(r"training.lr +│ \{1: x\} +│ \{'1': x\}", command("diff", "0", "1"))
        assert re.search(r"training.lr +│ \{1: x\} +│ \{true: x\}", command("diff", "0", "2"))

    def test_two_runs_of_one_search(self, search, command, snapshot):
        assert command("diff", "0", "1") == snapshot

    def test_all_that_may_differ(self, search, runs, command, snapshot):
        base = "# other\ntraining: {lr: [0.1, 0.01], metric: loss, extra: [1, 2]}\n"
        facts = {
            "packages": {"python": "3.12.0", "numpy": "2.0"},
            "fingerprint": "bbbb",
            "git_commit": None,
            "machine": {"host": "there", "system": "Linux", "cpus": 8, "gpus": ["GPU-a"]},
        }
        said = {"host": "there", "threads": 2, "seed": 7, "state": "failed"}
        other = made.search(runs, "b_1", [made.completed(0.1, val_f1=0.5, other=1) | said], base=base, **facts)
        other.write_patch(b"--- a\n+++ b\n")
        assert command("diff", "demo_1:0", "b_1:0") == snapshot

    def test_a_run_and_itself(self, search, command, snapshot):
        assert command("diff", "0", "demo_1_0") == snapshot

    def test_a_run_that_was_not_started_and_one_without_a_search(self, search, runs, command, snapshot):
        lone = runs / "lone"
        lone.mkdir()
        (lone / "config.yaml").write_text("training: {lr: 1}\n")
        assert command("diff", "4", "lone") == snapshot

    def test_two_that_failed_have_no_metrics(self, runs, command):
        failed = {"state": "failed", "error": {"type": "ValueError", "message": "", "traceback": ""}}
        made.search(runs, "a_1", [made.completed(lr) | failed for lr in (1, 2)])
        assert "Metrics: there are none (A is failed, B is failed)\n" in command("diff", "0", "1")

    def test_no_such_run(self, search, command):
        assert "did you mean 'demo_1_" in command("diff", "demo_1_0", "demo_1_O", code=2)


def test_a_search_as_users_run_it(project, write):
    """The whole way, in processes of their own, without anything but the core imported."""
    text = 'gridfold: {trainer: "toy:train"}\nlr: [0.5, 0.75] # varies\nsize: 1\n'

    def execute(script, *arguments):
        words = [sys.executable, "-W", "error", ROOT / script, *arguments]
        result = subprocess.run(words, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    execute("hyper_main.py", "--config", write("c.yaml", text), "--quiet")
    table = execute("gridfold/__main__.py", "results", "--format", "csv", "--columns", "lr,val_f1,epoch")
    assert table == "lr,val_f1,epoch\n0.75,0.75,\n0.5,0.6000000000000001,2\n"
    shown = execute("gridfold/__main__.py", "best", "--metric", "val_loss")
    assert "-lr: [0.5, 0.75] # varies\n+lr: 0.75 # varies\n" in shown  # of two with that loss, the better val_f1
    assert "2 trials tie; of these lr 0.75 has the highest val_f1 (0.7500)" in shown
    execute("gridfold/__main__.py", "diff", "0", "1")
    program = "import sys; sys.argv[1:] = ['results']; from gridfold.cli import main; main(); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], check=False, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert not {"pandas", "numpy", "simpleeval", "torch"} & set(result.stdout.split())
