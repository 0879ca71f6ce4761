"""Examples: formats, labels, limits and splits."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.text.data import load_data
from gridfold.text.data_settings import DataSettings
from gridfold.text.splits import stratified

ROWS = [("NA", "b"), ("null", "a"), ("", "b"), ("größe, “quoted”", "a"), ("two\nlines", "b"), ("123", "a")]


def write(folder: Path, name: str) -> Path:
    """The rows in one of the formats; `name` says which."""
    file = folder / name
    frame = pd.DataFrame(ROWS, columns=["text", "label"])
    if file.suffix in {".csv", ".tsv"}:
        frame.to_csv(file, sep="\t" if file.suffix == ".tsv" else ",", index=False)
    elif file.suffix == ".parquet":
        frame.to_parquet(file)
    elif name == "array.json":
        file.write_text(json.dumps(frame.to_dict("records")))
    else:
        file.write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")) + "\n\n")
    return file


def pairs(settings: DataSettings) -> list[tuple[str, Any]]:
    data = load_data(settings)
    return [
        (text, data.labels[index])
        for part in (data.train, data.validation)
        for text, index in zip(part.texts, part.targets, strict=True)
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.json", "array.json", "x.parquet"])
def test_formats(tmp_path, name):
    file = str(write(tmp_path, name))
    assert pairs(DataSettings(file, file)) == ROWS * 2
    assert sorted(pairs(DataSettings(file, 0.4))) == sorted(ROWS)


def test_a_folder_of_class_folders(tmp_path, caplog):
    for name, content in [("b/2.txt", b"two"), ("b/10.txt", b"ten"), ("a/1.txt", b"caf\xe9"), ("_no/1.txt", b"")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "readme.txt").write_text("not an example")
    with caplog.at_level(logging.WARNING):
        data = load_data(DataSettings(str(tmp_path), str(tmp_path)))
    assert data.labels == ("a", "b")
    assert data.train.texts == ("caf\N{REPLACEMENT CHARACTER}", "ten", "two")
    assert caplog.messages == ["not UTF-8, wrong bytes were replaced: a/1.txt"] * 2


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        (["10", "9", "-1"], (-1, 9, 10)),
        (["01", "2", "1"], ("01", "1", "2")),
        (["yes", "no", "NA"], ("NA", "no", "yes")),
        (["1.0", "2.0", "3"], ("1.0", "2.0", "3")),
    ],
)
def test_labels_of_csv_files_are_whole_numbers_or_text(tmp_path, cells, labels):
    file = tmp_path / "x.csv"
    file.write_text("text,label\n" + "".join(f"t,{cell}\n" for cell in cells * 2))
    assert load_data(DataSettings(str(file), 0.5)).labels == labels


def test_a_byte_order_mark_and_odd_line_separators(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbftext,label\none,a\ntwo,b\n")
    rows = '{"text": "one\u2028line", "label": "a"}\n{"text": "two\x85", "label": "b"}\n'
    (tmp_path / "x.jsonl").write_text(rows, encoding="utf-8-sig")
    for name, texts in (("x.csv", ("one", "two")), ("x.jsonl", ("one\u2028line", "two\x85"))):
        file = str(tmp_path / name)
        assert load_data(DataSettings(file, file)).train.texts == texts


def test_other_columns(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("id,body,topic\n1,one,a\n2,two,b\n")
    assert pairs(DataSettings(str(file), str(file), "body", "topic"))[:2] == [("one", "a"), ("two", "b")]


def test_a_data_set_of_the_hub(monkeypatch):
    import datasets

    asked = []

    def load_dataset(name: str, split: str) -> datasets.Dataset:
        asked.append((name, split))
        features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["z", "a"])})
        return datasets.Dataset.from_dict({"text": ["one", "two"], "label": [0, 1]}, features=features)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    data = load_data(DataSettings("org/name", "org/name:test"))
    assert asked == [("org/name", "train"), ("org/name", "test")]
    assert data.labels == ("a", "z")
    assert data.train.targets.tolist() == [1, 0]


def test_the_split_depends_on_its_own_seed_alone(csv_file):
    first = load_data(DataSettings(str(csv_file), 0.25))
    again = load_data(DataSettings(str(csv_file), 0.25))
    other = load_data(DataSettings(str(csv_file), 0.25, split_seed=1))
    assert first.validation.texts == again.validation.texts
    assert first.validation.texts != other.validation.texts
    assert not set(first.train.texts) & set(first.validation.texts)
    assert np.bincount(first.train.targets).tolist() == [22, 23, 23]
    assert len(first.train) + len(first.validation) == 90


def test_the_split_is_the_same_for_ever():
    # A config must give the same split next year: these rows are pinned.
    ids = np.array([0, 1] * 10, dtype=np.int64)
    assert stratified(ids, 6, [0, 1], least=1, spared=1).tolist() == [0, 7, 8, 15, 17, 18]


def test_the_limit_concerns_the_training_source(csv_file):
    split = load_data(DataSettings(str(csv_file), 0.25, limit=40))
    assert (len(split.train), len(split.validation)) == (30, 10)
    apart = load_data(DataSettings(str(csv_file), str(csv_file), limit=40))
    assert (len(apart.train), len(apart.validation)) == (40, 90)
    assert len(load_data(DataSettings(str(csv_file), str(csv_file), limit=4000)).train) == 90


@given(
    counts=st.lists(st.integers(2, 60), min_size=2, max_size=6),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_stratified_sample_keeps_the_shares(counts, share, seed):
    ids = np.repeat(np.arange(len(counts)), counts)
    size = min(max(round(share * len(ids)), len(counts)), len(ids) - len(counts))
    rows = stratified(ids, size, [seed], least=1, spared=1)
    assert len(rows) == len(set(rows.tolist())) == size
    assert rows.tolist() == sorted(rows.tolist())
    taken = np.bincount(ids[rows], minlength=len(counts))
    assert (taken >= 1).all()
    assert (taken <= np.array(counts) - 1).all()
    ideal = np.array(counts) * size / len(ids)
    assert (np.abs(taken - ideal) < 1 + len(counts)).all()


@pytest.mark.parametrize("columns", ["label", ("text", "label")])
def test_a_column_that_is_predicted_is_no_text(tmp_path, columns):
    file = write(tmp_path, "data.csv")
    with pytest.raises(ConfigError) as error:
        load_data(DataSettings(str(file), text_column=columns))
    assert str(error.value) == (
        "data.text_column: 'label' is what is to be predicted (data.label_column)\n  name the column of the texts"
    )
