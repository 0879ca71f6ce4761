"""One run alone, by gridfold and by others: is what gridfold folds slow by itself (table E)?

Run: ``python benchmarks/lone.py [--peers PYTHON]``. Every way computes the same run, nothing beside it.
"""

from __future__ import annotations

import json
import statistics
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import yaml
from grid import Peer, run_peer
from measure import Usage, bench, median, parser, progress, table
from work import FROZEN, WHOLE, Work, alone, gridfold_config, write_texts

PEERS = (
    Peer("the usual script", "", 1),
    Peer("the usual script, encoding once", "", 1, {"remember": True}, "train"),
    Peer("the same function in Hydra", "hydra", 1),
    Peer("the same function in Optuna", "optuna", 1),
    Peer("the same function in Ray Tune", "ray", 1),
)


@dataclass(frozen=True)
class Row:
    """A row of the table: seconds from the beginning of the run to its end, and what the whole command took."""

    name: str
    threads: int
    seconds: float
    usage: Usage


def ways(options: Namespace, work: Work) -> dict[tuple[str, int], Callable[[], tuple[float, Usage]]]:
    """What to measure, by name and number of threads."""
    peers = [peer for peer in PEERS if peer.function in (None, work.function)]
    peers = [peer for peer in peers if peer.name.startswith(tuple(options.only))]
    found: dict[tuple[str, int], Callable[[], tuple[float, Usage]]] = {}
    for threads in options.threads:
        found["gridfold", threads] = lambda threads=threads: gridfold(options, work, threads)
        for peer in peers:
            found[peer.name, threads] = lambda peer=peer, threads=threads: other(options, peer, work, threads)
    return found


def gridfold(options: Namespace, work: Work, threads: int) -> tuple[float, Usage]:
    """One run by ``main.py``."""
    folder = options.folder / f"gridfold{len(list(options.folder.glob('gridfold*')))}"
    config = options.folder / "config.yaml"
    config.write_text(yaml.safe_dump(gridfold_config(options.folder, work), sort_keys=False))
    run, usage = alone(config, folder, "--threads", threads, patience=options.patience)
    return float(json.loads((run / "run.json").read_text())["seconds"]), usage


def other(options: Namespace, peer: Peer, work: Work, threads: int) -> tuple[float, Usage]:
    """One run by another tool."""
    usage, results = run_peer(options, peer, work, threads)
    (trained,) = results.values()
    return trained.seconds, usage


def rows(options: Namespace, work: Work) -> list[Row]:
    """Measure one kind of training, in turn."""
    chosen = ways(options, work)
    found: dict[tuple[str, int], list[tuple[float, Usage]]] = {way: [] for way in chosen}
    for repeat in range(options.repeats):
        for (name, threads), execute in chosen.items():
            progress(f"{work.function}, {name}, {threads} threads, {repeat + 1} of {options.repeats}")
            found[name, threads].append(execute())
    return [
        Row(name, threads, statistics.median(seconds for seconds, _ in values), median([usage for _, usage in values]))
        for (name, threads), values in found.items()
    ]


def show(rows: Sequence[Row]) -> str:
    """The table."""
    header = ("", "threads", "run, s", "× gridfold", "whole command, s", "CPU, s")
    own = {row.threads: row.seconds for row in rows if row.name == "gridfold"}
    return table(
        header,
        [
            (
                row.name,
                str(row.threads),
                f"{row.seconds:.1f}",
                f"{row.seconds / own[row.threads]:.2f}",
                f"{row.usage.seconds:.1f}",
                f"{row.usage.cpu:.1f}",
            )
            for row in rows
        ],
    )


def main() -> None:
    """Measure and print."""
    arguments = parser("One run alone, by gridfold and by others.")
    arguments.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="a Python that has the others")
    arguments.add_argument("--repeats", type=int, default=3, help="the table has medians of so many (default: 3)")
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of a run (default: 1 and 2)")
    arguments.add_argument("--only", nargs="*", default=[""], help="others whose name begins like one")
    options = arguments.parse_args()
    with bench(options, [options.peers]) as figures:
        for title, work in (("A head on a frozen encoder", FROZEN.single()), ("Full fine-tuning", WHOLE.single())):
            options.work = replace(work.tiny(), grid=work.grid) if options.tiny else work
            write_texts(options.folder, options.work)
            found = rows(options, options.work)
            print(f"{title}, {options.work.epochs} epochs\n\n{show(found)}")
            figures[work.function] = [asdict(row) for row in found]


if __name__ == "__main__":
    main()
