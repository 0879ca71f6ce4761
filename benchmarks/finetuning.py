"""Full fine-tuning, beside another build of gridfold: CPU seconds of one run alone, and of its matrix products.

Run: ``python benchmarks/finetuning.py OTHER [--repeats N]``; OTHER is a checkout of the other build. There are two
kinds of texts: BBC news at 128 tokens, where nothing is padding, and the same texts, each cut after a random sentence.
The two builds take turns, each with the packages of this Python.
"""

from __future__ import annotations

import csv
import os
import random
import re
import statistics
import sys
from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import yaml
from measure import ROOT, Usage, bench, measure, median, parser, progress, table
from work import OFFLINE, WHOLE, Work, gridfold_config, write_texts

KINDS = ("BBC news, 128 tokens", "cut after a random sentence")
SEED = 0


@dataclass(frozen=True)
class Row:
    """One kind of texts: what a run took, by this build and by the other."""

    kind: str
    ours: Usage
    other: Usage


def cut(file: Path) -> None:
    """Cut each text after a random one of its sentences."""
    stream = random.Random(SEED)
    with file.open(newline="", encoding="utf-8") as opened:
        header, *rows = csv.reader(opened)
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        for text, label in rows:
            sentences = re.split(r"(?<=[.!?])\s+", text.strip())
            writer.writerow([" ".join(sentences[: stream.randint(1, len(sentences))]), label])


def prepared(folder: Path, work: Work, kind: str) -> Path:
    """A folder with texts of a kind, and a config that trains on them."""
    folder.mkdir()
    write_texts(folder, work)
    if kind == KINDS[1]:
        cut(folder / "train.csv")
        cut(folder / "validation.csv")
    (folder / "config.yaml").write_text(yaml.safe_dump(gridfold_config(folder, work), sort_keys=False))
    return folder


def run(build: Path, texts: Path, place: Path, options: Namespace) -> Usage:
    """One run by a build, in a fresh folder."""
    place.mkdir(parents=True)
    words = [sys.executable, build / "main.py", "--config", texts / "config.yaml", "--quiet", "--threads", 1]
    return measure(words, place, OFFLINE | {"PYTHONPATH": str(build)}, options.patience)


def rows(options: Namespace, work: Work) -> list[Row]:
    """Measure each kind of texts, the builds in turn."""
    builds = {"ours": ROOT, "other": options.other.resolve()}
    found = []
    for number, kind in enumerate(KINDS):
        texts, usages = prepared(options.folder / f"texts{number}", work, kind), {name: [] for name in builds}
        for repeat in range(options.repeats):
            for name, build in builds.items():
                progress(f"{kind}, {name}, {repeat + 1} of {options.repeats}")
                usages[name].append(run(build, texts, options.folder / f"{number}-{name}-{repeat}", options))
        found.append(Row(kind, median(usages["ours"]), median(usages["other"])))
    return found


def show(found: list[Row]) -> str:
    """The table."""
    return table(
        ("", "CPU s", "of the other build", "ratio", "peak, MB", "of the other build"),
        [
            (
                row.kind,
                f"{row.ours.cpu:.1f}",
                f"{row.other.cpu:.1f}",
                f"{row.ours.cpu / row.other.cpu:.2f}",
                f"{row.ours.memory:.0f}",
                f"{row.other.memory:.0f}",
            )
            for row in found
        ],
    )


def products(work: Work) -> dict[str, float]:
    """Seconds that the matrix products of the linear layers of one epoch take by themselves: what no build can beat.

    By each of the libraries that come with torch: MKL, which torch itself calls, and oneDNN.
    """
    import torch
    from transformers import AutoConfig

    torch.set_num_threads(1)
    config: Any = AutoConfig.from_pretrained(gridfold_config(Path(), work)["model"]["name"])
    inner, outer = config.hidden_size, config.intermediate_size
    shapes = {(inner, inner): 4, (inner, outer): 1, (outer, inner): 1}
    tokens = 16 * work.max_length
    batches = work.epochs * work.texts[0] / 16
    evaluated = work.epochs * work.texts[1] / 16

    def one(multiply: Any, inputs: int, outputs: int) -> float:
        states, weight = torch.randn(tokens, inputs), torch.randn(outputs, inputs)
        gradient = torch.randn(tokens, outputs)
        forward = _fastest(lambda: multiply(states, weight))
        backward = _fastest(lambda: (multiply(gradient, weight.t()), multiply(gradient.t(), states.t())))
        return forward * (batches + evaluated) + backward * batches

    def seconds(multiply: Any) -> float:
        return config.num_hidden_layers * sum(count * one(multiply, *shape) for shape, count in shapes.items())

    onednn = torch.ops.mkldnn._linear_pointwise
    return {
        "MKL": seconds(lambda left, right: left @ right.t()),
        "oneDNN": seconds(lambda left, right: onednn(left, right, None, "none", [], "")),
    }


def _fastest(work: Any) -> float:
    """CPU seconds of a call, the least of several."""
    taken = []
    for _ in range(8):
        start = process_time()
        work()
        taken.append(process_time() - start)
    return min(taken)


def main(options: Namespace) -> None:
    """Measure and print."""
    work = replace(WHOLE.single(), texts=(options.texts, options.texts // 3))
    work = work.tiny() if options.tiny else work
    work = replace(work, grid={**work.grid, "batch_size": [16]})
    os.environ |= OFFLINE
    with bench(options) as figures:
        found = rows(options, work)
        print(show(found))
        print(f"geometric mean of the ratios: {statistics.geometric_mean(r.ours.cpu / r.other.cpu for r in found):.2f}")
        figures["products"] = products(work)
        said = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in figures["products"].items())
        print(f"the matrix products of the linear layers alone, without padding to spare: {said}")
        figures["rows"] = [asdict(row) for row in found]


if __name__ == "__main__":
    arguments = parser(__doc__.partition("\n")[0])
    arguments.add_argument("other", type=Path, help="a checkout of the build to compare with")
    arguments.add_argument("--repeats", type=int, default=3, help="the table has medians of so many (default: 3)")
    arguments.add_argument(
        "--texts", type=int, default=600, help="training texts; a third as many validate (default: 600)"
    )
    main(arguments.parse_args())
