"""The settings of the section ``gridfold:``: what each must be, is for, and is where it is not given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gridfold.config import patterns, placement, pruning, rules, trackers
from gridfold.config import strategy as strategies
from gridfold.config.key import Key, Setting
from gridfold.core.limits import MOST_FOLDS, MOST_REPEATS, MOST_RUNS, MOST_THREADS, MOST_WORKERS, USUAL_RUNS

SECTION = "gridfold"
KEEP = "keep"
OWN_CWD = "run"


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_scalars(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value)


def is_whole(least: int, most: float = float("inf")) -> Callable[[Any], bool]:
    """Whether a value is a whole number of a range; true and false are not."""
    return lambda value: type(value) is int and least <= value <= most


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_trainer(value: Any) -> bool:
    if isinstance(value, str):
        module, _, name = value.partition(":")
        return bool(module.strip() and name.strip())
    return bool(value) and _is_scalars(value)


def _has_no_mistake(name: str) -> Callable[[Any], bool]:
    return lambda value: not any(rules.mistakes(name, value))


SETTINGS: Mapping[str, Setting] = {
    "trainer": Setting(
        "'module:function' or a command as a list of its arguments",
        _is_trainer,
        "what trains: a function train(config, run), or a command, which takes values as {path}",
        '[python, train.py, --lr, "{lr}"]',
        "the ready trainer",
    ),
    "metric": Setting(
        "the name of a metric", _is_text, "what runs are compared by", "val_loss", "the first metric that a run has"
    ),
    "maximize": Setting(
        "true or false",
        lambda value: isinstance(value, bool),
        "whether higher is better",
        "false",
        "as the name of the metric says",
    ),
    "repeats": Setting(
        f"a number of repeats from 1 to {MOST_REPEATS:,}",
        is_whole(1, MOST_REPEATS),
        "how many runs, of different seeds, each trial has",
        "3",
        "1",
    ),
    "folds": Setting(
        f"a number of parts of the training data from 2 to {MOST_FOLDS:,}",
        is_whole(2, MOST_FOLDS),
        "cross-validation: the number of parts, each of which is held out in a run of its own",
        "5",
    ),
    "seed": Setting(
        "the dotted path of the seed",
        _is_text,
        "where the seed stands in the config; run.seed if it stands nowhere",
        "training.seed",
        "where it usually is",
    ),
    "fixed": Setting(
        "a list of dotted paths",
        _is_strings,
        "paths at and below which a list is one value, not several to sweep",
        "[optimizer.betas]",
        "[]",
    ),
    "vary": Setting(
        "a list of dotted paths",
        _is_strings,
        "paths at and below which lists are swept, and nowhere else",
        "[optimizer.lr]",
        "everywhere",
    ),
    "space": Setting(
        "a mapping of dotted paths to values or ranges",
        lambda value: isinstance(value, Mapping),
        "what varies besides the lists of the config, by path: values, or log, uniform, int, log_int, normal, choice, "
        "one_of",
        "{lr: {log: [1e-5, 1e-3, 3]}}",
        "{}",
    ),
    "link": Setting(
        rules.LINK_EXPECTED,
        _has_no_mistake("link"),
        "groups of paths whose lists vary together, value by value",
        "[[model.hidden, model.layers]]",
        "[]",
    ),
    "exclude": Setting(
        rules.EXCLUDE_EXPECTED,
        _has_no_mistake("exclude"),
        "conditions; a trial is not made if one of them holds",
        "['batch_size > 64 and lr > 1e-4']",
        "[]",
    ),
    "when": Setting(
        rules.WHEN_EXPECTED,
        _has_no_mistake("when"),
        "for a path, the condition under which it varies; elsewhere it keeps its first value",
        "{warmup: \"optimizer.name == 'adamw'\"}",
        "{}",
    ),
    "add": Setting(
        rules.ADD_EXPECTED,
        _has_no_mistake("add"),
        "more trials, by the values of some paths; the others have their first values",
        "[{lr: 3e-4, batch_size: 48}]",
        "[]",
    ),
    "strategy": Setting(
        strategies.EXPECTED,
        strategies.is_strategy,
        "how trials are chosen: grid makes all, random and sobol draw some; tpe, gp, cmaes and nsga learn from results",
        "{name: random, trials: 20}",
        "grid",
        strategies.SETTINGS,
    ),
    "prune": Setting(
        pruning.EXPECTED,
        pruning.is_prune,
        "lets runs wait while others were better at the same epoch",
        "{name: asha, eta: 3}",
        "all runs go on",
        pruning.SETTINGS,
    ),
    "max_runs": Setting(
        f"a number of runs from 1 to {MOST_RUNS:,}",
        is_whole(1, MOST_RUNS),
        "how many runs a search may have",
        "50000",
        f"{USUAL_RUNS}",
    ),
    "metrics": Setting(
        patterns.EXPECTED,
        patterns.are_texts,
        "regular expressions of one group, the number, for metrics in the log of a run",
        r"{quality: 'quality <([\d.]+)>'}",
        "numbers are found by the names of metrics",
    ),
    "threads": Setting(
        f"a number of CPU threads from 1 to {MOST_THREADS:,}",
        is_whole(1, MOST_THREADS),
        "how many CPU threads a run computes with",
        "4",
        "1",
    ),
    "cwd": Setting(
        f"'{OWN_CWD}'",
        lambda value: value == OWN_CWD,
        "run: each run works in a folder of its own, so that programs do not overwrite each other's files",
        "run",
        "all work where the search was started",
    ),
    "tags": Setting(
        f"'{KEEP}'",
        lambda value: value == KEEP,
        "keep: tags of another loader stay as they are",
        "keep",
        "an unknown tag is an error",
    ),
    "track": Setting(
        trackers.EXPECTED,
        trackers.are_trackers,
        "other tools that see the runs while they run: " + ", ".join(trackers.TRACKERS),
        "[tensorboard, mlflow]",
        "none",
    ),
    "executor": Setting("the name of an executor", _is_text, "where runs execute", "local", "local"),
    "on": Setting(
        placement.ON_EXPECTED,
        placement.is_engine,
        "an engine that starts workers, slurm or ray, with its options",
        "{slurm: {partition: gpu}}",
        "local",
    ),
    "workers": Setting(
        f"a number of workers from 1 to {MOST_WORKERS:,}",
        is_whole(1, MOST_WORKERS),
        "how many workers the engine starts",
        "4",
        "1",
    ),
    "resources": Setting(
        placement.RESOURCES_EXPECTED,
        placement.is_resources,
        "what a run needs",
        "{cpus: 4, gpus: 1}",
        "one CPU for each thread",
        placement.SETTINGS,
    ),
}


def keys() -> Iterator[Key]:
    """The settings, and those inside them, by their paths."""
    for name, setting in SETTINGS.items():
        yield from setting.keys(f"{SECTION}.{name}")
