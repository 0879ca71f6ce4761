"""Strategies: what they cost, whether kills change them, and how good they are beside Optuna called directly.

Run: ``python benchmarks/strategies.py cost --peers PYTHON``, ``... kills`` or ``... quality``. PYTHON is one that has
phasesweep 0.3.

``cost``: CPU-seconds of the whole command, with all its processes, for trials that do nothing, one at a time; Optuna's
own loop in memory has the same sampler, and neither directories nor processes. ``kills``: a search that is killed at
random moments and resumed, compared with one that is not. ``quality``: the best of 100 trials by the proposer, without
directories, beside Optuna's study with the same sampler; the difference of their mean log10 regret has to be below a
margin with a confidence of 95 %.
"""

from __future__ import annotations

import json
import math
import random
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from measure import bench, measure, median, parser, progress, settle, table

from gridfold.propose.sample import Method, Sample
from gridfold.propose.sampled import Random, Sampled
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.space.axes import Union
from gridfold.space.parameters import Interval, ListedParameter, RangeParameter
from gridfold.space.product import Product
from gridfold.space.repeats import repetitions

MARGIN = 0.2  # of log10 regret: a factor of 1.6
_T95 = 1.66  # of Student's t, one-sided, for about 98 degrees of freedom

TRAINER = "def train(config, run):\n    return {'loss': (config['lr'] - 1e-4) ** 2 + config['warmup']}\n"
CONFIGS = {
    "4 parameters": """\
lr: !log [1.0e-6, 1.0e-3]
size: !int [8, 128, 8]
warmup: !uniform [0.0, 0.3]
kind: [a, b, c]
""",
    "12 parameters": """\
lr: !log [1.0e-6, 1.0e-3]
size: !int [8, 128, 8]
warmup: !uniform [0.0, 0.3]
kind: [a, b, c]
d1: !uniform [0.0, 0.5]
d2: !uniform [0.0, 0.5]
d3: !uniform [0.0, 0.5]
d4: !uniform [0.0, 0.5]
w1: !log [1.0e-4, 1.0e-1]
w2: !log [1.0e-4, 1.0e-1]
n1: !int [16, 512, 16]
n2: !int [16, 512, 16]
""",
}
LOOP = """\
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, multivariate=True))
many = sys.argv[2] == "12 parameters"
for _ in range(int(sys.argv[1])):
    trial = study.ask()
    lr = trial.suggest_float("lr", 1e-6, 1e-3, log=True)
    trial.suggest_int("size", 0, 15)
    warmup = trial.suggest_float("warmup", 0.0, 0.3)
    trial.suggest_categorical("kind", [0, 1, 2])
    for name in ("d1", "d2", "d3", "d4") if many else ():
        trial.suggest_float(name, 0.0, 0.5)
    for name in ("w1", "w2") if many else ():
        trial.suggest_float(name, 1e-4, 1e-1, log=True)
    for name in ("n1", "n2") if many else ():
        trial.suggest_int(name, 0, 31)
    study.tell(trial, (lr - 1e-4) ** 2 + warmup)
"""
PHASESWEEP = """\
experiment: noop
storage: auto
provenance: {{revision: "1"}}
workdir: ./phases
execution: {{cwd: ., inherit_env: none}}
trial_command: "python noop.py {{config_path}}"
trainer_config: {{lr: 0.0001, size: 0, warmup: 0.0, kind: a{others}}}
metric:
  name: loss
  goal: minimize
  extractor: {{type: log_regex, pattern: "loss=(?P<value>[-+.e0-9]+)"}}
phases:
  - name: only
    n_trials: {trials}
    sampler: {{type: tpe, seed: 0}}
    search_space:
      lr: {{type: float, low: 0.000001, high: 0.001, log: true}}
      size: {{type: int, low: 0, high: 15}}
      warmup: {{type: float, low: 0.0, high: 0.3}}
      kind: {{type: categorical, choices: [a, b, c]}}
"""
PHASE_TRAINER = 'print("loss=0.5")\n'


def cost(options: Namespace) -> dict[str, Any]:
    """What 300 trials cost that do nothing."""
    trials, repeats = (12, 1) if options.tiny else (300, options.repeats)
    found: dict[str, Any] = {}
    for name, config in CONFIGS.items():
        tools = _tools(options, name, config, trials)
        usages: dict[str, list[Any]] = {tool: [] for tool in tools}
        for repeat in range(repeats):
            for tool, (words, files) in tools.items():
                folder = options.folder / f"{name.replace(' ', '')}-{tool}-{repeat}".replace(" ", "-")
                folder.mkdir()
                for file, text in files.items():
                    (folder / file).write_text(text)
                progress(f"{name}: {tool}")
                usages[tool].append(measure(words, folder, patience=options.patience))
        found[name] = {tool: vars(median(each)) for tool, each in usages.items()}
    tools = list(dict.fromkeys(tool for each in found.values() for tool in each))
    rows = [
        [tool, *(f"{found[name][tool]['cpu']:.2f}" if tool in found[name] else "" for name in found)] for tool in tools
    ]
    print(table([f"CPU s of {trials} trials", *found], rows))
    return found


