"""Which parameters mattered, alone and together."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridfold.analysis.significance import data_folds, matrix, repeats_are_identical, variance_factor
from gridfold.records.result import Results, RunResult, TrialResult
from gridfold.values import canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_LEVEL = 0.95
_TINY = 1e-12
_MOST_COLUMNS = 400  # of an interaction; beyond, it is not looked at
_TREES, _FEWER_TREES, _MANY = 64, 16, 300  # of the forest; fewer for many trials, which take long and vary less
_GEOMETRIC = 3  # a list whose values span more than this factor, evenly in their logarithm, is looked at so


@dataclass(frozen=True)
class Level:
    """One value of a parameter.

    Attributes:
        value: the value.
        mean: the least-squares mean of the metric, as if every other value occurred equally often.
        low: where its 95 % interval begins; None where the noise is unknown.
        high: where it ends.
        n: how many trials have the value.
    """

    value: Any
    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Effect:
    """The main effect of a parameter.

    Attributes:
        path: the parameter.
        levels: its values, in the order of its list.
        p: of the F-test that none of them makes a difference; None where the noise is unknown.
        importance: its share of what moves the metric, 0 to 1; None where that cannot be computed.
    """

    path: str
    levels: tuple[Level, ...]
    p: float | None
    importance: float | None


@dataclass(frozen=True)
class Interaction:
    """What two parameters do together beyond what each does alone.

    Attributes:
        paths: the parameters.
        p: of the F-test that they do nothing together; None where the noise is unknown.
        share: of the variance of the trials' means.
    """

    paths: tuple[str, str]
    p: float | None
    share: float


@dataclass(frozen=True)
class Heatmap:
    """A pair of parameters, and the metric at each pair of values; None where no trial has it.

    Attributes:
        paths: the parameters.
        rows: the values of the first.
        columns: the values of the second.
        mean: the mean over the other parameters.
        best: the best over the other parameters.
    """

    paths: tuple[str, str]
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    mean: tuple[tuple[float | None, ...], ...]
    best: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class FailureRegion:
    """Where runs failed or gave no finite number.

    Attributes:
        path: a parameter.
        value: a value of it.
        failed: how many of its runs failed.
        of: how many of its runs have ended.
    """

    path: str
    value: Any
    failed: int
    of: int


@dataclass(frozen=True)
class _Factor:
    """A parameter with more than one value among the trials.

    Attributes:
        path: the parameter.
        values: its values.
        codes: for each trial, the position of its value.
    """

    path: str
    values: tuple[Any, ...]
    codes: NDArray[np.int_]

    def columns(self) -> Array:
        """The columns of a model: one for each value but the last, adding up to zero over the values."""
        import numpy as np

        coded: Array = np.vstack([np.eye(len(self.values) - 1), -np.ones(len(self.values) - 1)])
        return coded[self.codes]


@dataclass(frozen=True)
class _Error:
    """The noise of the mean of a trial: its variance, and how many degrees of freedom that has."""

    variance: float
    df: float


@dataclass(frozen=True)
class Model:
    """What the trials' means are compared by: trials that have a value, parameters that vary among them, the noise.

    With repeats, noise is the spread within the trials, once the effect of a seed on all of them is taken off. Without,
    it is what the main effects leave unexplained: interactions count as noise then, and effects look rather too small
    than too large. It is so, too, if all repeats of a trial are identical. Where neither has a degree of freedom left,
    nothing is known of it.
    """

    factors: tuple[_Factor, ...]
    means: Array
    error: _Error | None
    repeated: bool

    @classmethod
    def of(cls, results: Results) -> Model:
        """The model of some results; runs that failed or diverged are left out."""
        import numpy as np

        trials = [trial for trial in results.trials if trial.values]
        means = np.array([value for value in results.comparable if value is not None], dtype=float)
        factors = tuple(
            _Factor(path, values, np.array(_places(values, [trial.params.get(path) for trial in trials]), dtype=int))
            for path in results.paths
            if len(values := levels(trials, path)) > 1
        )
        error = None if repeats_are_identical(results) else _pure_error(trials, data_folds(results))
        return cls(factors, means, error or _residual(_design(factors, means), means), error is not None)


def levels(trials: Sequence[TrialResult], path: str) -> tuple[Any, ...]:
    """The values of a parameter among some trials: numbers by size, others as they come."""
    found = list({canonical(value): value for value in (trial.params.get(path) for trial in trials)}.values())
    return tuple(sorted(found) if is_numeric(found) else found)


def is_numeric(values: Sequence[Any]) -> bool:
    """Whether all values are numbers."""
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in values
    )


def effects(model: Model) -> tuple[Effect, ...]:
    """The main effect of each parameter, the most important first.

    One least-squares model of all main effects over the means of the trials, so that cells may be missing. The mean of
    a value is its least-squares mean, as if every other value occurred equally often; the F-test of a parameter
    compares the model with the one that lacks it.
    """
    design = _design(model.factors, model.means)
    shares = importance(model)
    found = [
        Effect(factor.path, _levels(model, design, place), _without(model, place), shares.get(factor.path))
        for place, factor in enumerate(model.factors)
    ]
    return tuple(sorted(found, key=_order))


def interactions(model: Model) -> tuple[Interaction, ...]:
    """What pairs of parameters do together, the largest share first.

    The F-test of one interaction added to all main effects. Without repeats, noise is what the larger model leaves.
    """
    pairs = [_interaction(model, one, other) for one, other in itertools.combinations(model.factors, 2)]
    return tuple(sorted((each for each in pairs if each), key=lambda each: -each.share))


def importance(model: Model) -> dict[str, float]:
    """The share of each parameter in the variance of the metric, by optuna's fANOVA (Hutter et al. 2014).

    Its forest is seeded, so it gives the same each time. Empty where optuna is not installed.
    """
    import numpy as np

    if len(model.means) < 2 or np.ptp(model.means) <= _TINY * np.abs(model.means).max():
        return {factor.path: 0.0 for factor in model.factors}
    try:
        import optuna
        from optuna.importance import FanovaImportanceEvaluator
    except ImportError:
        return {}
    trees = _TREES if len(model.means) <= _MANY else _FEWER_TREES
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = FanovaImportanceEvaluator(n_trees=trees, seed=0).evaluate(_study(model))
    finally:
        optuna.logging.set_verbosity(before)
    return {path: min(max(float(share), 0.0), 1.0) for path, share in found.items()}


def heatmaps(model: Model, *, maximize: bool) -> tuple[Heatmap, ...]:
    """The metric at each pair of values of two parameters, over the others: the mean, and the best."""
    import numpy as np

    best = np.max if maximize else np.min
    return tuple(_heatmap(model, one, other, best) for one, other in itertools.combinations(model.factors, 2))


def regions(results: Results) -> tuple[FailureRegion, ...]:
    """The values with which runs fail, or give no finite number; those first that exceed the others the most."""
    ended = [run for trial in results.trials for run in trial.runs if run.state in ("completed", "failed")]
    if not ended:
        return ()
    usual = sum(map(_failed, ended)) / len(ended)
    found = [each for path in results.paths for each in _regions(path, ended) if each.failed]
    return tuple(sorted(found, key=lambda each: usual - each.failed / each.of))


def _regions(path: str, ended: Sequence[RunResult]) -> list[FailureRegion]:
    """What came of the runs with each value of a parameter; nothing if they have one in common."""
    values: dict[str, Any] = {}
    failed: dict[str, list[bool]] = {}
    for run in ended:
        key = canonical(value := run.entry.params.get(path))
        values.setdefault(key, value)
        failed.setdefault(key, []).append(_failed(run))
    return [
        FailureRegion(path, values[key], sum(all_of), len(all_of)) for key, all_of in failed.items() if len(values) > 1
    ]


def _failed(run: RunResult) -> bool:
    return run.value is None


def _order(effect: Effect) -> tuple[float, float]:
    return -(effect.importance or 0.0), 1.0 if effect.p is None else effect.p


def _places(values: Sequence[Any], taken: Sequence[Any]) -> list[int]:
    known = {canonical(value): place for place, value in enumerate(values)}
    return [known[canonical(value)] for value in taken]


def _design(factors: Sequence[_Factor], means: Array) -> Array:
    import numpy as np

    return np.hstack([np.ones((len(means), 1)), *(factor.columns() for factor in factors)])


def _squares(design: Array, means: Array) -> tuple[float, int]:
    """What least squares leave of the means, and the rank of the model."""
    import numpy as np

    if not len(means):
        return 0.0, 0
    found, _, rank, _ = np.linalg.lstsq(design, means, rcond=None)
    return float(np.sum((means - design @ found) ** 2)), int(rank)


def _residual(design: Array, means: Array) -> _Error | None:
    left, rank = _squares(design, means)
    return _Error(left / (len(means) - rank), len(means) - rank) if len(means) > rank else None


def _pure_error(trials: Sequence[TrialResult], parts: int | None) -> _Error | None:
    """The noise of a mean by the spread within the trials, pooled, without what a seed does to all of them."""
    import numpy as np

    if not trials:
        return None
    values = matrix(trials)
    there = np.isfinite(values)
    n = there.sum(axis=1)
    rows = n > 1
    values, there, counts = values[rows], there[rows], n[rows]
    if not rows.any():
        return None
    centred = (values - np.nansum(values, axis=1, keepdims=True) / counts[:, None])[there]
    seeds = (np.eye(values.shape[1])[None] - (there / counts[:, None])[:, None, :])[there]
    left, rank = _squares(seeds, centred)
    df = int(there.sum()) - int(rows.sum()) - rank
    if df < 1:
        return None
    return _Error(left / df * float(np.mean(variance_factor(n, parts))), df)


def _test(squares: float, df: int, error: _Error | None, scale: float) -> float | None:
    """The p-value of an F-test; None where the noise is unknown. Without noise, any effect is there."""
    from scipy import stats

    if error is None or df < 1:
        return None
    if math.sqrt(error.variance) <= _TINY * scale:
        return 0.0 if math.sqrt(squares) > 100 * _TINY * scale else 1.0
    p = float(stats.f.sf(squares / df / error.variance, df, error.df))
    return None if math.isnan(p) else p


def _without(model: Model, place: int) -> float | None:
    full, rank = _squares(_design(model.factors, model.means), model.means)
    fewer = [factor for number, factor in enumerate(model.factors) if number != place]
    less, smaller = _squares(_design(fewer, model.means), model.means)
    return _test(max(less - full, 0.0), rank - smaller, model.error, _scale(model))


def _scale(model: Model) -> float:
    import numpy as np

    return float(np.abs(model.means).max(initial=1e-300))


def _levels(model: Model, design: Array, place: int) -> tuple[Level, ...]:
    import numpy as np
    from scipy import stats

    factor = model.factors[place]
    inverse = np.linalg.pinv(design)
    start = 1 + sum(len(other.values) - 1 for other in model.factors[:place])
    found = []
    for position, value in enumerate(factor.values):
        contrast = np.zeros(design.shape[1])
        contrast[0] = 1
        contrast[start : start + len(factor.values) - 1] = -1 if position == len(factor.values) - 1 else 0
        if position < len(factor.values) - 1:
            contrast[start + position] = 1
        weights = contrast @ inverse
        mean, n = float(weights @ model.means), int(np.sum(factor.codes == position))
        low = high = None
        if model.error and np.allclose(
            weights @ design, contrast, atol=1e-8
        ):  # else other effects cannot be told from it
            error = math.sqrt(model.error.variance * float(weights @ weights))
            reach = float(stats.t.ppf(0.5 + _LEVEL / 2, model.error.df)) * error
            low, high = mean - reach, mean + reach
        found.append(Level(value, mean, low, high, n))
    return tuple(found)


def _interaction(model: Model, one: _Factor, other: _Factor) -> Interaction | None:
    import numpy as np

    first, second = one.columns(), other.columns()
    if first.shape[1] * second.shape[1] > _MOST_COLUMNS:
        return None
    main = _design(model.factors, model.means)
    product = (first[:, :, None] * second[:, None, :]).reshape(len(main), -1)
    alone, fewer = _squares(main, model.means)
    together, more = _squares(np.hstack([main, product]), model.means)
    whole = float(np.sum((model.means - model.means.mean()) ** 2))
    if more == fewer or whole <= 0:
        return None
    error = model.error if model.repeated else _residual(np.hstack([main, product]), model.means)
    p = _test(max(alone - together, 0.0), more - fewer, error, _scale(model))
    return Interaction((one.path, other.path), p, max(alone - together, 0.0) / whole)


def _heatmap(model: Model, one: _Factor, other: _Factor, best: Any) -> Heatmap:
    cells = [
        [model.means[(one.codes == row) & (other.codes == column)] for column in range(len(other.values))]
        for row in range(len(one.values))
    ]
    mean, top = (
        tuple(tuple(float(over(cell)) if len(cell) else None for cell in row) for row in cells)
        for over in (lambda cell: cell.mean(), best)
    )
    return Heatmap((one.path, other.path), one.values, other.values, mean, top)


def _study(model: Model) -> Any:
    """The trials as optuna has them."""
    import optuna

    kinds = {factor.path: _distribution(factor) for factor in model.factors}
    columns = {
        factor.path: [factor.values[code] if _is_float(kinds[factor.path]) else int(code) for code in factor.codes]
        for factor in model.factors
    }
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(
            params={path: column[row] for path, column in columns.items()}, distributions=kinds, value=float(mean)
        )
        for row, mean in enumerate(model.means)
    )
    return study


def _is_float(distribution: Any) -> bool:
    """Whether a distribution is one of numbers."""
    return hasattr(distribution, "high")


def _distribution(factor: _Factor) -> Any:
    from optuna import distributions

    values = factor.values
    if not is_numeric(values):
        return distributions.CategoricalDistribution(range(len(values)))
    return distributions.FloatDistribution(float(values[0]), float(values[-1]), log=is_geometric(values))


def is_geometric(values: Sequence[float]) -> bool:
    """Whether numbers, by size, are spaced by factors rather than by steps; of two, what is usual is taken."""
    if values[0] <= 0:
        return False
    ratio = values[-1] / values[0]
    if len(values) == 2:
        return ratio >= 5 or values[-1] < 0.05 or all(map(_is_power_of_two, values))
    if ratio < _GEOMETRIC:
        return False
    steps = [after - before for before, after in itertools.pairwise(values)]
    factors = [math.log(after / before) for before, after in itertools.pairwise(values)]
    return _unevenness(factors) < _unevenness(steps)


def _is_power_of_two(value: float) -> bool:
    return isinstance(value, int) and value > 1 and value & (value - 1) == 0


def _unevenness(steps: Sequence[float]) -> float:
    mean = math.fsum(steps) / len(steps)
    return math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / len(steps)) / mean
