"""The memory of runs that train an encoder, one alone and twelve, two at a time; with adapters, the CPU, too.

Run: ``python benchmarks/memory.py [whole|lora]``. Memory is the highest sum of the proportional set sizes of all
processes. It can be measured beside other work, the CPU as a ratio of runs in one sitting.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from measure import Usage, bench, parser, progress, table
from work import WHOLE, Work, alone, gridfold_config, search, write_texts

ADAPTERS: Mapping[str, Mapping[str, Any]] = {"whole": {}, "lora": {"adapter": {"type": "lora", "r": 8, "alpha": 16}}}


def measured(options: Namespace, kind: str) -> dict[str, Any]:
    """A grid, and one run of it alone that takes the most memory: the one with the largest batch."""
    work = work_of(options)
    config = gridfold_config(options.folder, work)
    config["model"] |= {"pooling": "mean", **ADAPTERS[kind]}
    progress(f"{kind}: {len(work)} runs, two at a time")
    grid = search(config, options.folder / kind, "--parallel", 2, patience=options.patience)
    trials = sorted(work.trials(), key=lambda trial: trial["batch_size"])
    lone = []
    for index, trial in enumerate([trials[-1], trials[0]]):
        progress(f"{kind}: batches of {trial['batch_size']:.0f}, alone")
        path = grid.run(trial) / "config.yaml"
        lone.append(alone(path, options.folder / f"{kind}{index}", patience=options.patience)[1])
    mean = sum(usage.cpu for usage in lone) / len(lone)
    rows = [("one run alone", lone[0], 1.0), (f"{len(work)} runs, two at a time", grid.usage, mean * len(work))]
    print(table((kind, "peak, MB", "×", "CPU, s", "of alone"), [_line(row, lone[0]) for row in rows]))
    return {"grid": asdict(grid.usage), "alone": [asdict(usage) for usage in lone]}


def work_of(options: Namespace) -> Work:
    """The grid of full fine-tuning, on fewer texts: memory does not depend on their number."""
    work = replace(WHOLE, epochs=2, texts=tuple(options.texts))
    return replace(work.tiny(), epochs=2) if options.tiny else work


def _line(row: tuple[str, Usage, float], alone: Usage) -> tuple[str, ...]:
    name, usage, cpu = row
    share = "" if usage is alone else f"{usage.cpu / cpu:.2f}"
    return name, f"{usage.memory:,.0f}", f"{usage.memory / alone.memory:.2f}", f"{usage.cpu:.1f}", share


def main() -> None:
    """Measure and print."""
    arguments = parser("The memory of runs that train an encoder.")
    arguments.add_argument("kinds", nargs="*", choices=[*ADAPTERS, []], default=list(ADAPTERS))
    arguments.add_argument("--texts", type=int, nargs=2, default=(96, 32), help="to learn from and to judge by")
    options = arguments.parse_args()
    with bench(options) as figures:
        write_texts(options.folder, work_of(options))
        for kind in options.kinds:
            figures[kind] = measured(options, kind)


if __name__ == "__main__":
    main()
