"""Early stopping by waiting: ASHA of gridfold, beside the whole grid, and beside Optuna's HyperbandPruner.

Run: ``python benchmarks/pruning.py frozen|whole [--seeds N] [--optuna-seeds N]``: a head on a frozen encoder (45 runs
of 12 epochs), or full fine-tuning (12 runs of 9 epochs), both on BBC news. The whole grid and ASHA each begin where the
texts are encoded already, as in any search but the first; what encoding them took is said by itself. Optuna calls the
usual training (``programs/usual.py``) in one process, once with each text encoded in every epoch, as that is written,
and once with each text encoded once a run.
"""

from __future__ import annotations

import json
import statistics
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from measure import Usage, bench, measure, parser, progress, table
from work import FROZEN, OFFLINE, PROGRAMS, WHOLE, Search, Work, gridfold_config, search, usual_config, write_texts

GRIDS = {
    "frozen": replace(FROZEN, grid={**FROZEN.grid, "batch_size": [4, 8, 16]}, epochs=12, texts=(1600, 600)),
    "whole": replace(WHOLE, epochs=9, texts=(200, 200), max_length=64),
}
WITHIN = 0.005  # of the best value of the whole grid


@dataclass(frozen=True)
class Found:
    """What came of a search.

    Attributes:
        best: the best value of a run, in its best epoch.
        epochs: how many were trained.
        usage: of the whole command.
    """

    best: float
    epochs: float
    usage: Usage

    @classmethod
    def of(cls, found: Search) -> Found:
        """Of a search by gridfold."""
        lines = [(folder / "metrics.jsonl").read_text().splitlines() for _, folder in found.runs]
        best = max(json.loads(line)["val_f1"] for each in lines for line in each)
        return cls(best, sum(map(len, lines)), found.usage)


@dataclass(frozen=True)
class Seed:
    """What one seed gave: the whole grid, and ASHA."""

    seed: int
    whole: Found
    asha: Found

    @property
    def is_good(self) -> bool:
        """Whether ASHA found what the whole grid found."""
        return self.asha.best >= self.whole.best - WITHIN


def config_of(folder: Path, work: Work, seed: int) -> dict[str, Any]:
    """The config of gridfold, of that seed."""
    config = gridfold_config(folder, work)
    return config | {"training": {**config["training"], "seed": seed}}


def searched(folder: Path, work: Work, seed: int, *options: str, patience: float) -> Found:
    """A search by gridfold, in the folder that has what was encoded."""
    config = config_of(folder, work, seed)
    said = {"GRIDFOLD_REPORT": "0"}
    return Found.of(search(config, folder / "gridfold", *options, variables=said, patience=patience))


def optuna(folder: Path, work: Work, seed: int, patience: float, **more: bool) -> Found:
    """The same grid by Optuna."""
    place = folder / f"optuna-{seed}-{len(more)}"
    (place / "results").mkdir(parents=True)
    given = {"config": usual_config(folder, work) | {"seed": seed} | more, "grid": work.grid, "seed": seed}
    (place / "grid.json").write_text(json.dumps(given))
    words = [sys.executable, PROGRAMS / "hyperband.py", "grid.json"]
    environment = OFFLINE | {"RESULTS": str(place / "results"), "OMP_NUM_THREADS": "1"}
    usage = measure(words, place, environment, patience)
    said = json.loads((place / "output").read_text().splitlines()[-1])
    return Found(said["best"], said["epochs"], usage)


def show(seeds: Sequence[Seed], others: Mapping[str, Sequence[Found]]) -> None:
    """Print the tables."""
    rows = [
        [
            str(each.seed),
            f"{each.whole.best:.4f}",
            f"{each.asha.best:.4f}",
            f"{each.whole.epochs:.0f}",
            f"{each.asha.epochs:.0f}",
            f"{each.whole.usage.cpu:.1f}",
            f"{each.asha.usage.cpu:.1f}",
            f"{each.asha.usage.cpu / each.whole.usage.cpu:.2f}",
        ]
        for each in seeds
    ]
    columns = ["seed", "grid: best", "ASHA: best", "grid: epochs", "ASHA: epochs", "grid: CPU s", "ASHA: CPU s", "part"]
    print(table(columns, rows))
    asha = statistics.median(each.asha.usage.cpu for each in seeds)
    part = statistics.median(each.asha.usage.cpu / each.whole.usage.cpu for each in seeds)
    print(f"within {WITHIN} of the grid's best: {sum(each.is_good for each in seeds)} of {len(seeds)} seeds")
    print(f"part of the grid's CPU: {part:.2f} (median)\n")
    rows = [
        [name, f"{each.best:.4f}", f"{each.epochs:.0f}", f"{each.usage.cpu:.1f}", f"{each.usage.cpu / asha:.1f}"]
        for name, found in others.items()
        for each in found
    ]
    print(table(["Optuna's HyperbandPruner", "best", "epochs", "CPU s", "times ASHA's CPU"], rows))


def main(options: Namespace) -> None:
    """Measure one grid."""
    work = GRIDS[options.grid]
    if options.tiny:
        work = replace(work.tiny(), epochs=3)
    with bench(options) as found:
        folder, patience = options.folder, options.patience
        write_texts(folder, work)
        progress("the first search, which encodes the texts")
        first = searched(folder, replace(work, epochs=1), 0, patience=patience)
        seeds = []
        for seed in range(1, options.seeds + 1):
            progress(f"seed {seed}: the whole grid, then ASHA")
            whole = searched(folder, work, seed, patience=patience)
            pruned = searched(folder, work, seed, "--prune", f"asha,max={work.epochs}", patience=patience)
            seeds.append(Seed(seed, whole, pruned))
        others: dict[str, list[Found]] = {"as it is written": [], "each text encoded once a run": []}
        for seed in range(1, options.optuna_seeds + 1):
            others["as it is written"].append(optuna(folder, work, seed, patience))
            if options.grid == "frozen":
                others["each text encoded once a run"].append(optuna(folder, work, seed, patience, remember=True))
        print(f"the first search, of 1 epoch, which encodes the texts: {first.usage.cpu:.1f} s of CPU\n")
        show(seeds, others)
        found["seeds"] = [asdict(seed) for seed in seeds]
        found["optuna"] = {name: [asdict(each) for each in rows] for name, rows in others.items()}


if __name__ == "__main__":
    arguments = parser(__doc__.partition("\n")[0])
    arguments.add_argument("grid", choices=GRIDS)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--optuna-seeds", type=int, default=1)
    main(arguments.parse_args())
