"""Searches on disk whose runs are made up, and their tables."""

import itertools
import json
import math
import random
import statistics

from gridfold.analysis.summary import (
    Advice,
    Confirmation,
    Contender,
    Curve,
    Effect,
    Estimate,
    FailureRegion,
    Heatmap,
    Interaction,
    Level,
    Tables,
)
from gridfold.records.trials import Results
from gridfold.runs.failure import grouped
from gridfold.runs.search import SearchDirectory

T = 4.303  # of two degrees of freedom

SPACE = {
    "training.learning_rate": [1e-6, 5e-6, 1e-5, 5e-5, 1e-4],
    "training.batch_size": [16, 32, 64],
    "model.classification_head.architecture.2.p": [0.1, 0.3, 0.5],
}
BASE = """model:
  name: microsoft/deberta-v3-base
  classification_head:
    architecture:
      - {type: linear, out_features: 128}
      - {type: relu}
      - {type: dropout, p: [0.1, 0.3, 0.5]}
training:
  learning_rate: [1e-6, 5e-6, 1e-5, 5e-5, 1e-4]   # the first suspect
  batch_size: [16, 32, 64]
  num_epochs: 8
gridfold: {repeats: 3}
"""


def truth(params):
    """The metric of a trial without noise."""
    lr, size, p = (params.get(path) for path in SPACE)
    return (
        0.93
        - 0.035 * math.log10(lr / 8e-6) ** 2
        - 0.006 * math.log2(size / 16) * (1 + 2 * (lr < 6e-6))
        - 0.05 * abs(p - 0.2)
    )


def write_search(folder, space=None, repeats=3, epochs=8, value=truth, error=None, name="bbc_news_212845"):
    """A search of every combination, executed; ``error(params, repeat)`` says what went wrong, if something did."""
    space = space or SPACE
    search = SearchDirectory(folder / "runs" / name)
    search.dir.mkdir(parents=True)
    search.write_base(BASE.encode())
    points = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    rng = random.Random(5)
    lines = []
    for index, (repeat, (place, params)) in enumerate(itertools.product(range(repeats), enumerate(points))):
        directory = f"{name}_{place}" + (f"_repeat_{repeat}" if repeat else "")
        entry = {"index": index, "run": directory, "params": params, "id": f"{index:016x}"}
        lines.append(json.dumps(entry | ({"repeat": repeat} if repeat else {})))
        wrong = error and error(params, repeat)
        final = value(params) + rng.gauss(0, 0.004)
        rises = [final - 0.5 * math.exp(-1.1 * epoch) + rng.gauss(0, 0.003) for epoch in range(epochs)]
        _write_run(search.dir.parent / directory, entry | {"search": name}, rises[:3] if wrong else rises, wrong, rng)
    (search.dir / "runs.jsonl").write_text("\n".join(lines) + "\n")
    search.write_facts(_facts(name, space, len(lines)))
    return search


def _write_run(directory, entry, curve, error, rng):
    directory.mkdir()
    (directory / "log.txt").write_text("said\n")
    (directory / "metrics.jsonl").write_text(
        "".join(json.dumps({"epoch": epoch, "val_f1": value}) + "\n" for epoch, value in enumerate(curve, start=1))
    )
    record = entry | {"trainer": "gridfold.text:trainer", "state": "failed" if error else "completed", "attempt": 1}
    sharing = {
        "label": "bitwise",
        "node": f"f0.{entry['index'] % 5}.0",
        "shared_seconds": 61.2,
        "shared_cpu_seconds": 60.4,
    }
    record |= {"sharing": sharing | {"own_seconds": 30.1, "own_cpu_seconds": 29.8}}
    record |= {"seconds": round(rng.uniform(20, 40), 2), "error": error}
    record |= {"metrics": {} if error else {"val_f1": max(curve), "val_loss": 0.3}}
    (directory / "run.json").write_text(json.dumps(record))


