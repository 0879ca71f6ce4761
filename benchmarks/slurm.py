"""What a run costs on a real Slurm: four workers of gridfold beside a job for each run, and Hydra's submitit launcher.

Run as root, with Debian's Slurm: ``python benchmarks/slurm.py [--peers PYTHON] [--runs N]``, where PYTHON is one that
has ``hydra-submitit-launcher``. A run does nothing. CPU-seconds are those of a control group that holds the command,
the three nodes and all that they start; what Slurm takes when nothing runs is subtracted.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import ROOT, bench, parser, progress, table

SLURM = ROOT / "tests" / "engines" / "slurm.sh"
PORT = 26500
ACCOUNT = Path("/sys/fs/cgroup/cpuacct/gridfold-benchmark")
TRAIN = "def train(config, run):\n    return {'score': config['x']}\n"
HYDRA = """\
import hydra


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config):
    return float(config.x)


main()
"""
Tool = Callable[[Namespace, Path], None]


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Three nodes, in the control group that this process enters."""
    ACCOUNT.mkdir(exist_ok=True)
    (ACCOUNT / "cgroup.procs").write_text(str(os.getpid()))
    try:
        subprocess.run([SLURM, "start", folder, "3", str(PORT)], check=True)
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
        yield
    finally:
        subprocess.run([SLURM, "stop", folder], check=False)
        (ACCOUNT.parent / "cgroup.procs").write_text(str(os.getpid()))


def used() -> float:
    """CPU-seconds of the control group so far."""
    return int((ACCOUNT / "cpuacct.usage").read_text()) / 1e9


def wait_for_jobs() -> None:
    """Wait until Slurm has no job left."""
    while subprocess.run(["squeue", "--noheader"], check=True, capture_output=True, text=True).stdout.strip():
        time.sleep(0.2)


def call(folder: Path, *words: object) -> None:
    """Execute a command there."""
    given = os.environ | {"PYTHONPATH": f"{ROOT}:{folder}", "GRIDFOLD_REPORT": "0", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(list(map(str, words)), cwd=folder, env=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def workers(options: Namespace, folder: Path) -> None:
    """Four workers."""
    (folder / "config.yaml").write_text(f"gridfold: {{trainer: 'train:train'}}\nx: {list(range(options.runs))}\n")
    own = ("--config", "config.yaml", "--quiet", "--on", "slurm", "--workers", 4, "--wait")
    call(folder, sys.executable, "-m", "gridfold", "search", *own)


def a_job_each(options: Namespace, folder: Path) -> None:
    """A job array with a task for each run, which gridfold executes and records."""
    for index in range(options.runs):
        (folder / f"config{index}.yaml").write_text(f"gridfold: {{trainer: 'train:train'}}\nx: {index}\n")
    line = f"{sys.executable} -m gridfold train --config config$SLURM_ARRAY_TASK_ID.yaml --quiet"
    call(folder, "sbatch", f"--array=0-{options.runs - 1}", "--wait", "--output=/dev/null", f"--wrap={line}")


def hydra(options: Namespace, folder: Path) -> None:
    """Hydra's submitit launcher: a job array with a task for each run."""
    (folder / "config.yaml").write_text("x: 0\n")
    (folder / "app.py").write_text(HYDRA)
    values = ",".join(map(str, range(options.runs)))
    launcher = ("hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=10", "hydra.launcher.cpus_per_task=1")
    call(folder, options.peers, "app.py", "--multirun", f"x={values}", *launcher)


def measured(options: Namespace, folder: Path, tool: Tool, idle: float) -> tuple[float, float]:
    """CPU-seconds and seconds that a tool takes for all runs."""
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    before, start = used(), time.monotonic()
    tool(options, folder)
    wait_for_jobs()
    seconds = time.monotonic() - start
    return used() - before - idle * seconds, seconds


def main() -> None:
    """Measure and print."""
    arguments = parser("No-op runs on Slurm.")
    arguments.add_argument("--peers", metavar="PYTHON", help="one with hydra-submitit-launcher")
    arguments.add_argument("--runs", type=int, default=100, help="(default: 100)")
    arguments.add_argument("--repeats", type=int, default=3, help="of the four workers (default: 3)")
    options = arguments.parse_args()
    tools: dict[str, Tool] = {"a job each": a_job_each}
    tools |= {"Hydra submitit": hydra} if options.peers else {}
    with bench(options, [options.peers] if options.peers else []) as figures, slurm(options.folder / "slurm"):
        before = used()
        time.sleep(10)
        idle = (used() - before) / 10
        own = [measured(options, options.folder / f"workers{n}", workers, idle) for n in range(options.repeats)]
        rows = {"gridfold, 4 workers": (statistics.median(cpu for cpu, _ in own), statistics.median(s for _, s in own))}
        for name, tool in tools.items():
            progress(name)
            rows[name] = measured(options, options.folder / name.replace(" ", "-"), tool, idle)
        least = rows["gridfold, 4 workers"][0]
        header = (f"{options.runs} runs", "wall, s", "CPU, s", "CPU ×")
        print(table(header, [(name, f"{s:.1f}", f"{c:.1f}", f"{c / least:.1f}") for name, (c, s) in rows.items()]))
        figures["rows"] = {name: {"cpu": cpu, "seconds": seconds} for name, (cpu, seconds) in rows.items()}
        figures["own"] = own


if __name__ == "__main__":
    main()
