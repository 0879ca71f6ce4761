"""The trainer: what turns a config into metrics."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from gridfold.core.errors import ConfigError, cut, nearest, shown
from gridfold.core.values import encodable
from gridfold.runs.failure import text_of
from gridfold.runs.reports import numbers
from gridfold.runs.run import Run

BUILT_IN = "gridfold.text:trainer"
_PLACES = ("epoch", "step")  # of a report that say where it is, and are nothing to compare by
CHECKPOINTS = ("checkpoint*", "*.ckpt", "*.pt", "*.pth", "*.safetensors")


class Trainer(Protocol):
    """Turns a config into metrics.

    It may have two more attributes. ``preload`` names modules that every run needs, which are then imported once for
    all. ``checkpoints`` are patterns of the files in a run directory that hold weights, such as ``"*.safetensors"``:
    what ``--keep-checkpoints`` may delete (default: `CHECKPOINTS`).
    """

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse a config that cannot be trained, before any run of the search starts.

        Raises:
            ConfigError: what is wrong, with the dotted path.
        """

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Train, and return the final metrics; the first is the one to compare runs by."""


@dataclass(frozen=True)
class FunctionTrainer:
    """A function ``train(config, run)`` or ``train(config)`` that returns a mapping of numbers, or a number.

    If it returns nothing, what it reported last counts.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        with contextlib.suppress(TypeError, ValueError):  # what is not callable, or has no signature, fails when called
            _takes_run(self.function)  # asked here so that runs that share an import share the answer

    def check(self, config: Mapping[str, Any]) -> None:
        """Nothing is known of what the function reads."""

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Call the function.

        What is None beside other metrics has no value, what is no number is left out; a note says so.

        Raises:
            TypeError: it returned something else than numbers, or nothing and reported nothing.
            OverflowError: it returned more than a number can be.
        """
        result = self.function(config, run) if _takes_run(self.function) else self.function(config)
        if result is None and (reports := run.reports()):
            result = dict(sorted(reports[-1].items(), key=lambda metric: metric[0] in _PLACES))  # stable
        named = result if isinstance(result, Mapping) else {"result": result}
        metrics = _measured(named, run)
        if result is None or (named and not metrics):
            raise TypeError(
                f"a trainer returns a mapping of numbers, or a number; this one returned {shown(result, 200)}"
            )
        return metrics


def _measured(named: Mapping[Any, Any], run: Run) -> dict[str, float]:
    """The numbers among what a trainer returned; of the others, the run has a note."""
    metrics: dict[str, float] = {}
    for key, value in named.items():
        name = encodable(str(key))
        try:
            metrics |= numbers({name: value})
        except TypeError:
            run.note(f"'{name:.80}' is no metric, as it is no number: {shown(value)}")
        if value is None:
            run.note(f"'{name:.80}' has no value: the trainer returned None")
    return metrics


def check_holds_out(trainer: Trainer, config: Mapping[str, Any]) -> None:
    """Whether a trainer can see which part of the data it is to hold out.

    Raises:
        ConfigError: it is a function without a run, or a command that does not take the part.
    """
    from gridfold.trainers.command import CommandTrainer  # what a function needs nothing of

    if isinstance(trainer, CommandTrainer) and not trainer.takes_fold(config):
        problem, hint = "the command does not take which part of the data to hold out", "such as: --fold {fold}"
    elif isinstance(trainer, FunctionTrainer) and not _takes_run(trainer.function):
        problem, hint = "the training function takes no run, which has run.fold", "write: def train(config, run)"
    else:
        return
    raise ConfigError(problem, path="gridfold.folds", hint=hint)


@cache
def _takes_run(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters) > 1


def resolve(name: str | Sequence[str]) -> Trainer:
    """The trainer that ``module:name`` names: a trainer object, or a function; or a command, given as its arguments.

    The working directory is searched for the module first, as ``python script.py`` does for the script's.

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
    if "/" in module_name:
        raise ConfigError(f"no module '{module_name}'", path="gridfold.trainer", hint=_meant(module_name, attribute))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = _meant(module_name, attribute) or f"needed for '{name}'"
        raise ConfigError(f"no module '{error.name}'", path="gridfold.trainer", hint=hint) from error
    except (Exception, SystemExit) as error:
        problem = f"importing '{module_name}' fails: {type(error).__name__}: {cut(text_of(error), 2_000)}"
        raise ConfigError(problem, path="gridfold.trainer", hint=_last_place(error)) from error
    if not hasattr(module, attribute):
        hint = nearest(attribute, (known for known in vars(module) if not known.startswith("_")))
        problem = f"the module '{module_name}' has no '{attribute}'"
        raise ConfigError(problem, path="gridfold.trainer", hint=hint if hint.startswith("did") else "")
    found = getattr(module, attribute)
    _check_trains(found, name)
    return found if hasattr(found, "train") else FunctionTrainer(found)


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
    elif not _takes_config(found):
        problem = "cannot be called with a config, or with a config and a run"
    if problem:
        raise ConfigError(f"'{name}' {problem}", path="gridfold.trainer", hint=hint)


def _takes_config(function: Callable[..., Any]) -> bool:
    """Whether a function can be called as it will be; True if it does not say."""
    try:
        signature, arguments = inspect.signature(function), (None, None)
        signature.bind(*arguments[: 1 + _takes_run(function)])
    except TypeError:
        return False
    except ValueError:
        pass
    return True


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
