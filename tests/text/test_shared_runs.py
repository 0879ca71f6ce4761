"""A grid of the built-in trainer: what its runs share is computed once, and no bit of a result changes."""

import copy
import itertools

import pytest
import yaml

from gridfold.core.process.interrupt import Interrupt
from gridfold.runs.record import Record
from gridfold.runs.run import Attempt, Run
from gridfold.runs.search import SearchDirectory
from gridfold.search.hyperparam_search import Silent
from gridfold.trainers.protocol import BUILT_IN

FILES = ("head.safetensors", "classifier.json", "misclassified.csv", "predictions.csv", "metrics.jsonl")


def execute(executors, folder, configs, *, share):
    """The runs of some configs, by their directories."""
    (folder / "search").mkdir(exist_ok=True)
    attempts = []
    for index, config in enumerate(configs):
        run = Run(folder / f"{'shared' if share else 'alone'}{index}")
        run.dir.mkdir()
        run.config_path.write_text(yaml.safe_dump(config))
        attempts.append(Attempt(run, Record(f"{index}", index, "search", {}, BUILT_IN, attempt=1)))
    records = [record for _, record in executors[share].execute(attempts, Silent(), Interrupt())]
    assert {record.state for record in records} == {"completed"}, [record.error for record in records]
    assert {record.sharing["label"] for record in records} == {"bitwise" if share else "own"}
    return [attempt.run for attempt in attempts]


def both(executors, folder, configs):
    """The run of each config with work shared, and alone."""
    shared, alone = (execute(executors, folder, configs, share=share) for share in (True, False))
    return list(zip(shared, alone, strict=True))


def same(one, other):
    """Two runs have left the same, to the bit."""
    assert one.read().metrics == other.read().metrics
    for name in FILES:
        assert (one.dir / name).read_bytes() == (other.dir / name).read_bytes(), name


def configs_of(config, **lists):
    """A config for every combination of some settings of the training."""
    configs = []
    for values in itertools.product(*lists.values()):
        own = copy.deepcopy(config)
        own["training"] |= dict(zip(lists, values, strict=True))
        configs.append(own)
    return configs


@pytest.fixture(params=[True, False], ids=["frozen", "fine-tuned"])
def either(request, config):
    config["model"]["freeze_encoder"] = request.param
    return config


def test_every_file_of_every_run_is_as_if_it_had_run_alone(either, executors, tmp_path):
    configs = configs_of(either, learning_rate=[1e-3, 1e-2], batch_size=[4, 8], num_epochs=[1, 2])
    for one, other in both(executors, tmp_path, configs):
        same(one, other)


def test_frozen_layers_are_shared_and_change_no_file(config, executors, tmp_path):
    config["model"]["frozen_layers"] = 1
    configs = configs_of(config, learning_rate=[1e-3, 1e-2], num_epochs=[1, 2])
    for one, other in both(executors, tmp_path, configs):
        same(one, other)


def test_learning_rates_apart_are_each_run_s_own(config, executors, tmp_path):
    config["training"] |= {"layer_decay": 0.5, "max_steps": 5}
    for one, other in both(executors, tmp_path, configs_of(config, head_learning_rate=[None, 1e-2])):
        same(one, other)


def test_each_run_pools_in_its_own_way(config, executors, tmp_path):
    config["model"]["freeze_encoder"] = True
    configs = [copy.deepcopy(config) for _ in range(3)]
    for own, pooling in zip(configs, ("mean", "cls", "cls+max"), strict=True):
        own["model"] |= {"pooling": pooling, "normalize": True}
    for one, other in both(executors, tmp_path, configs):
        same(one, other)


@pytest.mark.parametrize(
    ("settings", "varied"),
    [
        ({"scheduler": "constant"}, {"num_epochs": [1, 2, 3]}),
        ({"scheduler": "constant_with_warmup", "warmup_steps": 3}, {"num_epochs": [3, 1, 2]}),
        ({"num_epochs": 4, "learning_rate": 0.01}, {"early_stopping_patience": [1, 2, None], "metric": ["loss", "f1"]}),
        ({"scheduler": "constant"}, {"num_epochs": [2, 4], "metric": ["val_accuracy", "loss"]}),
    ],
    ids=["epochs", "epochs after a warm-up", "patience and metric", "epochs and metric"],
)
def test_what_says_only_when_to_end_costs_no_training(either, settings, varied, executors, tmp_path):
    either["training"] |= settings
    configs = configs_of(either, **varied)
    pairs = both(executors, tmp_path, configs)
    for one, other in pairs:
        same(one, other)
    nodes = {one.read().sharing["node"] for one, _ in pairs}
    assert len(nodes) == len(configs)
    # Whatever is trained is trained together: at every split, all but those that end go on as one.
    sizes = [split["sizes"] for split in SearchDirectory(tmp_path / "search").sharing_events() if "split" in split]
    trained = [size for size in sizes if len(size) > 1]
    assert sum(len(size) - 1 for size in trained) == len(configs) - 1


def test_a_schedule_that_looks_at_the_end_is_of_one_number_of_epochs(either, executors, tmp_path):
    either["training"]["scheduler"] = "cosine"
    configs = configs_of(either, num_epochs=[1, 2])
    for one, other in both(executors, tmp_path, configs):
        same(one, other)


def test_how_epochs_are_judged_is_read_when_the_first_is_over(binary_config, executors, tmp_path):
    binary_config["model"]["freeze_encoder"] = True
    configs = configs_of(binary_config, threshold=[0.5, 0.3, "best_f1"], metric=["f1", "brier"])
    for one, other in both(executors, tmp_path, configs):
        same(one, other)
    splits = [event for event in SearchDirectory(tmp_path / "search").sharing_events() if "split" in event]
    # The first epoch of all is one; those of one threshold stay together to the end.
    assert [(split["path"], split["sizes"]) for split in splits[:1]] == [("training.threshold", [2, 2, 2])]
    assert len(splits) == 4
