"""How long creating the directories of a search takes, beside a bare loop of mkdir and write of the same bytes.

Run: ``python benchmarks/directories.py [RUNS] [REPEATS]``. Both sides run in turn, in fresh folders;
nothing is deleted before the end, because some file systems create slowly after large deletes. Peak memory is that of
the whole ``--no-execute`` process, for 45 runs and for all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONFIG = """\
# A config of usual size.
model:
  name: "microsoft/deberta-v3-base"
  classification_head:
    architecture:
      - {{type: linear, out_features: 256}}
      - {{type: relu}}
      - type: dropout
        p: [0.1, 0.2, 0.3] # 3 values
      - {{type: linear, out_features: 5}}
data:
  train: train.csv
  validation: 0.2
training:
  batch_size: [16, 32, 64] # 3 values
  learning_rate: [1e-7, 5e-7, 1e-6, 5e-6, 1e-5] # 5 values
  num_epochs: 10
  seed: {seeds}
"""
SEARCH = """\
import json, re, sys, time
start = time.perf_counter()
from gridfold.cli import search
code = search(["--config", sys.argv[1], "--no-execute"])
seconds = time.perf_counter() - start
# Not getrusage: its peak is that of the process before exec too.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps({"seconds": seconds, "kilobytes": peak}))
sys.exit(code)
"""


def gridfold(folder: Path, runs: int) -> dict[str, float]:
    """Create the runs with gridfold, imports included; seconds and peak memory."""
    folder.mkdir()
    seeds = list(range(max(1, runs // 45)))
    (folder / "c.yaml").write_text(CONFIG.format(seeds=seeds))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SEARCH, "c.yaml"]
    result = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(result.stdout.splitlines()[-1])
    return measured


def bare(folder: Path, made: Path) -> float:
    """A loop of mkdir and write of the names and bytes that gridfold made; seconds."""
    (listing,) = made.glob("runs/*/runs.jsonl")
    names = [json.loads(line)["run"] for line in listing.read_text().splitlines()]
    contents = [(made / "runs" / name / "config.yaml").read_bytes() for name in names]
    folder.mkdir()
    start = time.perf_counter()
    for name, content in zip(names, contents, strict=True):
        os.mkdir(f"{folder}/{name}")
        with open(f"{folder}/{name}/config.yaml", "xb", buffering=0) as file:
            file.write(content)
    return time.perf_counter() - start


def main(runs: int = 45_000, repeats: int = 5) -> None:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="gridfold-bench-", dir=Path.cwd()))
    small = gridfold(folder / "small", 45)["kilobytes"]
    ratios = []
    for repeat in range(repeats):
        measured = gridfold(folder / f"gridfold{repeat}", runs)
        loop = bare(folder / f"bare{repeat}", folder / f"gridfold{repeat}")
        ratios.append(measured["seconds"] / loop)
        extra = (measured["kilobytes"] - small) / 1024
        print(
            f"{runs:,} runs: gridfold {measured['seconds']:.2f} s ({measured['seconds'] / runs * 1e6:.0f} µs a run), "
            f"bare loop {loop:.2f} s ({loop / runs * 1e6:.0f} µs), ratio {ratios[-1]:.2f}, "
            f"peak memory {measured['kilobytes'] / 1024:.0f} MB, {extra:+.1f} MB against 45 runs"
        )
    print(f"median ratio {statistics.median(ratios):.2f}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
