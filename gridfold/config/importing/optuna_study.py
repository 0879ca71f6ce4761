"""An Optuna study in a storage: a SQLite file, a journal, or the address of a database. Read by Optuna itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridfold.config.importing.imported import Constant, Form, Imported, Parameter, choices, interval, steps
from gridfold.core.errors import ConfigError, nearest, nearest_file
from gridfold.core.values import canonical, render

_SQLITE = b"SQLite format 3\x00"
_SQLITE_ADDRESS = "sqlite:///"
_JOURNAL = b'{"op_code":'
_INSTALL = 'pip install "gridfold[search]"'
_UNNAMED = "value"
# What a sampler leaves in its trials, and gridfold's name for it.
_TRACES = {"grid_id": "grid", "nsga2:": "nsga", "nsga3:": "nsga", "cma:": "cmaes", "gp:": "gp", "qmc:": "sobol"}


def is_storage(file: str) -> bool:
    """Whether this is where Optuna keeps studies."""
    if "://" in file:
        return True
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(len(_SQLITE))
    except OSError:
        return False
    return head == _SQLITE or head.startswith(_JOURNAL)


def read(file: str, name: str | None, imported: Imported) -> None:
    """Add the space of a study, as its trials have it, and what is known of how they were chosen.

    Args:
        file: the storage.
        name: of the study; None if there is only one.
        imported: what is added to.

    Raises:
        ConfigError: Optuna is missing, the storage cannot be read, or has no such study.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(f"this needs the package {error.name}", where=file, hint=_INSTALL) from None
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with _storage(optuna, file) as storage:
            study = optuna.load_study(study_name=_study_name(optuna, storage, name, file), storage=storage)
            _read_study(study, imported)
    finally:
        optuna.logging.set_verbosity(level)


@contextmanager
def _storage(optuna: Any, address: str) -> Iterator[Any]:
    """The storage; of a file a copy, because to open it would change it."""
    file = address.removeprefix(_SQLITE_ADDRESS)
    try:
        if "://" in file:
            yield optuna.storages.RDBStorage(file, skip_table_creation=True)
        else:
            with tempfile.TemporaryDirectory() as folder:
                yield _opened(optuna, _copy(file, folder))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"Optuna cannot read it: {str(error).partition(chr(10))[0]}", where=address) from None


def _copy(file: str, folder: str) -> Path:
    """A copy of a file, with what SQLite has not written into it yet."""
    if not is_storage(file):
        hint = nearest_file(Path(file)) if not Path(file).exists() else ""
        raise ConfigError("no Optuna storage: neither a SQLite file nor a journal", where=file, hint=hint)
    for beside in ("-wal", "-journal"):
        if Path(f"{file}{beside}").exists():
            shutil.copy(f"{file}{beside}", folder)
    return Path(shutil.copy(file, folder))


def _opened(optuna: Any, path: Path) -> Any:
    with path.open("rb") as opened:
        is_sqlite = opened.read(len(_SQLITE)) == _SQLITE
    if is_sqlite:
        return optuna.storages.RDBStorage(f"{_SQLITE_ADDRESS}{path}", skip_table_creation=True)
    from optuna.storages import journal

    return optuna.storages.JournalStorage(journal.JournalFileBackend(str(path)))


def _study_name(optuna: Any, storage: Any, name: str | None, file: str) -> str:
    known = sorted(optuna.get_all_study_names(storage=storage))
    if not known:
        raise ConfigError("holds no study", where=file)
    if name is None and len(known) > 1:
        raise ConfigError(f"holds {len(known)} studies", where=file, hint=f"choose one: --study {known[0]}")
    if name is not None and name not in known:
        raise ConfigError(f"holds no study '{name}'", where=file, hint=nearest(name, known))
    return str(name or known[0])


def _read_study(study: Any, imported: Imported) -> None:
    where = f"study {study.study_name}"
    trials = study.get_trials(deepcopy=False)
    imported.source += f", study {study.study_name}"
    if not trials:
        raise ConfigError("has no trials, and Optuna keeps the space only in those", where=where)
    spaces = [trial.distributions for trial in trials]
    for path in dict.fromkeys(path for space in spaces for path in space):
        _read_parameter(path, [space[path] for space in spaces if path in space], imported, where)
    _read_conditions(trials, imported, where)
    _read_strategy(study, trials, imported, where)
    _read_directions(study, imported, where)
    _read_enqueued(trials, imported)
    problem = f"the results of its {len(trials)} trials are not taken over"
    imported.remark("trials", problem, where=where)


def _read_parameter(path: str, distributions: Sequence[Any], imported: Imported, where: str) -> None:
    last = distributions[-1]
    if len({type(each) for each in distributions}) > 1 or any(each != last for each in distributions):
        problem = f"had different ranges in different trials; this is the last: {last}"
        imported.remark(path, problem, where=where)
    try:
        imported.add(Parameter(path, _form(last)), where)
    except TypeError:
        problem = f"left out: a value has no form in YAML: {last}"
        imported.remark(path, problem, "write its values in the config", where=where)


