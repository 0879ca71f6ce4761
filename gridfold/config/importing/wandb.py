"""A W&B sweep: the YAML that ``wandb sweep`` takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gridfold.config.importing.imported import Imported, Parameter, is_count, is_number
from gridfold.config.importing.source import Key
from gridfold.config.importing.wandb_parameters import read_parameters
from gridfold.core.values import render

_NO_END = 50  # trials of a sweep that has no end in W&B
_SEVERAL = 2  # metrics
_STRATEGIES = {"grid": "grid", "random": "random", "bayes": "gp"}
_USUAL_COMMAND = ["${env}", "${interpreter}", "${program}", "${args}"]
# How a parameter is passed, by the macro of W&B: gridfold's placeholder for what varies, and for a constant.
_ARGUMENTS = {
    "${args}": ("{{args{}}}", "--{0}={{{0}}}"),
    "${args_no_boolean_flags}": ("{{args}}", "--{0}={{{0}}}"),
    "${args_no_hyphens}": ("{{args:hydra}}", "{0}={{{0}}}"),
    "${args_json_file}": ("{{config:json}}", ""),
    "${args_json}": ("{{config:json}}", ""),
}
_NOT_NEEDED = {
    "project": "gridfold keeps results in runs/; to see them in W&B, use its export",
    "entity": "gridfold keeps results in runs/; to see them in W&B, use its export",
    "apiVersion": "says nothing that gridfold needs",
    "kind": "says nothing that gridfold needs",
    "controller": "gridfold chooses the trials itself",
}


def is_sweep(root: Key) -> bool:
    """Whether a document is a sweep."""
    return root.get("method") is not None and root.get("parameters") is not None


def read(root: Key, imported: Imported) -> None:
    """Add what a sweep says.

    Raises:
        ConfigError: a section that has to be a mapping is none.
    """
    keys = root.items()
    method = str(keys["method"].value)
    read_parameters(_section(keys["parameters"]), imported, is_grid=method == "grid")
    _read_strategy(keys, method, imported)
    for name, key in keys.items():
        if name in _READERS:
            _READERS[name](key, imported)
        elif name in _NOT_NEEDED:
            imported.remark(name, _NOT_NEEDED[name], where=key.where)
        elif name not in ("method", "parameters", "run_cap", "program", "command"):
            imported.remark(name, "is not translated", where=key.where)
    imported.settle()
    _read_command(keys, imported)


def _section(key: Key) -> Key:
    key.items()
    return key


def _read_strategy(keys: Mapping[str, Key], method: str, imported: Imported) -> None:
    cap, where = keys.get("run_cap"), keys["method"].where
    name = "nsga" if "metrics" in keys else _STRATEGIES.get(method, "")
    if not name:
        todo = "write gridfold: {strategy: {name: ..., trials: ...}}"
        imported.remark("method", f"'{method}' has no translation", todo, where=where)
    if name in ("grid", ""):
        if cap is not None:
            problem = f"a grid is run as a whole; W&B would end it after {render(cap.value)} runs"
            todo = f"for a part of it, write strategy: {{name: random, trials: {render(cap.value)}}}"
            imported.remark("run_cap", problem, todo, where=cap.where)
        return
    trials = cap.value if cap is not None and is_count(cap.value) else _NO_END
    imported.settings["strategy"] = {"name": name, "trials": trials}
    if cap is None or trials != cap.value:
        problem = f"the sweep has no run_cap, so it ends when you end it; here it has {_NO_END} trials"
        imported.remark("method", problem, "set trials, or give a time: --budget 2h", where=where)


def _read_metric(key: Key, imported: Imported) -> None:
    said = key.items()
    if "name" in said and str(said["name"].value).strip():
        imported.settings["metric"] = str(said["name"].value)
    goal = said["goal"].value if "goal" in said else "minimize"
    if "goal" not in said:
        imported.remark("metric", "no goal is said, so W&B minimizes it", "or write maximize: true", where=key.where)
    imported.settings["maximize"] = goal == "maximize"
    if goal not in ("maximize", "minimize"):
        imported.remark("metric.goal", f"expected maximize or minimize, found {render(goal)}", where=said["goal"].where)
    for name, each in said.items():
        if name == "target":
            problem = f"a search does not end when a run reaches {render(each.value)}"
            imported.remark("metric.target", problem, "end it with Ctrl-C, or set a --budget", where=each.where)
        elif name not in ("name", "goal"):
            imported.remark(f"metric.{name}", "is not translated", where=each.where)


def _read_metrics(key: Key, imported: Imported) -> None:
    metrics = {}
    for each in key.value if isinstance(key.value, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("name"), str):
            metrics[each["name"]] = "max" if each.get("goal") == "maximize" else "min"
    if len(metrics) < _SEVERAL:
        imported.remark("metrics", f"expected two metrics or more, found {render(key.value)}", where=key.where)
        return
    imported.settings["strategy"]["metrics"] = metrics


def _read_early_terminate(key: Key, imported: Imported) -> None:
    said = {name: each.value for name, each in key.items().items()}
    kind = said.pop("type", None)
    if kind != "hyperband":
        problem = f"no way to stop runs is called {render(kind)} in W&B"
        imported.remark("early_terminate", problem, "write prune: asha, or median", where=key.where)
        return
    eta = _number(said, "eta", 3)
    least = _number(said, "min_iter", 0) or _number(said, "max_iter", 0) / eta ** _number(said, "s", 1)
    first, most = max(1, round(least)), _number(said, "max_iter", 0)
    prune = {"name": "asha", "min": first, "eta": max(2, eta)}
    if most > first:
        prune["max"] = most
    imported.settings["prune"] = prune
    problem = f"W&B's hyperband ends the runs that are not among the best 1/{render(eta)}; with asha they wait instead"
    todo = "see docs/strategies.md, or leave prune out to finish all runs"
    imported.remark("early_terminate", problem, todo, where=key.where)


def _number(said: Mapping[str, Any], name: str, usual: float) -> float:
    value = said.get(name, usual)
    return value if is_number(value) and value > 0 else usual


def _read_name(key: Key, imported: Imported) -> None:
    name = re.sub(r"[^A-Za-z0-9]+", "_", str(key.value)).strip("_")
    if name:
        imported.options.append(f"--run-prefix {name}")


def _read_description(key: Key, imported: Imported) -> None:
    imported.source += f": {' '.join(str(key.value).split())}"


_READERS: Mapping[str, Callable[[Key, Imported], None]] = {
    "metric": _read_metric,
    "metrics": _read_metrics,
    "early_terminate": _read_early_terminate,
    "name": _read_name,
    "description": _read_description,
}


def _read_command(keys: Mapping[str, Key], imported: Imported) -> None:
    """The command, as gridfold's trainer."""
    program, command = keys.get("program"), keys.get("command")
    if program is None and command is None:
        todo = "name the function or command: gridfold search --trainer module:function"
        imported.remark("program", "is not said: the sweep is of a function in Python", todo)
        return
    words = command.value if command is not None else _USUAL_COMMAND
    words = words.split() if isinstance(words, str) else list(words or ())
    trainer: list[str] = []
    for word in map(str, words):
        trainer += _arguments(word, imported) if word in _ARGUMENTS else _word(word, program, command, imported)
    if trainer:
        imported.settings["trainer"] = trainer


