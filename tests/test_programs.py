"""Programs that print, write and parse as public ones do: each swept by one command, as a stranger would.

The programs in tests/programs write a checkpoint of what it came from: so is seen whether a table has the right number
of the right run, and whether another run wrote over it.
"""

import csv
import json
import re
import shlex
from dataclasses import dataclass

import pytest

from tests.conftest import ROOT


@dataclass(frozen=True)
class Sweep:
    """One command, and what it has to show.

    Attributes:
        command: options of ``search`` and the program with its arguments.
        metric: the column with the number that the program's checkpoint has.
        source: what the line about the first run says it was read from.
        checkpoint: where in the run directory it is.
    """

    command: str
    metric: str
    source: str
    checkpoint: str


SWEEPS = {
    "word_model.py": Sweep(
        "--cwd run -- python PROGRAM --lr {lr=0.1,0.2}",
        "valid loss",
        "the log",
        "work/model.pt",
    ),
    "gpt.py": Sweep(
        "-- python PROGRAM --out_dir={run_dir}/out --learning_rate={learning_rate=1e-1,2e-1}",
        "val loss",
        "the log",
        "out/ckpt.pt",
    ),
    "names.py": Sweep(
        "-- python PROGRAM --work-dir {run_dir}/out -l {lr=0.1,0.2}",
        "test loss",
        "the log",
        "out/last.pt",
    ),
    "images.py": Sweep(
        "--cwd run --metric eval_top1 -- python PROGRAM {args}",
        "eval_top1",
        "summary.csv",
        "work/output/train/*/last.pth.tar",
    ),
    "policy.py": Sweep(
        "--cwd run --metric charts/episodic_return -- python PROGRAM --learning-rate {lr=0.1,0.2}",
        "charts/episodic_return",
        "events.out.tfevents",
        "work/runs/*/agent.pt",
    ),
    "lightning.py": Sweep(
        "--cwd run --metric valid_loss_epoch -- python PROGRAM fit --model.learning_rate {lr=0.1,0.2}",
        "valid_loss_epoch",
        "metrics.csv",
        "work/lightning_logs/version_0/checkpoints/last.ckpt",
    ),
    "glue.py": Sweep(
        "--cwd run --metric eval_accuracy -- python PROGRAM --learning_rate {lr=0.1,0.2} --output_dir out",
        "eval_accuracy",
        "all_results.json",
        "work/out/model.safetensors",
    ),
    "boosting.py": Sweep(
        "--cwd run --set params.eta=0.1,0.2 -- python PROGRAM",
        "validation-rmse",
        "the log",
        "work/model-0.json",
    ),
}
