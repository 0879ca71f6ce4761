"""Programs that print, write and parse as public ones do: each swept by one command, as a stranger would.

The programs in tests/programs write a checkpoint of what it came from: so is seen whether the table has the number of
the right run, and whether another run wrote over it. The public ones are swept by tests/public_programs/sweep.py.
"""

import csv
import json
import re
import shlex
import sys
from typing import NamedTuple

import pytest

from tests.conftest import ROOT


class Sweep(NamedTuple):
    """One command, and what it has to show.

    Attributes:
        program: a file of tests/programs.
        command: the words behind ``gridfold search``; PROGRAM is the path of the file.
        metric: the column with the number that the program's checkpoint has.
        source: what it was read from.
        checkpoint: where in the run directory it is.
        better: which value of the metric counts as the best.
    """

    program: str
    command: str
    metric: str
    source: str
    checkpoint: str
    better: str = "lowest"


SWEEPS = [
    Sweep(
        "word_model.py",
        "--cwd run -- python PROGRAM --epochs 4 --lr '{lr=0.1,0.2}'",
        "valid_loss",
        "the log",
        "work/model.pt",
    ),
    Sweep(
        "gpt.py",
        "-- python PROGRAM --out_dir={run_dir}/out --learning_rate='{lr=1e-1,2e-1}'",
        "val_loss",
        "the log",
        "out/ckpt.pt",
    ),
    Sweep(
        "names.py",
        "--metric test_loss -- python PROGRAM --work-dir {run_dir}/out -l '{lr=0.1,0.2}'",
        "test_loss",
        "the log",
        "out/last.pt",
    ),
    Sweep(
        "images.py",
        "--cwd run --param-variations lr=0.1,0.2 -- python PROGRAM {args}",
        "eval_loss",
        "summary.csv",
        "work/output/train/*/last.pth.tar",
    ),
    Sweep(
        "policy.py",
        "--cwd run --param-variations learning_rate=0.1,0.2 -- python PROGRAM {args:dash}",
        "charts/episodic_return",
        "work/runs/CartPole-v1__policy__1__",
        "work/runs/*/agent.pt",
        "highest",
    ),
    Sweep(
        "lightning.py",
        "--cwd run -- python PROGRAM fit --model.learning_rate '{lr=0.1,0.2}'",
        "valid_loss_epoch",
        "metrics.csv",
        "work/lightning_logs/version_0/checkpoints/last.ckpt",
    ),
    Sweep(
        "glue.py",
        "--cwd run -- python PROGRAM --learning_rate '{lr=0.1,0.2}' --output_dir out",
        "eval_accuracy",
        "all_results.json",
        "work/out/model.safetensors",
        "highest",
    ),
    Sweep(
        "boosting.py",
        "--cwd run --set params.eta=0.1,0.2 -- python PROGRAM",
        "validation-rmse",
        "the log",
        "work/model-0.json",
    ),
]


@pytest.mark.parametrize("sweep", SWEEPS, ids=[each.program for each in SWEEPS])
def test_a_program_swept_by_one_command(command, gridfold, project, sweep):
    before = {path.name for path in project.iterdir()}
    program = ROOT / "tests" / "programs" / sweep.program
    words = sweep.command.replace("PROGRAM", str(program)).replace("python", sys.executable)
    done = command("hyper_main.py", *shlex.split(words))
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = re.findall(r"^Metrics of run \d: (.*)$", done.stdout, re.MULTILINE)
    assert sweep.metric in told
    assert sweep.source in told
    assert f"best first ({sweep.better} {sweep.metric})" in done.stdout

    assert {path.name for path in project.iterdir()} - before == {"runs"}, "written where the command was given"
    rows = _table(gridfold, project)
    assert sorted(_value(row) for row in rows) == [0.1, 0.2]
    for row in rows:
        run = project / "runs" / row["run"]
        (checkpoint,) = run.glob(sweep.checkpoint)
        kept = json.loads(checkpoint.read_text())
        assert kept == {"lr": _value(row), "metric": pytest.approx(float(row[sweep.metric]), rel=1e-6)}
        assert sweep.source in json.loads((run / "run.json").read_text())["source"]


def _table(gridfold, project):
    code, said = gridfold("results", "last", "--runs", "--output", "table.csv")
    assert code == 0, said
    with (project / "table.csv").open(newline="") as table:
        return list(csv.DictReader(table))


def _value(row):
    (value,) = (float(row[name]) for name in ("lr", "learning_rate", "params.eta") if name in row)
    return value