def _tools(options: Namespace, name: str, config: str, trials: int) -> dict[str, tuple[list[Any], dict[str, str]]]:
    strategy = f"gridfold: {{trainer: 'noop:train', strategy: {{name: tpe, trials: {trials}}}}}\n"
    files = {"noop.py": TRAINER, "c.yaml": config + strategy}
    gridfold = [sys.executable, "-m", "gridfold", "search", "--config", "c.yaml", "--parallel", "1", "--quiet"]
    tools: dict[str, tuple[list[Any], dict[str, str]]] = {
        "Optuna's loop in memory": ([sys.executable, "loop.py", trials, name], {"loop.py": LOOP}),
        "gridfold": (gridfold, files),
    }
    if options.peers and name == next(iter(CONFIGS)):
        sweep = PHASESWEEP.format(trials=trials, others="")
        command = [Path(options.peers).parent / "phasesweep", "run", "c.yaml"]
        tools["phasesweep"] = (command, {"noop.py": PHASE_TRAINER, "c.yaml": sweep})
    return tools


def kills(options: Namespace) -> dict[str, Any]:
    """Whether a search that is killed at random moments makes the trials of one that is not."""
    trials, count = (20, 3) if options.tiny else (300, 20)
    found: dict[str, Any] = {}
    strategy = f"gridfold: {{trainer: 'noop:train', strategy: {{name: tpe, trials: {trials}}}}}\n"
    listings = {}
    for name in ("whole", "killed"):
        folder = options.folder / name
        folder.mkdir()
        (folder / "noop.py").write_text(TRAINER)
        (folder / "c.yaml").write_text(next(iter(CONFIGS.values())) + strategy)
        draw, done = random.Random(0), 0
        words = ["search", "--config", "c.yaml", "--parallel", "1"]
        for moment in sorted(draw.sample(range(trials), count)) if name == "killed" else ():
            process = _begin(words, folder)
            while process.poll() is None and len(list(folder.glob("runs/*/.claim-*"))) < moment:
                time.sleep(0.001)
            process.kill()
            process.wait()
            words, done = ["resume", "last", "--parallel", "1"], done + 1
            progress(f"killed at {moment}")
        for _ in range(2):
            _begin(words, folder).wait()
            words = ["resume", "last", "--parallel", "1"]
        (listing,) = folder.glob("runs/*/runs.jsonl")
        listings[name] = [json.loads(line)["params"] for line in listing.read_text().splitlines()]
    found["same"] = listings["whole"] == listings["killed"]
    found["trials"] = len(listings["killed"])
    print(f"{found['trials']} trials, killed {count} times: {'the same' if found['same'] else 'OTHERS'}")
    return found


