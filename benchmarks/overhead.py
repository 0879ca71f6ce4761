"""What a tool adds to a run that does nothing: gridfold beside a bash loop, Hydra, Optuna and Ray Tune.

Run: ``python benchmarks/overhead.py [--peers PYTHON]``, where PYTHON is one that has
``benchmarks/requirements.txt`` installed. A run only reads its parameters and notes its process id: that shows that all
of them ran, and in how many processes. What a tool adds per run is the wall time of its whole command for N runs less
that of the same command for one run, divided by N − 1. Tools take turns in every repetition, all on the same cores,
each command in a fresh folder and when the machine idles. Nothing is deleted before the end: some file systems create
slowly after large deletes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
NOOP = """\
import os


def train(config=None, run=None):
    if config is not None:
        config["a"], config["b"]
    with open(os.environ["PIDS"], "a") as file:
        file.write(f"{os.getpid()}\\n")
    return 0.0


if __name__ == "__main__":
    train()
"""
LOOP = 'for run in $(seq "$1"); do mkdir "run_$run"; "$2" "$3"; done'
XARGS = 'for run in $(seq "$1"); do mkdir "run_$run"; echo "$run"; done | xargs -n 1 -P "$2" "$3" noop.py'
HYDRA = """\
import hydra, noop


@hydra.main(version_base=None, config_path=".", config_name="config")
def main(config):
    return noop.train(config)


main()
"""
# One thread: a second one made it slower.
OPTUNA = """\
import sys, optuna, noop

a, b = int(sys.argv[1]), int(sys.argv[2])
storage = sys.argv[3] if len(sys.argv) > 3 else None
optuna.logging.set_verbosity(optuna.logging.WARNING)
sampler = optuna.samplers.GridSampler({"a": list(range(a)), "b": list(range(b))}, seed=0)
study = optuna.create_study(storage=storage, sampler=sampler)


def objective(trial):
    return noop.train({"a": trial.suggest_int("a", 0, a), "b": trial.suggest_int("b", 0, b)})


study.optimize(objective, n_trials=a * b)
"""
RAY = """\
import os, sys

os.environ["HOME"] = os.getcwd()  # it leaves a token there
import noop, ray
from ray import tune

a, b, cores, reuse = map(int, sys.argv[1:])
ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, _temp_dir=os.path.abspath("ray"))
tune.Tuner(
    lambda config: tune.report({"result": noop.train(config)}),
    param_space={"a": tune.grid_search(list(range(a))), "b": tune.grid_search(list(range(b)))},
    tune_config=tune.TuneConfig(reuse_actors=bool(reuse)),
    run_config=tune.RunConfig(name="search", storage_path=os.path.abspath("results"), verbose=0),
).fit()
"""
FILES = {
    "pids": "",
    "noop.py": NOOP,
    "heavy.py": "import torch, transformers\nfrom noop import train\n",
    "imports.py": "import torch, transformers, noop\nnoop.train()\n",
    "loop.sh": LOOP,
    "xargs.sh": XARGS,
    "config.yaml": "a: 0\nb: 0\n",
    "hydra_app.py": HYDRA,
    "optuna_app.py": OPTUNA,
    "ray_app.py": RAY,
}


@dataclass(frozen=True)
class Tool:
    """A command for a × b runs, and what it needs."""

    name: str
    command: str
    packages: tuple[str, ...] = ()
    share: int = 1  # it runs N / share: Ray's own default takes a second a run


@dataclass(frozen=True)
class Timing:
    """One measurement."""

    runs: int
    seconds: float  # of the whole command
    per_run: float  # milliseconds, of one more run
    processes: int


GRIDFOLD = "{python} {root}/hyper_main.py --config grid.yaml --run-prefix bench --quiet --parallel {cores} --trainer "
MULTIRUN = "{peers} hydra_app.py --multirun a=range(0,{a}) b=range(0,{b}) hydra/launcher="
TOOLS = (
    Tool("gridfold", GRIDFOLD + "noop:train"),
    Tool("bash, one after another", "bash loop.sh {runs} {python} noop.py"),
    Tool("bash, one for each core", "bash xargs.sh {runs} {cores} {python}"),
    Tool("hydra basic", MULTIRUN + "basic", ("hydra-core",)),
    Tool("hydra joblib", MULTIRUN + "joblib hydra.launcher.n_jobs={cores}", ("hydra-core", "hydra-joblib-launcher")),
    Tool("optuna in memory", "{peers} optuna_app.py {a} {b}", ("optuna",)),
    Tool("optuna sqlite", "{peers} optuna_app.py {a} {b} sqlite:///study.db", ("optuna",)),
    Tool("ray tune", "{peers} ray_app.py {a} {b} {cores} 0", ("ray",), share=10),
    Tool("ray tune, reuse_actors", "{peers} ray_app.py {a} {b} {cores} 1", ("ray",)),
)
HEAVY = (
    Tool("gridfold", GRIDFOLD + "heavy:train"),
    Tool("bash, one after another", "bash loop.sh {runs} {python} imports.py"),
)


def words(options: Namespace, tool: Tool, runs: int) -> list[str]:
    """The words of a tool's command."""
    a, b = grid(runs)
    values = {**vars(options), "runs": runs, "a": a, "b": b, "python": sys.executable, "root": ROOT}
    return [word.format_map(values) for word in tool.command.split()]


