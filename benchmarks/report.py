"""The report of a search of many runs, beside another build of gridfold: the CPU seconds it takes, and its size.

Run: ``python benchmarks/report.py GRIDFOLD OTHER [RUNS] [REPEATS]``, where GRIDFOLD and OTHER are two ``gridfold``
commands. The folder is made by hand, as by ``benchmarks/results.py``. The commands take turns; the medians and the
ratios are printed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from ending import cpu_seconds
from results import NAME, make


def main() -> None:
    """Measure."""
    commands = [str(Path(command).absolute()) for command in sys.argv[1:3]]
    runs, repeats = map(int, [*sys.argv[3:5], *("1000", "5")[len(sys.argv) - 3 :]])
    with tempfile.TemporaryDirectory(prefix="gridfold-bench-") as folder:
        make(Path(folder, "runs"), runs)
        taken: dict[str, list[float]] = {command: [] for command in commands}
        sizes: dict[str, int] = {}
        for repeat in range(repeats + 1):
            for command in commands:
                seconds = cpu_seconds([command, "report"], folder)
                sizes[command] = Path(folder, "runs", NAME, "report.html").stat().st_size
                if repeat:  # the first fills the cache of the file system
                    taken[command].append(seconds)
    medians = [statistics.median(taken[command]) for command in commands]
    for command, median in zip(commands, medians, strict=True):
        print(f"{median:6.3f} CPU s  {sizes[command] / 1e6:5.2f} MB  {command}")
    time, size = medians[0] / medians[1], sizes[commands[0]] / sizes[commands[1]]
    print(f"ratio {time:.3f} of the time, {size:.3f} of the size; {runs:,} runs, median of {repeats}")


if __name__ == "__main__":
    main()
