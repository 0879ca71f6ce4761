"""Searches whose truth is known: as results without a disk, or as real search directories."""

import itertools
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gridfold.config.config import Config
from gridfold.config.overrides import parse_arguments
from gridfold.identity.fingerprint import Code
from gridfold.identity.sources import Sources
from gridfold.records.objective import Objective
from gridfold.records.trials import Results, RunResult, TrialResult
from gridfold.runs.entries import RunEntry
from gridfold.runs.record import Record
from gridfold.runs.search import SearchDirectory
from gridfold.runs.store import Store
from gridfold.search.plan import Plan, create


def grid(**parameters):
    """Every combination, the last parameter fastest; ``__`` in a name is a dot."""
    paths = [name.replace("__", ".") for name in parameters]
    return [dict(zip(paths, values, strict=True)) for values in itertools.product(*parameters.values())]


def results(points, values, *, metric="val_f1", maximize=True, seconds=1.0, folds=None, confirming=None):
    """Results without a disk.

    Args:
        points: the params of each trial.
        values: for each trial a sequence with the metric of each repeat (of each fold of each repeat); None or nan
            for a run that failed, ``...`` for one that was never started.
        metric: its name.
        maximize: whether more is better.
        seconds: of each run; a number, or a function of params.
        folds: how many parts the data have, None if they are not split.
        confirming: position of a trial to the metrics of its runs on fresh seeds.
    """
    search = SearchDirectory("/nowhere/runs/synthetic_000000")
    count = itertools.count()
    trials = []
    for position, (params, row) in enumerate(zip(points, values, strict=True)):
        took = seconds(params) if callable(seconds) else seconds
        again = (confirming or {}).get(position, ())
        made = [
            _run(search, _entry(next(count), params, place, folds, confirms), value, metric, took)
            for confirms, given in ((False, row), (True, again))
            for place, value in enumerate(given)
        ]
        counted = tuple(run for run in made if not run.entry.confirms)
        trials.append(TrialResult(params, counted, tuple(run for run in made if run.entry.confirms)))
    return Results((search,), Objective(metric, maximize), tuple(trials))


def _entry(index, params, place, folds, confirms):
    repeat, fold = divmod(place, folds) if folds else (place, None)
    return RunEntry(index, f"synthetic_000000_{index}", params, f"id{index}", repeat, fold, confirms)


def _run(search, entry, value, metric, seconds):
    if value is ...:
        return RunResult(search, entry, None, {}, None)
    record = record_of(entry, search.name, metric, value, seconds)
    usable = record.state == "completed" and math.isfinite(value)
    return RunResult(search, entry, record, record.metrics, float(value) if usable else None)


def record_of(entry, search, metric, value, seconds=1.0):
    """What the run of an entry says; with None, it failed."""
    failed = value is None
    return Record(
        entry.id,
        entry.index,
        search,
        entry.params,
        "toy:train",
        state="failed" if failed else "completed",
        attempt=1,
        metrics={} if failed else {metric: float(value)},
        error={"type": "ValueError", "message": "it fails", "place": "toy.py:1", "traceback": ""} if failed else None,
        started="2024-01-01T00:00:00.000+00:00",
        ended="2024-01-01T00:00:01.000+00:00",
        seconds=seconds,
    )


def on_disk(folder, config, value, *, repeats=1, variations=(), metric="val_f1", prefix="synthetic"):
    """A search directory with runs that are done.

    Args:
        folder: for ``config.yaml`` and ``runs/``.
        config: its text.
        value: the metric as a function of params and repeat; None for a run that fails.
        repeats: how many runs a trial has.
        variations: as on the command line.
        metric: its name.
        prefix: of the search's name.
    """
    path = Path(folder) / "config.yaml"
    path.write_text(config)
    plan = Plan(Config.load(path), parse_arguments(variations))
    search, _ = create(plan, prefix, Store(Path(folder) / "runs"), Code("fingerprint", Sources()))
    _repeat(search, repeats)
    for entry in search.entries():
        search.run(entry).write(record_of(entry, search.name, metric, value(entry.params, entry.repeat)))
    return search


def _repeat(search, repeats):
    """Give each trial more runs."""
    if repeats == 1:
        return
    search.write_facts(search.facts() | {"repeats": repeats})
    entries = list(search.entries())
    lines = []
    for index, (repeat, entry) in enumerate(itertools.product(range(repeats), entries)):
        name = entry.run if not repeat else f"{entry.run}_repeat_{repeat}"
        (search.dir.parent / name).mkdir(exist_ok=True)
        lines.append(json.dumps(asdict(entry) | {"index": index, "run": name, "repeat": repeat}))
    (search.dir / "runs.jsonl").write_text("\n".join(lines) + "\n")


def noise(trials, repeats, seed, *, shared=0.0, spread=0.0, scale=0.01):
    """Metrics of trials that are all equal: noise, a share of it by the seed, of somewhat different size by trial."""
    random = np.random.default_rng(seed)
    sizes = scale * np.exp(spread * random.standard_normal((trials, 1)))
    return 0.9 + sizes * random.standard_normal((trials, repeats)) + shared * random.standard_normal((1, repeats))
