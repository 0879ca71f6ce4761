"""The public programs: where they are, at which commit, how they are swept, and what the table has to say."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Truth = Callable[[Path], list[float]]  # of a run's directory: the numbers of its epochs, read without gridfold


@dataclass(frozen=True)
class Program:
    """A program of other people.

    Attributes:
        name: what it is called here.
        repository: where it is cloned from.
        commit: which version of it.
        folder: where in the repository its users stand.
        environment: which of ENVIRONMENTS it runs in.
        command: the one command that sweeps it.
        metric: the column of the table that is checked.
        truth: the numbers that it is the best of.
        best: which of them that is.
        own: a pattern of files in the working directory that belong to one run by their name.
    """

    name: str
    repository: str
    commit: str
    folder: str
    environment: str
    command: str
    metric: str
    truth: Truth
    best: Callable[[list[float]], float] = min
    own: str = "(?!)"  # none


def line(pattern: str) -> Truth:
    """The matches of a pattern in the run's log."""
    return lambda run: [float(text) for text in re.findall(pattern, (run / "log.txt").read_text(errors="replace"))]


def share(pattern: str) -> Truth:
    """The matches of a pattern with two numbers in the run's log: how many of how many, in percent."""
    found = re.compile(pattern).findall
    return lambda run: [100 * int(right) / int(count) for right, count in found((run / "log.txt").read_text())]


def column(name: str, file: str) -> Truth:
    """The values in a column of a CSV file."""

    def read(run: Path) -> list[float]:
        with _only(run, file).open(newline="") as rows:
            return [float(row[name]) for row in csv.DictReader(rows) if row[name]]

    return read


def history(name: str, file: str) -> Truth:
    """The values of a key in the history that Trainer keeps."""

    def read(run: Path) -> list[float]:
        return [entry[name] for entry in json.loads(_only(run, file).read_text())["log_history"] if name in entry]

    return read


def scalar(tag: str) -> Truth:
    """The values of a tag in TensorBoard's event files."""

    def read(run: Path) -> list[float]:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(_only(run, "events.out.tfevents.*")), size_guidance={"scalars": 0})
        return [event.value for event in events.Reload().Scalars(tag)]

    return read


def _only(run: Path, pattern: str) -> Path:
    (found,) = (path for path in run.rglob(pattern) if "checkpoint" not in str(path.parent))
    return found


# What has to be installed beside gridfold. A folder of this name that is there already is used as it is.
ENVIRONMENTS = {
    "torch": (
        "torch torchvision tensorboard timm==1.0.31 lightning==2.6.6 jsonargparse[signatures] lightgbm==4.7.0 pandas"
        " xgboost==3.2.0 scikit-learn"
    ),
    "cleanrl": "torch tensorboard tyro gymnasium==0.29.1",
    "transformers4": "torch transformers==4.52.4 accelerate datasets evaluate setfit==1.2.0 scikit-learn tensorboard",
}

EXAMPLES = ("https://github.com/pytorch/examples", "77f55b912142e11fcfdf5b530231fb9c52f181e8")
SMALL_GPT = (
    "--device=cpu --compile=False --eval_iters=5 --block_size=32 --batch_size=8 --n_layer=2 --n_head=2 --n_embd=32"
    " --max_iters=40 --eval_interval=20 --lr_decay_iters=40 --dropout=0.0"
)
SMALL_LIGHTNING = (
    "--trainer.max_epochs 2 --trainer.limit_train_batches 20 --trainer.limit_val_batches 5"
    " --trainer.limit_test_batches 5 --trainer.limit_predict_batches 1"
)

