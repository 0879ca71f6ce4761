"""Which files a run wrote: those that Python was heard to open, and those that changed while it ran."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

RUN = """
import json, os, shutil, subprocess, sys, tempfile, time
from gridfold.identity import reads, writes

heard = reads.start()
heard.begin()
time.sleep(0.02)  # the time of a file may be some milliseconds behind the clock
exec(sys.stdin.read())
print(json.dumps([[os.path.relpath(each.path), each.heard, each.appended] for each in writes.written(heard, "runs")]))
"""


@pytest.fixture
def written(tmp_path):
    """What is found when a program has run in a folder where some files are."""
    for folder in ("data", "out", "runs/ours_1", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("data/rows.csv", "out/old.pt", "train.py", "runs/ours_1/config.yaml"):
        (tmp_path / name).write_text("before")

    def run(program):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path.parent / "temporary")}
        (tmp_path.parent / "temporary").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", RUN], input=program, cwd=tmp_path, env=environment, capture_output=True, check=True
        )
        return sorted(map(tuple, json.loads(done.stdout.splitlines()[-1])))

    return lambda program: run(program.encode())


def test_what_was_heard_and_what_was_seen(written):
    program = """
open("out/model.pt", "w").close()
open("train.log", "a").write("x")
open("half", "w").close()
os.replace("half", "out/whole.pt")
subprocess.run(["sh", "-c", "echo 1 > weights.bin; mkdir -p deep/er; echo 1 > deep/er/table.csv"])
open("data/rows.csv").read()
open("out/gone", "w").close()
os.remove("out/gone")
"""
    assert written(program) == [
        ("deep/er/table.csv", False, False),
        ("out/model.pt", True, False),
        ("out/whole.pt", True, False),
        ("train.log", True, True),
        ("weights.bin", False, False),
    ]


def test_what_does_not_count(written):
    program = """
os.makedirs("__pycache__")
for name in (".git/index", "__pycache__/train.pyc", ".train.py.swp", "runs/ours_1/metrics.jsonl", "runs/.stages"):
    open(name, "w").close()
subprocess.run(["sh", "-c", "echo 1 >> train.py; echo 1 > notes.md; echo 1 > runs/ours_1/table.csv"])
with tempfile.NamedTemporaryFile(delete=False) as file:
    file.write(b"x")
"""
    assert written(program) == []


def test_a_foreign_folder_among_the_runs_counts(written):
    program = (
        "os.makedirs('runs/exp__1'); open('runs/exp__1/events.out', 'w').close(); os.system('echo > runs/exp__1/x')"
    )
    assert written(program) == [("runs/exp__1/events.out", True, False), ("runs/exp__1/x", False, False)]


def test_a_huge_folder_is_not_looked_through(written, tmp_path):
    for number in range(5_000):
        (tmp_path / "data" / f"{number}.txt").touch()
    program = """
seen = []
scandir = os.scandir
class Counted:
    def __init__(self, path): self.entries = scandir(path)
    def __enter__(self): return self
    def __exit__(self, *_): self.entries.close()
    def __iter__(self): return self
    def __next__(self): seen.append(1); return next(self.entries)
os.scandir = Counted
open("model.pt", "w").close()
assert ("model.pt" in [os.path.relpath(each.path) for each in writes.written(heard, "runs")]) and len(seen) < 1_500
"""
    assert written(program) == [("model.pt", True, False)]