def grid(runs: int) -> tuple[int, int]:
    """The sides of a grid of so many runs, as square as can be."""
    side = next(side for side in range(math.isqrt(runs), 0, -1) if runs % side == 0)
    return side, runs // side


def execute(options: Namespace, tool: Tool, runs: int) -> tuple[float, int]:
    """Seconds and processes of one command, in a fresh folder; a RuntimeError if it did not do its runs."""
    folder = prepare(options, runs)
    environment = os.environ | {"PIDS": str(folder / "pids"), "RAY_USAGE_STATS_ENABLED": "0"}
    settle(options.patience)
    with (folder / "output").open("wb") as output:
        start = perf_counter()
        process = subprocess.Popen(
            words(options, tool, runs),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(options.timeout)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"took more than {options.timeout:g} s") from None
        finally:
            seconds = perf_counter() - start
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    pids = (folder / "pids").read_text().split()
    if code or len(pids) != runs:
        print((folder / "output").read_text(errors="replace")[-2000:], file=sys.stderr)
        raise RuntimeError(f"exit code {code}, {len(pids)} of {runs} runs")
    return seconds, len(set(pids))


def settle(patience: float) -> None:
    """Wait until the machine idles: the command before may have left daemons that are ending."""
    end = perf_counter() + patience
    while perf_counter() < end:
        before = idle()
        time.sleep(1)
        if idle() - before > 0.95 * (os.cpu_count() or 1):
            return


