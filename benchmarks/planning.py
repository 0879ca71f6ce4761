"""What planning costs, in CPU seconds of all its processes, beside another build of gridfold.

Run: ``python benchmarks/planning.py OTHER [REPEATS]``, where OTHER is the ``gridfold`` of the other build. Both plan
each config in turn, so that other load meets both; the table has medians and their ratio.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

TWO = "lr: [0.1, 0.2]\n"
CONFIGS: dict[str, Callable[[], str]] = {
    "20,000 lines": lambda: TWO + "".join(f"s{i}:\n  a: {i}  # c\n  b: 1e-3\n  c: text {i}\n" for i in range(5000)),
    "2,000 !fixed lists": lambda: TWO + "".join(f"s{i}:\n  k{i}: !fixed [1, 2]\n" for i in range(2000)),
    "2,000 fixed paths": lambda: (
        f"gridfold: {{fixed: [{', '.join(f'k{i}' for i in range(2000))}]}}\n{TWO}"
        + "".join(f"k{i}: [1, 2]\n" for i in range(2000))
    ),
    "500 anchors": lambda: TWO + "".join(f"a{i}: &a{i} {{x: {i}}}\nb{i}: {{<<: *a{i}, y: 1}}\n" for i in range(500)),
    "a list of 10,000 values": lambda: f"lr: [{', '.join(f'{i}.5' for i in range(10_000))}]\n",
    "two lines": lambda: TWO,
}


def cpu_seconds(command: list[str], folder: Path) -> float:
    """CPU seconds of a command and all processes that it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "160"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(other: str, repeats: int = 5) -> None:
    """Measure and print."""
    own = Path(sys.executable).with_name("gridfold")
    builds = [str(own), str(Path(other).absolute())]
    print(f"load {os.getloadavg()[0]:.1f}\n\n| | this build | the other | ratio |\n| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="gridfold-bench-") as name:
        folder = Path(name)
        commands = {"--help": ["--help"]}
        for number, (what, text) in enumerate(CONFIGS.items()):
            (folder / f"{number}.yaml").write_text(text())
            commands[what] = ["plan", "--config", f"{number}.yaml", "--trainer", "json:dumps"]
        for what, words in commands.items():
            taken = [[cpu_seconds([build, *words], folder) for build in builds] for _ in range(repeats)]
            mine, others = map(statistics.median, zip(*taken, strict=True))
            print(f"| {what} | {mine:.2f} s | {others:.2f} s | {mine / others:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