PROGRAMS = [
    Program(
        "word_language_model",
        *EXAMPLES,
        folder="word_language_model",
        environment="torch",
        command="gridfold search --cwd run -- python main.py --data data/tiny --epochs 2 --emsize 32 --nhid 32"
        " --lr '{lr=5,20}'",
        metric="valid_loss",
        truth=line(r"valid loss +([\d.]+)"),
    ),
    Program(
        "mnist",
        *EXAMPLES,
        folder="mnist",
        environment="torch",
        command="gridfold search --metric test_accuracy -- python main.py --epochs 2 --no-accel --lr '{lr=0.1,1.0}'",
        metric="test_accuracy",
        truth=share(r"Accuracy: (\d+)/(\d+)"),
        best=max,
    ),
    Program(
        "nanoGPT",
        "https://github.com/karpathy/nanoGPT",
        "3adf61e154c3fe3fca428ad6bc3818b27a3b8291",
        folder=".",
        environment="torch",
        command="gridfold search -- python train.py config/train_shakespeare_char.py --out_dir={run_dir}"
        f" --learning_rate='{{learning_rate=1e-3,1e-2}}' {SMALL_GPT}",
        metric="val_loss",
        truth=line(r"val loss ([\d.]+)"),
    ),
    Program(
        "makemore",
        "https://github.com/karpathy/makemore",
        "988aa59e4d8fefa526d06f3b453ad116258398d4",
        folder=".",
        environment="torch",
        command="gridfold search -- python makemore.py --work-dir {run_dir} --type mlp --n-embd 16"
        " --max-steps 501 --num-workers 0 --learning-rate '{lr=5e-4,5e-3}'",
        metric="Loss/test",
        truth=line(r"test loss: ([\d.]+)"),
    ),
    Program(
        "cleanrl",
        "https://github.com/vwxyzjn/cleanrl",
        "fe8d8a03c41a7ef5b523e2e354bd01c363e786bb",
        folder=".",
        environment="cleanrl",
        command="gridfold search --cwd run -- python cleanrl/ppo.py"
        " --total-timesteps 2048 --learning-rate '{lr=2.5e-4,2.5e-3}'",
        metric="charts/episodic_return",
        truth=scalar("charts/episodic_return"),
        best=max,
    ),
    Program(
        "timm",
        "https://github.com/huggingface/pytorch-image-models",
        "aa4b5850c1543fa488abf260f18390eda46cf85d",
        folder=".",
        environment="torch",
        command="gridfold search --cwd run -- python train.py --data-dir tiny-images --model resnet10t"
        " --num-classes 2 --img-size 32 --epochs 2 --warmup-epochs 0 -b 16 -j 1 --device cpu --lr '{lr=0.01,0.1}'",
        metric="eval_top1",
        truth=column("eval_top1", "summary.csv"),
        best=max,
    ),
    Program(
        "lightning",
        "https://github.com/Lightning-AI/pytorch-lightning",
        "7f0c3436cd3f6ad3753125672024fc415cbcb414",
        folder="examples/pytorch/basics",
        environment="torch",
        command="gridfold search --cwd run -- python backbone_image_classifier.py --trainer.logger CSVLogger"
        f" --trainer.logger.save_dir . --model.learning_rate '{{lr=0.001,0.01}}' {SMALL_LIGHTNING}",
        metric="valid_loss_epoch",
        truth=column("valid_loss_epoch", "metrics.csv"),
    ),
    Program(
        "transformers",
        "https://github.com/huggingface/transformers",
        "0fb8d49e8869fe95c7580ae0b12cca41e009fe3f",
        folder="examples/pytorch/text-classification",
        environment="transformers4",
        command="gridfold search --cwd run -- python run_glue.py --model_name_or_path tiny/bert"
        " --train_file tiny/train.csv --validation_file tiny/validation.csv --do_train --do_eval"
        " --max_seq_length 32 --num_train_epochs 2"
        " --eval_strategy epoch --output_dir out --report_to none"
        " --learning_rate '{lr=5e-4,5e-3}'",
        metric="eval_accuracy",
        truth=history("eval_accuracy", "trainer_state.json"),
        best=max,
    ),
    Program(
        "setfit",
        "https://github.com/huggingface/setfit",
        "0f8e322ce7c62eeb7b2d113f88f1b1fc37777692",
        folder="scripts/setfit",
        environment="transformers4",
        command="gridfold search --cwd run --metrics 'accuracy=Average, N/A, ([0-9.]+)' -- python run_fewshot.py"
        " --model tiny/encoder --num_iterations 1 --batch_size 8 --exp_name {index}"
        " --sample_sizes '{sample_sizes=4,8}'",
        metric="accuracy",
        truth=line(r"Average, N/A, ([\d.]+)"),
        best=max,
        own=r"results/[^/]*-batch_8-\d/",  # beside the script, by --exp_name
    ),
    Program(
        "lightgbm",
        "https://github.com/lightgbm-org/LightGBM",
        "d15dea5ee9a2e6b379c0be407b7c98ea7eb3ca38",
        folder="examples/python-guide",
        environment="torch",
        command="gridfold search --cwd run --set params.learning_rate=0.05,0.1 -- python simple_example.py",
        metric="RMSE",
        truth=line(r"The RMSE of prediction is: ([\d.]+)"),
    ),
    Program(
        "xgboost",
        "https://github.com/dmlc/xgboost",
        "379b29f0836b9dbc313b993d8e5743bd452d4117",
        folder="demo/guide-python",
        environment="torch",
        command="gridfold search --cwd run --set param.max_depth=2,4 -- python basic_walkthrough.py",
        metric="eval-logloss",
        truth=line(r"eval-logloss:([\d.]+)"),
    ),
]
