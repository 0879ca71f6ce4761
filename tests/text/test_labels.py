"""What the cells of a column say: names, numbers, or several names; and which task they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gridfold.core.errors import ConfigError
from gridfold.text.data import load_data
from gridfold.text.data_settings import DataSettings
from gridfold.text.labels import labelling_of
from gridfold.text.sources import Columns, LabelledTexts
from gridfold.text.tasks import Task


def table(labels: list[Any], *, written: bool, columns: str | tuple[str, ...] = "label") -> LabelledTexts:
    texts = tuple(f"text {row}" for row in range(len(labels)))
    return LabelledTexts("x", "data.train", texts, tuple(labels), (), written, Columns("text", columns))


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["pos", "neg"], Task("binary", ("neg", "pos"))),
        (["1", "0", "1"], Task("binary", (0, 1))),
        (["10", "9", "-1"], Task("multiclass", (-1, 9, 10))),
        (["007", "7", "08"], Task("multiclass", ("007", "08", "7"))),
        (["1e3", "2e3"], Task("binary", ("1e3", "2e3"))),
        (["None", "NA", "nan"], Task("multiclass", ("NA", "None", "nan"))),
        (["2024-01-01", "2024-01-02"], Task("binary", ("2024-01-01", "2024-01-02"))),
        (["1.0", "2.0", "3"], Task("multiclass", ("1.0", "2.0", "3"))),
        (["1.5", "2", "-3e-1"], Task("regression")),
        (["1.5", "2.5", "01.5"], Task("multiclass", ("01.5", "1.5", "2.5"))),
        (["a|b", "a"], Task("binary", ("a", "a|b"))),
        (["['a', 'b']", "[]", '["c"]'], Task("multilabel", ("a", "b", "c"))),
        (["[1, 2]", "[10]"], Task("multilabel", (1, 2, 10))),
        (["['a' 'b']", "['c']"], Task("binary", ("['a' 'b']", "['c']"))),
    ],
)
def test_cells_of_text_files(cells, task):
    assert labelling_of(table(cells, written=True), None).task == task


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["1", "1.0"], Task("binary", ("1", "1.0"))),
        ([True, False], Task("binary", (False, True))),
        ([1.0, 2.0], Task("binary", (1.0, 2.0))),
        ([1, 2.5], Task("regression")),
        ([["a", "b"], [], ["a"]], Task("multilabel", ("a", "b"))),
        ([[3], [1, 1]], Task("multilabel", (1, 3))),
    ],
)
def test_values_that_have_a_type(labels, task):
    assert labelling_of(table(labels, written=False), None).task == task


@pytest.mark.parametrize(
    ("labels", "written", "names", "ids", "merged"),
    [
        (["1", "1.0", "0", "0.0"], True, (0, 1), [1, 1, 0, 0], ("0, 0.0", "1, 1.0")),
        (["1", "1.0", "x"], True, ("1", "x"), [0, 0, 1], ("1, 1.0",)),
        (["1.0", "1.00", "x"], True, ("1.0", "x"), [0, 0, 1], ("1.0, 1.00",)),
        ([1, 1.0, 2.0], False, (1, 2.0), [0, 0, 1], ("1, 1.0",)),
    ],
)
def test_spellings_of_a_number_are_one_label(labels, written, names, ids, merged):
    found = labelling_of(table(labels, written=written), None)
    assert (found.task.labels, found.merged) == (names, merged)
    assert list(map(type, found.task.labels)) == list(map(type, names))
    assert found.targets(table(labels, written=written)).tolist() == ids


@pytest.mark.parametrize(
    ("train", "other"),
    [
        ((["0", "1"], True), (["1.0", "0.0"], True)),
        ((["0", "1"], True), ([1, 0], False)),
        (([0, 1], False), (["1", "0"], True)),
        ((["0.0", "1.0"], True), (["1", "0"], True)),
        (([False, True], False), ([True, False], False)),
    ],
)
def test_other_sources_may_write_a_number_in_another_way(train, other):
    labelling = labelling_of(table(train[0], written=train[1]), None)
    assert labelling.targets(table(other[0], written=other[1])).tolist() == [1, 0]


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_several_labels_in_a_cell_where_the_task_says_so(separator):
    cells = [f"b{separator} a", "a", "", f"{separator}c"]
    labelling = labelling_of(table(cells, written=True), "multilabel")
    assert labelling.task.labels == ("a", "b", "c")
    assert labelling.targets(table(cells, written=True)).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_a_column_for_each_label(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("text,toxic,mild\na,0,1\nb,1,1\nc,0,0\n")
    data = load_data(DataSettings(str(file), str(file), label_column=("toxic", "mild")))
    assert data.task == Task("multilabel", ("toxic", "mild"))
    assert data.train.targets.tolist() == [[0, 1], [1, 1], [0, 0]]
    file.write_text("text,toxic,mild\na,0,1\nb,1,yes\n")
    with pytest.raises(ConfigError) as caught:
        load_data(DataSettings(str(file), label_column=("toxic", "mild")))
    assert str(caught.value) == (
        f"data.train: 'yes' in row 2 is neither 0 nor 1 in column 'mild' of {file}\n"
        "  each of several label columns says whether that label holds"
    )


def test_numbers_where_the_task_says_so():
    cells = table(["1", "2", "007", " 3.5 "], written=True)
    labelling = labelling_of(cells, "regression")
    assert labelling.task == Task("regression")
    assert labelling.targets(cells).tolist() == [1, 2, 7, 3.5]


@pytest.mark.parametrize(
    ("labels", "asked", "message"),
    [
        (["1", "x"], "regression", "data.train: 'x' in row 2 is not a number in column 'label' of x"),
        (["1", "nan"], "regression", "data.train: 'nan' in row 2 is not a number in column 'label' of x"),
        (["1.5", "2", "nan"], None, "data.train: 'nan' in row 3 is not a number in column 'label' of x"),
        (["1.5", "", "2"], None, "data.train: '' in row 2 is not a number in column 'label' of x"),
        (["1", "1e39"], "regression", "data.train: '1e39' in row 2 is not a number in column 'label' of x"),
        (["2", "2.0"], "regression", "data.label_column: nothing to predict: all numbers are 2.0"),
        (["a", "  "], None, "data.train: '  ' in row 2 is not a label in column 'label' of x"),
        (["a", "b", "c"], "binary", "data.task: binary needs 2 labels, but the data have 3: a, b, c\n"
         "  give data.task: multiclass"),
        (["", ""], "multilabel", "data.label_column: no text has a label"),
    ],
)  # fmt: skip
def test_cells_that_do_not_fit_the_task(labels, asked, message):
    with pytest.raises(ConfigError) as caught:
        labelling_of(table(labels, written=True), asked)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([True, 1], "data.label_column: labels of different types: bool, int"),
        ([1, float("nan")], "data.train: nan in row 2 is not a label in column 'label' of x"),
        ([1.5, float("nan")], "data.train: nan in row 2 is not a number in column 'label' of x"),
        ([1.5, None, 2], "data.train: None in row 2 is not a number in column 'label' of x"),
        ([["a"], None], "data.train: None in row 2 is not a list of labels in column 'label' of x"),
        ([["a"], ["a", None]], "data.train: ['a', None] in row 2 is not a list of labels in column 'label' of x"),
    ],
)
def test_values_that_are_no_labels(labels, message):
    with pytest.raises(ConfigError) as caught:
        labelling_of(table(labels, written=False), None)
    assert str(caught.value) == message


def test_two_labels_may_be_classes_like_others():
    assert labelling_of(table(["a", "b"], written=True), "multiclass").task == Task("multiclass", ("a", "b"))


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_lists_and_numbers_in_files(tmp_path, name):
    import pandas as pd

    def write(labels: list[Any]) -> Path:
        rows = [{"text": f"text {place}", "label": label} for place, label in enumerate(labels)]
        file = tmp_path / name
        if file.suffix == ".parquet":
            pd.DataFrame(rows).to_parquet(file)
        else:
            file.write_text("\n".join(map(json.dumps, rows)))
        return file

    file = str(write([["b", "a"], [], ["c"]]))
    assert load_data(DataSettings(file, file)).task == Task("multilabel", ("a", "b", "c"))
    file = str(write([1.25, -3.0]))
    assert load_data(DataSettings(file, file)).train.targets.tolist() == [1.25, -3.0]


def test_true_is_no_1():
    labelling = labelling_of(table([0, 1], written=False), None)
    with pytest.raises(ConfigError, match="labels that the training examples do not have, 1: True"):
        labelling.targets(table([1, True], written=False))


def test_labels_of_the_validation_set_that_are_new(tmp_path):
    train, other = tmp_path / "train.jsonl", tmp_path / "other.jsonl"
    train.write_text('{"text": "a", "label": ["x"]}\n{"text": "b", "label": ["y", "x"]}\n')
    other.write_text('{"text": "a", "label": ["x", "z"]}\n')
    with pytest.raises(ConfigError) as caught:
        load_data(DataSettings(str(train), str(other)))
    assert str(caught.value) == (
        "data.validation: labels that the training examples do not have, 1: z\n  labels of data.train, 2: x, y"
    )
