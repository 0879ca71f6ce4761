"""A Hydra sweeper block: ``hydra.sweeper`` of a config, of the basic sweeper or of the Optuna sweeper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gridfold.config.importing import hydra_values
from gridfold.config.importing.hydra_values import Choice, Glob, HydraSyntaxError, Range, Span
from gridfold.config.importing.imported import (
    Constant,
    Form,
    Imported,
    Parameter,
    choices,
    interval,
    is_count,
    is_number,
    steps,
)
from gridfold.config.importing.source import Key
from gridfold.core.values import render

_MISSING = "???"
_SAMPLERS = {
    "tpe": "tpe",
    "motpe": "tpe",
    "random": "random",
    "cmaes": "cmaes",
    "gp": "gp",
    "nsgaii": "nsga",
    "nsgaiii": "nsga",
    "qmc": "sobol",
    "grid": "grid",
}
_MOST_SEED = 2**32 - 1
_USUAL_TRIALS = 20  # of Hydra's Optuna sweeper
_OF_SWEEPER = {"params", "search_space", "n_trials", "sampler", "direction", "max_batch_size"}
_COMMAND = "name the program: gridfold search --config FILE -- python main.py {args:hydra}"


@dataclass(frozen=True)
class _Block:
    """The sweeper of a file.

    Attributes:
        sweeper: the section with ``params``.
        rest: what else the file has: keys of the config itself.
        chosen: what the defaults list chooses, such as ``hydra/sweeper``: optuna.
    """

    sweeper: Key
    rest: tuple[Key, ...]
    chosen: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The sweeper: "basic", "optuna", or the name of another one."""
        target = self.sweeper.get("_target_")
        if target is not None:
            found = re.search(r"(\w+?)_?sweeper", str(target.value).rpartition(".")[2].lower())
            return found[1] if found else str(target.value)
        names = {each.name for each in self.sweeper}
        is_optuna = names & {"n_trials", "sampler", "direction", "study_name", "search_space", "storage"}
        return self.chosen.get("hydra/sweeper", "optuna" if is_optuna else "basic")


def is_sweeper(root: Key) -> bool:
    """Whether a document has a sweeper block."""
    return _sweeper_of(root) is not None


def _sweeper_of(root: Key) -> Key | None:
    for names in (("hydra", "sweeper"), ("sweeper",)):
        found = root.get(*names)
        if found is not None and found.is_mapping:
            return found
    return root if len({each.name for each in root} & _OF_SWEEPER) > 1 or root.get("params") is not None else None


def read(root: Key, imported: Imported) -> None:
    """Add what a sweeper block says, and what else the file has as constants.

    Raises:
        ConfigError: a section that has to be a mapping is none.
    """
    sweeper = _sweeper_of(root) or root
    is_whole = sweeper.place.path == ""
    rest = () if is_whole else tuple(each for each in root if each.name not in ("hydra", "sweeper", "defaults"))
    block = _Block(sweeper, rest, dict(_chosen(root)))
    for key in block.rest:
        _read_value(key, key.name, imported)
    _read_defaults(root, imported)
    given = root.get("hydra", "overrides", "task")
    if given is None:
        for key in root.get("hydra") or ():
            if key.name != "sweeper":
                imported.remark(f"hydra.{key.name}", "is about how Hydra runs, and not taken over", where=key.where)
    _read_sweeper(block, imported)
    if given is not None:
        _read_command_line(given, root, block.kind, imported)
    imported.remark("program", "a sweeper does not say which program it runs", _COMMAND, where=sweeper.where)


def _read_command_line(given: Key, root: Key, kind: str, imported: Imported) -> None:
    """The overrides of a command line, as Hydra keeps them in ``multirun.yaml`` beside the config that it composed."""
    choices_ = root.get("hydra", "runtime", "choices")
    groups = choices_.value if choices_ is not None and choices_.is_mapping else {}
    for item in given.elements:
        name, _, said = str(item.value).partition("=")
        override = _Override(name, said, item.where)
        if override.path in groups:
            _leave_out_group(override.path, item.where, imported)
        _read_override(override, kind, imported)


