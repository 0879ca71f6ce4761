"""45 heads on frozen features on one GPU: one after another, and stacked; does a stack change what a head becomes?

Run: ``python benchmarks/gpu.py [--device cuda|cpu] [--repeats N] [--json FILE]``. 5 learning rates × 3 dropouts × 3
batch sizes, 600 examples of 384 numbers, 3 epochs. Needs torch alone, and minutes: all work is that of `stacked`, and
of a plain loop over ``nn.Sequential``, as people write it and as ``gridfold.text.frozen`` has it.

Heads of one batch size are a stack, so there are three. *The same bits* compares what a head becomes in a stack of 1, 2
and 7 with what it becomes in one of 45: of products of as many matrices as there are heads, of which the library
may compute each number with another kernel, and of products that always have 16, some of them of zeros.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from stacked import Head, Work, logits, train
from torch import Tensor, nn

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
DROPOUTS = (0.1, 0.2, 0.3)
BATCH_SIZES = (16, 32, 64)
STACKS = (1, 2, 7)
LEAST = 16  # heads of a product that always has as many
CLASSES = 5


@dataclass(frozen=True)
class Size:
    """How large the work is.

    Attributes:
        examples: training examples.
        width: numbers of each.
        hidden: columns between the layers of a head.
        epochs: passes over the examples.
    """

    examples: int = 600
    width: int = 384
    hidden: int = 128
    epochs: int = 3


TINY = Size(examples=101, width=37, hidden=21, epochs=1)


def works(size: Size, device: torch.device) -> list[Work]:
    """The work of the stacks, one for each batch size: examples of classes that are a little apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(size.examples) % CLASSES
    middles = torch.randn(CLASSES, size.width, generator=generator) * 0.1
    features = torch.randn(size.examples, size.width, generator=generator) * 0.5 + middles[labels]
    first = Work(features.to(device), labels.to(device), CLASSES, size.hidden, epochs=size.epochs)
    return [replace(first, batch_size=each) for each in BATCH_SIZES]


def heads(seeds: int = 1) -> list[Head]:
    """Those of one batch size, with so many seeds each."""
    cells = itertools.product(RATES, DROPOUTS, range(seeds))
    return [Head(rate, drop, seed) for seed, (rate, drop, _) in enumerate(cells)]


def plain(head: Head, work: Work) -> nn.Module:
    """Train one head in a loop as people write it."""
    torch.manual_seed(head.seed)
    device = work.features.device
    layers = (
        nn.Linear(work.features.shape[1], work.hidden),
        nn.ReLU(),
        nn.Dropout(head.dropout),
        nn.Linear(work.hidden, work.classes),
    )
    model = nn.Sequential(*layers).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), head.learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / work.steps)
    order = torch.Generator().manual_seed(head.seed)
    for _ in range(work.epochs):
        for rows in torch.split(torch.randperm(len(work.labels), generator=order).to(device), work.batch_size):
            loss = nn.functional.cross_entropy(model(work.features[rows]), work.labels[rows])
            loss.item()  # whoever trains looks whether it is finite
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return model


def seconds(do: Callable[[], object], device: torch.device) -> float:
    """How long something takes on a device."""
    _wait(device)
    start = time.perf_counter()
    do()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def differences(work: Work) -> dict[str, float]:
    """By how much the weights of heads in stacks of some size differ at most from those in a stack of 45."""
    whole = train(heads(seeds=3), work)
    return {str(size): max(map(_apart, _in_stacks(size, work), whole)) for size in STACKS}


def _in_stacks(size: int, work: Work) -> list[Tensor]:
    every = heads(seeds=3)
    parts = [train(every[start : start + size], work) for start in range(0, len(every), size)]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _apart(one: Tensor, other: Tensor) -> float:
    return 0.0 if torch.equal(one, other) else float((one - other).abs().max())


def measured(options: Namespace) -> dict[str, Any]:
    """All figures."""
    device = torch.device(options.device)
    each = works(TINY if options.tiny else Size(), device)
    ways: dict[str, Callable[[], object]] = {
        "one after another, a plain loop": lambda: [plain(head, work) for work in each for head in heads()],
        "one after another, stacks of one": lambda: [train([head], work) for work in each for head in heads()],
        "stacked, 15 at a time": lambda: [train(heads(), work) for work in each],
        f"stacked, {LEAST} at a time": lambda: [train(heads(), replace(work, least=LEAST)) for work in each],
    }
    for work in each:  # what is only done once: kernels are loaded
        plain(heads()[0], replace(work, epochs=1))
        train(heads(), replace(work, epochs=1))
    times = {name: [seconds(way, device) for _ in range(options.repeats)] for name, way in ways.items()}
    right = [(logits(train(heads(), work), work.features).argmax(2) == work.labels).double().mean() for work in each]
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        "torch": torch.__version__,
        "heads": len(heads()) * len(each),
        "seconds": times,
        "accuracy": [float(part) for part in right],
        "apart": {str(work.batch_size): differences(work) for work in each},
        f"apart in products of {LEAST}": {
            str(work.batch_size): differences(replace(work, least=LEAST)) for work in each
        },
    }


def show(found: dict[str, Any]) -> None:
    """Print what was found."""
    print(f"{found['device']}, torch {found['torch']}\n")
    first = statistics.median(next(iter(found["seconds"].values())))
    _table([f"{found['heads']} heads", "seconds, median", "times as fast"])
    for name, times in found["seconds"].items():
        middle = statistics.median(times)
        _row([name, f"{middle:.3f}", f"{first / middle:.1f}"])
    print()
    _table(["largest difference, by batch size", *(f"stacks of {size}" for size in STACKS)])
    for name in ("apart", f"apart in products of {LEAST}"):
        for size, apart in found[name].items():
            cells = ["the same bits" if value == 0 else f"{value:.1g}" for value in apart.values()]
            _row([f"{size}{name.removeprefix('apart')}", *cells])


def _table(header: Sequence[str]) -> None:
    _row(header)
    _row(["---"] + ["---:"] * (len(header) - 1))


def _row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |")


def main(options: Namespace) -> None:
    """Measure on one device, as deterministically as that can be."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # On a CPU, what a product comes to depends on where in memory a slice of the stack begins, unless MKL is told.
    os.environ.setdefault("MKL_CBWR", "AVX2,STRICT")
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(1)
    found = measured(options)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    arguments = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--tiny", action="store_true", help="next to no work: does it function?")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    main(arguments.parse_args())
