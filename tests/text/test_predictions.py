"""Tables of predictions: read back as they were, whatever texts and labels are."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.text.data import Examples
from gridfold.text.outputs import Outputs
from gridfold.text.predictions import csv_row, write_mistakes, write_predictions
from gridfold.text.tasks import Task

TEXTS = ("plain", 'a "quoted", text', "two\nlines", "a\rb\r\nc", " spaces ", "None", "007", "=1+1", "é…")
LABELS = ("no, never", 'a "b"', "NA", "x\ry")


def examples_of(targets) -> Examples:
    places = np.arange(3, 3 + len(targets))
    return Examples(TEXTS[: len(targets)], np.array(targets), places)


def read(file):
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    assert frame.to_dict("records") == rows
    return rows


def test_labels_and_texts_are_read_back_as_they_were(tmp_path):
    targets = [0, 1, 2, 3, 0, 1, 2, 3, 0]
    logits = np.random.default_rng(0).normal(size=(9, 4))
    outputs = Outputs(Task("multiclass", LABELS))
    write_predictions(tmp_path / "all.csv", examples_of(targets), outputs, logits)
    rows = read(tmp_path / "all.csv")
    assert [row["text"] for row in rows] == list(TEXTS)
    assert [row["truth"] for row in rows] == [LABELS[target] for target in targets]
    assert [row["row"] for row in rows] == [str(place) for place in range(3, 12)]
    chances = np.array([[float(row[f"probability_{label}"]) for label in LABELS] for row in rows])
    assert np.array_equal(chances, outputs.probabilities(logits))  # to the bit
    write_mistakes(tmp_path / "wrong.csv", examples_of(targets), outputs, logits)
    wrong = [row for row in rows if row["truth"] != row["prediction"]]
    shown = read(tmp_path / "wrong.csv")
    assert [(row["text"], row["prediction"]) for row in shown] == [(row["text"], row["prediction"]) for row in wrong]
    assert {len(row["probability"]) for row in shown} == {8}


def test_several_labels_are_a_list(tmp_path):
    targets = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], dtype=np.float32)
    outputs = Outputs(Task("multilabel", LABELS), thresholds=(0.5, 0.9, 0.5, 0.5))
    logits = np.array([[1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]])
    write_predictions(tmp_path / "all.csv", examples_of(targets), outputs, logits)
    rows = read(tmp_path / "all.csv")
    assert [json.loads(row["truth"]) for row in rows] == [["no, never", 'a "b"'], []]
    assert [json.loads(row["prediction"]) for row in rows] == [["no, never", "x\ry"], []]
    write_mistakes(tmp_path / "wrong.csv", examples_of(targets), outputs, logits)
    assert [list(row) for row in read(tmp_path / "wrong.csv")] == [["text", "truth", "prediction"]]


def test_a_number_is_written_as_it_was(tmp_path):
    outputs = Outputs(Task("regression"), center=0.1, scale=2.0)
    targets = np.array([3.1, 1e-5, -7, 2000.5], dtype=np.float32)
    write_predictions(tmp_path / "all.csv", examples_of(targets), outputs, np.array([[0.0], [1.0], [2.0], [1 / 3]]))
    rows = read(tmp_path / "all.csv")
    assert [row["truth"] for row in rows] == ["3.1", "1e-05", "-7.0", "2000.5"]
    assert [float(row["prediction"]) for row in rows] == [0.1, 2.1, 4.1, 1 / 3 * 2 + 0.1]


def test_pairs_have_two_columns(tmp_path):
    examples = Examples((("a", "b"), ("c", "d")), np.array([0, 1]), np.array([1, 2]))
    write_predictions(tmp_path / "all.csv", examples, Outputs(Task("binary", ("x", "y"))), np.zeros((2, 1)))
    assert [(row["text_1"], row["text_2"]) for row in read(tmp_path / "all.csv")] == [("a", "b"), ("c", "d")]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2), min_size=1
    )
)
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_any_text_is_one_cell(delimiter, rows):
    written = "".join(csv_row(row, delimiter) for row in rows)
    assert list(csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)) == rows