def _word(word: str, program: Key | None, command: Key | None, imported: Imported) -> Iterator[str]:
    """A word of the command; none for what gridfold does not need."""
    if word in ("${env}", "/usr/bin/env"):
        return
    if word == "${interpreter}":
        yield "python"
    elif word == "${program}":
        yield str(program.value) if program is not None else "PROGRAM"
    else:
        if "${" in word:
            where = command.where if command is not None else ""
            imported.remark("command", f"{word} is passed as it stands", "write what it stands for", where=where)
        yield word


def _arguments(macro: str, imported: Imported) -> Iterator[str]:
    """What passes the parameters: constants by their paths, and all that varies."""
    varied, constant = _ARGUMENTS[macro]
    if constant:
        yield from (constant.format(parameter.path) for parameter in imported.constants)
    has_switch = any(map(_is_switch, imported.varied))
    if has_switch and macro == "${args_no_boolean_flags}":
        todo = "if the program has no such option, write the values true and null instead of true and false"
        imported.remark("command", "false is passed as --no-NAME; W&B leaves the option out", todo)
    yield varied.format(":underscore" if has_switch else "")
    if macro == "${args_json}":
        imported.remark("command", "the values are passed as the path of a JSON file, W&B passes the JSON itself")


def _is_switch(parameter: Parameter) -> bool:
    values: Any = getattr(parameter.form, "values", ())
    return any(isinstance(value, bool) for value in values)
