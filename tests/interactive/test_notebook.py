"""A search in a notebook: the example is executed in a kernel, as a person would run it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gridfold
from gridfold.cli import main
from tests.conftest import ROOT

for package in ("nbclient", "ipykernel", "sklearn"):
    pytest.importorskip(package)

EXAMPLE = ROOT / "examples" / "notebook" / "digits.ipynb"
SCRIPT = Path(__file__).parent / "execute.py"


def execute(notebook, folder):
    """Execute a notebook in a folder; gives the outputs of each cell of code."""
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(notebook), "executed.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    return [
        cell["outputs"] for cell in json.loads((folder / "executed.ipynb").read_text())["cells"] if "outputs" in cell
    ]


@pytest.fixture
def run(tmp_path):
    """Executes cells; gives the outputs of each."""
    import nbformat

    def cells(*sources):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(notebook, tmp_path / "cells.ipynb")
        return execute("cells.ipynb", tmp_path)

    return cells


def data(output):
    return {kind: "".join(text) for kind, text in output["data"].items()}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example, executed; its folder, and the outputs."""
    folder = tmp_path_factory.mktemp("notebook")
    return folder, execute(EXAMPLE, folder)


class TestTheExample:
    def test_table_best_picture_frame_and_report(self, example):
        folder, (imports, functions, (bar, table), best, picture, frame, report) = example
        assert imports == functions == []
        assert re.match(r"search ━+ 6/6  best val_accuracy 0\.9", data(bar)["text/plain"])
        assert "<caption>Results, best first (highest val_accuracy)</caption>" in data(table)["text/html"]
        assert data(table)["text/html"].count("<tr>") == 7
        assert data(table)["text/plain"].startswith("Results, best first (highest val_accuracy)\n┏")
        assert data(best[0])["text/plain"].startswith("BestRun(values={'C': 10, 'gamma': 'scale'}, metrics={'val_acc")
        assert data(picture[0])["image/svg+xml"].startswith("<svg ")
        assert "val_accuracy" in data(frame[0])["text/html"]
        assert "report.html" in data(report[0])["text/plain"]
        assert list(folder.glob("runs/train_*/report.html"))

    def test_runs_are_the_same_alone_and_share(self, example, capsys, monkeypatch):
        monkeypatch.chdir(example[0])
        assert main(["verify", "last", "-n", "2"]) == 0
        assert "2 of 2 runs give the same alone, to the last bit" in capsys.readouterr().out
        assert main(["sharing", "last"]) == 0
        assert re.search(r"until C \(runs/\.functions/train_\w+/cell_1\.py:9\)", capsys.readouterr().out)

    def test_it_holds_no_outputs(self):
        cells = json.loads(EXAMPLE.read_text())["cells"]
        assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if "outputs" in cell)


def test_errors_are_one_clear_message(run):
    outputs = run(
        "import gridfold, sqlite3\nconnection = sqlite3.connect(':memory:')\n"
        "def train(config):\n    return connection.total_changes + config['x']",
        "try:\n    gridfold.search(train, {'x': [1, 2]})\nexcept gridfold.ConfigError as error:\n    print(error)",
        "gridfold.search(lambda config: 1 / config['x'], {'x': [0, 1, 2]})",
        "get_ipython().Completer.use_jedi = False\nprint(*get_ipython().Completer.complete('gridfold.')[1])",
    )
    assert "".join(outputs[1][0]["text"]).splitlines() == [
        "trainer: 'train' uses 'connection', which cannot be saved for the processes of the runs:"
        " TypeError: cannot pickle 'sqlite3.Connection' object",
        "  make 'connection' inside the function",
    ]
    table = data(outputs[2][-1])["text/html"]
    assert "<div>1 failed</div>" in table
    assert re.search(r"ZeroDivisionError at runs/\.functions/lambda_\w+/cell_1\.py:1: division by zero", table)
    completions = "".join(outputs[3][0]["text"]).split()
    assert sorted(completions) == sorted(f".{name}" for name in gridfold.__all__)
