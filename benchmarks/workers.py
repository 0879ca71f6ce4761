"""Work that runs share, over several workers of one search: how much of it is done more than once.

Trees of runs, each executed by one worker and by several that start at the same moment, or one of them late. The work
that runs share is seconds of CPU; what was done of it is what ``sharing.jsonl`` and the runs' records tell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import ROOT, bench, parser, table

TRAINER = """
import time


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def train(config, run):
    work(config["before"])
    for path, seconds in config["levels"]:
        config[path]
        work(seconds)
    return {"score": 1.0}
"""


@dataclass(frozen=True)
class Shape:
    """A tree of runs.

    Attributes:
        before: CPU seconds before the first split.
        levels: what is read, its number of values, and the CPU seconds after it.
        order: as the config lists them.
    """

    before: float
    levels: Sequence[tuple[str, int, float]]
    order: Sequence[str]

    @property
    def shared(self) -> float:
        """CPU seconds of work that runs share, if it is done once."""
        total, processes = self.before, 1
        for _, count, seconds in self.levels[:-1]:
            processes *= count
            total += processes * seconds
        return total

    def config(self, scale: float) -> Mapping[str, Any]:
        """The config of its search."""
        counts = {path: count for path, count, _ in self.levels}
        levels = [[path, seconds * scale] for path, _, seconds in self.levels]
        varied = {path: list(range(counts[path])) for path in self.order}
        settings = {"trainer": "shapes:train", "fixed": ["levels"]}
        return {"gridfold": settings, "before": self.before * scale, "levels": levels, **varied}


SHAPES = {
    "12 runs: 3 values, then 4": Shape(0.0, [("a", 3, 5 / 3), ("b", 4, 0.02)], "ab"),
    "the same, listed the other way round": Shape(0.0, [("a", 3, 5 / 3), ("b", 4, 0.02)], "ba"),
    "36 runs: 3, then 3, then 4": Shape(0.0, [("a", 3, 0.6), ("b", 3, 0.35), ("c", 4, 0.02)], "abc"),
    "12 runs, all work before the first split": Shape(5.0, [("a", 3, 0.0), ("b", 4, 0.02)], "ab"),
}
CASES = {"1": [0.0], "3 at once": [0.0] * 3, "3, one late": [0.0, 0.0, 4.0]}


def main() -> None:
    """Measure, and print the table."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--repeats", type=int, default=3, help="times each is measured (default: 3)")
    options.add_argument("--only", type=int, nargs="+", choices=range(len(SHAPES)), help="these trees, from 0 on")
    said = options.parse_args()
    shapes = [name for number, name in enumerate(SHAPES) if said.only is None or number in said.only]
    with bench(said) as found:
        found["rows"] = [
            {"shape": name, "workers": case, **measured(said, SHAPES[name], delays)}
            for name in shapes
            for case, delays in CASES.items()
            for _ in range(1 if said.tiny else said.repeats)
        ]
        print(table(("tree", "workers", "shared work done, CPU s", "of what one does", "runs", "seconds"),
                    [row(found["rows"], name, case) for name in shapes for case in CASES]))  # fmt: skip


def row(rows: Sequence[Mapping[str, Any]], name: str, case: str) -> tuple[str, ...]:
    """A line of the table: medians."""

    def median(case: str, what: str) -> float:
        values = sorted(each[what] for each in rows if (each["shape"], each["workers"]) == (name, case))
        return float(values[len(values) // 2])

    ratio = median(case, "shared") / median("1", "shared")
    worst = max(each["shared"] for each in rows if (each["shape"], each["workers"]) == (name, case))
    said = f"{ratio:.2f} × (worst {worst / median('1', 'shared'):.2f} ×)"
    return (
        name,
        case,
        f"{median(case, 'shared'):.1f}",
        said,
        f"{median(case, 'runs'):.0f}",
        f"{median(case, 'wall'):.1f}",
    )


def measured(said: Any, shape: Shape, delays: Sequence[float]) -> dict[str, Any]:
    """Execute a search by some workers, each of which starts so late."""
    folder = Path(said.folder) / f"w{time.monotonic_ns()}"
    folder.mkdir()
    (folder / "shapes.py").write_text(TRAINER)
    (folder / "config.yaml").write_text(json.dumps(shape.config(0.01 if said.tiny else 1.0)))
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gridfold", *words]
        with (folder / "output").open("ab") as output:
            return subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)

    if start("search", "--config", "config.yaml", "--run-prefix", "s", "--no-execute").wait():
        raise SystemExit((folder / "output").read_text())
    (search,) = folder.glob("runs/s_??????")
    begin = time.monotonic()
    workers = []
    for delay in delays:
        time.sleep(max(0.0, begin + delay - time.monotonic()))
        workers.append(start("work", search.name, "--parallel", "1"))
    codes = [worker.wait() for worker in workers]
    return {"wall": time.monotonic() - begin, "codes": codes, **done(search, shape)}


def done(search: Path, shape: Shape) -> dict[str, float]:
    """CPU seconds that were spent on what runs share, and how many runs are completed."""
    events = map(json.loads, (search / "sharing.jsonl").read_text().splitlines())
    shared = sum(event.get("cpu_seconds", 0.0) for event in events)
    records = [json.loads(path.read_text()) for path in search.parent.glob("s_*_*_*/run.json")]
    alone = [record["sharing"] for record in records if "node" not in record["sharing"]]
    own = shape.levels[-1][2]
    shared += sum(max(0.0, each["own_cpu_seconds"] - own) for each in alone)
    return {"shared": shared, "runs": sum(record["state"] == "completed" for record in records)}


if __name__ == "__main__":
    main()
