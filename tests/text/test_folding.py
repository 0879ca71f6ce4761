"""A grid of the built-in trainer: what its runs share is computed once, and no bit of a result changes."""

import json

import pytest
import yaml

from gridfold.executors.local import LocalExecutor
from gridfold.interrupt import Interrupt
from gridfold.run import Attempt, Record, Run
from gridfold.search import Silent
from gridfold.trainer import BUILT_IN

FILES = ("head.safetensors", "classifier.json", "misclassified.csv", "metrics.jsonl")


def execute(folder, configs, *, fold):
    """The runs of some configs, by their directories."""
    attempts = []
    for index, config in enumerate(configs):
        run = Run(folder / f"{'folded' if fold else 'alone'}{index}")
        run.dir.mkdir()
        run.config_path.write_text(yaml.safe_dump(config))
        attempts.append(Attempt(run, Record(f"{index}", index, None, {}, BUILT_IN, attempt=1)))
    with LocalExecutor(parallel=2, fold=None if fold else False) as executor:
        records = [record for _, record in executor.execute(attempts, Silent(), Interrupt())]
    assert {record.state for record in records} == {"completed"}, [record.error for record in records]
    assert {record.fold["label"] for record in records} == {"bitwise" if fold else "own"}
    return [attempt.run for attempt in attempts]


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "fine-tuned"])
def test_every_file_of_every_run_is_as_if_it_had_run_alone(config, tmp_path, frozen):
    configs = []
    for rate in (1e-3, 1e-2):
        for size in (4, 8):
            for epochs in (1, 2):
                own = json.loads(json.dumps(config))
                own["model"]["freeze_encoder"] = frozen
                own["training"] |= {"learning_rate": rate, "batch_size": size, "num_epochs": epochs}
                configs.append(own)
    folded, alone = execute(tmp_path, configs, fold=True), execute(tmp_path, configs, fold=False)
    for one, other in zip(folded, alone, strict=True):
        assert one.read().metrics == other.read().metrics
        for name in FILES:
            assert (one.dir / name).read_bytes() == (other.dir / name).read_bytes(), name
