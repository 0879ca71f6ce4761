"""``gridfold predict``: files in, the same files out with what a run says of them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from gridfold.cli import main
from gridfold.text import load
from tests import made
from tests.text.examples import TOPICS, sentences

ROWS = [("1", "the cat is here"), ("007", "we saw snow, today"), ("NA", "None"), ("1e3", "")]
ADDED = ["prediction", *(f"probability_{topic}" for topic in TOPICS)]


@pytest.fixture
def run(trained, project: Path) -> Path:
    """A search of one run, which is a trained one."""
    search = made.search(project / "runs", "demo_1", [{"params": {}, "metrics": {"val_f1": 0.5}}])
    (place,) = (folder for folder in (project / "runs").iterdir() if folder != search.dir)
    record = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps(record | {"trainer": "gridfold.text:trainer"}))
    for entry in trained.run.dir.iterdir():
        if entry.name != "config.yaml":
            (place / entry.name).symlink_to(entry)
    return place


def source(folder: Path, name: str) -> Path:
    frame, file = pd.DataFrame(ROWS, columns=["id", "text"]), folder / name
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    elif file.suffix == ".parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False, sep="\t" if file.suffix == ".tsv" else ",")
    return file


def rows_of(file: Path) -> list[dict[str, object]]:
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    if file.suffix == ".parquet":
        return pd.read_parquet(file).to_dict("records")
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t" if file.suffix == ".tsv" else ","))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_rows_and_columns_are_kept_and_predictions_added(run, project, suffix, capsys):
    output = project / f"out{suffix}"
    assert main(["predict", str(run), str(source(project, f"in{suffix}")), "-o", str(output)]) == 0
    labels, probabilities = load(run).predict([text for _, text in ROWS])
    rows = rows_of(output)
    assert [(row["id"], row["text"]) for row in rows] == ROWS
    assert list(rows[0]) == ["id", "text", *ADDED]
    assert [row["prediction"] for row in rows] == labels
    assert [[float(row[name]) for name in ADDED[1:]] for row in rows] == probabilities.tolist()  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", f"Predicted 4 texts: {output}\n")


def test_a_search_stands_for_its_best_run_and_lines_for_texts(run, project, capsys, monkeypatch):
    (project / "texts.txt").write_text("the cat, a dog\nwe saw snow\n")
    assert main(["predict", "last", "texts.txt"]) == 0
    printed, said = capsys.readouterr()
    assert said == f"The best run of demo_1: {run.name}\nPredicted 2 texts\n"
    assert [row["text"] for row in csv.DictReader(io.StringIO(printed))] == ["the cat, a dog", "we saw snow"]
    monkeypatch.setattr("sys.stdin", io.StringIO("the cat, a dog\nwe saw snow\n"))
    assert main(["predict", "last", "-"]) == 0
    assert capsys.readouterr().out == printed


def test_a_line_ends_nowhere_but_at_its_end(run, project, capsys, monkeypatch):
    texts = ["the\u2028cat", "a\x0cdog\x85", "", "we saw snow\x1e"]
    (project / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    assert main(["predict", str(run), "texts.txt"]) == 0
    printed = capsys.readouterr().out
    assert [row["text"] for row in csv.DictReader(io.StringIO(printed, newline=""))] == texts
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(texts) + "\n"))
    assert main(["predict", str(run), "-"]) == 0
    assert capsys.readouterr().out == printed


def test_another_column(run, project, capsys):
    (project / "in.csv").write_text("body,text\nthe cat,\n")
    assert main(["predict", str(run), "in.csv", "--column", "body"]) == 0
    printed = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert printed["prediction"] == load(run).predict(["the cat"])[0][0]


BAD = {
    "no such file": ["nothing.csv"],
    "no such column": ["other.csv"],
    "a misspelled column": ["in.csv", "--column", "txt"],
    "no text": ["null.jsonl"],
    "unknown output": ["in.csv", "-o", "out.xlsx"],
    "output over the input": ["in.csv", "-o", "in.csv"],
    "no folder": ["in.csv", "-o", "there/out.csv"],
    "predicted already": ["before.csv"],
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("trained", [True], indirect=True, ids=["frozen"])
def test_bad_input_is_refused(run, project, capsys, name, snapshot):
    source(project, "in.csv")
    (project / "other.csv").write_text("id,body\n1,the cat\n")
    (project / "before.csv").write_text("text,prediction\nthe cat,animals\n")
    (project / "null.jsonl").write_text('{"text": "the cat"}\n{"text": null}\n')
    assert main(["predict", "runs/" + run.name, *BAD[name]]) == 2
    assert capsys.readouterr().err == snapshot
    assert not {"out.xlsx", "out.csv", "there"} & {path.name for path in project.iterdir()}


@pytest.mark.parametrize("words", [["predict", "0", "in.csv"], ["export", "0", "model"]], ids=lambda words: words[0])
def test_a_run_of_another_trainer_cannot(project, words, capsys, snapshot):
    made.search(project / "runs", "demo_1", [{"params": {}, "metrics": {"val_f1": 0.5}}])
    assert main(words) == 2
    assert capsys.readouterr().err == snapshot


@pytest.mark.parametrize("trained", [True], indirect=True, ids=["frozen"])
def test_a_bar_on_stderr(trained, capsys):
    texts = [text for text, _ in sentences(TOPICS, 40)]
    classifier = load(trained.run.dir)
    classifier.predict(texts)
    assert capsys.readouterr().err == ""  # which is no terminal
    classifier.predict(texts, progress=True)
    assert "120/120" in capsys.readouterr().err
