"""What trackers cost a search: CPU seconds with all four of them and without, and what one that hangs costs its runs.

Run: ``python benchmarks/trackers.py [GRIDFOLD] [RUNS] [SECONDS] [REPEATS]``. A search of RUNS runs (12) of SECONDS (10)
of CPU each, which report twice a second, takes turns: without trackers, with TensorBoard, MLflow, W&B (offline) and
Trackio, and with one whose package sleeps for a minute when it is imported. The medians and their ratios are printed.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ALL = "tensorboard,mlflow,wandb,trackio"
TRAIN = """
import time


def train(config, run):
    begin, reports = time.process_time(), 0
    while (spent := time.process_time() - begin) < {seconds}:
        if spent * 2 >= reports:
            reports += 1
            run.report(epoch=reports, val_loss=config["lr"] / reports, val_f1=1 - 1 / (1 + reports))
"""
HANGS = "import time\ntime.sleep(60)\n"


def search(command: str, folder: Path, trackers: str, packages: Path | None = None) -> tuple[float, float, float]:
    """CPU seconds of a search with all its processes, its seconds, and the seconds of its runs."""
    path = os.pathsep.join([str(folder), *([str(packages)] if packages else [])])
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [command, "search", "--config", "c.yaml", "--run-prefix", "bench", "--track", trackers],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    records = [json.loads(path.read_text()) for path in folder.glob("runs/bench_*/run.json")]
    return cpu, seconds, sum(record["seconds"] for record in records)


def measured(command: str, runs: int, seconds: float, trackers: str, *, hangs: bool) -> tuple[float, float, float]:
    """A search in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "work.py").write_text(TRAIN.format(seconds=seconds))
        values = [round(0.01 * (place + 1), 2) for place in range(runs)]
        (folder / "c.yaml").write_text(f"gridfold: {{trainer: 'work:train'}}\nlr: {values}\n")
        if hangs:
            (folder / "packages" / "tensorboard").mkdir(parents=True)
            (folder / "packages" / "tensorboard" / "__init__.py").write_text(HANGS)
        return search(command, folder, trackers, folder / "packages" if hangs else None)


def main() -> None:
    """Measure."""
    command, runs, seconds, repeats = [*sys.argv[1:], *("gridfold", "12", "10", "3")[len(sys.argv) - 1 :]]
    command = os.path.abspath(shutil.which(command) or sys.exit(f"no command {command}"))  # searches run elsewhere
    ways = {"without": ("none", False), ALL: (ALL, False), "one that hangs": ("tensorboard", True)}
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for _ in range(int(repeats)):
        for way, (trackers, hangs) in ways.items():
            found[way].append(measured(command, int(runs), float(seconds), trackers, hangs=hangs))
    medians = {way: [*map(statistics.median, zip(*rows, strict=True))] for way, rows in found.items()}
    print("| trackers | CPU s | ratio | seconds | seconds of all runs |\n| --- | ---: | ---: | ---: | ---: |")
    for way, (cpu, lasted, of_runs) in medians.items():
        print(f"| {way} | {cpu:.1f} | {cpu / medians['without'][0]:.3f} | {lasted:.1f} | {of_runs:.1f} |")
    print(f"{runs} runs of {seconds} s of CPU, median of {repeats}")


if __name__ == "__main__":
    main()
