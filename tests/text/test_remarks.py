"""What is said of the data before the first run: the task, how many texts are cut, and what is odd."""

from __future__ import annotations

import copy
import random
from pathlib import Path

import pytest
import yaml

from gridfold.executors import registry
from gridfold.text import trainer
from gridfold.text.data import load_data
from gridfold.text.data_settings import DataSettings
from tests.text.examples import FILLERS, TOPICS, sentences
from tests.text.test_cli import Here

LONG = sum(len(text.split()) + 2 > 30 for text, _ in sentences(TOPICS, 30))  # each word a token, and two around


def texts(config):
    return [remark.text for remark in trainer.remarks(config)]


def doubts(settings):
    return list(load_data(settings).doubts)


def test_the_task_and_the_texts_that_are_cut(config):
    labels = "3: animals, colours, weather (by the labels; data.task says otherwise)"
    config["data"]["max_length"] = 30
    lines = [f"task: multiclass, {labels}", f"{LONG} of 90 texts have more than 30 tokens: "]
    for name, becomes in (
        ("truncate", "their ends are cut"),
        ("head_tail", "their middles are cut"),
        ("chunk_mean", "they are read in pieces"),
    ):
        config["data"]["long_texts"] = name
        assert texts(config) == [lines[0], f"{lines[1]}{becomes} (data.long_texts: {name})"]
    config["data"] |= {"max_length": 64, "task": "multiclass"}
    assert texts(config) == ["task: multiclass, 3: animals, colours, weather"]


def test_texts_of_many_are_counted_in_a_sample(config, monkeypatch):
    monkeypatch.setattr("gridfold.text.remarks._LOOKED_AT", 30)
    config["data"] |= {"max_length": 30, "split_seed": 7}
    assert texts(config)[1].startswith("about 20 % of 90 texts have more than 30 tokens: ")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "a,neg\nb,pos\nc,neg \nd,Pos\n",
            ["labels of {file} that look like one: 'Pos' (row 4), 'pos' (row 2)",
             "labels of {file} that look like one: 'neg' (row 1), 'neg ' (row 3)"],
        ),
        ("a,1\nb,0\nc,1.0\n", ["{file} writes a number in several ways (1, 1.0), which are read as one label"]),
        (",x\nb,y\n  ,x\n", ["2 texts of {file} without a word, in row 1, 3"]),
        ("a,1\nb,2\nc,nan\n", ["labels of {file} are numbers, but for 'nan' (row 3)"]),
        ("a,x\nb,y\n", []),
        ("a,x\nb,none\n", []),
    ],
)  # fmt: skip
def test_what_is_odd_in_a_file(tmp_path, rows, said):
    file = tmp_path / "x.csv"
    file.write_text(f"text,label\n{rows}")
    other = tmp_path / "other.csv"
    other.write_text("text,label\nelsewhere," + rows.split(",")[1].split("\n")[0] + "\n")
    assert doubts(DataSettings(str(file), str(other))) == [line.format(file=file) for line in said]


def test_a_quote_that_is_not_closed(tmp_path):
    file = tmp_path / "x.tsv"
    file.write_text("text\tlabel\n" + 'a\tx\nb\ty\n"c\tx\nd\ty\ne"\tx\nf\ty\n')
    assert doubts(DataSettings(str(file), folds=2, fold=0)) == [
        f"texts of {file} with tabs and line breaks, in row 3: is a quote not closed?"
    ]


def test_labels_of_lists_that_look_like_one(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text('{"text": "a", "label": ["x", "y"]}\n{"text": "b", "label": ["X"]}\n')
    assert doubts(DataSettings(str(file), folds=2, fold=0)) == [
        f"labels of {file} that look like one: 'X' (row 2), 'x' (row 1)"
    ]


def test_texts_on_both_sides(tmp_path):
    train, other = tmp_path / "train.csv", tmp_path / "other.csv"
    train.write_text("text,label\na,x\nb,y\n")
    other.write_text("text,label\na,x\nc,y\n")
    assert doubts(DataSettings(str(train), str(other))) == ["1 of 2 validation texts are among those to train on, too"]


@pytest.fixture
def pair_config(config, tmp_path):
    """Pairs of texts that are of one topic, or of two."""
    stream, rows = random.Random(0), []
    for _ in range(60):
        first, second = stream.choices([*TOPICS], k=2)
        words = [" ".join(stream.choices(FILLERS, k=9) + stream.choices(TOPICS[name], k=3)) for name in (first, second)]
        rows.append((*words, "same" if first == second else "other"))
    file = tmp_path / "pairs.csv"
    file.write_text("premise,hypothesis,label\n" + "".join(f"{','.join(row)}\n" for row in rows))
    config = copy.deepcopy(config)
    config["data"] |= {"train": str(file), "text_column": ["premise", "hypothesis"], "max_length": 20}
    config["model"]["classification_head"]["architecture"][-1]["out_features"] = 2
    config["training"]["num_epochs"] = 1
    return config


def test_the_plan_says_it(pair_config, write, gridfold, monkeypatch, snapshot):
    monkeypatch.setitem(registry._OWN, registry.LOCAL, f"{Here.__module__}:Here")
    monkeypatch.setenv("COLUMNS", "160")
    pair_config["training"]["learning_rate"] = [1e-3, 1e-2]
    rows = Path(pair_config["data"]["train"]).read_text().splitlines()
    rows[3:5] = [row.rpartition(",")[0] + ",Other" for row in rows[3:5]]
    write("pairs.csv", "\n".join(rows))
    pair_config["data"]["train"] = "pairs.csv"
    pair_config["model"]["classification_head"]["architecture"][-1]["out_features"] = 3
    code, said = gridfold("plan", "--config", write("c.yaml", yaml.safe_dump(pair_config)))
    assert code == 0, said
    assert said == snapshot
