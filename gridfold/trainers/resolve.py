"""The trainer that a name, or a command, stands for."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from gridfold.core.errors import ConfigError, cut, nearest
from gridfold.runs.failure import text_of
from gridfold.trainers.function import FunctionTrainer, takes_config, takes_run
from gridfold.trainers.protocol import Trainer


def resolve(name: str | Sequence[str]) -> Trainer:
    """The trainer that ``module:name`` names: a trainer object, or a function; or a command, given as its arguments.

    The working directory is searched for the module first, as ``python script.py`` does for the script's. Instead of a
    module, the file of a function can stand there that was saved (see ``trainers.saved``).

    Raises:
        ConfigError: there is no such module or name.
    """
    if not isinstance(name, str):
        from gridfold.trainers.command import CommandTrainer  # as above

        return CommandTrainer(tuple(name))
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise ConfigError(f"not a trainer: '{name}'", path="gridfold.trainer", hint="expected 'module:function'")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - sys.path has strings
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    if module_name.endswith("/function.pkl"):
        from gridfold.trainers.saved import load  # it imports cloudpickle

        return _trainer_of(load(module_name), name)
    module = _import(module_name, attribute)
    if not hasattr(module, attribute):
        hint = nearest(attribute, (known for known in vars(module) if not known.startswith("_")))
        problem = f"the module '{module_name}' has no '{attribute}'"
        raise ConfigError(problem, path="gridfold.trainer", hint=hint if hint.startswith("did") else "")
    return _trainer_of(getattr(module, attribute), name)


def _import(module_name: str, attribute: str) -> ModuleType:
    """The module of a trainer.

    Raises:
        ConfigError: it cannot be imported.
    """
    if "/" in module_name:
        raise ConfigError(f"no module '{module_name}'", path="gridfold.trainer", hint=_meant(module_name, attribute))
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = _meant(module_name, attribute) or f"needed for '{module_name}:{attribute}'"
        raise ConfigError(f"no module '{error.name}'", path="gridfold.trainer", hint=hint) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        problem = f"importing '{module_name}' fails: {type(error).__name__}: {cut(text_of(error), 2_000)}"
        raise ConfigError(problem, path="gridfold.trainer", hint=_last_place(error)) from error


def _trainer_of(found: Any, name: str) -> Trainer:
    """What a name stands for, as a trainer.

    Raises:
        ConfigError: it is none.
    """
    _check_trains(found, name)
    trainer: Trainer = found if hasattr(found, "train") else FunctionTrainer(found)
    return trainer


def check_holds_out(trainer: Trainer, config: Mapping[str, Any]) -> None:
    """Whether a trainer can see which part of the data it is to hold out.

    Raises:
        ConfigError: it is a function without a run, or a command that does not take the part.
    """
    from gridfold.trainers.command import CommandTrainer  # what a function needs nothing of

    if isinstance(trainer, CommandTrainer) and not trainer.takes_fold(config):
        problem, hint = "the command does not take which part of the data to hold out", "such as: --fold {fold}"
    elif isinstance(trainer, FunctionTrainer) and not takes_run(trainer.function):
        problem, hint = "the training function takes no run, which has run.fold", "write: def train(config, run)"
    else:
        return
    raise ConfigError(problem, path="gridfold.folds", hint=hint)


def _check_trains(found: Any, name: str) -> None:
    """Whether something is a trainer, or a function that takes a config.

    Raises:
        ConfigError: it is neither.
    """
    problem, hint = "", "expected a function train(config, run) or train(config), or an object with such a method"
    if hasattr(found, "train"):
        if isinstance(found, type) and inspect.isfunction(inspect.getattr_static(found, "train")):
            problem, hint = "is a class", "name an object of it, such as: trainer = MyTrainer()"
    elif not callable(found):
        problem = f"is a {type(found).__name__}, which cannot be called"
    elif not takes_config(found):
        problem = "cannot be called with a config, or with a config and a run"
    if problem:
        raise ConfigError(f"'{name}' {problem}", path="gridfold.trainer", hint=hint)


def _meant(module_name: str, attribute: str) -> str:
    """A hint for who has written the name of a file for that of a module; "" if it is none."""
    path = Path(module_name)
    if path.suffix != ".py" or path.is_absolute() or ".." in path.parts:
        return ""
    return f"did you mean '{'.'.join(path.with_suffix('').parts)}:{attribute}'?"


def _last_place(error: BaseException) -> str:
    """Where an import failed, as ``in FILE, line N``."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"in {error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"in {frames[-1].filename}, line {frames[-1].lineno}" if frames else ""
