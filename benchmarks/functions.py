"""Functions that know nothing of gridfold and take long to begin: sharing work, and each run alone (table C).

Run: ``python benchmarks/functions.py [--full]``. gridfold runs the whole grid; so many runs as ``--sample`` says, or
all with ``--full``, are also executed each in a process of its own that only calls the function.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from measure import Usage, bench, difference, measure, median, parser, progress, said, table
from work import FROZEN, Search, environment, search, write_texts

WORDS = {"C": [0.1, 0.3, 1.0, 3.0, 10.0, 30.0], "tol": [1e-5, 1e-4, 1e-3, 1e-2], "class_weight": [None, "balanced"]}
NETWORK = {
    "seed": 1,
    "model": {"dropout": [0.1, 0.2, 0.3, 0.4]},
    "training": {"learning_rate": [1e-3, 3e-3, 1e-2, 3e-2], "batch_size": [32, 64, 128], "epochs": 3},
}
FEWER = {
    "words": {"C": [1.0, 10.0], "tol": 1e-4, "class_weight": None},
    "network": {"seed": 1, "model": {"dropout": [0.1, 0.2]}}
    | {"training": {"learning_rate": 1e-3, "batch_size": 32, "epochs": 1}},
}
TEXTS = (1600, 600)
ALONE = """\
import json, sys, {module}
found = {module}.train(json.load(open(sys.argv[1])))
json.dump(found, open(sys.argv[1] + ".found", "w"))
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Row:
    """What a grid of one function took.

    Attributes:
        runs: of the grid.
        ran: how many were executed alone; ``alone`` is scaled to all.
        equal: how many of them gave the same numbers.
        apart: the largest difference of a number.
    """

    name: str
    runs: int
    shared: Usage
    alone: Usage
    ran: int
    equal: int
    apart: float


def grid(options: Namespace, module: str, config: Mapping[str, Any]) -> Row:
    """Measure the grid of a function."""
    folder = options.folder / module
    texts = environment() | {"TEXTS": str(options.folder)}
    shared = []
    for repeat in range(options.repeats):
        progress(f"{module}, shared, {repeat + 1} of {options.repeats}")
        shared.append(run(config, module, folder / f"shared{repeat}", texts))
    runs = [path for _, path in shared[0].runs]
    chosen = runs if options.full else runs[:: -(-len(runs) // options.sample)]
    progress(f"{module}, {len(chosen)} runs alone")
    usage = alone(chosen, module, folder, texts)
    apart = [difference(found(folder, path), metrics(path)) for path in chosen]
    return Row(
        module,
        len(runs),
        median([each.usage for each in shared]),
        usage.scaled(len(runs) / len(chosen)),
        len(chosen),
        apart.count(0.0),
        max(apart),
    )


def run(config: Mapping[str, Any], module: str, folder: Path, variables: Mapping[str, str]) -> Search:
    """The whole grid by gridfold."""
    return search(config, folder, "--trainer", f"{module}:train", variables=variables)


def alone(runs: list[Path], module: str, folder: Path, variables: Mapping[str, str]) -> Usage:
    """A process for each run, one after another, with one thread, as a run of gridfold has."""
    (folder / "alone.py").write_text(ALONE.format(module=module))
    for path in runs:
        config = yaml.safe_load((path / "config.yaml").read_text())
        (folder / f"{path.name}.json").write_text(json.dumps(config))
    return measure(["sh", "-c", f"ls *.json | xargs -n 1 {sys.executable} alone.py"], folder, variables | ONE_THREAD)


def found(folder: Path, run: Path) -> dict[str, float]:
    """What the function returned for a run alone."""
    numbers: dict[str, float] = json.loads((folder / f"{run.name}.json.found").read_text())
    return numbers


def metrics(run: Path) -> dict[str, float]:
    """What it returned in the search."""
    numbers: dict[str, float] = json.loads((run / "run.json").read_text())["metrics"]
    return numbers


def line(row: Row) -> tuple[str, ...]:
    """A row in words."""
    usages = (row.shared, row.alone)
    return (
        f"{row.name}, {row.runs} runs",
        *(f"{usage.cpu:,.1f}" for usage in usages),
        *(f"{usage.seconds:,.1f}" for usage in usages),
        f"{row.alone.cpu / row.shared.cpu:.1f}",
        f"{row.equal} of {row.ran}",
        said(row.apart),
    )


def main() -> None:
    """Measure and print."""
    arguments = parser("Functions that know nothing of gridfold, sharing and each run alone.")
    arguments.add_argument("--repeats", type=int, default=3, help="of the search that shares (default: 3)")
    arguments.add_argument("--sample", type=int, default=6, help="runs that are executed alone (default: 6)")
    arguments.add_argument("--full", action="store_true", help="all runs are executed alone too")
    options = arguments.parse_args()
    with bench(options) as figures:
        write_texts(options.folder, replace(FROZEN, texts=(100, 50) if options.tiny else TEXTS))
        grids = FEWER if options.tiny else {"words": WORDS, "network": NETWORK}
        rows = [grid(options, module, config) for module, config in grids.items()]
        header = (
            "",
            "CPU s, shared",
            "alone",
            "wall s, shared",
            "alone",
            "CPU ×",
            "equal",
            "apart",
        )
        print(table(header, [line(row) for row in rows]))
        figures["rows"] = [asdict(row) for row in rows]


if __name__ == "__main__":
    main()
