"""What is held out for validation, in folds and for the test: exact, even, and never two sides of a group."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.text.data import Examples, load_data, load_test
from gridfold.text.data_settings import DataSettings
from gridfold.text.splits import balanced, folds_of, sample, strata_of
from gridfold.text.tasks import Task

TOPICS = ["news", "sport", "arts", "money"]


def write_rows(file: Path, rows: list[dict[str, Any]]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


@pytest.fixture
def rows():
    """100 texts of 20 authors, of whom each prefers a topic."""
    stream = random.Random(0)
    return [
        {
            "text": f"text {place}",
            "label": stream.choice([TOPICS[place % 20 % 4], *TOPICS]),
            "author": f"author {place % 20}",
            "half": place % 2,
        }
        for place in range(100)
    ]


@pytest.fixture
def file(tmp_path, rows):
    return write_rows(tmp_path / "rows.jsonl", rows)


def authors(examples: Examples, rows: list[dict[str, Any]]) -> set[str]:
    return {rows[place - 1]["author"] for place in examples.places}


@pytest.mark.parametrize("held_out", [{"validation": 0.2}, {"folds": 5, "fold": 2}])
@pytest.mark.parametrize("limit", [None, 60])
def test_no_group_is_on_two_sides(file, rows, held_out, limit):
    settings = DataSettings(file, group_column="author", test=0.2, limit=limit, **held_out)
    data = load_data(settings)
    parts = [data.train, data.validation, load_test(settings, data.task)]
    for one, other in itertools.combinations(parts, 2):
        assert not authors(one, rows) & authors(other, rows)
    assert sum(map(len, parts)) == 100 if limit is None else len(parts[0]) + len(parts[1]) == limit
    for part, size in zip(parts[1:], (0.2 * len(parts[0]) / 0.8, 20), strict=True):
        assert abs(len(part) - size) <= 5
        assert np.bincount(part.targets, minlength=4).min() >= 1


@given(
    groups=st.lists(st.integers(0, 30), min_size=60, max_size=120),
    classes=st.integers(1, 4),
    parts=st.integers(2, 5),
    seed=st.integers(0, 99),
)
def test_groups_stay_whole_and_parts_come_out_even(groups, classes, parts, seed):
    ids = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    strata = np.random.RandomState(seed).randint(classes, size=len(ids))
    found = folds_of(strata, parts, [seed], ids)
    for group in range(ids.max() + 1):
        assert len(set(found[ids == group])) == 1
    sizes = np.bincount(found, minlength=parts)
    assert sizes.max() - sizes.min() <= 2 * np.bincount(ids).max() + classes


@given(
    rates=st.lists(st.floats(0.02, 0.9), min_size=1, max_size=6),
    count=st.integers(30, 120),
    share=st.floats(0.1, 0.9),
    seed=st.integers(0, 99),
)
def test_several_labels_are_spread_as_evenly_as_can_be(rates, count, share, seed):
    stream = np.random.RandomState(seed)
    targets = (stream.rand(count, len(rates)) < rates).astype(np.float32)
    rows = sample(targets, round(share * count), [seed])
    assert len(rows) == len(set(rows.tolist())) == round(share * count)
    assert rows.tolist() == sorted(rows.tolist())
    assert (np.abs(targets[rows].sum(0) - share * targets.sum(0)) <= 1 + 0.5 * len(rates)).all()


def test_these_parts_are_the_same_for_ever():
    # A config must give the same parts next year: these are pinned.
    groups = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 5], dtype=np.int64)
    strata = np.array([0, 1, 0, 1, 1, 0, 0, 1, 0, 1], dtype=np.int64)
    assert balanced(strata, [0.5, 0.5], [0], groups).tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 1]
    several = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 0], [1, 0]], dtype=np.float32)
    assert balanced(several, [0.5, 0.5], [0]).tolist() == [1, 0, 1, 0, 0, 1]


def test_numbers_are_spread_evenly():
    numbers = np.random.RandomState(0).lognormal(size=200).astype(np.float32)
    strata = strata_of(Task("regression"), numbers)
    assert np.bincount(strata).tolist() == [20] * 10
    assert numbers[strata == 0].max() <= numbers[strata == 1].min()
    held_out = numbers[sample(strata, 40, [0])]
    assert np.allclose(np.quantile(held_out, [0.25, 0.5, 0.75]), np.quantile(numbers, [0.25, 0.5, 0.75]), rtol=0.15)
    for few in (2, 5, 13):
        assert strata_of(Task("regression"), numbers[:few]).max() < max(1, few // 5)


@pytest.mark.parametrize("task", ["labels", "several", "numbers"])
def test_the_test_set_is_the_same_for_every_run_of_a_search(tmp_path, rows, task):
    for place, row in enumerate(rows):
        row["label"] = {"labels": row["label"], "several": [row["label"], TOPICS[place % 3]], "numbers": place / 7}[
            task
        ]
    file, seen = write_rows(tmp_path / "rows.jsonl", rows), []
    for others in ({}, {"limit": 40}, {"validation": 0.5}, {"folds": 3, "fold": 0}, {"folds": 3, "fold": 2}):
        settings = DataSettings(file, test=0.1, **others)
        data = load_data(settings)
        test = load_test(settings, data.task)
        seen.append(test.texts)
        assert not set(test.texts) & {*data.train.texts, *data.validation.texts}
    assert len(set(seen)) == 1
    assert len(seen[0]) == 10
    assert load_test(DataSettings(file, test=0.1, split_seed=1), data.task).texts != seen[0]


def test_without_a_test_set_everything_is_as_ever(file):
    assert len(load_data(DataSettings(file)).train) == 80


def test_a_test_set_of_its_own_is_read_only_when_it_is_asked_for(tmp_path, file):
    settings = DataSettings(file, test=str(tmp_path / "test.jsonl"))
    data = load_data(settings)
    assert len(data.train) + len(data.validation) == 100
    with pytest.raises(ConfigError, match="no such file or folder"):
        load_test(settings, data.task)
    write_rows(tmp_path / "test.jsonl", [{"text": "new", "label": "sport"}])
    assert load_test(settings, data.task).targets.tolist() == [3]


def test_a_test_set_by_other_labels_than_those_of_the_run(tmp_path, file):
    task = load_data(DataSettings(file)).task
    with pytest.raises(ConfigError) as caught:
        load_test(DataSettings(file, test=0.1), Task("multiclass", ("a", "b", "c")))
    assert str(caught.value) == (
        "data.train: other labels than the run was trained with, 4: arts, money, news, sport\n"
        "  labels of the run, 3: a, b, c"
    )
    with pytest.raises(ConfigError) as caught:
        load_test(DataSettings(file), task)
    assert str(caught.value) == "data.test: no test set\n  give a path, a data set name, or a fraction"


def test_groups_of_a_source_of_its_own(tmp_path, file, rows):
    other = write_rows(tmp_path / "other.jsonl", [*rows[:3], {"text": "t", "label": "news", "author": "x"}])
    for key in ("validation", "test"):
        settings = DataSettings(file, group_column="author", **{key: other})
        with pytest.raises(ConfigError) as caught:
            load_test(settings, load_data(settings).task)
        assert str(caught.value) == (
            f"data.{key}: groups that the training examples have, too, 3: author 0, author 1, author 2\n"
            "  leave them out of one of the two, or leave out data.group_column"
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"group_column": "writer"},
            "data.group_column: no column 'writer' in {file}; columns: text, label, author, half",
        ),
        (
            {"group_column": "author", "folds": 21, "fold": 0},
            "data.folds: 20 groups cannot be split into 21 parts\n  give more examples",
        ),
        (
            {"group_column": "label"},
            "data.group_column: 'label' is what is to be predicted (data.label_column)\n"
            "  no label would be on both sides of a split; name the column of what belongs together",
        ),
        (
            {"test": 0.001, "group_column": "half", "limit": 50},
            "data.test: 0.001 of 100 examples leaves nothing on one side\n  give another fraction, or more examples",
        ),
    ],
)
def test_what_cannot_be_split(file, settings, message):
    with pytest.raises(ConfigError) as caught:
        load_data(DataSettings(file, **settings))
    assert str(caught.value) == message.format(file=file)


def test_a_label_too_rare_for_three_parts(tmp_path, rows):
    for row in rows[:2]:
        row["label"] = "rare"
    file = write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(ConfigError) as caught:
        load_data(DataSettings(file, test=0.2))
    assert str(caught.value) == (
        "data.test: a stratified split needs 3 examples of every label, there are fewer of 1: rare\n"
        "  give a test set of its own, or more examples"
    )
    assert len(load_data(DataSettings(file, file, test=0.2)).train) == 80


def test_a_group_that_is_missing(tmp_path, rows):
    rows[4]["author"] = None
    file = write_rows(tmp_path / "rows.jsonl", rows)
    with pytest.raises(ConfigError) as caught:
        load_data(DataSettings(file, group_column="author"))
    assert str(caught.value) == f"data.train: None in row 5 is not a group in column 'author' of {file}"
