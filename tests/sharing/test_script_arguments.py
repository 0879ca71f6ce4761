"""Scripts of one search share what they do until they read an argument in which runs differ."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridfold.runs.search import SearchDirectory

ARGPARSE = """
import argparse, json, sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--size", type=int)
parser.add_argument("--out", type=Path, default=Path("out"))
args = parser.parse_args()
print(args, len(sys.argv), args.out)
print("size", args.size)
print(json.dumps({"loss": args.lr * args.size}))
"""
CLICK = """
import json
import click

@click.command()
@click.option("--lr", type=float)
@click.option("--size", default=1)
def main(lr, size):
    print("begin")
    for step in range(size):
        print(step)
    print(json.dumps({"loss": lr * size}))

if __name__ == "__main__":
    main()
"""
LOOP = """
import json, sys
values = {}
for word in sys.argv[1:]:
    if word.startswith("--"):
        name = word[2:]
    else:
        values[name] = float(word)
print(json.dumps({"loss": values["lr"] * values["size"]}))
"""
LOGGED = """
import argparse, json, logging
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--size", type=int)
args = parser.parse_args()
logging.basicConfig(level=logging.INFO, handlers=(logging.StreamHandler() for _ in range(args.size)))  # takes a lock
logging.info("args: %s", args)  # a handler takes its own, and formats
logging.info("and again: %s", args)
print(json.dumps({"loss": args.lr * args.size}))
"""
ORDER = """
import argparse, json, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--size", type=int)
args = parser.parse_args()

class Tee:
    def __init__(self, stream):
        self.stream = stream
    def write(self, text):
        return self.stream.write(text)
    def flush(self):
        self.stream.flush()

print("args", args)  # held back until the end, as long as nobody flushes
sys.stdout = Tee(sys.stdout)
if args.size == 3:
    sys.stderr.write("three, ")
sys.stderr.write("at once\\n")
print(json.dumps({"loss": args.lr * args.size}))
"""
CAUGHT = """
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--size", type=int)

class Config:
    def __init__(self, attributes):
        self.__dict__ = attributes

config = Config(vars(parser.parse_args()))
try:
    size = int(config.size)
except Exception:
    size = 0
print(json.dumps({"loss": size}))
"""
OF_RUN = """
import argparse, json
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("lr", "seed", "fold", "index", "out"):
    parser.add_argument(f"--{name}")
args = parser.parse_args()
print(json.dumps([args.lr, args.seed, args.fold, args.index, Path(args.out).name]))
print(json.dumps({"loss": float(args.lr)}))
"""
KEYWORDS = CLICK.replace("def main(lr, size):", "def main(**values):\n    lr, size = values.values()")
WRONG = ARGPARSE.replace("type=int", "choices=['2']").replace("args.lr * args.size", "args.lr")


def _environment():
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("PYTHONUNBUFFERED", None)
    return environment


@pytest.mark.parametrize(
    ("script", "paths"),
    [
        (ARGPARSE, ["args.size", "args.lr", "args.lr"]),
        (CLICK, ["size", "lr", "lr"]),
        (LOOP, ["sys.argv", "sys.argv", "sys.argv"]),
        (LOGGED, ["args.size", "args.lr", "args.lr"]),
        (ORDER, ["args.size", "args.lr", "args.lr"]),
        (CAUGHT, []),  # read where nobody sees it: each run begins again
        (KEYWORDS, ["sys.argv", "sys.argv", "sys.argv"]),
        (WRONG, ["sys.argv", "args.lr"]),
    ],
)
def test_runs_of_a_script_share_until_they_read_an_argument(script, paths, tmp_path):
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "c.yaml").write_text("lr: [0.1, 0.2]\nsize: [2, 3]\n")
    environment = _environment()
    command = ["python", "train.py", "--lr", "{lr}", "--size", "{size}"]
    search = [sys.executable, "-m", "gridfold", "search", "--config", "c.yaml", "--run-prefix", "s", "--", *command]
    subprocess.run(search, cwd=tmp_path, env=environment, capture_output=True, check=False)
    (directory,) = (each for each in (tmp_path / "runs").iterdir() if (each / "sharing.jsonl").exists())
    splits = [event for event in SearchDirectory(directory).sharing_events() if "split" in event]
    assert sorted(split["path"] for split in splits if max(split["sizes"]) > 0) == sorted(paths)
    for lr in ("0.1", "0.2"):
        for size in ("2", "3"):
            alone = [word.format(lr=lr, size=size) for word in command]
            ended = subprocess.run(
                alone, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            )
            (run,) = (tmp_path / "runs").glob(f"*_lr_{lr}_size_{size}")
            assert (run / "log.txt").read_bytes() == ended.stdout


def test_runs_of_a_script_get_their_own_seed_fold_and_index(tmp_path):
    (tmp_path / "train.py").write_text(OF_RUN)
    named = ["--seed", "{seed}", "--fold", "{fold}/{folds}", "--index", "{index}", "--out", "{run_dir}"]
    command = ["python", "train.py", "--lr", "{lr=0.1,0.2}", *named]
    options = ["--repeats", "2", "--folds", "2", "--quiet"]
    started = [sys.executable, "-m", "gridfold", "search", *options, "--", *command]
    subprocess.run(started, cwd=tmp_path, env=_environment(), capture_output=True, check=True)
    (directory,) = (each for each in (tmp_path / "runs").iterdir() if (each / "sharing.jsonl").exists())
    search = SearchDirectory(directory)
    assert any(max(event["sizes"]) > 0 for event in search.sharing_events() if "split" in event)
    for entry in search.entries():
        said = [f"{entry.params['lr']}", f"{entry.repeat}", f"{entry.fold}/2", f"{entry.index}", entry.run]
        assert json.loads((tmp_path / "runs" / entry.run / "log.txt").read_text().splitlines()[0]) == said