def _facts(name, space, runs):
    return {
        "search": name,
        "config": "config/bbc_news.yaml",
        "command": ["python", "hyper_main.py", "--config", "config/bbc_news.yaml", "--run-prefix", "bbc_news"],
        "parameters": space,
        "variations": [],
        "runs": runs,
        "trainer": "gridfold.text:trainer",
        "threads": 1,
        "seed": 42,
        "git_commit": "0c5790a21f5b8e1d0c5790a21f5b8e1d0c5790a2",
        "packages": {"python": "3.11.7", "gridfold": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
        "machine": {"host": "box", "system": "Linux-6.1.0-x86_64-with-glibc2.36", "cpus": 8, "gpus": []},
        "fingerprint": "9f1c22aa03b7d410",
        "creator": {},
        "created": "2026-11-25T21:28:45.120+00:00",
        "started": "2026-11-25T21:28:46.020+00:00",
        "ended": "2026-11-25T22:10:13.870+00:00",
    }


def tables_of(search, advice=(), answer=()):
    """Numbers for the page, with less care than those of ``Tables.compute``."""
    results = Results.read([search])
    estimates = tuple(_estimate(trial) for trial in results.ranked)
    contenders = tuple(_contender(estimate, estimates[0]) for estimate in estimates)
    runs = [run for trial in results.trials for run in trial.runs]
    by_record = {run.record.index: run for run in runs if run.record}
    paths = results.paths if estimates else []
    effects = [_effect(path, estimates) for path in paths]
    return Tables(
        results,
        estimates,
        contenders,
        tuple(sorted(effects, key=lambda effect: -effect.share)),
        tuple(
            Interaction(pair, 0.012 / (n + 1), 0.11 / (n + 1), "not certain")
            for n, pair in enumerate(itertools.combinations(paths, 2))
        ),
        tuple(_heatmap(pair, estimates) for pair in itertools.combinations(paths, 2)),
        tuple(
            Curve(run, tuple((line["epoch"], line["val_f1"]) for line in search.run(run.entry).reports()))
            for run in runs
            if run.state == "completed"
        ),
        tuple(
            tuple(by_record[record.index] for record in group)
            for group in grouped(run.record for run in runs if run.record)
        ),
        tuple(_regions(results)),
        tuple(advice),
        _confirmation(estimates),
        tuple(answer),
    )


def _estimate(trial):
    values = list(trial.values.values())
    mean = statistics.fmean(values)
    spread = statistics.stdev(values) if len(values) > 1 else None
    half = T * spread / math.sqrt(len(values)) if spread is not None else None
    bounds = (None, None) if half is None else (mean - half, mean + half)
    return Estimate(trial, len(values), mean, spread, *bounds, trial.seconds)


def _contender(estimate, best):
    if estimate is best:
        return Contender(estimate, 0.0, None, distinguishable=False)
    difference = best.mean - estimate.mean
    p = None if estimate.n < 2 else math.exp(-difference / 0.004)
    return Contender(estimate, difference, p, distinguishable=p is not None and p < 0.05)


def _effect(path, estimates):
    values = list(dict.fromkeys(estimate.trial.params[path] for estimate in estimates))
    levels = []
    for value in values:
        means = [estimate.mean for estimate in estimates if estimate.trial.params[path] == value]
        mean = statistics.fmean(means)
        levels.append(Level(value, mean, mean - 0.006, mean + 0.006, len(means)))
    spread = max(level.mean for level in levels) - min(level.mean for level in levels)
    p = math.exp(-spread / 0.006)
    return Effect(path, tuple(levels), p, min(0.9, spread * 12), "sure" if p < 0.001 else "no sign")


def _heatmap(pair, estimates):
    rows, columns = (sorted({estimate.trial.params[path] for estimate in estimates}) for path in pair)
    found = {}
    for estimate in estimates:
        found.setdefault(tuple(estimate.trial.params[path] for path in pair), []).append(estimate.mean)

    def cells(of):
        return tuple(
            tuple(of(found[row, column]) if (row, column) in found else None for column in columns) for row in rows
        )

    return Heatmap(pair, tuple(rows), tuple(columns), cells(statistics.fmean), cells(max))


def _regions(results):
    for path in results.paths:
        for value in dict.fromkeys(trial.params[path] for trial in results.trials):
            runs = [run for trial in results.trials if trial.params[path] == value for run in trial.runs]
            failed = sum(run.state == "failed" for run in runs)
            if failed:
                yield FailureRegion(path, value, failed, len(runs))


def _confirmation(estimates):
    if len(estimates) < 2 or estimates[0].n < 2:
        return None
    return Confirmation(estimates[:2], tuple(estimate.mean + 0.004 for estimate in estimates[:2]), 0.31)


ANSWER = (
    "Best: learning_rate 5e-6, batch_size 16, p 0.3 (0.9280 ± 0.0141).",
    "Not distinguishable from it: 7 of 41 other trials. The cheapest of these is learning_rate 5e-6, batch_size 16, "
    "p 0.1 (24.5 s a run).",
    "learning_rate matters most; no difference can be told between the values of batch_size.",
)
ADVICE = (
    Advice(
        "refine",
        "training.learning_rate",
        "learning_rate has a clear optimum between 5e-6 and 5e-5: look closer around it.",
        "gridfold search --config config/bbc_news.yaml --run-prefix bbc_news --reuse "
        "--param-variations training.learning_rate=5e-6,7e-6,1e-5,2e-5,5e-5",
        54,
        1620.0,
    ),
    Advice(
        "fix",
        "training.batch_size",
        "batch_size makes no difference that can be told: keep 64, which is the fastest.",
        "gridfold search --config config/bbc_news.yaml --run-prefix bbc_news --reuse "
        "--param-variations training.batch_size=64",
        0,
        None,
    ),
)
ERROR = {
    "type": "OutOfMemoryError",
    "message": "CUDA out of memory. Tried to allocate 2.50 GiB",
    "traceback": 'Traceback (most recent call last):\n  File "train.py", line 31, in train\n    loss.backward()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB\n",
    "place": "train.py:31",
}


def is_large(params, repeat):
    """Large batches do not fit at the largest learning rate: nonsense, but a region."""
    fails = params["training.batch_size"] == 64 and params["training.learning_rate"] == 1e-4
    return ERROR if fails or (params["training.batch_size"] == 64 and repeat == 2) else None


def realistic(folder):
    """A search as people run them: 45 trials of 3 repeats, of which some failed."""
    search = write_search(folder, error=is_large)
    search.note_sharing({"batch": "f0", "imports": {"seconds": 5.1, "cpu_seconds": 5.0}})
    place = {"place": "train.py:31", "file": "train.py", "sizes": [27] * 5}
    search.note_sharing({"split": "f0", "path": "training.learning_rate", "seconds": 61.2, "cpu_seconds": 60.4} | place)
    return search, tables_of(search, ADVICE, ANSWER)
