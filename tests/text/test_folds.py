"""Folds of the training data: what they are, and that runs on them share their work and change no bit."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridfold.core.errors import ConfigError
from gridfold.runs.search import SearchDirectory
from gridfold.text import trainer
from gridfold.text.data import load_data
from gridfold.text.data_settings import DataSettings, read_data, read_examples, read_fold, read_tokenizing
from gridfold.text.section import LazyConfig
from gridfold.text.splits import folds_of
from tests.text.test_shared_runs import both, same


def test_every_example_is_held_out_once(csv_file):
    parts = [load_data(DataSettings(str(csv_file), limit=60, folds=4, fold=fold)) for fold in range(4)]
    held_out = [text for data in parts for text in data.validation.texts]
    assert len(held_out) == len(set(held_out)) == 60
    for data in parts:
        assert not set(data.train.texts) & set(data.validation.texts)
        assert len(data.train) + len(data.validation) == 60
        assert np.bincount(data.validation.targets).tolist() == [5, 5, 5]


def test_a_validation_set_of_its_own_is_not_used(csv_file):
    data = load_data(DataSettings(str(csv_file), "missing.csv", folds=3, fold=0))
    assert len(data.validation) == 30


def test_folds_depend_on_the_seed_of_the_split_alone(csv_file):
    first, again, other = (
        load_data(DataSettings(str(csv_file), split_seed=seed, folds=3, fold=1)).validation.texts for seed in (0, 0, 1)
    )
    assert first == again != other


def test_folds_are_the_same_for_ever():
    # A config must give the same parts next year: these are pinned.
    ids = np.array([0, 1] * 5, dtype=np.int64)
    assert folds_of(ids, 3, [0, 2]).tolist() == [1, 0, 2, 2, 0, 0, 1, 1, 0, 2]


@given(counts=st.lists(st.integers(1, 30), min_size=2, max_size=5), folds=st.integers(2, 7), seed=st.integers(0, 99))
def test_folds_are_even_in_size_and_in_every_class(counts, folds, seed):
    ids = np.repeat(np.arange(len(counts)), counts)
    parts = folds_of(ids, folds, [seed])
    for rows in (np.ones(len(ids), bool), *(ids == index for index in range(len(counts)))):
        sizes = np.bincount(parts[rows], minlength=folds)
        assert sizes.max() - sizes.min() <= 1


def test_runs_on_folds_share_what_does_not_depend_on_them_and_change_no_bit(config, executors, tmp_path):
    config["training"]["num_epochs"] = 1
    configs = []
    for kind, fold in itertools.product(({"freeze_encoder": True}, {"frozen_layers": 1}), range(3)):
        own = copy.deepcopy(config)
        own["model"] |= kind
        own["data"] |= {"folds": 3, "fold": fold}
        own["training"]["seed"] = 42 + fold % 2
        configs.append(own)
    for one, other in both(executors, tmp_path, configs):
        same(one, other)
    splits = [event for event in SearchDirectory(tmp_path / "search").sharing_events() if "split" in event]
    assert [split["path"] for split in splits][1:] == ["data.fold", "data.fold"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"folds": 3}, "data.fold: required with data.folds"),
        ({"folds": 3, "fold": 3}, "data.fold: expected a part from 0 to 2, found 3"),
        ({"fold": 0}, "data.fold: given without data.folds"),
        ({"folds": 1, "fold": 0}, "data.folds: expected a whole number"),
        ({"folds": 91, "fold": 0}, "data.folds: 90 examples cannot be split into 91 parts"),
    ],
)
def test_what_cannot_be_a_fold(config, data, message):
    config["data"] |= data
    with pytest.raises(ConfigError, match=message):
        trainer.check(config)


def test_settings_are_read_in_the_order_that_lets_folds_share(config):
    config["data"] |= {"folds": 3, "fold": 2}
    before = read_data(LazyConfig(config))
    assert (before.folds, before.fold) == (3, None)
    assert read_fold(LazyConfig(config), before).fold == 2


def test_how_many_tokens_are_kept_is_read_after_the_examples(config):
    config["data"]["max_length"] = -1
    examples = read_examples(LazyConfig(config))
    with pytest.raises(ConfigError, match=r"data\.max_length"):
        read_tokenizing(LazyConfig(config), examples)