def _begin(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gridfold", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def branin(params: Mapping[str, Any]) -> float:
    """Branin's function less its minimum."""
    x, y = params["x"], params["y"]
    b, c, t = 5.1 / (4 * math.pi**2), 5 / math.pi, 1 / (8 * math.pi)
    return (y - b * x**2 + c * x - 6) ** 2 + 10 * (1 - t) * math.cos(x) + 10 - 0.39788735772973816


_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann(params: Mapping[str, Any]) -> float:
    """Hartmann's function of six variables less its minimum."""
    x = [params[f"x{place}"] for place in range(6)]
    weights = (1.0, 1.2, 3.0, 3.2)
    inner = (
        sum(a * (each - p) ** 2 for a, each, p in zip(*row, strict=True))
        for row in ((a, x, p) for a, p in zip(_A, _P, strict=True))
    )
    return 3.322368011391339 - sum(weight * math.exp(-each) for weight, each in zip(weights, inner, strict=True))


def mixed(params: Mapping[str, Any]) -> float:
    """A function of a learning rate, a size and two branches with parameters of their own."""
    away = (math.log10(params["lr"]) + 3.5) ** 2 + (params["size"] / 64 - 1) ** 2
    if params["kind"] == "sgd":
        return away + 0.1 + (params["momentum"] - 0.9) ** 2 + 0.001
    return away + (math.log10(params["decay"]) + 2) ** 2 + (0.0 if params["fused"] else 0.05) + 0.001


def _floats(**ranges: tuple[float, float]) -> Product:
    return Product(tuple(RangeParameter(name, Interval(*ends)) for name, ends in ranges.items()))


MIXED = Product(
    (
        RangeParameter("lr", Interval(1e-6, 1e-1, log=True)),
        ListedParameter("size", (16, 32, 64, 128, 256)),
        Union(
            ListedParameter("kind", ("adamw", "sgd")),
            (
                (RangeParameter("decay", Interval(1e-5, 1e-1, log=True)), ListedParameter("fused", (True, False))),
                (RangeParameter("momentum", Interval(0.0, 0.99)),),
            ),
        ),
    )
)


def _suggested(trial: Any) -> Mapping[str, Any]:
    params = {
        "lr": trial.suggest_float("lr", 1e-6, 1e-1, log=True),
        "size": (16, 32, 64, 128, 256)[trial.suggest_int("size", 0, 4)],
        "kind": trial.suggest_categorical("kind", ["adamw", "sgd"]),
    }
    if params["kind"] == "sgd":
        return params | {"momentum": trial.suggest_float("momentum", 0, 0.99)}
    decay = trial.suggest_float("decay", 1e-5, 1e-1, log=True)
    return params | {"decay": decay, "fused": trial.suggest_categorical("fused", [True, False])}


PROBLEMS: dict[str, tuple[Product, Callable[[Mapping[str, Any]], float], Callable[[Any], Mapping[str, Any]]]] = {
    "Branin": (
        _floats(x=(-5.0, 10.0), y=(0.0, 15.0)),
        branin,
        lambda trial: {"x": trial.suggest_float("x", -5, 10), "y": trial.suggest_float("y", 0, 15)},
    ),
    "Hartmann-6": (
        _floats(**{f"x{place}": (0.0, 1.0) for place in range(6)}),
        hartmann,
        lambda trial: {f"x{place}": trial.suggest_float(f"x{place}", 0, 1) for place in range(6)},
    ),
    "mixed, conditional": (MIXED, mixed, _suggested),
}


def by_gridfold(
    name: str, space: Product, value: Callable[[Mapping[str, Any]], float], trials: int, seed: int
) -> float:
    """The best of some trials that the proposer names."""
    first = {"tpe": 10, "gp": 10, "cmaes": 1}[name]
    drawn = Sampled(space, trials, Random(seed), seed)
    one = list(repetitions(range(1), None))
    proposer = Sample(drawn, one, Method(name, first, seed), lambda _, record: (record.metrics["value"],))
    found: list[float] = []
    while not isinstance(named := proposer.ask(1), str):
        params = named[0].trial.params
        found.append(value(params))
        entry = RunEntry(len(found), "", params, "")
        record = Record("", len(found), None, params, "", state="completed", metrics={"value": found[-1]})
        proposer.tell(entry, record)
    return min(found)


def by_optuna(
    name: str,
    suggest: Callable[[Any], Mapping[str, Any]],
    value: Callable[[Mapping[str, Any]], float],
    trials: int,
    seed: int,
    *,
    group: bool,
) -> float:
    """The best of some trials of a study."""
    import warnings

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    samplers = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=group),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed),
    }
    study = optuna.create_study(sampler=samplers[name]())
    study.optimize(lambda trial: value(suggest(trial)), n_trials=trials)
    return float(study.best_value)


def quality(options: Namespace) -> dict[str, Any]:
    """How good the best trial is, beside Optuna called directly."""
    trials, seeds = (14, 3) if options.tiny else (100, options.seeds)
    found: dict[str, Any] = {}
    rows = []
    for name in options.strategies:
        for problem, (space, value, suggest) in PROBLEMS.items():
            group = "conditional" in problem
            if group and name != "tpe":
                continue
            progress(f"{name}: {problem}")
            ours = [math.log10(by_gridfold(name, space, value, trials, seed)) for seed in range(seeds)]
            theirs = [math.log10(by_optuna(name, suggest, value, trials, seed, group=group)) for seed in range(seeds)]
            difference = statistics.mean(ours) - statistics.mean(theirs)
            error = math.sqrt((statistics.variance(ours) + statistics.variance(theirs)) / seeds)
            bound = difference + _T95 * error
            found[f"{name} {problem}"] = {"gridfold": ours, "optuna": theirs, "bound": bound}
            means = f"{statistics.mean(ours):.2f}", f"{statistics.mean(theirs):.2f}"
            verdict = "no worse" if bound < MARGIN else "not shown"
            rows.append([f"{name}, {problem}", *means, f"{difference:+.2f}", f"{bound:+.2f}", verdict])
    header = ["log10 regret, mean", "gridfold", "Optuna", "difference", "upper bound, 95 %", f"margin {MARGIN}"]
    print(table(header, rows))
    return found


def main() -> None:
    """Measure what is asked for."""
    options = parser(__doc__ or "")
    options.add_argument("what", choices=["cost", "kills", "quality"])
    options.add_argument("--peers", metavar="PYTHON", help="that has phasesweep")
    options.add_argument("--repeats", type=int, default=5, help="of each measurement (default: 5)")
    options.add_argument("--seeds", type=int, default=50, help="of quality (default: 50)")
    options.add_argument("--strategies", nargs="+", default=["tpe", "cmaes"], help="of quality (default: tpe cmaes)")
    chosen = options.parse_args()
    with bench(chosen, [chosen.peers] if chosen.peers else []) as found:
        settle(chosen.patience)
        found[chosen.what] = {"cost": cost, "kills": kills, "quality": quality}[chosen.what](chosen)


if __name__ == "__main__":
    main()
