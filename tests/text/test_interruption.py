"""Interrupted fine-tuning goes on, and ends with what it would have ended with: metrics and files, to the bit."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.text.conftest import base_config
from tests.text.interrupted import Blow, Case, outcomes

# Of 63 examples, batches of 8 are 8 steps an epoch; those of 4, three a step, are 6.
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulated": {
        "batch_size": 4,
        "gradient_accumulation_steps": 3,
        "warmup_ratio": 0.2,
        "scheduler": "cosine",
        "label_smoothing_factor": 0.1,
        "loss": "focal",
        "class_weights": "balanced",
    },
    "stopping": {"learning_rate": 1e-12, "num_epochs": 9, "early_stopping_patience": 2},
    "plateau": {"scheduler": "reduce_lr_on_plateau", "lr_scheduler_kwargs": {"patience": 0}, "learning_rate": 0.05},
    "greedy": {"scheduler": "greedy"},
    "short": {"max_steps": 13, "optim": "adafactor", "neftune_noise_alpha": 5.0},
    "by_length": {"train_sampling_strategy": "group_by_length", "metric": "loss"},
    "bucket": {"padding": "bucket", "batch_size": 4, "gradient_accumulation_steps": 2},
    "layers": {"layer_decay": 0.5, "head_learning_rate": 0.01},
    "not_seedable": {"accelerator_config": {"use_seedable_sampler": False}, "bf16": True},
}
FROZEN_LAYERS = {"layers": 1}
TERM, KILL = "SIGTERM", "SIGKILL"
CASES: dict[str, tuple[str, list[Blow]]] = {
    "in the first step": ("plain", [Blow(TERM, "step", 1)]),
    "in the first epoch": ("accumulated", [Blow(TERM, "step", 4)]),
    "in the second epoch": ("accumulated", [Blow(TERM, "step", 9)]),
    "twice": ("plain", [Blow(TERM, "step", 11), Blow(TERM, "step", 3)]),
    "in the last step of an epoch": ("plain", [Blow(TERM, "step", 8)]),
    "in an evaluation": ("accumulated", [Blow(TERM, "evaluation", 2)]),
    "after an evaluation": ("plain", [Blow(TERM, "report", 2)]),
    "in the last evaluation": ("plain", [Blow(TERM, "evaluation", 3)]),
    "after the last evaluation": ("plain", [Blow(TERM, "report", 3)]),
    "while patience runs out": ("stopping", [Blow(TERM, "step", 20)]),
    "in the evaluation at the end of patience": ("stopping", [Blow(TERM, "evaluation", 3)]),
    "after the end of patience": ("stopping", [Blow(TERM, "report", 3)]),
    "with a schedule that follows the loss": ("plateau", [Blow(TERM, "evaluation", 1), Blow(TERM, "step", 5)]),
    "with another": ("greedy", [Blow(TERM, "step", 13)]),
    "before a number of steps is reached": ("short", [Blow(TERM, "step", 11)]),
    "when a number of steps is reached": ("short", [Blow(TERM, "step", 13)]),
    "with an order by length": ("by_length", [Blow(TERM, "step", 12)]),
    "with an order by buckets of length": ("bucket", [Blow(TERM, "step", 12)]),
    "above frozen layers": ("layers", [Blow(TERM, "step", 12)]),
    "with an order by the global random stream": ("not_seedable", [Blow(TERM, "step", 12)]),
    "killed in the second epoch": ("accumulated", [Blow(KILL, "step", 9)]),
    "killed in an evaluation": ("plain", [Blow(KILL, "evaluation", 2)]),
    "killed while saving": ("plain", [Blow(TERM, "step", 3), Blow(KILL, "saving", 1)]),
    "killed while saving for the first time": ("plain", [Blow(KILL, "saving", 1)]),
}


@pytest.fixture(scope="module")
def found(tiny_model, csv_file, tmp_path_factory):
    """Outcomes of all cases and of the trainings that were left alone, with their directories."""
    folder = tmp_path_factory.mktemp("interrupted")

    def case(settings: str, name: str, blows: list[Blow]) -> Case:
        config = copy.deepcopy(base_config(tiny_model, csv_file))
        config["training"].update(SETTINGS[settings])
        config["model"]["frozen_layers"] = FROZEN_LAYERS.get(settings, 0)
        return Case(config, str(folder / name), [*blows, None])

    cases = {name: case(name, name, []) for name in SETTINGS}
    cases |= {name: case(settings, name, blows) for name, (settings, blows) in CASES.items()}
    done = outcomes(list(cases.values()))
    return {name: (attempts, Path(case.folder)) for (name, case), attempts in zip(cases.items(), done, strict=True)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", CASES)
def test_it_ends_as_if_it_had_never_been_interrupted(name, found):
    settings, blows = CASES[name]
    (undisturbed,), expected_folder = found[settings]
    attempts, folder = found[name]
    assert undisturbed["state"] == "completed"
    states = {TERM: "interrupted", KILL: "killed"}
    assert [attempt["state"] for attempt in attempts] == [*(states[blow.signal] for blow in blows), "completed"]
    last = attempts[-1]
    assert last["metrics"] == undisturbed["metrics"]
    assert last["reports"] == undisturbed["reports"]
    assert contents(folder) == contents(expected_folder)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("in the first step", 2),
        ("in the first epoch", 5),
        ("in the last step of an epoch", 9),
        ("in the second epoch", 10),
        ("in an evaluation", 13),
        ("killed in the second epoch", 7),
        ("killed while saving", 4),
        ("killed while saving for the first time", 1),
    ],
)
def test_no_step_is_done_again(name, first, found):
    attempts, _ = found[name]
    assert attempts[-1]["steps"][0] == first


@pytest.mark.parametrize("name", ["in the last evaluation", "after the last evaluation", "after the end of patience"])
def test_a_training_that_was_over_is_not_trained_on(name, found):
    attempts, _ = found[name]
    assert attempts[-1]["steps"] == []
