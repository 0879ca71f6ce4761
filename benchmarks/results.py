"""How long ``gridfold results`` takes on a folder of many runs, as a table, as CSV, and as a DataFrame.

Run: ``python benchmarks/results.py [RUNS] [REPEATS]``. The folder is made by hand: a record of usual size and a
``metrics.jsonl`` of five lines for each run. Each command is a new process that prints into a file, imports included;
the median of the repeats counts. A first pass, not measured, has the files in the cache of the file system.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIG = (
    "data: texts.csv\ntraining: {batch_size: [16, 32], learning_rate: [0.001, 0.002], num_epochs: 5, seed: [0, 1]}\n"
)
NAME = "bench_120000"
EPOCHS = 5
FRAME = "import gridfold; print(len(gridfold.results('last')))"
COMMANDS = {
    "table": ("-m", "gridfold", "results"),
    "table with --where": ("-m", "gridfold", "results", "--where", "val_f1 > 0.5 and batch_size == 32"),
    "table of all rows": ("-m", "gridfold", "results", "--all"),
    "csv": ("-m", "gridfold", "results", "--format", "csv"),
    "jsonl": ("-m", "gridfold", "results", "--format", "jsonl"),
    "DataFrame": ("-c", FRAME),
    "imports alone": ("-c", "import gridfold.cli.run"),
}


def make(root: Path, runs: int) -> None:
    """A search of so many completed runs."""
    draw = random.Random(0)
    side = max(2, round((runs / 2) ** 0.5))
    values = itertools.product((16, 32), (round(1e-5 * (1 + step), 8) for step in range(side)), range(side + 1))
    search = root / NAME
    search.mkdir(parents=True)
    (search / "base.yaml").write_text(CONFIG)
    lines = []
    for index, (size, rate, seed) in enumerate(itertools.islice(values, runs)):
        params = {"training.batch_size": size, "training.learning_rate": rate, "training.split": seed}
        name = f"{NAME}_batch_size_{size}_learning_rate_{rate}_split_{seed}"
        lines.append(json.dumps({"index": index, "run": name, "params": params, "id": f"{index:016x}"}) + "\n")
        epochs = [report(epoch, draw) for epoch in range(1, EPOCHS + 1)]
        (root / name).mkdir()
        (root / name / "metrics.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))
        (root / name / "run.json").write_text(record(index, params, epochs[-1]))
    (search / "runs.jsonl").write_text("".join(lines))
    (search / "search.json").write_text(json.dumps(facts(len(lines)), indent=1))


def report(epoch: int, draw: random.Random) -> dict[str, float]:
    """What a run says after an epoch."""
    names = ("train_loss", "val_loss", "val_f1", "val_accuracy")
    return {"epoch": epoch} | {name: draw.random() for name in names}


def record(index: int, params: dict[str, object], metrics: dict[str, float]) -> str:
    """A ``run.json`` of usual size."""
    said = {
        "id": f"{index:016x}",
        "index": index,
        "search": NAME,
        "params": params,
        "trainer": "gridfold.text:trainer",
        "seed": 0,
        "threads": 1,
        "state": "completed",
        "attempt": 1,
        "metrics": {name: metrics[name] for name in ("val_f1", "val_loss", "val_accuracy")} | {"test_f1": 0.5},
        "error": None,
        "started": "2025-01-01T12:00:00.000+00:00",
        "ended": "2025-01-01T12:00:01.000+00:00",
        "seconds": 1.0,
        "host": "localhost",
        "pid": 4711,
        "process": "123456",
        "sharing": {"label": "bitwise", "shared_seconds": 1.5, "shared_cpu_seconds": 1.5, "own_seconds": 0.5},
        "notes": [],
        "reused": None,
    }
    return json.dumps(said, indent=1) + "\n"


def facts(runs: int) -> dict[str, object]:
    """What ``search.json`` needs to say."""
    creator = {"host": "localhost", "pid": 4711, "start": "123456"}
    said = {"search": NAME, "config": "c.yaml", "variations": [], "runs": runs, "trainer": "gridfold.text:trainer"}
    return said | {"threads": 1, "seed": 0, "creator": creator, "created": "2025-01-01T12:00:00.000+00:00"}


def seconds(folder: Path, words: tuple[str, ...]) -> float:
    """How long a command takes that prints into a file."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "output").open("wb") as output:
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=folder, env=environment, stdout=output, check=True)
        return time.perf_counter() - start


def main(runs: int = 10_000, repeats: int = 5) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="gridfold-bench-", dir=Path.cwd()) as name:
        make(Path(name) / "runs", runs)
        print(f"{runs:,} runs, median of {repeats}")
        for said, words in COMMANDS.items():
            measured = [seconds(Path(name), words) for _ in range(repeats + 1)][1:]
            print(f"{said}: {statistics.median(measured):.2f} s ({min(measured):.2f} to {max(measured):.2f})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
