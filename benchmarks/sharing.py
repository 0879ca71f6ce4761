"""What gridfold shares beside the work of one grid, and what it costs where there is nothing to share.

Run: ``python benchmarks/sharing.py epochs|again|nothing``.
"""

from __future__ import annotations

import statistics
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from measure import Usage, bench, median, parser, progress, said, table
from work import FROZEN, WHOLE, Search, Work, alone, compare, gridfold_config, search, write_texts

EPOCHS = [1, 2, 3, 4, 5]
AGAIN = {"learning_rate": [5e-4, 2e-3, 5e-3, 2e-2, 5e-2], "batch_size": [16, 32, 64], "dropout": [0.0, 0.15, 0.4]}
Figures = dict[str, Any]


def epochs(options: Namespace) -> Figures:
    """``num_epochs`` varied under a constant schedule, beside the longest run; and the runs alone."""
    works = {
        "frozen": replace(FROZEN, epochs=5, grid={name: [values[1]] for name, values in FROZEN.grid.items()}),
        "whole": replace(
            WHOLE, epochs=5, texts=(150, 50), grid={name: values[:1] for name, values in WHOLE.grid.items()}
        ),
    }
    return {name: _epochs(options, name, replace(work, **_tiny(options))) for name, work in works.items()}


def _epochs(options: Namespace, name: str, work: Work) -> Figures:
    write_texts(options.folder, work)
    longest, varied = (
        _constant(options, work),
        _constant(options, replace(work, grid={**work.grid, "num_epochs": EPOCHS})),
    )
    pairs: list[tuple[Search, Search]] = []
    for repeat in range(options.repeats):
        progress(f"{name}, {repeat + 1} of {options.repeats}")
        folder = options.folder / f"{name}{repeat}"
        one = search(longest, folder / "longest", patience=options.patience)
        pairs.append((one, search(varied, folder / "varied", patience=options.patience)))
    apart, same = _apart(options, pairs[0][1], [{"num_epochs": number} for number in EPOCHS], name)
    usages = [median([pair[side].usage for pair in pairs]) for side in (0, 1)]
    ratios = [
        statistics.median(getattr(all_.usage, figure) / getattr(one.usage, figure) for one, all_ in pairs)
        for figure in ("seconds", "cpu")
    ]
    header = (name, "wall, s", "CPU, s", "wall ×", "CPU ×")
    rows = [_line("5 epochs", usages[0], [1, 1]), _line("1, 2, 3, 4 and 5 epochs", usages[1], ratios)]
    print(table(header, rows))
    print(f"difference from the runs alone: {said(apart)}; weights equal: {same} of {len(EPOCHS)}\n")
    return {"usages": [asdict(usage) for usage in usages], "ratios": ratios, "apart": apart, "equal": same}


def _constant(options: Namespace, work: Work) -> Mapping[str, Any]:
    config = gridfold_config(options.folder, work)
    return config | {"training": config["training"] | {"scheduler": "constant"}}


def again(options: Namespace) -> Figures:
    """A second search on the same data with other values for the head, beside its runs alone."""
    work = replace(FROZEN, **_tiny(options))
    write_texts(options.folder, work)
    firsts, seconds = [], []
    for repeat in range(options.repeats):
        progress(f"two searches, {repeat + 1} of {options.repeats}")
        folder = options.folder / f"again{repeat}"
        for found, grid in ((firsts, work.grid), (seconds, AGAIN)):
            config = gridfold_config(options.folder, replace(work, grid=grid))
            found.append(search(config, folder, patience=options.patience))
    second = replace(work, grid=AGAIN)
    trials = list((second if options.full else second.part(3)).trials())
    usages: list[Usage] = []
    apart, same = _apart(options, seconds[0], trials, "again", usages)
    scale = len(second) / len(trials)
    lone = Usage(sum(u.seconds for u in usages), sum(u.cpu for u in usages), usages[0].memory).scaled(scale)
    own = median([found.usage for found in seconds])
    header = ("45 runs", "wall, s", "CPU, s", "wall ×", "CPU ×")
    every = {"first search": median([found.usage for found in firsts]), "second search": own, "its runs alone": lone}
    rows = [_line(name, usage, [usage.seconds / own.seconds, usage.cpu / own.cpu]) for name, usage in every.items()]
    print(table(header, rows))
    print(f"{len(trials)} runs alone, scaled; difference from them: {said(apart)}; weights equal: {same}\n")
    return {"usages": {name: asdict(usage) for name, usage in every.items()}, "apart": apart, "equal": same}


def nothing(options: Namespace) -> Figures:
    """Runs that read what varies in their first line: ``--share`` beside ``--no-share``."""
    config = {"value": list(range(2 if options.tiny else 16)), "steps": 1000 if options.tiny else 8_000_000}
    usages: dict[str, list[Usage]] = {"--no-share": [], "--share": []}
    for repeat in range(options.pairs):
        progress(f"nothing to share, {repeat + 1} of {options.pairs}")
        for how in list(usages)[:: 1 if repeat % 2 else -1]:  # neither is always the first
            folder = options.folder / f"nothing{repeat}{how}"
            found = search(config, folder, "--trainer", "quick:train", how, patience=options.patience)
            usages[how].append(found.usage)
    pairs = list(zip(usages["--no-share"], usages["--share"], strict=True))
    ratios = [
        statistics.median(getattr(sharing, figure) / getattr(without, figure) for without, sharing in pairs)
        for figure in ("seconds", "cpu")
    ]
    rows = [
        _line("--no-share", median(usages["--no-share"]), [1, 1]),
        _line("--share", median(usages["--share"]), ratios),
    ]
    print(table((f"{len(config['value'])} runs", "wall, s", "CPU, s", "wall ×", "CPU ×"), rows))
    print(f"medians of {len(pairs)} pairs\n")
    return {"pairs": [[asdict(usage) for usage in pair] for pair in pairs], "ratios": ratios}


def _apart(
    options: Namespace, found: Search, trials: Sequence[Mapping[str, Any]], name: str, usages: list[Usage] | None = None
) -> tuple[float, int]:
    """Runs of a search once more, alone: the largest difference of a metric, and of how many the weights are equal."""
    apart, same = 0.0, 0
    for index, trial in enumerate(trials):
        progress(f"{name}, run {index + 1} of {len(trials)} alone")
        run = found.run(trial)
        lone, usage = alone(run / "config.yaml", options.folder / f"{name}-alone{index}", patience=options.patience)
        comparison = compare(run, lone)
        apart, same = max(apart, comparison.metrics), same + comparison.weights
        if usages is not None:
            usages.append(usage)
    return apart, same


def _tiny(options: Namespace) -> dict[str, Any]:
    return {"texts": (10, 10), "max_length": 8} if options.tiny else {}


def _line(name: str, usage: Usage, ratios: Sequence[float]) -> tuple[str, ...]:
    return (name, f"{usage.seconds:.1f}", f"{usage.cpu:.1f}", *(f"{ratio:.3f}" for ratio in ratios))


def main() -> None:
    """Measure and print."""
    parts = {"epochs": epochs, "again": again, "nothing": nothing}
    arguments = parser("What gridfold shares beside the work of one grid.")
    arguments.add_argument("what", choices=parts)
    arguments.add_argument("--repeats", type=int, default=3, help="of epochs and again (default: 3)")
    arguments.add_argument("--pairs", type=int, default=11, help="of nothing (default: 11)")
    arguments.add_argument("--full", action="store_true", help="again: all runs alone, not 3")
    options = arguments.parse_args()
    with bench(options) as figures:
        figures[options.what] = parts[options.what](options)


if __name__ == "__main__":
    main()
