"""Runs of one to three seconds on a Slurm of three nodes, where things happen: each run is completed once.

``python -m tests.engines.chaos --folder /tmp/chaos --port 22100 [--seed N]``, as root. Takes some ten minutes.
"""

import argparse
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.engines.cluster import Cluster, Project, wait

KINDS = ("power-off", "slurmd", "requeue", "scancel", "preempt")


class Chaos:
    """What happens to a cluster."""

    def __init__(self, cluster, seed):
        self.cluster, self.draw = cluster, random.Random(seed)
        self.down = {}  # nodes, when they are back, and how
        self.happened = []

    def happen(self, kind):
        """Let something happen; whether it could."""
        said = getattr(self, f"_{kind.replace('-', '_')}")()
        if said:
            self.happened.append(f"{kind} {said}")
            print(f"{time.strftime('%X')} {kind} {said}", flush=True)
        return bool(said)

    def mend(self, *, all_of_them=False):
        """Let nodes be back whose time has come."""
        for node, (due, how) in list(self.down.items()):
            if all_of_them or time.monotonic() > due:
                del self.down[node]
                how(node)
                print(f"{time.strftime('%X')} node {node} is back", flush=True)

    def _node(self):
        up = [node for node in range(1, self.cluster.nodes + 1) if node not in self.down]
        return self.draw.choice(up) if len(up) > 1 else None

    def _power_off(self):
        if node := self._node():
            self.cluster.power_off(node)
            self.down[node] = time.monotonic() + self.draw.uniform(5, 60), self.cluster.power_on
        return node

    def _slurmd(self):
        if node := self._node():
            self.cluster.kill_slurmd(node)
            self.down[node] = time.monotonic() + self.draw.uniform(5, 75), self.cluster.start_slurmd
        return node

    def _job(self):
        running = [job for job, state, _ in self.cluster.jobs("--partition=main") if state == "RUNNING"]
        return self.draw.choice(running) if running else None

    def _requeue(self):
        if job := self._job():
            self.cluster.call("scontrol", "requeue", job)
        return job

    def _scancel(self):
        if len(self.cluster.jobs("--partition=main")) > 2 and (job := self._job()):
            self.cluster.call("scancel", job)
            return job
        return None

    def _preempt(self):
        if node := self._node():
            asked = ("--partition=high", "--cpus-per-task=2", f"--nodelist=n{node}", "--output=/dev/null")
            self.cluster.call("sbatch", *asked, "--time=1", "--wrap=sleep 3")
        return node


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="/tmp/chaos")
    parser.add_argument("--port", type=int, default=22100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--events", type=int, default=15)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--program", action="store_true", help="the runs are programs")
    said = parser.parse_args()
    print(f"seed {said.seed}", flush=True)
    shutil.rmtree(said.folder, ignore_errors=True)
    folder = Path(said.folder)
    folder.mkdir()
    with Cluster(folder / "slurm", said.port) as cluster:
        project = Project(cluster, folder / "project", _config(said.runs, said.program))
        begin = time.monotonic()
        command = ("--", sys.executable, "program.py", "{x}") if said.program else ()
        search = project.search("--workers", said.workers, *command)
        chaos = Chaos(cluster, said.seed)
        _let_happen(chaos, project, said)
        over = wait(lambda: _is_over(chaos, project, said), said.minutes * 60)
        print(f"{time.monotonic() - begin:.0f} s, {len(chaos.happened)} events", flush=True)
        is_well = project.check(search, said.runs)
        if not over:
            print(f"did not end by itself: {cluster.jobs()}, {project.states()}", flush=True)
            print(project.gridfold("status", search.name), flush=True)
    sys.exit(0 if over and is_well else 1)


def _config(runs, program):
    trainer = "" if program else "gridfold: {trainer: 'train:naps'}\n"
    return f"{trainer}x: [{', '.join(map(str, range(runs)))}]\n"


def _let_happen(chaos, project, said):
    """The events, spread over the search by what is done of it."""
    shares = sorted(chaos.draw.uniform(0.01, 0.8) for _ in range(said.events))
    kinds = [KINDS[at % len(KINDS)] for at in range(said.events)]
    chaos.draw.shuffle(kinds)
    while kinds and (done := project.states()["completed"]) < said.runs:
        chaos.mend()
        if done >= shares[0] * said.runs and (kind := next(filter(chaos.happen, kinds), None)):
            kinds.remove(kind)
            del shares[0]
        time.sleep(0.5)


def _is_over(chaos, project, said):
    chaos.mend()
    return not chaos.cluster.jobs() and not chaos.down


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}")