def _form(distribution: Any) -> Form:
    said: Mapping[str, Any] = distribution._asdict()
    if "choices" in said:
        values = [list(value) if isinstance(value, tuple) else value for value in said["choices"]]
        list(map(canonical, values))  # can they be written?
        return choices(values)
    kind, low, high, step = type(distribution).__name__, said["low"], said["high"], said["step"]
    if said["log"]:
        return interval("log_int" if kind.startswith("Int") else "log", low, high)
    if step is None:
        return interval("uniform", low, high)
    if step == 1 and kind.startswith("Int"):
        return interval("int", low, high)
    return steps(low, high, step)


def _read_conditions(trials: Sequence[Any], imported: Imported, where: str) -> None:
    """Parameters that some trials lack: when they are there, if a choice of another parameter tells."""
    for path in list(imported.parameters):
        has = [path in trial.distributions for trial in trials if trial.distributions]
        if all(has):
            continue
        condition = _condition(path, trials, imported)
        if condition:
            imported.when[path] = condition
        else:
            problem = f"only {sum(has)} of {len(has)} trials have it, and no other parameter tells which"
            todo = f"write a condition: gridfold: {{when: {{{path}: ...}}}}"
            imported.remark(path, problem, todo, where=where)


def _condition(path: str, trials: Sequence[Any], imported: Imported) -> str:
    """A condition that holds for exactly the trials that have a parameter; "" if none is found."""
    for other in imported.varied:
        values = getattr(other.form, "values", ())
        if other.path == path or not values or not all(isinstance(value, (str, int, float, bool)) for value in values):
            continue
        those = [trial for trial in trials if trial.distributions]
        if not all(other.path in trial.params for trial in those):
            continue
        with_it = {canonical(trial.params[other.path]) for trial in those if path in trial.distributions}
        without = {canonical(trial.params[other.path]) for trial in those if path not in trial.distributions}
        if with_it and without and not with_it & without:
            said = [_quoted(value) for value in values if canonical(value) in with_it]
            return " or ".join(f"{other.path} == {each}" for each in said)
    return ""


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else render(value)


def _read_strategy(study: Any, trials: Sequence[Any], imported: Imported, where: str) -> None:
    traces = {name for trial in trials for name in trial.system_attrs}
    known = next((name for trace, name in _TRACES.items() if any(each.startswith(trace) for each in traces)), "")
    if known == "grid":
        space = next(trial.system_attrs.get("search_space", {}) for trial in trials if "grid_id" in trial.system_attrs)
        for path, values in space.items():
            imported.add(Parameter(path, choices(list(values))))
        return
    name = known or ("nsga" if len(study.directions) > 1 else "tpe")
    imported.settings["strategy"] = {"name": name, "trials": len(trials)}
    if not known:
        problem = f"a study does not say its sampler; {name} is what Optuna uses if none is given"
        imported.remark("sampler", problem, "set strategy.name", where=where)


def _read_directions(study: Any, imported: Imported, where: str) -> None:
    directions = [direction.name.lower() for direction in study.directions]
    names = study.metric_names or ([_UNNAMED] if len(directions) == 1 else [])
    if len(directions) > 1 and len(names) == len(directions):
        strategy = imported.settings.setdefault("strategy", {"name": "nsga", "trials": len(study.trials)})
        strategy["metrics"] = dict(zip(names, (each[:3] for each in directions), strict=True))
        return
    if len(directions) > 1:
        problem = f"its {len(directions)} objectives have no names: {', '.join(directions)}"
        todo = "name them: gridfold: {strategy: {name: nsga, metrics: {val_f1: max, seconds: min}}}"
        imported.remark("directions", problem, todo, where=where)
        return
    imported.settings["maximize"] = directions[0] == "maximize"
    if study.metric_names:
        imported.settings["metric"] = names[0]
    else:
        imported.remark("metric", "its objective has no name", "name it: gridfold: {metric: val_loss}", where=where)


def _read_enqueued(trials: Sequence[Any], imported: Imported) -> None:
    """Trials that were asked for by hand."""
    added: dict[str, dict[str, Any]] = {}
    for trial in trials:
        given = {
            path: trial.params[path] for path in trial.system_attrs.get("fixed_params", {}) if path in trial.params
        }
        given = {path: value for path, value in given.items() if not _is_constant(path, imported)}
        if given:
            added.setdefault(canonical(given), given)
    if added:
        imported.settings["add"] = list(added.values())


def _is_constant(path: str, imported: Imported) -> bool:
    parameter = imported.parameters.get(path)
    return parameter is None or isinstance(parameter.form, Constant)