def _leave_out_group(group: str, where: str, imported: Imported) -> None:
    """What the composed config has of the config that a group had chosen: others are chosen by the sweep."""
    for path in [path for path in imported.parameters if path.startswith(f"{group}.")]:
        if isinstance(imported.parameters[path].form, Constant):
            del imported.parameters[path]
    problem = (
        f"chooses configs of a group: a program of Hydra takes {group}=..., a function needs the configs themselves"
    )
    imported.remark(group, problem, f"write them as branches: {group}: !one_of [{{...}}, {{...}}]", where=where)


def _chosen(root: Key) -> Iterator[tuple[str, str]]:
    """The config groups that the defaults list overrides, without the slash before them."""
    defaults = root.get("defaults")
    for each in defaults.value if defaults is not None and isinstance(defaults.value, list) else ():
        if isinstance(each, Mapping):
            for name, chosen in each.items():
                yield str(name).removeprefix("override ").strip().lstrip("/"), str(chosen)


def _read_defaults(root: Key, imported: Imported) -> None:
    others = [f"{name}: {chosen}" for name, chosen in _chosen(root) if not name.startswith("hydra/")]
    defaults = root.get("defaults")
    if defaults is not None and others:
        problem = f"gridfold does not compose configs: {', '.join(others)}"
        todo = "write the composed config with python main.py --cfg job > base.yaml, and give --base base.yaml"
        imported.remark("defaults", problem, todo, where=defaults.where)


def _read_value(key: Key, path: str, imported: Imported) -> None:
    """A key of the config itself."""
    if key.is_mapping and key.value:
        for each in key:
            _read_value(each, f"{path}.{each.name}", imported)
    elif key.value == _MISSING:
        imported.remark(path, "has to be set", "write its value in the config", where=key.where)
    elif path == "optimized_metric" and isinstance(key.value, str) and "${" not in key.value:
        imported.settings["metric"] = key.value
    else:
        imported.add(Parameter(path, Constant(key.value)), key.where)


def _read_sweeper(block: _Block, imported: Imported) -> None:
    kind = block.kind
    for key in block.sweeper:
        if key.name == "params" and key.value is not None:
            for name, leaf in _leaves(key, ""):
                if leaf.is_mapping:
                    _read_distribution(leaf, name, imported)
                else:
                    _read_override(_Override(name, leaf.value, leaf.where), kind, imported)
        elif key.name == "search_space" and key.value is not None:
            for each in key.items().values():
                _read_distribution(each, each.name, imported)
    if kind == "optuna":
        _read_optuna(block, imported)
    else:
        _read_others(block, imported)


def _leaves(section: Key, prefix: str) -> Iterator[tuple[str, Key]]:
    """The overrides of a section: keys with dots, or sections in one another."""
    for key in section.items().values():
        if key.is_mapping and not {"type", "_target_", "init", "lower", "bounds"} & {each.name for each in key}:
            yield from _leaves(key, f"{prefix}{key.name}.")
        else:
            yield f"{prefix}{key.name}", key


@dataclass(frozen=True)
class _Override:
    """What is given for a path: ``name=said``.

    Attributes:
        name: the path, with ``+`` or ``~`` before it.
        said: a text of Hydra's grammar, or a value.
        where: ``file:line:column``.
    """

    name: str
    said: Any
    where: str

    @property
    def path(self) -> str:
        """The dotted path."""
        return self.name.lstrip("+")


def _read_override(override: _Override, kind: str, imported: Imported) -> None:
    name, path, where = override.name, override.path, override.where
    if name.startswith("~"):
        imported.remark(name, "takes a key out of the config", "take it out of the base config", where=where)
    elif path.startswith("hydra."):
        imported.remark(name, "is about how Hydra runs, and not taken over", where=where)
    elif "/" in path or "@" in path:
        problem = f"chooses configs of a group, which gridfold has not: {render(override.said)}"
        todo = f"write them as branches: {re.split('[/@]', path)[-1]}: !one_of [{{...}}, {{...}}]"
        imported.remark(name, problem, todo, where=where)
    else:
        try:
            found = _swept(override.said, kind)
        except HydraSyntaxError as error:
            imported.remark(path, f"left out: {error}", "write its values in the config", where=where)
            return
        ends = kind == "optuna" and "range(" in str(override.said)
        said = "with its end: so does the Optuna sweeper" if ends else ""
        imported.add(Parameter(path, found, said), where)
        _remark_on(override, imported)


