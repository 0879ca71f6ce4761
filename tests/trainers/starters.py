"""Scripts and functions as people write them, whose options ``gridfold init`` reads."""

SCRIPTS = {
    "argparse": """
import argparse, os
LR = 0.05
parser = argparse.ArgumentParser()
parser.add_argument("data", help="where the data is")
parser.add_argument("--lr", type=float, default=LR, help="learning rate (default: %(default)s)")
parser.add_argument("-m", "--momentum", type=float, default=0.9)
parser.add_argument("--weight-decay", type=float, default=1e-5)
parser.add_argument("--hidden", type=int, nargs="+", default=[64, 32])
parser.add_argument("--optim", choices=["sgd", "adam"], default="adam")
parser.add_argument("--nesterov", action="store_true")
parser.add_argument("--no-cuda", action="store_false", dest="cuda")
parser.add_argument("--amp", action=argparse.BooleanOptionalAction, default=False)
parser.add_argument("--workers", type=int, default=os.cpu_count())
parser.add_argument("--name")
parser.add_argument("--bad", type=bool, default=True)
parser.add_argument("--tag", required=True)
parser.add_argument("--text", default="a: b # c, d")
parser.add_argument("--shift", type=float, default=-1e-5)
parser.add_argument("-v", action="count")
parser.add_argument("--cuda", type=lambda x: x == "true", default=True, nargs="?", const=True)
parser.add_argument("--output-dir", default="out", help="100%% of the files")
parser.add_argument("--config", default="other.yaml")
print(vars(parser.parse_args()))
""",
    "click": """
import click
@click.command()
@click.option("--lr", default=0.1, help="rate", show_default=True)
@click.option("--batch-size", "-b", "batch", type=int, default=16)
@click.option("--opt", type=click.Choice(["a", "b"]), default="a")
@click.option("--amp/--no-amp", default=True)
@click.option("--verbose", is_flag=True)
@click.option("--tag", required=True)
@click.argument("data")
def main(**options):
    print(sorted(options.items()))
main()
""",
    "typer": """
from typing import Annotated, Optional
import typer
app = typer.Typer()
@app.command()
def main(data: str, lr: float = 0.1, batch_size: Annotated[int, typer.Option(help="the size")] = 16,
         amp: bool = False, name: Optional[str] = None, out: str = typer.Option("x", help="where"),
         tag: int = typer.Option(...), several: list[str] = ["a", "b"]):
    print(lr)
app()
""",
    "tyro": """
from dataclasses import dataclass, field
import tyro
@dataclass
class Model:
    hidden: int = 64
    layers: list[int] = field(default_factory=lambda: [1, 2])
@dataclass
class Args:
    data: str
    lr: float = 3e-4
    track: bool = False
    env: str = field(default="x", metadata={"help": "the environment"})
    model: Model = field(default_factory=Model)
tyro.cli(Args)
""",
    "transformers": """
from dataclasses import dataclass, field
from transformers import HfArgumentParser, TrainingArguments
@dataclass
class DataArguments:
    data: str = field(metadata={"help": "a file"})
    max_length: int = field(default=128, metadata={"help": "tokens"})
parser = HfArgumentParser((DataArguments, TrainingArguments))
""",
    "absl": """
from absl import app, flags
def main(_): pass
flags.DEFINE_float("lr", 0.1, "rate")
flags.DEFINE_bool("amp", True, "mixed precision")
flags.DEFINE_enum("opt", "sgd", ["sgd", "adam"], "which")
app.run(main)
""",
    "fire": """
import fire
def main(lr=0.1, amp=False, name="x"):
    print(lr)
fire.Fire(main)
""",
    "constants": """
rate = 0.1
params = {"steps": 50, "start": 5.0}
DATA = "x.csv"
for rate_of_step in range(3):
    twice = rate_of_step
""",
    "hydra": """
import hydra
@hydra.main(config_path="conf", config_name="config")
def main(config): pass
main()
""",
    "config_file": """
import sys
print(open(sys.argv[1]).read())
""",
    "function": """
SEED = 3

def build(model):
    return model["hidden"], model.get("dropout", 0.1)

def train(config, run):
    training = config["training"]
    build(config["model"])
    for epoch in range(training.get("epochs", 3)):
        run.report(epoch=epoch, loss=training["lr"])
    return {"loss": config.get("x")}
""",
}
