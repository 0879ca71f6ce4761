"""The CPU seconds of a whole search of no-op runs, with its answer and report, beside another build of gridfold.

Run: ``python benchmarks/ending.py GRIDFOLD OTHER [RUNS] [REPEATS]``, where GRIDFOLD and OTHER are two ``gridfold``
commands. They take turns; the medians and their ratio are printed. So is what each further run takes: the whole command
less that of a search of one run.
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
        Path(folder, "all.yaml").write_text(f"a: [1, 2, 3]\nb: {[*range(runs // 3)]}\n")
        Path(folder, "one.yaml").write_text("a: 1\nb: 1\n")
        search = ["search", "--trainer", "noop:train", "--config"]
        whole, further = [{command: list[float]() for command in commands} for _ in range(2)]
        for _ in range(repeats):
            for command in commands:
                whole[command].append(cpu_seconds([command, *search, "all.yaml"], folder))
                one = cpu_seconds([command, *search, "one.yaml"], folder)
                further[command].append((whole[command][-1] - one) / (runs - 1))
    for what, taken in (("the whole search", whole), ("each further run", further)):
        medians = [statistics.median(taken[command]) for command in commands]
        for command, median in zip(commands, medians, strict=True):
            print(f"{median:7.4f} CPU s  {what}, {command}")
        print(f"ratio {medians[0] / medians[1]:.3f}, {runs} runs, median of {repeats}")


if __name__ == "__main__":
    main()