def idle() -> float:
    """Seconds for which the machine's cores had nothing to do, since it started."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[4]) / os.sysconf("SC_CLK_TCK")


def prepare(options: Namespace, runs: int) -> Path:
    """A folder with all that a command reads."""
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    for name, content in FILES.items():
        (folder / name).write_text(content)
    a, b = (list(range(side)) if side > 1 else 0 for side in grid(runs))
    (folder / "grid.yaml").write_text(f"a: {a}\nb: {b}\n")
    return folder


def measure(options: Namespace, tool: Tool, runs: int) -> Timing | str:
    """One measurement, or why there is none."""
    runs = max(2, runs // tool.share)
    try:
        one, _ = execute(options, tool, 1)
        seconds, processes = execute(options, tool, runs)
    except RuntimeError as error:
        return str(error)
    return Timing(runs, seconds, (seconds - one) / (runs - 1) * 1000, processes)


def compare(options: Namespace, tools: Sequence[Tool], runs: int, repeats: int) -> dict[str, float]:
    """Measure the tools in turn, print a table; the median milliseconds per run of each."""
    timings: dict[str, list[Timing]] = {tool.name: [] for tool in tools}
    failures: dict[str, str] = {}
    for repeat in range(repeats):
        for tool in (tool for tool in tools if tool.name not in failures):
            print(f"{repeat + 1}/{repeats} {tool.name}", file=sys.stderr)
            found = measure(options, tool, runs)
            if isinstance(found, str):
                failures[tool.name] = found
            else:
                timings[tool.name].append(found)
    print(f"{'':26}{'ms per run':>12}{'(all)':>26}{'whole, s':>10}{'runs':>8}{'processes':>11}")
    for tool in tools:
        print(f"{tool.name:26}  {failures[tool.name]}" if tool.name in failures else row(tool.name, timings[tool.name]))
    done = [name for name in timings if name not in failures]
    return {name: statistics.median(timing.per_run for timing in timings[name]) for name in done}


def row(name: str, timings: Sequence[Timing]) -> str:
    """A tool's row of the table: medians, and the time per run of every repetition."""
    per_run = statistics.median(timing.per_run for timing in timings)
    every = ", ".join(f"{timing.per_run:.1f}" for timing in timings)
    whole = statistics.median(timing.seconds for timing in timings)
    processes = max(timing.processes for timing in timings)
    return f"{name:26}{per_run:>12.1f}{f'({every})':>26}{whole:>10.1f}{timings[0].runs:>8,}{processes:>11,}"


def installed(python: str) -> dict[str, str]:
    """Name and version of what the peers' Python has."""
    names = sorted({name for tool in TOOLS for name in tool.packages})
    program = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    found = json.loads(subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout)
    return {name: found[name] for name in names if name in found}


def parse() -> Namespace:
    """The arguments."""
    parser = ArgumentParser(description="What a tool adds to a run that does nothing.")
    parser.add_argument("--runs", type=int, default=450, help="runs of a grid (default: 450)")
    parser.add_argument("--also", type=int, metavar="RUNS", help="a second size: is the time per run the same?")
    parser.add_argument("--peers-too", action="store_true", help="all tools run the second size, not only gridfold")
    parser.add_argument("--repeats", type=int, default=3, help="the table has medians of so many (default: 3)")
    parser.add_argument("--heavy", type=int, default=30, metavar="RUNS", help="runs that import torch (default: 30)")
    parser.add_argument("--cores", type=int, default=2, help="all that a tool may use (default: 2)")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="a Python that has the peers")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TOOL", help="those whose name begins like one")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for a command (default: 600)")
    parser.add_argument("--patience", type=float, default=30, help="seconds to wait for an idle machine (default: 30)")
    parser.add_argument("--keep", action="store_true", help="leave what was written")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    options.folder = Path(tempfile.mkdtemp(prefix="bench-"))
    versions = installed(options.peers)
    chosen = [tool for tool in TOOLS if tool.name.startswith(tuple(options.only))]
    tools = [tool for tool in chosen if all(name in versions for name in tool.packages)]
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}, in {options.folder}")
    print(", ".join(f"{name} {version}" for name, version in {"python": platform.python_version(), **versions}.items()))
    print("\nRuns that do nothing")
    medians = compare(options, tools, options.runs, options.repeats)
    for tool in chosen:
        if tool not in tools:
            print(f"{tool.name:26}  not installed (pip install -r benchmarks/requirements.txt)")
    if options.also:
        print("\nMore of them")
        several = [tool for tool in tools if options.peers_too or tool.name == "gridfold"]
        again = compare(options, several, options.also, options.repeats)
        for name in [name for name in medians if name in again]:
            print(f"{name}: {again[name] / medians[name]:.2f} times the {options.runs:,} runs' time per run")
    heavy = [tool for tool in HEAVY if tool.name.startswith(tuple(options.only))]
    if options.heavy and heavy:
        print("\nRuns that import torch and transformers")
        if find_spec("torch") and find_spec("transformers"):
            compare(options, heavy, options.heavy, options.repeats)
        else:
            print("not installed (pip install -e '.[text]')")
    if not options.keep:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
