"""A real Slurm of a few nodes on this machine, and searches on it: for what is run by hand, and takes minutes."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLURM = ROOT / "tests/engines/slurm.sh"

TRAINER = '''
import os, time


def note(what, run):
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{what} {run.index}\\n".encode())
    os.close(ledger)


def naps(config, run):
    """From one to three seconds."""
    note("start", run)
    for epoch in range(4):
        time.sleep((1 + config["x"] * 7 % 20 / 10) / 4)
        run.report(epoch=epoch, score=config["x"] ** 2)
    note("end", run)
    return {"score": config["x"] ** 2}


def continues(config, run):
    """Takes its time, and saves how far it is when it is told to stop."""
    note("start", run)
    seconds = config["long" if config["x"] % 7 == 1 else "seconds"]
    checkpoint = run.dir / "checkpoint"
    done = float(checkpoint.read_text()) if checkpoint.exists() else 0.0
    begin = time.monotonic()
    try:
        while (now := done + time.monotonic() - begin) < seconds:
            time.sleep(0.1)
    finally:
        checkpoint.write_text(str(done + time.monotonic() - begin))
    note("end", run)
    return {"score": config["x"] ** 2}
'''

PROGRAM = '''
"""As `naps`, as a program; it does not hear signals."""

import json, os, sys, time


def note(what, index):
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{what} {index}\\n".encode())
    os.close(ledger)


x = int(sys.argv[1])
note("start", x)
time.sleep(1 + x * 7 % 20 / 10)
note("end", x)
print(json.dumps({"score": x**2}))
'''


class Cluster:
    """A Slurm, in a folder."""

    def __init__(self, folder, port, nodes=3):
        self.folder, self.nodes = Path(folder), nodes
        self.variables = os.environ | {"SLURM_CONF": f"{folder}/slurm.conf"}
        self._port = port

    def __enter__(self):
        self._do("start", self.nodes, self._port)
        return self

    def __exit__(self, *_):
        self._do("stop")

    def _do(self, what, *more):
        with (self.folder.parent / f"{self.folder.name}.log").open("a") as log:
            command = [SLURM, what, self.folder, *map(str, more)]
            subprocess.run(command, env=self.variables, stdout=log, stderr=log, check=what == "start")

    def power_off(self, node):
        self._do("power-off", node)

    def power_on(self, node):
        self._do("node", node)

    def kill_slurmd(self, node):
        self._do("slurmd-off", node)

    def start_slurmd(self, node):
        self._do("slurmd", node)

    def call(self, *command):
        ended = subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False)
        return ended.stdout

    def jobs(self, *options):
        """The jobs that are not over: number, state and node of each."""
        said = self.call("squeue", "--noheader", "--array", "--format=%i %T %N", *options)
        return [tuple((line + "  ").split(" ")[:3]) for line in said.splitlines()]


class Project:
    """A folder with a trainer, a config and a search."""

    def __init__(self, cluster, folder, config):
        self.cluster, self.folder = cluster, Path(folder)
        self.folder.mkdir(parents=True)
        self.ledger = self.folder / "ledger"
        self.ledger.touch()
        (self.folder / "train.py").write_text(TRAINER)
        (self.folder / "program.py").write_text(PROGRAM)
        (self.folder / "config.yaml").write_text(config)
        self.variables = cluster.variables | {"LEDGER": str(self.ledger), "PYTHONPATH": str(ROOT)}

    def gridfold(self, *arguments):
        command = [sys.executable, "-m", "gridfold", *map(str, arguments)]
        ended = subprocess.run(
            command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            sys.exit(f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    def search(self, *options):
        self.gridfold("search", "--config", "config.yaml", "--run-prefix", "s", "--on", "slurm", *options)
        (directory,) = self.folder.glob("runs/s_??????")
        return directory

    def records(self):
        found = {}
        for path in self.folder.glob("runs/s_*_*/run.json"):
            with contextlib.suppress(OSError, ValueError):
                found[path.parent.name] = json.loads(path.read_text())
        return found

    def states(self):
        return Counter(record["state"] for record in self.records().values())

    def check(self, search, runs):
        """Whether all is as it should be; prints what is not."""
        records, problems = self.records(), []
        states = self.states()
        if states != {"completed": runs}:
            problems.append(f"states {dict(states)}, of {runs} runs")
        problems += [f"{name}: {record['error']}" for name, record in records.items() if record["error"]]
        wrong = [name for name, record in records.items() if record["metrics"].get("score") != _score(record)]
        completions = Counter(
            line.split()[2] for line in (search / "search.log").read_text().splitlines() if " completed after" in line
        )
        twice = {run: count for run, count in completions.items() if count > 1}
        problems += [f"wrong results: {wrong}"] * bool(wrong) + [f"recorded twice: {twice}"] * bool(twice)
        trained = Counter(line.split()[1] for line in self.ledger.read_text().splitlines() if line.startswith("end"))
        starts = sum(line.startswith("start") for line in self.ledger.read_text().splitlines())
        again = sum(count > 1 for count in trained.values())
        print(f"{starts} attempts at {runs} runs; {again} runs trained to their end twice", flush=True)
        print("\n".join(problems) or "all is as it should be", flush=True)
        return not problems


def wait(until, seconds, say=lambda: None):
    """Wait for something; whether it came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if until():
            return True
        say()
        time.sleep(1)
    return False


def _score(record):
    return record["params"]["x"] ** 2
