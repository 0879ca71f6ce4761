"""A search on a real Ray cluster, while parts of it are killed at random moments: minutes, so it is run by hand.

python tests/engines/ray_losses.py [RUNS [EVENTS [SEED]]]
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SCRIPT = Path(__file__).with_name("ray.sh")
ROOT = SCRIPT.parents[2]
ADDRESS = "10.9.9.1:6390"
TRAINER = """
import os, time


def note(what, run):
    ledger = os.open("ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{what} {run.index}\\n".encode())
    os.close(ledger)


def train(config, run):
    note("start", run)
    for epoch in range(4):
        time.sleep((1 + config["x"] * 7 % 20 / 10) / 4)
        run.report(epoch=epoch, score=config["x"] ** 2)
    note("end", run)
    return {"score": config["x"] ** 2}
"""


class Cluster:
    """Two nodes; the search runs beside them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="ray")

    def __enter__(self):
        self.do("start")
        return self

    def __exit__(self, *_):
        self.do("stop")

    def do(self, *words):
        command = [SCRIPT, words[0], self.folder, *words[1:]]
        environment = os.environ | {"RAY_PYTHON": sys.executable}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout

    def kill(self, pattern, signal="-KILL"):
        """Kill one of the processes whose command line is such."""
        if pids := self.do("enter", "pgrep", "--full", pattern).split():
            self.do("enter", "kill", signal, random.choice(pids))

    def power_cut(self):
        self.do("kill-node", "2")
        time.sleep(5)
        self.do("node", "2")

    def kill_raylet(self):
        self.do("enter", "pkill", "-KILL", "--full", "raylet/raylet .*plasma_store.1 ")
        time.sleep(5)
        self.do("kill-node", "2")
        self.do("node", "2")


EVENTS = {
    "power cut": Cluster.power_cut,
    "raylet killed alone": Cluster.kill_raylet,
    "actor killed": lambda cluster: cluster.kill("^ray::WorkerActor"),
    "actor told to end": lambda cluster: cluster.kill("^ray::WorkerActor", "-TERM"),
    "worker killed": lambda cluster: cluster.kill("gridfold work"),
    "worker told to end": lambda cluster: cluster.kill("gridfold work", "-TERM"),
}


def main(runs=100, events=10, seed=0):
    random.seed(seed)
    with Cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("train.py").write_text(TRAINER)
        Path("config.yaml").write_text(f"gridfold: {{trainer: 'train:train'}}\nx: {[*range(runs)]}\n")
        options = ["--config", "config.yaml", "--run-prefix", "s", "--workers", "3", "--wait", "--on", "ray"]
        command = [SCRIPT, "enter", cluster.folder, sys.executable, "-m", "gridfold", "search", *options]
        with Path("said").open("w") as said:
            search = subprocess.Popen(
                [*command, "--address", ADDRESS], stdout=said, stderr=said, env=os.environ | {"PYTHONPATH": str(ROOT)}
            )
        begin = time.monotonic()
        while search.poll() is None and not Path("ledger").exists():
            time.sleep(0.5)
        for event in [*EVENTS, *random.choices([*EVENTS], k=events)][:events]:
            time.sleep(random.uniform(5, 15))
            if search.poll() is not None:
                break
            print(f"{time.monotonic() - begin:4.0f} s: {event}", flush=True)
            EVENTS[event](cluster)
        status = search.wait(600)
        print(f"{time.monotonic() - begin:4.0f} s: it has ended, exit code {status}")
        return judged(runs, status)


def judged(runs, status):
    """Whether all is as it should be; prints what is not."""
    records = [json.loads(path.read_text()) for path in Path("runs").glob("s_*_x_*/run.json")]
    states = Counter(record["state"] for record in records)
    wrong = [record["index"] for record in records if record["metrics"].get("score") != record["params"]["x"] ** 2]
    notes = Counter(Path("ledger").read_text().splitlines() if records else ())
    twice = [note for note, count in notes.items() if note.startswith("end") and count > 1]
    starts = sum(count for note, count in notes.items() if note.startswith("start"))
    print(f"{states}; {starts} starts; trained to the end twice: {twice}; wrong or failed: {wrong}")
    is_well = status == 0 and states == {"completed": runs} and not wrong and not twice
    if not is_well:
        print(Path("said").read_text()[-4000:])
        for log in Path("runs").glob("*/.workers/*.out"):
            print(f"== {log.name}\n{log.read_text()[-3000:]}")
    return is_well


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
