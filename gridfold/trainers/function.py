"""A function as a trainer: it gets a config, and a run if it takes one."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gridfold.core.errors import shown
from gridfold.core.values import encodable
from gridfold.runs.reports import numbers
from gridfold.runs.run import Run
from gridfold.trainers.metrics.names import is_cost, is_result


@dataclass(frozen=True)
class FunctionTrainer:
    """A function ``train(config, run)`` or ``train(config)`` that returns a mapping of numbers, or a number.

    If it returns nothing, the last value of each metric that it reported counts, and also beside what it returns if
    that is no result, such as a runtime; if it reported nothing, it has no metrics.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        with contextlib.suppress(TypeError, ValueError):  # what is not callable, or has no signature, fails when called
            takes_run(self.function)  # asked here so that runs that share an import share the answer

    def check(self, config: Mapping[str, Any]) -> None:
        """Nothing is known of what the function reads."""

    def train(self, config: Mapping[str, Any], run: Run) -> Mapping[str, float]:
        """Call the function.

        What is None beside other metrics has no value, what is no number is left out; a note says so.

        Raises:
            TypeError: it returned something else than numbers.
            OverflowError: it returned more than a number can be.
        """
        result = self.function(config, run) if takes_run(self.function) else self.function(config)
        if isinstance(result, (int, float)):
            return numbers({"result": result})
        if result is None:
            result = run.last_reported()
        named = result if isinstance(result, Mapping) else {"result": result}
        metrics = _measured(named, run)
        if named and not metrics:
            raise TypeError(
                f"a trainer returns a mapping of numbers, or a number; this one returned {shown(result, 200)}"
            )
        if not any(is_result(name) and not is_cost(name) for name in metrics):
            metrics = run.last_reported() | metrics
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


@cache
def takes_run(function: Callable[..., Any]) -> bool:
    """Whether a function takes a run besides the config."""
    parameters = inspect.signature(function).parameters.values()
    return sum(each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) for each in parameters) > 1


def takes_config(function: Callable[..., Any]) -> bool:
    """Whether a function can be called as it will be; True if it does not say."""
    try:
        signature, arguments = inspect.signature(function), (None, None)
        signature.bind(*arguments[: 1 + takes_run(function)])
    except TypeError:
        return False
    except ValueError:
        pass
    return True
