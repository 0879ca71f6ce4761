"""The setting that says how trials are chosen: ``strategy``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridfold.config.key import Setting
from gridfold.core.errors import nearest
from gridfold.core.limits import MOST_RUNS
from gridfold.core.values import render

EXPECTED = "the name of a strategy, or {name: ..., trials: ..., seed: ...}"
GRID = "grid"
DRAWN = ("random", "sobol")  # without looking at results
LEARNS = ("tpe", "gp", "cmaes", "nsga")  # from results
SEVERAL = "nsga"  # learns from several metrics
_NAMES = (GRID, *DRAWN, *LEARNS)
_MOST_SEED = 2**32 - 1
_DIRECTIONS = {"max": True, "min": False}
_LEAST_METRICS = 2
_FIRST = {"tpe": 10, "gp": 10, "cmaes": 1}  # random trials
_POPULATION = (8, 50)  # of NSGA-II, at least and at most
_GENERATIONS = 5  # at least, if there are trials enough


@dataclass(frozen=True)
class Strategy:
    """How the trials of a search are chosen.

    Attributes:
        name: ``grid`` for all there are, ``random`` or ``sobol`` for some of them; the others learn from results.
        trials: how many; None for all of a grid, or as many as a budget allows.
        seed: what it draws depends on that.
        first: how many trials are random before it learns; None for the usual number.
        metrics: several metrics, and whether more of each is better; empty for the metric that runs are compared by.
    """

    name: str = GRID
    trials: int | None = None
    seed: int = 0
    first: int | None = None
    metrics: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def read(cls, said: str | Mapping[str, Any] | None) -> Strategy:
        """The strategy that a setting without a `mistake` means."""
        values = {key: value for key, value in _mapping(said).items() if value is not None}
        metrics = {name: _DIRECTIONS[direction] for name, direction in values.pop("metrics", {}).items()}
        return cls(**values, metrics=metrics)

    @property
    def random(self) -> int:
        """How many trials are random before it learns; with ``nsga`` also how many a generation has."""
        least, most = _POPULATION
        usual = most if self.trials is None else min(most, max(least, self.trials // _GENERATIONS))
        first = self.first or _FIRST.get(self.name, usual)
        return first if self.trials is None else min(first, self.trials)

    @property
    def said(self) -> dict[str, Any]:
        """The setting that means this strategy."""
        words = {better: word for word, better in _DIRECTIONS.items()}
        metrics = {name: words[better] for name, better in self.metrics.items()}
        first = self.random if self.learns else None
        return {"name": self.name, "trials": self.trials, "seed": self.seed, "first": first, "metrics": metrics or None}

    @property
    def is_grid(self) -> bool:
        """Whether it makes every trial."""
        return self.name == GRID

    @property
    def learns(self) -> bool:
        """Whether it chooses by results."""
        return self.name in LEARNS


def is_strategy(value: Any) -> bool:
    """Whether a value of ``strategy`` may be one; see `mistake`."""
    return isinstance(value, (str, Mapping)) and bool(value)


def overridden(before: str | Mapping[str, Any] | None, now: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a setting says with some of it said otherwise; another name leaves nothing of the old one but the trials."""
    old = _mapping(before)
    if now.get("name", old.get("name")) != old.get("name"):
        kept = () if now.get("name") == GRID else ("trials", "seed")
        old = {key: value for key, value in old.items() if key in kept}
    return {**old, **now}


def mistake(said: str | Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with a strategy: where in it, the problem, and a hint; None if nothing is."""
    values = _mapping(said)
    name = values.get("name", GRID)
    if name not in _NAMES:
        where = "" if isinstance(said, str) else ".name"
        return where, f"unknown strategy {render(name):.80}", _nearest(name)
    for key, value in values.items():
        if key not in SETTINGS:
            return f".{key}", "unknown setting of a strategy", nearest(str(key), SETTINGS)
        known = SETTINGS[key]
        if value is not None and not known.accepts(value):
            return f".{key}", f"expected {known.expected}, found {render(value):.80}", ""
    return _misfit(name, values)


def _misfit(name: str, values: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What does not go with a strategy."""
    if name == GRID and values.get("trials") is not None:
        hint = f"for some of them name another strategy: {', '.join(_NAMES[1:])}"
        return ".trials", "a grid makes every trial", hint
    if name not in LEARNS and values.get("first") is not None:
        return ".first", f"{name} does not learn, so all its trials are alike", f"it is for {', '.join(LEARNS)}"
    if name != SEVERAL and values.get("metrics"):
        hint = "name that strategy, or give the metric to compare runs by as gridfold.metric"
        return ".metrics", f"only {SEVERAL} takes several metrics", hint
    return None


def _nearest(name: Any) -> str:
    known = {"bayesian": "gp", "bayes": "gp", "hyperopt": "tpe", "cma-es": "cmaes", "cma": "cmaes", "nsga2": "nsga"}
    known |= {"nsgaii": "nsga", "nsga-ii": "nsga", "qmc": "sobol", "optuna": "tpe"}
    near = known.get(str(name).lower())
    return f"did you mean '{near}'?" if near else nearest(str(name), _NAMES)


def _mapping(said: str | Mapping[str, Any] | None) -> dict[str, Any]:
    return {"name": said} if isinstance(said, str) else dict(said or {})


def _is_whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _are_metrics(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) >= _LEAST_METRICS
        and all(isinstance(name, str) and name.strip() and value[name] in (*_DIRECTIONS,) for name in value)
    )


SETTINGS: Mapping[str, Setting] = {
    "name": Setting(
        "the name of a strategy",
        lambda value: isinstance(value, str),
        f"one of {', '.join(_NAMES)}",
        "{name: tpe}",
        GRID,
    ),
    "trials": Setting(
        f"a number of trials from 1 to {MOST_RUNS:,}",
        _is_whole(1, MOST_RUNS),
        "how many trials there are; not for a grid, which makes all",
        "{name: random, trials: 20}",
        "as many as a budget allows",
    ),
    "seed": Setting(
        f"a seed from 0 to {_MOST_SEED:,}",
        _is_whole(0, _MOST_SEED),
        "what it draws depends on that",
        "{name: sobol, trials: 16, seed: 1}",
        "0",
    ),
    "first": Setting(
        "a number of random trials, at least 1",
        _is_whole(1, MOST_RUNS),
        f"how many trials are random before it learns; for {', '.join(LEARNS)}",
        "{name: tpe, trials: 30, first: 5}",
        "by strategy: 10, of cmaes 1, of nsga the size of a generation",
    ),
    "metrics": Setting(
        "two metrics or more, such as {val_f1: max, seconds: min}",
        _are_metrics,
        f"several metrics to be good in; only for {SEVERAL}",
        "{name: nsga, trials: 100, metrics: {val_f1: max, seconds: min}}",
        "the metric that runs are compared by",
    ),
}