def _swept(said: Any, kind: str) -> Form:
    """What an override gives."""
    found = hydra_values.parse(said) if isinstance(said, str) else said
    if isinstance(found, Choice):
        return choices([_plain(value) for value in found.values])
    if isinstance(found, Range):
        return _range(found, kind)
    if isinstance(found, Span):
        return _span(found, kind)
    if isinstance(found, Glob):
        raise HydraSyntaxError(f"glob({found.said}) takes configs of a group, which gridfold has not")
    return Constant(_plain(found))


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return {_plain(key): _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def _range(found: Range, kind: str) -> Form:
    if kind == "optuna" and found.step > 0 and not found.is_shuffled:  # it has the stop, too
        return steps(found.start, found.stop, found.step)
    values = found.values
    if not values:
        raise HydraSyntaxError("the range is empty")
    if found.step > 0 and len(values) > 1:
        return steps(values[0], values[-1], found.step if found.is_whole else float(found.step))
    return choices(values)


def _span(found: Span, kind: str) -> Form:
    if kind == "basic":
        raise HydraSyntaxError("Hydra's own sweeper has no intervals")
    if found.low >= found.high:
        raise HydraSyntaxError(f"the interval from {render(found.low)} to {render(found.high)} is empty")
    kind = "int" if type(found.low) is int and type(found.high) is int else "float"
    return interval(_WORDS[kind, "log" in found.tags], found.low, found.high)


def _remark_on(override: _Override, imported: Imported) -> None:
    """What people may not expect of Hydra's grammar."""
    path, said, where = override.path, override.said, override.where
    if isinstance(said, list) and len(said) > 1:
        problem = f"Hydra takes this list as one value: {render(said)}"
        imported.remark(path, problem, f"to vary it, write {path}: {render(said)}", where=where)
    text = str(said)
    if re.match(r"interval\(\s*\d+\s*,\s*\d+\s*\)", text):
        imported.remark(path, f"{text} has fractions, too", "for whole numbers, write {int: [...]}", where=where)
    if "shuffle(" in text:
        imported.remark(path, "gridfold keeps the order of the values", "see strategy: random", where=where)


def _read_distribution(key: Key, path: str, imported: Imported) -> None:
    """A distribution as the Optuna sweeper had it before Hydra 1.2: ``{type: float, low: 0, high: 1}``."""
    said = {name: each.value for name, each in key.items().items()}
    try:
        imported.add(Parameter(path.lstrip("+"), _distribution(said)), key.where)
    except HydraSyntaxError as error:
        imported.remark(path, f"left out: {error}", "write its values in the config", where=key.where)


def _distribution(said: Mapping[str, Any]) -> Form:
    kind = said.get("type")
    if kind == "categorical" and isinstance(said.get("choices"), list) and said["choices"]:
        return choices(said["choices"])
    low, high, step = (said.get(name) for name in ("low", "high", "step"))
    if kind not in ("int", "float") or low is None or high is None or not all(map(is_number, (low, high, step or 0))):
        raise HydraSyntaxError(f"expected type, and choices or low and high, found {render(dict(said))}")
    convert = int if kind == "int" else float
    if step and not said.get("log"):
        return steps(convert(low), convert(high), convert(step))
    return interval(_WORDS[kind, bool(said.get("log"))], convert(low), convert(high))


_WORDS = {("int", True): "log_int", ("int", False): "int", ("float", True): "log", ("float", False): "uniform"}


def _read_optuna(block: _Block, imported: Imported) -> None:
    said = {each.name: each for each in block.sweeper}
    strategy = {"name": _sampler(block, imported), "trials": _trials(said.get("n_trials"), imported)}
    seed = block.sweeper.get("sampler", "seed")
    if seed is not None and _is_seed(seed.value):
        strategy["seed"] = seed.value
    if strategy["name"] != "grid":
        imported.settings["strategy"] = strategy
    _read_direction(said.get("direction"), imported)
    for key in block.sweeper:
        _read_setting(key, imported)


def _is_seed(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_SEED


def _trials(key: Key | None, imported: Imported) -> int:
    if key is None:
        return _USUAL_TRIALS
    if is_count(key.value):
        return int(key.value)
    imported.remark("n_trials", f"{render(key.value)} is no number of trials", "set trials", where=key.where)
    return _USUAL_TRIALS


def _read_setting(key: Key, imported: Imported) -> None:
    """One of the settings of the Optuna sweeper that only say how it runs."""
    if key.name == "n_jobs" and type(key.value) is int:
        imported.options.append(f"--parallel {key.value}")
    elif key.name == "study_name" and isinstance(key.value, str) and "${" not in key.value:
        imported.options.append(f"--run-prefix {re.sub('[^A-Za-z0-9]+', '_', key.value)}")
    elif key.name == "storage" and key.value is not None:
        imported.remark(key.name, "gridfold keeps results in runs/", where=key.where)
    elif key.name not in _READ_ELSEWHERE and key.value not in (None, 0):
        imported.remark(key.name, f"is not taken over: {render(key.value):.80}", where=key.where)


_READ_ELSEWHERE = ("_target_", "params", "search_space", "n_trials", "sampler", "direction", "storage")


def _sampler(block: _Block, imported: Imported) -> str:
    target = block.sweeper.get("sampler", "_target_")
    said = str(target.value) if target is not None else block.chosen.get("hydra/sweeper/sampler", "tpe")
    name = re.sub("sampler$", "", said.rpartition(".")[2].lower())
    sampler = block.sweeper.get("sampler")
    others = [each for each in sampler or () if each.name not in ("_target_", "_partial_", "seed")]
    for each in others:
        imported.remark(f"sampler.{each.name}", f"is not taken over: {render(each.value):.80}", where=each.where)
    seed = block.sweeper.get("sampler", "seed")
    if seed is not None and not _is_seed(seed.value) and seed.value is not None:
        imported.remark("sampler.seed", f"{render(seed.value)} is no seed of gridfold", "set seed", where=seed.where)
    if name not in _SAMPLERS:
        where = target.where if target is not None else block.sweeper.where
        imported.remark("sampler", f"{said} has no translation; tpe is taken", where=where)
    return _SAMPLERS.get(name, "tpe")


def _read_direction(key: Key | None, imported: Imported) -> None:
    said = key.value if key is not None else "minimize"
    if isinstance(said, list) and len(said) > 1 and key is not None:
        problem = f"the function returns several values: {render(said)}"
        todo = "name them: gridfold: {strategy: {name: nsga, metrics: {val_f1: max, seconds: min}}}"
        imported.remark("direction", problem, todo, where=key.where)
        return
    said = said[0] if isinstance(said, list) and said else said
    if said in ("minimize", "maximize"):
        imported.settings["maximize"] = said == "maximize"
    elif key is not None:
        imported.remark("direction", f"{render(said)} is not known here", "set maximize", where=key.where)
    if "metric" not in imported.settings:
        problem = "Hydra compares runs by what the function returns, gridfold by a metric"
        where = key.where if key is not None else ""
        imported.remark("direction", problem, "name it: gridfold: {metric: val_loss}", where=where)


def _read_others(block: _Block, imported: Imported) -> None:
    for key in block.sweeper:
        if key.name not in ("params", "_target_", "search_space") and key.value is not None:
            problem = f"is not taken over: {render(key.value):.80}"
            todo = "use --parallel" if key.name == "max_batch_size" else ""
            imported.remark(key.name, problem, todo, where=key.where)
    if block.kind != "basic":
        where = block.sweeper.where
        imported.remark("sweeper", f"{block.kind} is read as far as it is in Hydra's own words", where=where)
