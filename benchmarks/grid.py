"""A grid of runs by gridfold, and by those who compute every run from its beginning (tables A and B).

Run: ``python benchmarks/grid.py frozen|whole [--peers PYTHON] [--full]``: a head on a frozen encoder (A), or full
fine-tuning (B). gridfold runs the whole grid; the others run a part of it unless ``--full`` is given, and are scaled.
"""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import Usage, bench, difference, measure, median, parser, progress, said, table
from work import (
    FROZEN,
    OFFLINE,
    PROGRAMS,
    WHOLE,
    Search,
    Work,
    alone,
    compare,
    gridfold_config,
    search,
    usual_config,
    write_texts,
)


@dataclass(frozen=True)
class Peer:
    """Another way to compute the grid.

    Attributes:
        name: of the table.
        tool: of ``peers.py``; "" for a process for each run.
        jobs: runs at a time, which share the cores.
        options: what ``usual.py`` is told besides: ``remember`` encodes each text once a run, not in every epoch;
            ``bf16`` computes in bfloat16 where that is enough.
        function: of ``usual.py``; None for both.
    """

    name: str
    tool: str
    jobs: int
    options: Mapping[str, bool] = field(default_factory=dict)
    function: str | None = None


PEERS = (
    Peer("a process each, one at a time", "", 1),
    Peer("a process each, two at a time", "", 2),
    Peer("Hydra basic", "hydra", 1),
    Peer("Optuna GridSampler", "optuna", 1),
    Peer("Optuna GridSampler, two threads", "optuna", 2),
    Peer("Ray Tune, two at a time", "ray", 2),
    Peer("a process each, two at a time, encoding once", "", 2, {"remember": True}, "train"),
    Peer("a process each, two at a time, bf16", "", 2, {"bf16": True}, "fine_tune"),
)
BF16 = {"bf16": True}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        ran: runs that were executed; the usage is that of all.
        difference: the largest between a metric and that of the run alone; None where there is nothing to compare.
        note: what else to know.
    """

    name: str
    ran: int
    usage: Usage
    difference: float | None = None
    best: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Trained:
    """What a run of the usual script gave: its metrics, and the seconds between the beginning and the end of it."""

    metrics: Mapping[str, float]
    seconds: float


Results = Mapping[str, Trained]


def run_peer(options: Namespace, peer: Peer, part: Work, threads: int) -> tuple[Usage, Results]:
    """Execute a part of the grid; what it would take for the whole grid, and the metrics of each run.

    What a tool does before its first run and after its last is counted once.
    """
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    results = folder / "results"
    results.mkdir()
    variables = {"RESULTS": str(results), "OMP_NUM_THREADS": str(threads)}
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(PROGRAMS)}
    write = write_grid if peer.tool else write_runs
    words = write(options, peer, part, folder)
    usage = measure(words, folder, OFFLINE | variables | quiet, options.patience)
    lines = [json.loads(file.read_text()) for file in results.glob("*.json")]
    if len(lines) != len(part):
        raise RuntimeError(f"{len(lines)} of {len(part)} runs")
    shared = usage.seconds - (max(line["end"] for line in lines) - min(line["start"] for line in lines))
    once = shared if peer.tool else 0.0
    factor = len(options.work) / len(part)
    factor = (once + (usage.seconds - once) * factor) / usage.seconds
    found = {json.dumps(line["params"]): Trained(line["metrics"], line["end"] - line["start"]) for line in lines}
    return usage.scaled(factor), found


def write_grid(options: Namespace, peer: Peer, part: Work, folder: Path) -> list[object]:
    """The command of a tool that is given the grid."""
    (folder / "grid.json").write_text(json.dumps({"config": usual_config(options.folder, part), "grid": part.grid}))
    return [options.peers, PROGRAMS / "peers.py", peer.tool, "grid.json", peer.jobs]


def write_runs(options: Namespace, peer: Peer, part: Work, folder: Path) -> list[object]:
    """A command that starts a process for each run."""
    for index, trial in enumerate(part.trials()):
        config = usual_config(options.folder, part) | trial | peer.options
        (folder / f"{index:03}.json").write_text(json.dumps(config))
    return ["sh", "-c", f"ls ???.json | xargs -n 1 -P {peer.jobs} {sys.executable} {PROGRAMS / 'usual.py'}"]


def furthest(found: Results, reference: Results | None) -> float | None:
    """The largest difference to the runs alone, of those that both have."""
    if reference is None:
        return None
    return max(difference(found[key].metrics, reference[key].metrics) for key in found.keys() & reference.keys())


def peers(options: Namespace, part: Work) -> list[Row]:
    """The rows of the others. A run alone is the process of its own that has as many threads."""
    rows, lone = [], {}
    for peer in PEERS:
        if not peer.name.lower().startswith(tuple(options.only)) or peer.function not in (None, part.function):
            continue
        progress(peer.name)
        try:
            usage, found = run_peer(options, peer, part, options.cores // peer.jobs)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            rows.append(Row(peer.name, 0, Usage(0, 0, 0), note="failed"))
            continue
        apart = None if not peer.tool else furthest(found, lone.get(peer.jobs))
        if not peer.tool and not peer.options:
            lone[peer.jobs] = found
        rows.append(Row(peer.name, len(part), usage, apart, max(run.metrics["val_accuracy"] for run in found.values())))
    return rows


def gridfold(options: Namespace, part: Work, name: str = "gridfold", **training: object) -> list[Row]:
    """The rows of gridfold: the whole grid, several times, and a part of its runs alone.

    Args:
        options: those of the command.
        part: the runs that are also done alone.
        name: of the row.
        training: what the section ``training`` has besides.
    """
    config = gridfold_config(options.folder, options.work)
    config |= {"training": config["training"] | training}
    folder = options.folder / name.replace(" ", "-")
    searches: list[Search] = []
    for repeat in range(options.repeats):
        progress(f"{name}, {repeat + 1} of {options.repeats}")
        searches.append(search(config, folder / f"search{repeat}", patience=options.patience))
    usages, apart, same = [], 0.0, 0
    for index, trial in enumerate(part.trials()):
        progress(f"{name}, run {index + 1} of {len(part)} alone")
        run = searches[0].run(trial)
        again, usage = alone(run / "config.yaml", folder / f"alone{index}", patience=options.patience)
        usages.append(usage)
        found = compare(run, again)
        apart, same = max(apart, found.metrics), same + found.weights
    total = Usage(sum(u.seconds for u in usages), sum(u.cpu for u in usages), max(u.memory for u in usages))
    note = f"weights of {same} of {len(part)} runs are those of the run alone, byte for byte"
    return [
        Row(name, len(options.work), median([each.usage for each in searches]), apart, best(searches[0]), note),
        Row(f"{name}, each run alone", len(part), total.scaled(len(options.work) / len(part))),
    ]


def best(found: Search) -> float:
    """The best accuracy of a search."""
    return max(json.loads((run / "run.json").read_text())["metrics"]["val_accuracy"] for _, run in found.runs)


def show(options: Namespace, rows: Sequence[Row]) -> str:
    """The table."""
    header = ("", "ran", "wall, s", "CPU, s", "peak, MB", "wall ×", "CPU ×", "difference from alone", "best accuracy")
    own = rows[0].usage
    return table(header, [line(options, row, own) for row in rows])


def line(options: Namespace, row: Row, own: Usage) -> tuple[str, ...]:
    """A row in words; times how much it takes of what gridfold takes."""
    if not row.ran:
        return (row.name, row.note, *[""] * 7)
    apart = "–" if row.difference is None else said(row.difference)
    usage = row.usage
    return (
        row.name,
        "all" if row.ran == len(options.work) else f"{row.ran}, scaled",
        f"{usage.seconds:,.1f}",
        f"{usage.cpu:,.1f}",
        f"{usage.memory:,.0f}",
        f"{usage.seconds / own.seconds:.1f}",
        f"{usage.cpu / own.cpu:.1f}",
        apart,
        f"{row.best:.3f}" if row.best else "",
    )


def main() -> None:
    """Measure and print."""
    options = parse()
    options.work = FROZEN if options.what == "frozen" else WHOLE
    if options.tiny:
        options.work = options.work.tiny()
    part = options.work if options.full else options.work.part(options.sample)
    with bench(options, [options.peers]) as found:
        write_texts(options.folder, options.work)
        rows = gridfold(options, part)
        rows += gridfold(options, part, "gridfold bf16", **BF16) if options.what == "whole" else []
        rows += peers(options, part)
        print(f"{len(options.work)} runs, {options.work.epochs} epochs, {options.repeats} repeats of gridfold\n")
        print(show(options, rows))
        print("\n".join(f"{row.name}: {row.note}" for row in rows if row.note))
        found.update(runs=len(options.work), rows=[asdict(row) for row in rows])


def parse() -> Namespace:
    """The arguments."""
    arguments = parser("A grid of runs by gridfold and by others.")
    arguments.add_argument("what", choices=("frozen", "whole"), help="what is trained: a head, or all of the encoder")
    arguments.add_argument(
        "--peers", default=sys.executable, metavar="PYTHON", help="a Python that has the other tools"
    )
    arguments.add_argument("--repeats", type=int, default=3, help="of gridfold; the table has medians (default: 3)")
    arguments.add_argument("--sample", type=int, default=6, help="runs of the others, at least (default: 6)")
    arguments.add_argument("--full", action="store_true", help="the others run the whole grid too")
    arguments.add_argument(
        "--only", nargs="*", default=[""], help="others whose name begins like one; none: gridfold alone"
    )
    return arguments.parse_args()


if __name__ == "__main__":
    main()
