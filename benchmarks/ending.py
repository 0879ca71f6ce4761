"""The CPU seconds of a whole search of no-op runs, with its answer and report, beside another build of gridfold.

Run: ``python benchmarks/ending.py GRIDFOLD OTHER [RUNS] [REPEATS]``, where GRIDFOLD and OTHER are two ``gridfold``
commands. They take turns; the medians and their ratio are printed.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NOOP = "import math\n\n\ndef train(config):\n    return math.sin(7.0 * config['a'] * config['b'])\n"


def cpu_seconds(command: list[str], folder: str) -> float:
    """What a command takes with all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure."""
    commands = [str(Path(command).absolute()) for command in sys.argv[1:3]]
    runs, repeats = map(int, [*sys.argv[3:5], *("12", "7")[len(sys.argv) - 3 :]])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "noop.py").write_text(NOOP)
        Path(folder, "c.yaml").write_text(f"a: [1, 2, 3]\nb: {[*range(runs // 3)]}\n")
        search = ["search", "--config", "c.yaml", "--trainer", "noop:train"]
        taken: dict[str, list[float]] = {command: [] for command in commands}
        for _ in range(repeats):
            for command in commands:
                taken[command].append(cpu_seconds([command, *search], folder))
    medians = [statistics.median(taken[command]) for command in commands]
    for command, median in zip(commands, medians, strict=True):
        print(f"{median:6.3f} CPU s  {command}")
    print(f"ratio {medians[0] / medians[1]:.3f}, {runs} runs, median of {repeats}")


if __name__ == "__main__":
    main()
