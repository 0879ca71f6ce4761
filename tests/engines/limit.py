"""A search that takes longer than its jobs may: it ends by itself.

``python -m tests.engines.limit --folder /tmp/limit --port 22200 [--minutes 20 --limit 3]``, as root.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from tests.engines.cluster import Cluster, Project, wait


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="/tmp/limit")
    parser.add_argument("--port", type=int, default=22200)
    parser.add_argument("--minutes", type=float, default=20, help="of work, of each worker")
    parser.add_argument("--limit", type=int, default=3, help="minutes that a job may take")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=25, help="of a run; each seventh takes longer than a job may")
    said = parser.parse_args()
    shutil.rmtree(said.folder, ignore_errors=True)
    folder = Path(said.folder)
    folder.mkdir()
    long, work = said.limit * 60 * 1.3, said.minutes * 60 * said.workers
    runs = max(round(work / ((6 * said.seconds + long) / 7)), 2)
    seconds = [long if run % 7 == 1 else said.seconds for run in range(runs)]
    values = ", ".join(map(str, range(runs)))
    config = f"gridfold: {{trainer: 'train:continues'}}\nseconds: {said.seconds}\nlong: {long}\nx: [{values}]\n"
    with Cluster(folder / "slurm", said.port) as cluster:
        project = Project(cluster, folder / "project", config)
        begin = time.monotonic()
        search = project.search("--workers", said.workers, "--slurm", f"time={said.limit}", "--no-share")
        over = wait(lambda: not cluster.jobs(), 3 * said.minutes * 60 + 300)
        took = time.monotonic() - begin
        jobs = len(list((search / ".workers/jobs").glob("*.json")))
        print(
            f"{sum(seconds):.0f} s of work, {said.workers} workers, limit {said.limit} min: {took:.0f} s, {jobs} jobs"
        )
        is_well = project.check(search, runs)
        if not over:
            print(f"did not end by itself: {cluster.jobs()}, {project.states()}")
            print(project.gridfold("status", search.name))
    sys.exit(0 if over and is_well else 1)


if __name__ == "__main__":
    main()
